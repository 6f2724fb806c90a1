import base64
import json
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.forges.forgejo.adapter import Forgejo
from app.forges.gitea.adapter import Gitea
from app.forges.gitea_family import api, teams
from app.forges.port import (
    ForgeDenied,
    ForgeError,
    ForgeNotFound,
    ForgeUnavailable,
    Labelled,
    Standing,
    Unreadable,
    User,
)
from tests.app.forges.conftest import Reply, Seen

USER = {"id": 7, "login": "alice"}
ALICE = User(id=7, login="alice")
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


@pytest.fixture(params=[Gitea, Forgejo])
def gitea(script, request):
    found = request.param(script.url, "hush-hush", timeout_seconds=0.2)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("word", "meant"),
    [("owner", "admin"), ("admin", "admin"), ("write", "write"), ("read", "read"), ("none", "none")],
)
def test_the_permissions_that_gitea_names(gitea, script, word, meant):
    script.replies = [Reply.of({"permission": word, "role_name": word, "user": USER}), Reply.of({}, 405)]
    assert gitea.standing("o/r", User(id=7, login="Alice")) == Standing(permission=meant, is_bot=False)
    assert len(script.seen) == (2 if word == "write" else 1)
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
        (Reply.of({"permission": "admin", "user": None}), ForgeError),
        (Reply.of({"permission": "admin", "user": {**USER, "id": "7"}}), ForgeError),
    ],
)
def test_no_answer_but_a_plain_one_is_a_permission(gitea, script, reply, kind):
    script.replies = [reply]
    with pytest.raises(ForgeError) as caught:
        gitea.standing("o/r", ALICE)
    assert isinstance(caught.value, kind)
    assert "hush" not in str(caught.value)


def test_an_unknown_user_in_a_known_repository_has_no_permission(gitea, script):
    script.replies = [Reply.of({}, 404), Reply.of(REPO)]
    assert gitea.standing("o/r", User(id=9, login="nobody")).permission == "none"


def test_a_name_that_changed_hands_gives_nothing(gitea, script):
    script.replies = [Reply.of({"permission": "admin", "user": {"id": 8, "login": "alice"}})]
    assert gitea.standing("o/r", ALICE).permission == "none"


@pytest.mark.parametrize("number", [0, -1, -2])
def test_the_forges_own_accounts_are_bots_that_may_nothing_and_nobody_is_asked(gitea, script, number):
    assert gitea.standing("o/r", User(id=number, login="alice")) == Standing(permission="none", is_bot=True)
    assert script.seen == []


OWNERS = {"name": "Owners", "permission": "owner", "units_map": {"repo.code": "owner"}}


def _team(permission: str, **units: str) -> dict[str, Any]:
    return {"name": "t", "permission": permission, "units_map": {f"repo.{k}": v for k, v in units.items()}}


@pytest.mark.parametrize(
    ("team", "sure"),
    [
        (_team("write", code="write", issues="write"), True),
        (_team("write", code="admin"), True),
        (_team("read", code="read", issues="write"), True),
        (_team("none", issues="write"), True),
        (_team("admin"), True),
        (_team("write", issues="write"), False),
        (_team("write", code="none", issues="write"), False),
        (_team("write", code="read"), False),
        (_team("write", code="a new word"), False),
        (_team("a new word", code="read"), False),
        ({"name": "t", "permission": "write"}, False),
        ({"name": "t", "permission": "write", "units_map": None}, False),
    ],
)
def test_a_plain_write_counts_where_no_team_makes_it_doubtful(gitea, script, team, sure):
    script.replies = [Reply.of({"permission": "write", "user": USER}), Reply.of([OWNERS, team])]
    found = gitea.standing("o/r", ALICE)
    assert (found.permission, found.doubt == "") == (("write", True) if sure else ("read", False))
    assert script.seen[-1].path == "/api/v1/repos/o/r/teams"


@pytest.mark.parametrize("word", ["owner", "admin", "read", "none"])
def test_what_is_no_plain_write_asks_for_no_teams(gitea, script, word):
    script.replies = [Reply.of({"permission": word, "user": USER})]
    gitea.standing("o/r", ALICE)
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply.of({"message": "no"}, 401), ForgeDenied),
        (Reply.of({"message": "no"}, 403), ForgeDenied),
        (Reply.of({}, 404), ForgeNotFound),
        (Reply.of({}, 400), ForgeError),
        (Reply.of({}, 500), ForgeUnavailable),
        (Reply(hang=True), ForgeUnavailable),
        (Reply(status=307, headers={"Location": "/"}), ForgeError),
        (Reply.of({}), ForgeError),
        (Reply.of([None]), ForgeError),
        (Reply.of([{"name": "t"}]), ForgeError),
        (Reply.of([{**OWNERS, "units_map": []}]), ForgeError),
        (Reply.of([{**OWNERS, "permission": 2}]), ForgeError),
        (Reply(body=b"<html>"), ForgeError),
    ],
)
def test_teams_that_are_not_told_are_no_right(gitea, script, reply, kind):
    script.replies = [Reply.of({"permission": "write", "user": USER}), reply]
    with pytest.raises(ForgeError) as caught:
        gitea.standing("o/r", ALICE)
    assert isinstance(caught.value, kind)


def test_that_a_repository_is_a_persons_is_remembered_for_ten_minutes(gitea, script, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(teams.time, "monotonic", lambda: now[0])

    def reply(seen: Seen) -> Reply:
        return Reply.of({}, 405) if "/teams" in seen.path else Reply.of({"permission": "write", "user": USER})

    script.replies = [reply]
    for repo in ("o/r", "o/r", "O/R", "o/other"):
        assert gitea.standing(repo, ALICE).permission == "write"
    asked = [one.path for one in script.seen if "/teams" in one.path]
    assert asked == ["/api/v1/repos/o/r/teams", "/api/v1/repos/o/other/teams"]
    now[0] += teams.NO_TEAMS_SECONDS
    gitea.standing("o/r", ALICE)
    assert len([one for one in script.seen if "/teams" in one.path]) == 3


def test_teams_of_an_organisation_are_asked_for_each_time(gitea, script):
    permission, bad = Reply.of({"permission": "write", "user": USER}), Reply.of([_team("write")])
    script.replies = [permission, Reply.of([OWNERS]), permission, bad, permission, Reply.of(None)]
    assert [gitea.standing("o/r", ALICE).permission for _ in range(3)] == ["write", "read", "write"]


def test_a_doubt_names_the_teams_on_one_bounded_line(gitea, script):
    hostile = [{**_team("write"), "name": f"{number}\n\x1b[31m" + "x" * 10_000} for number in range(50)]
    script.replies = [Reply.of({"permission": "write", "user": USER}), Reply.of(hostile)]
    doubt = gitea.standing("o/r", ALICE).doubt
    assert doubt.isprintable()
    assert len(doubt) < 400
    assert "and 47 more" in doubt


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -float("inf"), 253402300800.0, 1e300, -1e12])
def test_a_moment_that_there_is_not(gitea, script, at):
    for ask in (lambda: gitea.comments("o/r", 3, since=at), lambda: gitea.labelled("o/r", 3, "x", since=at)):
        with pytest.raises(ForgeError, match="no moment"):
            ask()
    assert script.seen == []


@pytest.mark.parametrize("body", [{}, {"protected": None}, {"protected": "true"}, [], None])
def test_what_does_not_say_whether_it_is_protected_is_an_error(gitea, script, body):
    script.replies = [Reply.of(body)]
    with pytest.raises(ForgeError):
        gitea.is_protected("o/r", "main")


def test_a_branch_with_odd_signs_stays_one_path(gitea, script):
    script.replies = [Reply.of({"protected": True})]
    assert gitea.is_protected("o/r", "release/a?b#c%2f")
    assert script.seen[0].path == "/api/v1/repos/o/r/branches/release/a%3Fb%23c%252f"


def test_without_a_ref_the_forge_takes_its_default_branch(gitea, script):
    script.replies = [_file("YWJj")]
    assert gitea.read_file("o/r", "a", ref=None, max_bytes=3) == b"abc"
    assert script.seen[0].path == "/api/v1/repos/o/r/contents/a"


@pytest.mark.parametrize(
    ("title", "sent", "draft"),
    [
        ("x", "x", False),
        ("WIP: x", "x", False),
        ("WIP: WIP: x", "x", False),
        (" wip:[WIP]  Wip: x", "x", False),
        ("WIP: x", "WIP: x", True),
        ("WIP: WIP: x", "WIP: x", True),
        ("WIP x", "WIP x", False),
        ("x WIP: y", "x WIP: y", False),
        ("WIP:", "Untitled", False),
        ("WIP: [WIP]", "WIP: Untitled", True),
        (" ", "Untitled", False),
    ],
)
def test_the_title_alone_makes_a_draft(gitea, script, title, sent, draft):
    script.replies = [Reply.of(PULL, 201)]
    gitea.create_pull("o/r", head_branch="b", base_branch="main", title=title, body="", draft=draft)
    assert json.loads(script.seen[0].body)["title"] == sent


@pytest.mark.parametrize(
    ("words", "hinted"),
    [
        ("Only admins can query all permissions", True),
        ("token does not have at least one of required scope(s): [read:repository]", False),
    ],
)
def test_a_refusal_to_tell_says_what_to_do(gitea, script, words, hinted):
    script.replies = [Reply.of({"message": words}, 403)]
    with pytest.raises(ForgeDenied) as caught:
        gitea.standing("o/r", ALICE)
    assert words in str(caught.value)
    assert ("make the bot's account an administrator of o/r" in str(caught.value)) == hinted


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["read", "none", "write"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "login", "user"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    permission=ANYTHING.filter(lambda value: value not in ("write", "admin", "owner")),
    user=st.just(USER) | ANYTHING,
    more=st.dictionaries(
        st.sampled_from(["role_name", "admin", "permissions"]), st.sampled_from(["admin", "write"])
    ),
)
def test_s3_nothing_but_the_word_itself_is_a_right_to_write(script, permission, user, more):
    forge = Gitea(script.url, "x" * 40)
    script.replies = [Reply.of({"permission": permission, "user": user, **more})]
    try:
        found = forge.standing("o/r", ALICE)
    except ForgeError:
        return
    finally:
        forge.close()
    assert found.permission in {"none", "read"}


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
        ("WIP: WIP: x", True, "x"),
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
    gitea.close()


@pytest.mark.parametrize(
    "told",
    [
        "http://gitea:3000/o/r/issues/3",
        "https://git.example.com/code/o/r/issues/3",
        "https://elsewhere.example/sub/O/R/issues/3",
        "o/r/o/r/issues/3",
    ],
)
def test_whatever_name_the_forge_has_for_itself_people_get_the_public_one(script, told):
    gitea = Gitea(script.url, "x", public_url="https://git.example.com/code")
    script.replies = [Reply.of({**ISSUE, "html_url": told})]
    found = gitea.issue("o/r", 3).url
    assert found.lower() == "https://git.example.com/code/o/r" + told.lower().split("/o/r", 1)[1]
    gitea.close()


@pytest.mark.parametrize("told", ["http://gitea:3000/o/r/issues/3", "", "javascript:x"])
def test_without_a_public_address_the_forges_word_counts(gitea, script, told):
    script.replies = [Reply.of({**ISSUE, "html_url": told})]
    assert gitea.issue("o/r", 3).url == told


def test_the_token_is_in_no_picture_of_the_adapter(gitea):
    access = gitea.git_access("o/r")
    assert access.url.endswith("/o/r.git")
    assert "hush" not in repr(gitea) + repr(vars(gitea)) + access.url


ENTRY: dict[str, Any] = {
    "id": 5,
    "type": "label",
    "body": "1",
    "user": USER,
    "label": {"id": 1, "name": "agent"},
    "created_at": "2024-05-01T12:00:00+02:00",
}
AT = 1714557600.0


@pytest.mark.parametrize(
    ("entries", "event"),
    [
        (None, None),
        ([], None),
        ([ENTRY], 5),
        ([ENTRY, {**ENTRY, "id": 6, "body": ""}], None),
        ([ENTRY, {**ENTRY, "id": 6, "body": ""}, {**ENTRY, "id": 7}], 7),
        ([{**ENTRY, "id": 7}, {**ENTRY, "id": 6, "body": ""}], 7),
        ([ENTRY, {**ENTRY, "id": 6, "body": "", "label": {"id": 2, "name": "other"}}], 5),
        ([ENTRY, {**ENTRY, "id": 6, "body": "", "label": None}], 5),
        ([ENTRY, {**ENTRY, "id": 6, "type": "comment", "body": "1"}], 5),
        ([{**ENTRY, "type": "comment"}], None),
        ([{**ENTRY, "label": None}], None),
        ([{**ENTRY, "user": None}], None),
        ([{**ENTRY, "body": "true"}], None),
        ([{**ENTRY, "body": None}], None),
        ([{**ENTRY, "label": {"id": 1, "name": "Agent"}}], 5),
    ],
)
def test_who_put_the_label_on(gitea, script, entries, event):
    script.replies = [Reply.of(entries)]
    found = gitea.labelled("o/r", 3, "agent")
    assert found == (Labelled(event_id=event, actor=ALICE, at=AT) if event else None)
    assert script.seen[0].path == "/api/v1/repos/o/r/issues/3/timeline"


def test_the_timeline_is_asked_for_what_is_newer(gitea, script):
    script.replies = [Reply.of([ENTRY])]
    gitea.labelled("o/r", 3, "agent", since=AT + 0.9)
    assert script.seen[0].path.endswith("/timeline?since=2024-05-01T10%3A00%3A00Z")


@pytest.mark.parametrize("when", ["", "yesterday", "2024-13-01T00:00:00Z", "9" * 5000])
def test_a_time_that_is_none(gitea, script, when):
    script.replies = [Reply.of([{**ENTRY, "created_at": when}])]
    with pytest.raises(ForgeError, match="no time"):
        gitea.labelled("o/r", 3, "agent")


@pytest.mark.parametrize("what", ["labelled", "comments"])
def test_a_thread_that_is_not_there_is_a_500_that_is_looked_into(gitea, script, what):
    def reply(seen):
        return Reply.of({}, 404 if seen.path.endswith("/issues/3") else 500)

    script.replies = [reply]
    with pytest.raises(ForgeNotFound):
        gitea.labelled("o/r", 3, "agent") if what == "labelled" else gitea.comments("o/r", 3)


def test_a_forge_that_is_just_down_is_not_taken_for_an_empty_thread(gitea, script):
    script.replies = [Reply.of({}, 500)]
    with pytest.raises(ForgeUnavailable):
        gitea.comments("o/r", 3)


COMMENT = {"id": 9, "body": "x", "user": USER, "html_url": "x", "issue_url": "http://f/o/r/issues/3"}


@pytest.mark.parametrize(
    ("reply", "there"),
    [
        (Reply.of(COMMENT), True),
        (Reply.of({**COMMENT, "issue_url": "", "pull_request_url": "http://f/o/r/pulls/3"}), True),
        (Reply.of({**COMMENT, "issue_url": "http://f/o/r/issues/4"}), False),
        (Reply.of({**COMMENT, "issue_url": ""}), False),
        (Reply.of({**COMMENT, "issue_url": "http://f/o/r/issues/" + "3" * 5000}), False),
        (Reply.of({**COMMENT, "issue_url": "http://f/o/r/issues/³"}), False),
        (Reply(status=204), False),
    ],
)
def test_a_comment_is_one_of_its_thread_only(gitea, script, reply, there):
    script.replies = [reply]
    assert (gitea.comment("o/r", 3, 9) is not None) == there


def _file(content: str | None, size: int = 3, kind: str = "file") -> Reply:
    return Reply.of({"type": kind, "size": size, "content": content})


@pytest.mark.parametrize(
    ("reply", "readable"),
    [
        (_file("YWJj", size=4), False),
        (_file("YWJj", size=2), False),
        (_file(None), False),
        (_file("YWJj", kind="symlink"), False),
        (_file("YWJj", kind="submodule"), False),
        (_file(base64.b64encode(b"x" * 11).decode(), size=11), False),
        (Reply.of([]), False),
        (_file("!!!!"), True),
        (_file("YWJ"), True),
        (Reply.of(None), True),
        (Reply.of({}), True),
    ],
)
def test_what_is_no_whole_file_is_an_error(gitea, script, reply, readable):
    script.replies = [reply]
    with pytest.raises(ForgeError) as caught:
        gitea.read_file("o/r", "a", ref="main", max_bytes=10)
    assert isinstance(caught.value, Unreadable) != readable


STATUS = {"status": "success", "context": "c", "description": "t", "target_url": "https://x.example/"}
SET = {"state": "success", "context": "c", "text": "t", "url": "https://x.example/"}


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        ([STATUS], False),
        ([{**STATUS, "context": "d"}, STATUS], False),
        (None, True),
        ([], True),
        ([{**STATUS, "context": "d"}], True),
        ([{**STATUS, "status": "pending"}], True),
        ([{**STATUS, "description": "u"}], True),
        ([{**STATUS, "target_url": ""}], True),
    ],
)
def test_a_status_that_says_the_same_is_not_sent_again(gitea, script, known, sent):
    script.replies = [Reply.of({"statuses": known}), Reply.of({}, 201)]
    gitea.set_status("o/r", "1" * 40, **SET)
    assert [one.method for one in script.seen] == ["GET", "POST"][: 1 + sent]


def test_a_status_is_sent_once(gitea, script):
    script.replies = [lambda seen: Reply.of({"statuses": []}) if seen.method == "GET" else Reply.of({}, 502)]
    with pytest.raises(ForgeUnavailable):
        gitea.set_status("o/r", "1" * 40, **SET)
    assert [one.method for one in script.seen] == ["GET", "POST"]


def test_who_we_are_is_asked_once_in_ten_minutes(gitea, script, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(api.time, "monotonic", lambda: now[0])
    script.replies = [Reply.of({}, 403), Reply.of(USER), Reply.of({**USER, "login": "renamed"})]
    with pytest.raises(ForgeDenied):
        gitea.whoami()
    assert [gitea.whoami().login for _ in range(3)] == ["alice"] * 3
    now[0] += api.OWN_ACCOUNT_SECONDS
    assert [gitea.whoami().login for _ in range(3)] == ["renamed"] * 3
    assert len(script.seen) == 3


def test_who_we_are_from_many_threads(gitea, script):
    script.replies = [Reply.of(USER)]
    seen: list[User] = []
    threads = [threading.Thread(target=lambda: seen.append(gitea.whoami())) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert seen == [ALICE] * 16


def test_every_call_is_counted(script):
    calls: list[tuple[str, int]] = []
    gitea = Gitea(script.url, "x" * 40, on_call=lambda method, status: calls.append((method, status)))
    script.replies = [Reply.of({}, 503), Reply.of(USER), Reply.of({}, 500)]
    gitea.whoami()
    with pytest.raises(ForgeUnavailable):
        gitea.create_comment("o/r", 3, "x")
    gitea.close()
    assert calls == [("GET", 503), ("GET", 200), ("POST", 500)]


def test_a_pull_request_whose_forge_does_not_say_draft(gitea, script):
    silent = {name: value for name, value in PULL.items() if name != "draft"}
    script.replies = [Reply.of({**silent, "title": "WIP: x"})]
    assert (gitea.pull("o/r", 3).title, gitea.pull("o/r", 3).draft) == ("x", True)
    script.replies = [Reply.of(silent)]
    assert not gitea.pull("o/r", 3).draft


def test_a_label_is_the_one_of_that_very_name_first(gitea, script):
    labels = [{"id": 1, "name": "AGENT"}, {"id": 2, "name": "agent"}]
    for known, wanted in ((labels, b"[2]"), (labels[:1], b"[1]")):
        script.seen.clear()
        script.replies = [Reply.of(known, X_Total_Count=str(len(known))), Reply.of([])]
        gitea.add_label("o/r", 3, "agent")
        assert wanted in script.seen[-1].body


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
