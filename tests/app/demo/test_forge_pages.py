import pytest

from tests.support.forge import Person, RunningForge

pytestmark = pytest.mark.slow


@pytest.fixture
def owner(forge: RunningForge) -> Person:
    return forge.user()


def page(forge: RunningForge, path: str) -> str:
    answer = forge.http.get(path if path.startswith("http") else forge.url + path)
    assert answer.status_code == 200, path
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return answer.text


def test_what_people_wrote_runs_nothing(forge, owner):
    repo = owner.repo(description="<script>alert(0)</script>")
    bad = "<script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3)) <details open onclick=x>"
    number = owner.issue(repo, f"T {bad}"[:200], bad)
    owner.api("POST", f"/repos/{repo}/issues/{number}/comments", {"body": bad})
    owner.write(repo, "<img src=x>.md", bad)
    for path in (f"/{repo}", f"/{repo}/issues", f"/{repo}/issues/{number}"):
        shown = page(forge, path)
        assert "<script" not in shown
        assert "<img" not in shown
        assert 'href="javascript:' not in shown
        assert "<details open" not in shown


def test_markdown_folds_and_markers(forge, owner):
    repo = owner.repo()
    text = "**bold**\n\n<!-- a marker -->\n<details><summary>More</summary>\n\nhidden\n\n</details>"
    shown = page(forge, f"/{repo}/issues/{owner.issue(repo, body=text)}")
    assert "<strong>bold</strong>" in shown
    assert "<details><summary>More</summary>" in shown
    assert "a marker" not in shown


def test_every_html_url_leads_to_a_page(forge, owner):
    repo = owner.repo()
    owner.write(repo, "dir/a.txt", "the old line\n")
    tip = owner.write(repo, "dir/a.txt", "the new line\n", new_branch="a/topic")
    owner.label(repo, "agent")
    pull, issue = owner.pull(repo, "a/topic"), owner.issue(repo, "An issue")
    base = f"/repos/{repo}"
    comment = owner.api("POST", f"{base}/issues/{pull}/comments", {"body": "a comment"})
    owner.api("POST", f"{base}/issues/{pull}/labels", {"labels": ["agent"]})
    owner.api("POST", f"{base}/issues/comments/{comment['id']}/reactions", {"content": "eyes"})
    owner.api("POST", f"{base}/statuses/{tip}", {"state": "success", "context": "forgehand/job"})
    shown = page(forge, owner.api("GET", f"{base}/pulls/{pull}")["html_url"])
    for part in (
        "a comment",
        "agent",
        "\N{EYES}",
        "forgehand/job",
        "-the old line",
        "+the new line",
        "a/topic",
    ):
        assert part in shown
    assert f'id="issuecomment-{comment["id"]}"' in page(forge, comment["html_url"])
    assert "An issue" in page(forge, owner.api("GET", f"{base}/issues/{issue}")["html_url"])
    assert "dir" in page(forge, owner.api("GET", base)["html_url"])
    (commit,) = owner.api("GET", f"{base}/pulls/{pull}/commits")
    assert "+the new line" in page(forge, commit["html_url"])
    (file,) = owner.api("GET", f"{base}/pulls/{pull}/files")
    assert "the new line" in page(forge, file["html_url"])
    for path in (f"/{repo}/pulls", f"/{repo}/issues", "/", f"/{repo}/src/branch/a/topic/dir"):
        page(forge, path)


def test_a_branch_with_a_slash_has_a_page(forge, owner):
    repo = owner.repo()
    owner.write(repo, "only-here.txt", "x\n", new_branch="a/topic")
    assert "only-here.txt" in page(forge, f"/{repo}/src/branch/a/topic")


def test_an_empty_repository_has_a_page(forge, owner):
    owner.api("POST", "/user/repos", {"name": "empty"})
    assert "Nothing has been pushed" in page(forge, f"/{owner.login}/empty")
