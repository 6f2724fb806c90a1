"""What makes no sense never breaks the embedded forge, and what it acknowledged is there after a kill."""

import threading

import httpx
import pytest

from tests.support.forge import Person, RunningForge, running_forge

pytestmark = pytest.mark.slow
HUGE = 10**30
BODIES: tuple[bytes, ...] = (
    b"{", b"[]", b"null", b"\xff", b"0", b'""', b'{"title": "\\ud800"}', b"[" * 5_000, b"{}", b"",
    b'{"title": {}, "body": [], "labels": {}, "name": 1, "color": [], "config": 1, "events": 5, "state": 7}',
    b'{"title": "x", "name": "x", "color": "\\u0000", "body": "\\u0000", "labels": [1e400, {}], "content": "eens"}',
    b'{"title": "x", "labels": [1000000000000000000000000000000], "head": "\\u0000", "base": "-x", "active": "?"}',
    b'{"event": "COMMENT", "body": "x", "comments": [{"path": "\\u0000", "body": "x", "new_position": 9e99}]}',
    b'{"event": "COMMENT", "body": "x", "comments": [{"path": "../x", "body": "x", "new_position": 99999999999}]}',
    b'{"type": "gitea", "config": {"url": "\\u0000", "content_type": "json"}, "events": ["\\u0000"]}',
)  # fmt: skip


@pytest.fixture(scope="module")
def owner(forge: RunningForge) -> Person:
    return forge.user()


@pytest.fixture(scope="module")
def paths(owner: Person) -> list[tuple[str, str]]:
    repo = owner.repo()
    base, number = f"/repos/{repo}", owner.issue(repo)
    owner.write(repo, "a.txt", "1\n", new_branch="topic")
    pull, label = owner.pull(repo, "topic"), owner.label(repo, "agent")
    hook = owner.hook(repo, "http://127.0.0.1:9", "s" * 8)
    comment = owner.api("POST", f"{base}/issues/{number}/comments", {"body": "x"})["id"]
    issue = f"{base}/issues/{number}"
    writes = {
        "POST": (
            "/user/repos", f"{base}/issues", f"{issue}/comments", f"{issue}/labels", f"{issue}/reactions",
            f"{base}/labels", f"{base}/hooks", f"{base}/hooks/{hook}/tests", f"{base}/pulls",
            f"{base}/pulls/{pull}/reviews", f"{base}/pulls/{pull}/merge", f"{base}/contents/x%00y",
            f"{base}/contents/new.txt", f"{base}/statuses/topic", f"/users/{owner.login}/tokens", "/admin/users",
        ),
        "PATCH": (
            issue, f"{base}/issues/comments/{comment}", f"{base}/labels/{label}", f"{base}/hooks/{hook}",
            f"{base}/pulls/{pull}", base,
        ),
        "PUT": (f"{issue}/labels", f"{base}/contents/README.md", f"{base}/collaborators/nobody-x"),
        "DELETE": (f"{issue}/reactions", f"{base}/collaborators/nobody-x"),
    }  # fmt: skip
    return [(method, path) for method, every in writes.items() for path in every]


def send(who: Person, method: str, path: str, body: bytes | None = None) -> httpx.Response:
    headers = {"Authorization": f"token {who.token}"}
    return who.forge.http.request(method, f"{who.forge.url}/api/v1{path}", content=body, headers=headers)


def test_no_body_breaks_a_route(owner, paths):
    broken = {
        (method, path, body[:60]): answer.text[:200]
        for method, path in paths
        for body in BODIES
        if (answer := send(owner, method, path, body)).status_code >= 500
    }
    assert broken == {}


def test_a_huge_body_is_refused(owner, paths):
    body = b'{"title": "' + b"x" * (17 * 1024 * 1024) + b'"}'
    for method, path in paths[:3]:
        assert send(owner, method, path, body).status_code in {404, 413, 422}


@pytest.mark.parametrize("number", [0, -1, 2**63, HUGE, "x", "%00", "1.5", "%ff", "٣"])
def test_no_number_and_no_page_breaks_a_route(owner, number):
    repo = owner.repo()
    base = f"/repos/{repo}"
    owner.issue(repo)
    gone = [
        send(owner, "GET", f"{base}{path}").status_code
        for path in (
            f"/issues/{number}", f"/issues/comments/{number}", f"/labels/{number}", f"/hooks/{number}", f"/pulls/{number}",
            f"/pulls/1/reviews/{number}", f"/statuses/{number}", f"/git/commits/{number}", f"/branches/{number}",
            f"/contents/{number}", f"/contents/README.md?ref={number}", f"/collaborators/{number}/permission",
            f"/issues?page={number}&limit={number}", f"/issues/1/timeline?page={number}&since={number}",
        )
    ]  # fmt: skip
    assert {code for code in gone if code >= 500} == set()


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    with running_forge(tmp_path) as forge:
        owner = forge.user()
        repo = owner.repo()
        issue = f"/repos/{repo}/issues/{owner.issue(repo)}"
        acknowledged: list[int] = []
        enough = threading.Event()

        def write() -> None:
            try:
                while len(acknowledged) < 5_000:
                    acknowledged.append(owner.api("POST", f"{issue}/comments", {"body": "x"})["id"])
                    if len(acknowledged) >= 20:
                        enough.set()
            except httpx.HTTPError:
                return  # killed

        writer = threading.Thread(target=write)
        writer.start()
        assert enough.wait(30)
        assert forge.kill() == -9
        writer.join()
        forge.start()
        there = {one["id"] for one in owner.api("GET", f"{issue}/comments")}
        assert set(acknowledged) <= there
        assert len(there) <= len(acknowledged) + 1
