import pytest

from app.forges.gitea.adapter import Gitea
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, ForgeUnavailable
from tests.app.forges.conftest import Reply

USER = {"id": 7, "login": "alice"}
REPO = {"full_name": "o/r", "default_branch": "main", "private": False}
ISSUE = {
    "number": 3,
    "title": "t",
    "body": None,
    "user": USER,
    "labels": None,
    "state": "open",
    "html_url": "x",
}
SIDE = {"ref": "b", "sha": "1" * 40, "repo": {"full_name": "o/r"}}
PULL = {**ISSUE, "draft": False, "head": SIDE, "base": {**SIDE, "ref": "main"}}


@pytest.fixture
def gitea(script):
    found = Gitea(script.url, "hush-hush", timeout_seconds=0.2)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("word", "meant"),
    [("owner", "admin"), ("admin", "admin"), ("write", "write"), ("read", "read"), ("none", "none")],
)
def test_the_permissions_that_gitea_names(gitea, script, word, meant):
    script.replies = [Reply.of({"permission": word, "role_name": word, "user": USER})]
    assert gitea.permission("o/r", "Alice") == meant
    assert script.seen[0].path == "/api/v1/repos/o/r/collaborators/Alice/permission"
    assert script.seen[0].headers["authorization"] == "token hush-hush"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply.of({"message": "no"}, 401), ForgeDenied),
        (Reply.of({"message": "no"}, 403), ForgeDenied),
        (Reply.of({}, 404), ForgeNotFound),
        (Reply.of({}, 429), ForgeUnavailable),
        (Reply.of({}, 500), ForgeUnavailable),
        (Reply.of({}, 502), ForgeUnavailable),
        (Reply(hang=True), ForgeUnavailable),
        (Reply(body=b"{", cut=True), ForgeUnavailable),
        (Reply(status=302, headers={"Location": "/"}), ForgeError),
        (Reply(status=204), ForgeError),
        (Reply(body=b"<html>log in</html>"), ForgeError),
        (Reply(body=b'{"permission": "admin"'), ForgeError),
        (Reply.of([]), ForgeError),
        (Reply.of(None), ForgeError),
        (Reply.of({}), ForgeError),
        (Reply.of({"permission": "admin"}), ForgeError),
        (Reply.of({"permission": None, "user": USER}), ForgeError),
        (Reply.of({"permission": True, "user": USER}), ForgeError),
        (Reply.of({"permission": 4, "user": USER}), ForgeError),
        (Reply.of({"permission": "", "user": USER}), ForgeError),
        (Reply.of({"permission": "ADMIN", "user": USER}), ForgeError),
        (Reply.of({"permission": "superuser", "user": USER}), ForgeError),
        (Reply.of({"permission": "admin", "user": {"id": 8, "login": "mallory"}}), ForgeError),
    ],
)
def test_no_answer_but_a_plain_one_is_a_permission(gitea, script, reply, kind):
    script.replies = [reply]
    with pytest.raises(ForgeError) as caught:
        gitea.permission("o/r", "alice")
    assert isinstance(caught.value, kind)
    assert "hush" not in str(caught.value)


def test_an_unknown_user_in_a_known_repository_has_no_permission(gitea, script):
    script.replies = [Reply.of({}, 404), Reply.of(REPO)]
    assert gitea.permission("o/r", "nobody") == "none"


def test_an_issue_whose_fields_are_null(gitea, script):
    script.replies = [Reply.of(ISSUE)]
    found = gitea.issue("o/r", 3)
    assert (found.body, found.labels, found.is_pull) == ("", frozenset(), False)


def test_a_state_that_nobody_knows_is_not_taken_for_closed(gitea, script):
    script.replies = [Reply.of({**ISSUE, "state": "limbo"})]
    with pytest.raises(ForgeError):
        gitea.issue("o/r", 3)


@pytest.mark.parametrize(
    ("title", "draft", "shown"),
    [
        ("WIP: x", True, "x"),
        ("wip:x", True, "x"),
        ("[WIP] x", True, "x"),
        ("WIP: WIP: x", True, "WIP: x"),
        ("WIPE x", False, "WIPE x"),
    ],
)
def test_the_sign_of_a_draft_is_hidden(gitea, script, title, draft, shown):
    script.replies = [Reply.of({**PULL, "title": title, "draft": draft})]
    found = gitea.pull("o/r", 3)
    assert (found.title, found.draft) == (shown, draft)


def test_a_pull_request_whose_fork_is_gone(gitea, script):
    script.replies = [Reply.of({**PULL, "head": {**SIDE, "repo": None}})]
    assert gitea.pull("o/r", 3).head_repo is None


def test_a_fork_with_the_same_branch_is_not_ours(gitea, script):
    fork = {**PULL, "head": {**SIDE, "repo": {"full_name": "mallory/r"}}}
    gone = {**PULL, "head": {**SIDE, "repo": None}}
    script.replies = [Reply.of([fork, gone], X_Total_Count="2")]
    assert gitea.find_pull("o/r", head_branch="b", base_branch="main") is None


def test_pages_for_people_are_at_the_public_address(script):
    gitea = Gitea(script.url, "x", public_url="https://git.example.com/")
    script.replies = [Reply.of({**ISSUE, "html_url": f"{script.url}/o/r/issues/3"})]
    assert gitea.issue("o/r", 3).url == "https://git.example.com/o/r/issues/3"
    script.replies = [Reply.of({**ISSUE, "html_url": f"{script.url}0/o/r"})]
    assert gitea.issue("o/r", 3).url == f"{script.url}0/o/r"
    gitea.close()


def test_the_token_is_in_no_picture_of_the_adapter(gitea):
    access = gitea.git_access("o/r")
    assert access.url.endswith("/o/r.git")
    assert "hush" not in repr(gitea) + repr(vars(gitea)) + access.url


def test_a_comment_is_sent_once(gitea, script):
    script.replies = [Reply.of({}, 500)]
    with pytest.raises(ForgeUnavailable):
        gitea.create_comment("o/r", 3, "x")
    assert len(script.seen) == 1


def test_a_pull_request_is_sent_once(gitea, script):
    script.replies = [Reply.of({}, 500)]
    with pytest.raises(ForgeUnavailable):
        gitea.create_pull("o/r", head_branch="b", base_branch="main", title="t", body="", draft=False)
    assert len(script.seen) == 1
