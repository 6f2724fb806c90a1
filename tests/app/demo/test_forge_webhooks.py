"""The embedded forge's webhooks: signed, complete, in order, and not lost."""

import hashlib
import hmac
import json
import subprocess
import uuid
from urllib.parse import parse_qs

import pytest

from tests.support.forge import Call, Person, Receiver, RunningForge, running_forge

pytestmark = pytest.mark.slow
SECRET = "a secret of this hook"


@pytest.fixture
def owner(forge: RunningForge) -> Person:
    return forge.user()


@pytest.fixture
def repo(owner: Person, receiver: Receiver) -> str:
    found = owner.repo()
    owner.hook(found, receiver.url, SECRET)
    return found


def told(call: Call) -> tuple[str, str, str | None]:
    payload = json.loads(call.body)
    return call.headers["x-gitea-event"], call.headers["x-gitea-event-type"], payload.get("action")


def test_the_headers_and_the_signature(owner, repo, receiver):
    owner.issue(repo, "Ünicode title")
    (call,) = receiver.wait(1)
    sha256 = hmac.new(SECRET.encode(), call.body, hashlib.sha256).hexdigest()
    sha1 = hmac.new(SECRET.encode(), call.body, hashlib.sha1).hexdigest()
    delivery = str(uuid.UUID(call.headers["x-gitea-delivery"]))
    assert {
        "content-type": "application/json",
        "x-gitea-signature": sha256,
        "x-gogs-signature": sha256,
        "x-hub-signature": f"sha1={sha1}",
        "x-hub-signature-256": f"sha256={sha256}",
        **{f"x-{brand}-delivery": delivery for brand in ("gitea", "gogs", "github")},
        **{f"x-{brand}-event": "issues" for brand in ("gitea", "gogs", "github")},
        **{f"x-{brand}-event-type": "issues" for brand in ("gitea", "gogs", "github")},
    }.items() <= call.headers.items()


def test_a_hook_without_a_secret_sends_empty_signatures(owner, receiver):
    repo = owner.repo()
    owner.hook(repo, receiver.url, "")
    owner.issue(repo)
    (call,) = receiver.wait(1)
    assert (call.headers["x-gitea-signature"], call.headers["x-hub-signature-256"]) == ("", "sha256=")


def test_the_life_of_an_issue_in_order(owner, repo, receiver):
    base = f"/repos/{repo}/issues"
    label = owner.label(repo, "agent")
    number = owner.issue(repo, "Title", "Body")
    owner.api("POST", f"{base}/{number}/labels", {"labels": [label]})
    owner.api("POST", f"{base}/{number}/labels", {"labels": [label]})
    owner.api("DELETE", f"{base}/{number}/labels/{label}")
    owner.api("POST", f"{base}/{number}/labels", {"labels": [label]})
    owner.api("DELETE", f"{base}/{number}/labels")
    comment = owner.api("POST", f"{base}/{number}/comments", {"body": "one"})["id"]
    owner.api("PATCH", f"{base}/comments/{comment}", {"body": "two"})
    owner.api("DELETE", f"{base}/comments/{comment}")
    owner.api("PATCH", f"{base}/{number}", {"title": "New", "state": "closed"})
    owner.api("PATCH", f"{base}/{number}", {"state": "open"})
    calls = receiver.wait(11)
    assert [told(call) for call in calls] == [
        ("issues", "issues", "opened"),
        ("issues", "issue_label", "label_updated"),
        ("issues", "issue_label", "label_updated"),
        ("issues", "issue_label", "label_updated"),
        ("issues", "issue_label", "label_cleared"),
        ("issue_comment", "issue_comment", "created"),
        ("issue_comment", "issue_comment", "edited"),
        ("issue_comment", "issue_comment", "deleted"),
        ("issues", "issues", "edited"),
        ("issues", "issues", "closed"),
        ("issues", "issues", "reopened"),
    ]
    payloads = [json.loads(call.body) for call in calls]
    assert payloads[0]["issue"] | {"labels": []} == payloads[0]["issue"]
    assert [one["name"] for one in payloads[1]["issue"]["labels"]] == ["agent"]
    assert payloads[2]["issue"]["labels"] == []
    assert payloads[5]["comment"]["body"] == "one"
    assert payloads[6]["changes"] == {"body": {"from": "one"}}
    assert payloads[8]["changes"] == {"title": {"from": "Title"}}
    for payload in payloads:
        assert payload["repository"]["full_name"] == repo
        assert payload["sender"]["login"] == owner.login
        assert payload["issue"]["number"] == number
        assert payload.get("is_pull", False) is False


def test_the_life_of_a_pull_request(owner, repo, receiver):
    owner.write(repo, "a.txt", "1\n", new_branch="topic")
    number = owner.pull(repo, "topic")
    owner.api("POST", f"/repos/{repo}/issues/{number}/comments", {"body": "@agent go"})
    label = owner.label(repo, "agent")
    owner.api("POST", f"/repos/{repo}/issues/{number}/labels", {"labels": [label]})
    tip = owner.write(repo, "a.txt", "2\n", branch="topic")
    owner.api("PATCH", f"/repos/{repo}/pulls/{number}", {"body": "text"})
    owner.api("POST", f"/repos/{repo}/pulls/{number}/merge", {"Do": "merge"})
    calls = receiver.wait(9)
    assert [told(call) for call in calls] == [
        ("push", "push", None),
        ("pull_request", "pull_request", "opened"),
        ("issue_comment", "pull_request_comment", "created"),
        ("pull_request", "pull_request_label", "label_updated"),
        ("push", "push", None),
        ("pull_request", "pull_request_sync", "synchronized"),
        ("pull_request", "pull_request", "edited"),
        ("pull_request", "pull_request", "closed"),
        ("push", "push", None),
    ]
    payloads = [json.loads(call.body) for call in calls]
    assert payloads[0]["ref"] == "refs/heads/topic"
    assert payloads[2]["is_pull"] is True
    assert payloads[2]["issue"]["pull_request"]["merged"] is False
    assert (payloads[4]["after"], payloads[4]["total_commits"]) == (tip, 1)
    assert payloads[4]["commits"][0]["modified"] == ["a.txt"]
    assert payloads[5]["pull_request"]["head"]["sha"] == tip
    assert payloads[7]["pull_request"]["merged"] is True
    assert payloads[8]["ref"] == "refs/heads/main"


def test_a_hook_hears_only_what_it_asked_for(owner, receiver):
    repo = owner.repo()
    owner.hook(repo, receiver.url, SECRET, ("issues_only", "push"))
    number = owner.issue(repo)
    owner.api("POST", f"/repos/{repo}/issues/{number}/comments", {"body": "not told"})
    owner.write(repo, "a.txt", "1\n")
    assert [told(call)[1] for call in receiver.wait(2)] == ["issues", "push"]


def test_branches_and_tags_that_come_and_go(owner, receiver, tmp_path):
    repo = owner.repo()
    owner.hook(repo, receiver.url, SECRET, ("push", "create", "delete"))
    url = owner.git_url(repo)
    subprocess.run(["git", "clone", "-q", url, tmp_path / "clone"], check=True)
    push = ["git", "-C", tmp_path / "clone", "push", "-q", url]
    subprocess.run([*push, "HEAD:refs/tags/v1", "HEAD:refs/forgehand/backup/1"], check=True)
    subprocess.run([*push, ":refs/tags/v1"], check=True)
    payloads = [json.loads(call.body) for call in receiver.wait(3)]
    assert [(one["ref"], one.get("ref_type")) for one in payloads] == [
        ("v1", "tag"),
        ("refs/tags/v1", None),
        ("v1", "tag"),
    ]


def test_a_commit_on_the_default_branch_closes_what_it_fixes(owner, repo, receiver):
    first, second = owner.issue(repo), owner.issue(repo)
    write = {"content": "eA==", "message": f"Resolved #{first}, see #{second}, fixes #99"}
    owner.api("POST", f"/repos/{repo}/contents/a.txt", write | {"new_branch": "topic"})
    assert owner.api("GET", f"/repos/{repo}/issues/{first}")["state"] == "open"
    sha = owner.api("POST", f"/repos/{repo}/contents/b.txt", write)["commit"]["sha"]
    states = [owner.api("GET", f"/repos/{repo}/issues/{number}")["state"] for number in (first, second)]
    assert states == ["closed", "open"]
    closed = json.loads(receiver.wait(5)[-1].body)
    assert (closed["action"], closed["commit_id"]) == ("closed", sha)


def test_a_hook_that_is_tested_gets_a_push(owner, receiver):
    repo = owner.repo()
    hook = owner.hook(repo, receiver.url, SECRET)
    owner.api("POST", f"/repos/{repo}/hooks/{hook}/tests")
    (call,) = receiver.wait(1)
    payload = json.loads(call.body)
    assert told(call) == ("push", "push", None)
    assert payload["before"] == payload["after"] == payload["head_commit"]["id"]


def test_the_secret_never_comes_out(owner, repo):
    shown = owner.api("GET", f"/repos/{repo}/hooks")
    assert SECRET not in json.dumps(shown)
    assert "issue_comment" in shown[0]["events"]


def test_a_receiver_that_fails_is_told_the_same_again(owner, repo, receiver):
    receiver.status = 503
    owner.issue(repo)
    receiver.wait(1)
    receiver.status = 202
    first, *_, last = receiver.wait(2)
    assert last == first


def test_a_refusal_is_final(owner, repo, receiver):
    receiver.status = 401
    owner.issue(repo)
    owner.issue(repo)
    first, second = receiver.wait(2)
    assert first.headers["x-gitea-delivery"] != second.headers["x-gitea-delivery"]


def test_nothing_is_lost_when_receiver_and_forge_are_down(tmp_path):
    with running_forge(tmp_path) as forge:
        owner = forge.user()
        repo = owner.repo()
        with Receiver() as receiver:
            port = receiver.port
        owner.hook(repo, f"http://127.0.0.1:{port}/x", SECRET)
        numbers = [owner.issue(repo) for _ in range(3)]
        assert forge.kill() == -9
        with Receiver(port) as receiver:
            forge.start()
            calls = receiver.wait(3)
        assert [json.loads(call.body)["number"] for call in calls] == numbers
        assert [one["number"] for one in owner.api("GET", f"/repos/{repo}/issues")] == numbers[::-1]
        assert forge.stop() == 0


def test_a_review_is_told_once_with_all_its_comments(forge, owner, repo, receiver):
    reviewer = forge.user()
    owner.write(repo, "a.txt", "1\n", new_branch="topic")
    pull = f"/repos/{repo}/pulls/{owner.pull(repo, 'topic')}"
    seen = len(receiver.wait(2))  # the push and the pull request
    lines = [
        {"path": "a.txt", "body": "here", "new_position": 1},
        {"path": "a.txt", "body": "again", "new_position": 1},
    ]
    for form in (
        {"event": "COMMENT", "comments": lines},
        {"event": "REQUEST_CHANGES", "body": "no"},
        {"event": "APPROVED"},
        {"body": "only later", "comments": lines},
    ):
        made = reviewer.api("POST", f"{pull}/reviews", form)
    reviewer.api("POST", f"{pull}/reviews/{made['id']}", {"event": "COMMENT", "body": "now"})
    calls = receiver.wait(seen + 4)[seen:]
    assert [told(call)[:2] for call in calls] == [
        ("pull_request_comment", "pull_request_review_comment"),
        ("pull_request_rejected", "pull_request_review_rejected"),
        ("pull_request_approved", "pull_request_review_approved"),
        ("pull_request_comment", "pull_request_review_comment"),
    ]
    assert [json.loads(call.body)["review"]["content"] for call in calls] == ["", "no", "", "now"]


def test_an_edited_hook_keeps_its_secret_and_forgets_its_events(owner, receiver):
    repo = owner.repo()
    hook = f"/repos/{repo}/hooks/{owner.hook(repo, receiver.url, SECRET, ('issues',))}"
    edited = owner.api("PATCH", hook, {"events": ["issues_only"], "config": {"secret": "another one"}})
    assert edited["events"] == ["issues"]
    owner.issue(repo)
    (call,) = receiver.wait(1)
    assert call.headers["x-gitea-signature"] == hmac.new(SECRET.encode(), call.body, "sha256").hexdigest()
    assert owner.api("PATCH", hook, {"active": False})["events"] == ["push"]
    assert owner.api("GET", hook)["active"] is False


def test_a_hook_may_get_a_form_a_header_and_only_some_branches(owner, receiver):
    repo = owner.repo()
    config = {"url": receiver.url, "content_type": "form", "secret": SECRET}
    more = {"authorization_header": "Bearer knock", "branch_filter": "{main,release/*}"}
    form = {"type": "gitea", "config": config, "events": ["push"], "active": True} | more
    owner.api("POST", f"/repos/{repo}/hooks", form)
    owner.write(repo, "a.txt", "1\n", new_branch="topic")
    owner.write(repo, "b.txt", "1\n", new_branch="release/1")
    (call,) = receiver.wait(1)
    payload = parse_qs(call.body.decode())["payload"][0]
    assert json.loads(payload)["ref"] == "refs/heads/release/1"
    assert call.headers["authorization"] == "Bearer knock"
    assert (
        call.headers["x-gitea-signature"] == hmac.new(SECRET.encode(), payload.encode(), "sha256").hexdigest()
    )
