"""Reading and writing: what GitHub says in its own way, and what must never be taken for a right."""

import base64
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from app.forges.github.adapter import GitHub
from app.forges.github.answers import GHOST
from app.forges.port import (
    ForgeError,
    ForgeNotFound,
    ForgeUnavailable,
    Labelled,
    Unreadable,
    User,
)
from tests.app.forges.conftest import Reply
from tests.app.forges.github.conftest import TOKEN

ALICE = {"id": 7, "login": "alice", "type": "User"}
ASKED = User(id=7, login="alice")
REPO = {"full_name": "o/r", "default_branch": "main", "private": False}
ISSUE = {
    "number": 3, "title": "t", "body": None, "user": ALICE, "labels": [{"name": "a"}, "b"], "state": "open",
    "html_url": "https://github.example.com/o/r/issues/3",
}  # fmt: skip
SIDE = {"ref": "b", "sha": "1" * 40, "repo": {"full_name": "o/r"}}
PULL = {**ISSUE, "draft": False, "head": SIDE, "base": {**SIDE, "ref": "main"}}
COMMENT = {
    "id": 11, "body": "hello", "user": ALICE, "html_url": "https://github.example.com/o/r/issues/3#c",
    "issue_url": "https://api.github.example.com/repos/o/r/issues/3",
}  # fmt: skip
NONE = Reply.of({"message": "Not Found"}, 404)


def answer(permission, role="", user=ALICE) -> Reply:
    return Reply.of({"permission": permission, "role_name": role or permission, "user": user})


# --- issues, labels and comments


def test_an_issue(github, script):
    script.replies = [Reply.of(ISSUE | {"pull_request": {"url": "x"}})]
    found = github.issue("o/r", 3)
    assert (found.body, found.labels, found.is_open, found.is_pull) == ("", {"a", "b"}, True, True)


def test_an_issue_whose_author_is_gone_is_nobodys(github, script):
    script.replies = [Reply.of(ISSUE | {"user": None}), answer("admin", user={**ALICE, "id": 10137})]
    found = github.issue("o/r", 3)
    assert found.author == GHOST
    assert github.standing("o/r", found.author).permission == "none"


@pytest.mark.parametrize("change", [{"state": "limbo"}, {"labels": None}, {"number": "3"}, {"title": None}])
def test_an_issue_that_cannot_be_read(github, script, change):
    script.replies = [Reply.of(ISSUE | change)]
    with pytest.raises(ForgeError):
        github.issue("o/r", 3)


def event(number, kind, label="agent", at="2024-05-01T10:00:00Z", actor=ALICE):
    about = {"label": {"name": label, "color": "ffffff"}} if label else {}
    return {"id": number, "event": kind, "actor": actor, "created_at": at} | about


def pages(*lists):
    """As GitHub pages: oldest first, and all but the last page tell which is the last."""

    def reply(seen):
        number = int(parse_qs(urlsplit(seen.path).query)["page"][0])
        link = f'<https://api.x.example/i?per_page=100&page={len(lists)}>; rel="last"'
        return Reply.of(lists[number - 1], **({"Link": link} if number < len(lists) else {}))

    return [reply]


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ([], None),
        ([event(1, "labeled")], 1),
        ([event(1, "labeled"), event(2, "labeled", "other"), event(3, "closed", "")], 1),
        ([event(1, "labeled"), event(2, "unlabeled")], None),
        ([event(1, "labeled"), event(2, "unlabeled"), event(3, "labeled")], 3),
        ([event(1, "labeled", "AGENT"), event(2, "unlabeled", "agent-x")], 1),
        ([event(1, "labeled", actor=None)], None),
        ([event(1, "labeled"), event(2, "mentioned", "")], 1),
    ],
)
def test_when_a_label_was_put_on(github, script, events, wanted):
    script.replies = pages(events)
    found = github.labelled("o/r", 3, "agent")
    assert found == (wanted and Labelled(event_id=wanted, actor=ASKED, at=1714557600.0))


def test_events_are_read_from_the_last_page_back(github, script):
    script.replies = pages([event(1, "labeled")], [event(2, "closed", "")], [event(3, "labeled")])
    assert github.labelled("o/r", 3, "agent").event_id == 3
    assert len(script.seen) == 2
    script.seen.clear()
    script.replies = pages([event(1, "labeled")], [event(2, "closed", "")], [event(3, "closed", "")])
    assert github.labelled("o/r", 3, "agent").event_id == 1
    assert len(script.seen) == 3


def with_next_alone(*contents):
    """Pages as of the lists that tell of the next one, but of no last one."""

    def page(seen):
        number = int(re.search(r"[?&]page=([0-9]+)", seen.path)[1])
        more = {"Link": f'<x?page={number + 1}>; rel="next"'} if number < len(contents) else {}
        return Reply.of(contents[number - 1], **more)

    return [page]


def test_events_that_tell_of_no_last_page_are_read_to_their_end(github, script):
    """Else an old page would be taken for the newest one: whose the label is would be wrong."""
    again = [event(2, "unlabeled"), event(3, "labeled")]
    script.replies = with_next_alone([event(1, "labeled")], [event(7, "closed", "")], again)
    assert github.labelled("o/r", 3, "agent").event_id == 3
    script.replies = with_next_alone([event(1, "labeled")], [event(2, "unlabeled")])
    assert github.labelled("o/r", 3, "agent") is None
    script.seen.clear()
    script.replies = with_next_alone([event(1, "labeled")], [], [event(7, "closed", "")])
    assert github.labelled("o/r", 3, "agent").event_id == 1
    assert len(script.seen) == 3


def test_events_without_an_end(github, script, monkeypatch):
    monkeypatch.setattr("app.forges.github.api.MAX_PAGES", 4)
    script.replies = [Reply.of([event(1, "labeled")], Link='<x?page=2>; rel="next"')]
    with pytest.raises(ForgeError, match="more than 4 pages"):
        github.labelled("o/r", 3, "agent")
    assert len(script.seen) == 4


def test_lists_that_tell_of_no_last_page_are_read_to_their_end(github, script):
    def comment(number):
        return {"id": number, "body": "", "user": None, "html_url": "x", "issue_url": "/issues/3"}

    script.replies = with_next_alone([comment(1)], [comment(2)], [comment(3)])
    assert [one.id for one in github.comments("o/r", 3)] == [1, 2, 3]


def test_a_page_that_is_begun_meanwhile_is_read_too(github, script):
    def last(number):
        return {"Link": f'<x?page={number}>; rel="last"'}

    script.replies = [
        Reply.of([event(1, "labeled")], **last(2)),
        Reply.of([event(2, "closed", "")], **last(3)),
        Reply.of([event(3, "unlabeled")]),
    ]
    assert github.labelled("o/r", 3, "agent") is None


def test_events_before_since_are_not_looked_at(github, script):
    old, new = event(1, "labeled"), event(2, "closed", "", at="2024-06-01T00:00:00Z")
    script.replies = pages([old], [new])
    assert github.labelled("o/r", 3, "agent", since=1717000000.0) is None
    script.replies = pages([old, new])
    assert github.labelled("o/r", 3, "agent", since=1714557600.0).event_id == 1


@pytest.mark.parametrize("at", ["yesterday", "2024-05-01T10:00:00", None, 5])
def test_an_event_without_a_time(github, script, at):
    script.replies = pages([event(1, "labeled", at=at)])
    with pytest.raises(ForgeError):
        github.labelled("o/r", 3, "agent")


def test_a_comment_of_another_thread_is_none(github, script):
    script.replies = [Reply.of(COMMENT)]
    assert github.comment("o/r", 3, 11).body == "hello"
    assert github.comment("o/r", 33, 11) is None
    script.replies = [NONE, Reply.of(REPO)]
    assert github.comment("o/r", 3, 11) is None
    script.replies = [NONE, NONE]
    with pytest.raises(ForgeNotFound):
        github.comment("o/r", 3, 11)


def test_comments_come_once_and_in_order(github, script):
    """One that moved to the next page while the first was read is there twice."""
    one, two, three = (COMMENT | {"id": number} for number in (1, 2, 3))
    script.replies = pages([three, one], [one, two])
    assert [found.id for found in github.comments("o/r", 3, since=1714557600.5)] == [1, 2, 3]
    assert parse_qs(urlsplit(script.seen[0].path).query)["since"] == ["2024-05-01T10:00:00Z"]


def test_a_label_that_is_not_there_is_not_made_by_putting_it_on(github, script):
    script.replies = [NONE]
    with pytest.raises(ForgeNotFound):
        github.add_label("o/r", 3, "a/b ü")
    assert [(seen.method, seen.path) for seen in script.seen] == [("GET", "/repos/o/r/labels/a%2Fb%20%C3%BC")]


def test_taking_off_what_is_not_on(github, script):
    script.replies = [NONE, Reply.of(ISSUE)]
    github.remove_label("o/r", 3, "agent")
    script.replies = [NONE]
    with pytest.raises(ForgeNotFound):
        github.remove_label("o/r", 3, "agent")


@pytest.mark.parametrize(
    "again", [lambda g: g.react("o/r", 3, "eyes"), lambda g: g.edit_comment("o/r", 1, "x")]
)
def test_what_may_be_repeated_is(github, script, again):
    script.replies = [Reply.of({}, 500), Reply.of({}, 200)]
    again(github)
    assert len(script.seen) == 2


# --- pull requests, files, statuses


def test_a_fork_with_the_same_branch_is_not_ours(github, script):
    fork = PULL | {"head": {**SIDE, "repo": {"full_name": "o/fork"}}}
    gone = PULL | {"head": {**SIDE, "repo": None}}
    script.replies = [Reply.of([fork, gone])]
    assert github.find_pull("o/r", head_branch="b", base_branch="main") is None
    query = parse_qs(urlsplit(script.seen[0].path).query)
    assert (query["head"], query["base"], query["state"]) == (["o:b"], ["main"], ["open"])


def test_other_branches_that_github_sends_are_not_taken(github, script):
    """An odd value of `head` makes GitHub leave the filter out."""
    script.replies = [Reply.of([PULL | {"head": {**SIDE, "ref": "other"}}, PULL])]
    assert github.find_pull("o/r", head_branch="b", base_branch="main").head_branch == "b"


def test_a_pull_request_whose_fork_is_gone(github, script):
    script.replies = [Reply.of(PULL | {"head": {**SIDE, "repo": None}})]
    assert github.pull("o/r", 3).head_repo is None


def test_where_drafts_are_not_to_be_had_an_ordinary_one_is_opened(github, script):
    refused = Reply.of({"message": "Draft pull requests are not supported in this repository."}, 422)
    script.replies = [refused, Reply.of(PULL, 201)]
    form = {"head_branch": "b", "base_branch": "main", "title": "t", "body": ""}
    assert not github.create_pull("o/r", **form, draft=True).draft
    assert [json.loads(seen.body)["draft"] for seen in script.seen] == [True, False]
    script.replies = [Reply.of({"message": "Validation Failed", "errors": [{"message": "No commits"}]}, 422)]
    with pytest.raises(ForgeError, match="No commits"):
        github.create_pull("o/r", **form, draft=True)
    assert len(script.seen) == 3


def file(held=b"hello", **changes):
    plain = {"type": "file", "size": len(held), "content": base64.encodebytes(held).decode()}
    return Reply.of(plain | {"encoding": "base64"} | changes)


def test_a_file(github, script):
    script.replies = [file()]
    assert github.read_file("o/r", "a dir/b#c.yml", ref="x&y", max_bytes=5) == b"hello"
    assert script.seen[0].path == "/repos/o/r/contents/a%20dir/b%23c.yml?ref=x%26y"


def test_a_file_of_the_default_branch(github, script):
    script.replies = [file()]
    assert github.read_file("o/r", "a", ref=None, max_bytes=5) == b"hello"
    assert script.seen[0].path == "/repos/o/r/contents/a"


@pytest.mark.parametrize("said", [True, False])
def test_whether_a_branch_is_protected(github, script, said):
    script.replies = [Reply.of({"name": "release/1", "protected": said})]
    assert github.is_protected("o/r", "release/1") is said
    assert script.seen[0].path == "/repos/o/r/branches/release%2F1"


def test_a_branch_that_is_not_there_is_not_protected(github, script):
    script.replies = [NONE, Reply.of(REPO)]
    assert not github.is_protected("o/r", "main")
    script.replies = [NONE]
    with pytest.raises(ForgeNotFound):
        github.is_protected("o/r", "main")


@pytest.mark.parametrize("body", [{}, {"protected": None}, {"protected": "true"}, {"protected": 1}, []])
def test_what_does_not_say_whether_it_is_protected_is_an_error(github, script, body):
    script.replies = [Reply.of(body)]
    with pytest.raises(ForgeError):
        github.is_protected("o/r", "main")


@pytest.mark.parametrize("at", [float("nan"), float("inf"), 253402300800.0])
def test_a_moment_that_there_is_not(github, script, at):
    with pytest.raises(ForgeError, match="no moment"):
        github.comments("o/r", 3, since=at)
    assert script.seen == []


@pytest.mark.parametrize(("title", "sent"), [("", "Untitled"), (" ", "Untitled"), ("WIP: x", "WIP: x")])
def test_a_pull_request_has_a_title(github, script, title, sent):
    script.replies = [Reply.of(PULL, 201)]
    github.create_pull("o/r", head_branch="b", base_branch="main", title=title, body="", draft=False)
    assert json.loads(script.seen[0].body)["title"] == sent


@pytest.mark.parametrize(
    "reply",
    [file(b"toolong"), file(encoding="none", content="", size=5), file(type="submodule"), Reply.of([]),
     file(size=1, content=base64.b64encode(b"larger than it says").decode())],
)  # fmt: skip
def test_what_is_no_file_of_that_size(github, script, reply):
    script.replies = [reply]
    with pytest.raises(Unreadable):
        github.read_file("o/r", "a", ref="main", max_bytes=5)


def test_a_file_that_is_not_there(github, script):
    script.replies = [NONE, Reply.of(REPO)]
    assert github.read_file("o/r", "a", ref="main", max_bytes=5) is None


STATUS = {"context": "c", "state": "success", "description": "fine", "target_url": "https://x.example"}


def set_status(github, **changes):
    form = {"state": "success", "context": "c", "text": "fine", "url": "https://x.example"}
    github.set_status("o/r", "1" * 40, **form | changes)


def test_a_status_that_is_so_already_is_not_sent(github, script):
    script.replies = [Reply.of({"statuses": [STATUS], "total_count": 1})]
    set_status(github)
    assert len(script.seen) == 1


@pytest.mark.parametrize("change", [{"state": "failure"}, {"text": "better"}, {"url": "https://y.example"}])
def test_a_status_that_differs_is(github, script, change):
    script.replies = [Reply.of({"statuses": [STATUS], "total_count": 1}), Reply.of({}, 201)]
    set_status(github, **change)
    assert [seen.method for seen in script.seen] == ["GET", "POST"]


def test_a_statuss_text_is_as_long_as_github_takes(github, script):
    script.replies = [Reply.of({"statuses": [], "total_count": 0}), Reply.of({}, 201)]
    set_status(github, text="x" * 200)
    assert json.loads(script.seen[1].body)["description"] == "x" * 139 + "…"


@pytest.mark.parametrize(
    "body",
    [
        {"message": "No commit found for SHA: 111"},
        {"message": "Validation Failed", "errors": [{"message": "sha must be a 40 character SHA1"}]},
    ],
)
def test_a_commit_that_is_not_there(github, script, body):
    script.replies = [Reply.of(body, 422)]
    with pytest.raises(ForgeNotFound):
        set_status(github)


def test_a_status_too_many_is_no_missing_commit(github, script):
    script.replies = [
        Reply.of({"statuses": [], "total_count": 0}),
        Reply.of({"message": "This SHA and context has reached the maximum number of statuses."}, 422),
    ]
    with pytest.raises(ForgeError, match="maximum") as caught:
        set_status(github)
    assert not isinstance(caught.value, ForgeNotFound)


# --- addresses and credentials


def test_pages_for_people_are_at_the_public_address(script):
    github = GitHub(
        "https://github.example.com", TOKEN, api_url=script.url, public_url="https://git.example.com/"
    )
    script.replies = [Reply.of(ISSUE)]
    assert github.issue("o/r", 3).url == "https://git.example.com/o/r/issues/3"
    script.replies = [Reply.of(ISSUE | {"html_url": "https://github.example.com.evil/o/r"})]
    assert github.issue("o/r", 3).url == "https://github.example.com.evil/o/r"
    github.close()


def test_git_gets_the_token_as_a_password(github):
    access = github.git_access("o/r")
    expected = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert access.header == f"Authorization: Basic {expected}"


@pytest.mark.parametrize("repo", ["", "one", "a/b/c", "../x", "a/..", "./b"])
def test_a_name_that_is_no_repository(github, repo):
    for ask in (github.repo, github.git_access):
        with pytest.raises(ForgeError):
            ask(repo)


def test_who_we_are_is_remembered_for_ten_minutes(github, script, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("app.forges.github.api.time.monotonic", lambda: now[0])
    script.replies = [Reply.of(ALICE)]
    for _ in range(3):
        assert github.whoami() == ASKED
    assert len(script.seen) == 1
    now[0] += 600
    github.whoami()
    assert len(script.seen) == 2


def test_a_failure_to_say_who_we_are_is_not_remembered(github, script):
    script.replies = [*[Reply.of({}, 502)] * 3, Reply.of(ALICE)]
    with pytest.raises(ForgeUnavailable):
        github.whoami()
    assert github.whoami() == ASKED


@pytest.mark.parametrize("options", [{}, {"app_id": 1}, {"private_key": "x"}, {"token": "t", "app_id": 1}])
def test_there_is_one_way_to_sign_in(options):
    with pytest.raises(ValueError, match="app_id and private_key"):
        GitHub("https://github.com", **options)


def test_a_key_that_is_none():
    with pytest.raises(ValueError, match="PEM") as caught:
        GitHub("https://github.com", app_id=1, private_key="-----BEGIN RSA PRIVATE KEY-----\nsecretish\n")
    assert "secretish" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "abc def", "abc\n", "\nabc", "gh\u00e9", "abc\0"])
def test_a_token_that_is_none_is_not_quoted(token):
    with pytest.raises(ValueError, match="copy it again") as caught:
        GitHub("https://github.com", token)
    assert not token or token not in str(caught.value)
