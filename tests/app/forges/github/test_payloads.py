"""GitHub's published example payloads, read by the parsers; then the same, damaged in every way."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import event
from app.domain.event import (
    Account,
    CommentChanged,
    Commented,
    Event,
    Ignored,
    LabelsChanged,
    PullSynchronized,
    Pushed,
    ReviewCommented,
    Reviewed,
    StatusChanged,
    Thread,
    ThreadChanged,
    repo_of,
)
from app.domain.signature import is_signed
from app.forges.github.payloads import DIALECT, parse
from app.forges.payload import MAX_LABELS, MAX_TEXT
from tests.support.deliveries import SECRET, Delivery

SENT = {
    path.stem: Delivery.kept(path) for path in sorted((Path(__file__).parent / "deliveries").glob("*.json"))
}
ADA = Account(id=21031067, login="ada")
REPO = "ada/garden"


def event_of(name: str) -> Event:
    one = SENT[name]
    return parse(one.headers["x-github-event"], one.raw)


def issue(name: str, **changes) -> Thread:
    about = SENT[name].body["issue"]
    plain = {
        "repo": REPO,
        "number": 1,
        "title": "Spelling error in the README file",
        "body": "It looks like you accidently spelled 'commit' with two 't's.",
        "author": ADA,
        "labels": frozenset({"bug"}),
        "is_pull": False,
        "is_open": True,
        "updated_at": about["updated_at"],
        "default_branch": "master",
    }
    return Thread(**plain | changes)


def pull(name: str, **changes) -> Thread:
    about = SENT[name].body["pull_request"]
    plain = {
        "repo": REPO,
        "number": 2,
        "title": "Update the README with new information.",
        "body": "This is a pretty simple change that we need to pull into master.",
        "author": ADA,
        "labels": frozenset({"bug"}),
        "is_pull": True,
        "is_open": True,
        "updated_at": about["updated_at"],
        "default_branch": "master",
        "head_sha": about["head"]["sha"],
    }
    return Thread(**plain | changes)


def changed(what, thread):
    return ThreadChanged(actor=ADA, thread=thread, what=what)


def said(name, kind, when="today", **more):
    number, text = SENT[name].body["comment"]["id"], f"You are totally right! I'll get this fixed {when}."
    return kind(actor=ADA, thread=issue(name), comment_id=number, body=text, author=ADA, **more)


TABLE = {
    "branch-made": lambda name: Pushed(
        actor=ADA, repo=REPO, branch="master", before=None, after=SENT[name].body["after"]
    ),
    "comment-created": lambda name: said(name, Commented, "right away"),
    "comment-deleted": lambda name: said(name, CommentChanged, what="deleted"),
    "comment-edited": lambda name: said(name, CommentChanged, what="edited"),
    "issue-assigned": lambda name: Ignored(reason="the action 'assigned' asks nothing of us"),
    "issue-edited": lambda name: changed("edited", issue(name)),
    "issue-labelled": lambda name: LabelsChanged(actor=ADA, thread=issue(name)),
    "issue-opened": lambda name: changed("opened", issue(name, body="")),
    "issue-reopened": lambda name: changed("reopened", issue(name, body="")),
    "issue-unlabelled": lambda name: LabelsChanged(actor=ADA, thread=issue(name)),
    "line-comment-created": lambda name: ReviewCommented(
        actor=ADA,
        thread=pull(name),
        body="Maybe you should use more emoji on this line.",
        comment_id=284312630,
        path="README.md",
    ),
    "line-comment-deleted": lambda name: Ignored(reason="the action 'deleted' asks nothing of us"),
    "ping": lambda name: event.Tested(repo="gardeners/garden"),
    "ping-organisation": lambda name: event.Tested(repo=None),
    "pull-closed": lambda name: changed("closed", pull(name, is_open=False)),
    "pull-draft": lambda name: Ignored(reason="the action 'converted_to_draft' asks nothing of us"),
    "pull-labelled": lambda name: LabelsChanged(actor=ADA, thread=pull(name)),
    "pull-opened": lambda name: changed("opened", pull(name, body="")),
    "pull-reopened": lambda name: changed("reopened", pull(name)),
    "pull-synchronized": lambda name: PullSynchronized(actor=ADA, thread=pull(name)),
    "pull-unlabelled": lambda name: LabelsChanged(actor=ADA, thread=pull(name)),
    "review-dismissed": lambda name: Reviewed(
        actor=ADA,
        thread=pull(name, body=""),
        verdict="dismissed",
        body="",
        review_id=SENT[name].body["review"]["id"],
    ),
    "review-submitted": lambda name: Reviewed(
        actor=ADA, thread=pull(name), verdict="commented", body="", review_id=SENT[name].body["review"]["id"]
    ),
    "status": lambda name: StatusChanged(
        actor=ADA, repo=REPO, sha=SENT[name].body["sha"], context="default", state="success"
    ),
    "tag-deleted": lambda name: Ignored(reason="what was pushed is no branch"),
}


@pytest.mark.parametrize("name", SENT)
def test_what_was_done(name):
    assert event_of(name) == TABLE[name](name)


def test_every_kind_of_event_is_among_the_examples():
    assert {type(event_of(name)) for name in SENT} == {
        CommentChanged, Commented, Ignored, LabelsChanged, PullSynchronized, Pushed, ReviewCommented, Reviewed,
        StatusChanged, event.Tested, ThreadChanged,
    }  # fmt: skip


def changed_to(name: str, **changes) -> Event:
    """The example with other values at some paths, `issue__state`."""
    body = SENT[name].body
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = body
        for key in parents:
            place = place[key]
        place[last] = value
    return parse(SENT[name].headers["x-github-event"], json.dumps(body).encode())


@pytest.mark.parametrize(("action", "kind"), [("closed", "issue-edited"), ("edited", "pull-opened")])
def test_actions_that_no_example_shows(action, kind):
    found = changed_to(kind, action=action)
    assert isinstance(found, ThreadChanged)
    assert found.what == action


@pytest.mark.parametrize("state", ["approved", "changes_requested"])
def test_the_verdict_of_a_review(state):
    found = changed_to("review-submitted", review__state=state, review__body="Yes & no")
    assert isinstance(found, Reviewed)
    assert (found.verdict, found.body) == (state, "Yes & no")


def test_a_comment_on_a_pull_request():
    found = changed_to("comment-created", issue__pull_request={"merged_at": None})
    assert isinstance(found, Commented)
    assert (found.thread.is_pull, found.thread.head_sha) == (True, None)


def test_a_branch_that_is_removed():
    found = changed_to("branch-made", before="1" * 40, after="0" * 40)
    assert isinstance(found, Pushed)
    assert (found.before, found.after) == ("1" * 40, None)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("issue-opened", "issue"),
        ("comment-created", "issue"),
        ("pull-synchronized", "pull_request"),
        ("review-submitted", "pull_request"),
        ("line-comment-created", "pull_request"),
    ],
)
def test_a_thread_whose_authors_account_is_gone(name, place):
    found = changed_to(name, **{f"{place}__user": None})
    assert not isinstance(found, Ignored)
    assert found.thread.author == Account(id=0, login="ghost")


def test_what_is_signed_as_github_does_verifies():
    headers = DIALECT.sign("push", b"\x00{}", SECRET)
    assert is_signed(DIALECT.signature(headers), b"\x00{}", [SECRET])
    assert not is_signed(DIALECT.signature(headers), b"{}", [SECRET])
    assert DIALECT.event_name(headers) == "push"
    assert list(DIALECT.sign("", b"{}", SECRET)) == ["X-Hub-Signature-256"]


MALFORMED = {
    "issue-opened": [
        {"issue__number": 0},
        {"issue__number": True},
        {"issue__number": "1"},
        {"issue__number": 2**63},
        {"issue__user__id": -1},
        {"issue__user": []},
        {"issue__user__id": 1.5},
        {"issue__user__login": ""},
        {"issue__user__login": "a\nb"},
        {"issue__title": None},
        {"issue__body": "x" * (MAX_TEXT + 1)},
        {"issue__body": "a\0b"},
        {"issue__labels": None},
        {"issue__labels": [{"name": "x"}] * (MAX_LABELS + 1)},
        {"issue__labels": [{}]},
        {"issue__state": "limbo"},
        {"sender": None},
        {"repository": []},
        {"repository__full_name": "../etc"},
        {"repository__full_name": "a/.."},
        {"repository__full_name": "a/b/c"},
        {"repository__full_name": "a/b\n"},
        {"repository__default_branch": ""},
        {"action": None},
        {"comment": {"id": 1}},
    ],
    "comment-created": [{"comment": None}, {"comment__body": 3}, {"comment__user": None}],
    "pull-synchronized": [
        {"pull_request__head": None},
        {"pull_request__head__sha": "HEAD"},
        {"pull_request__head__sha": ""},
        {"review": {"id": 1}},
    ],
    "review-submitted": [{"review__state": "enthusiastic"}, {"review__id": 0}],
    "line-comment-created": [{"comment__path": None}],
    "branch-made": [{"after": "no"}, {"ref": None}, {"ref": "a\0"}, {"before": None}],
    "status": [{"state": "warning"}, {"sha": "x"}, {"context": None}],
    "ping": [{"hook_id": None}, {"repository": {"full_name": 1}}],
}


@pytest.mark.parametrize(
    ("name", "changes"), [(name, one) for name, several in MALFORMED.items() for one in several]
)
def test_what_is_malformed_is_ignored_with_the_reason(name, changes):
    found = changed_to(name, **changes)
    assert isinstance(found, Ignored)
    assert found.reason.startswith("not usable: ")
    assert len(found.reason) < 200


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"1", b"{", b"\xff", b'{"a": "\\ud800"}', b"[" * 100_000, b'{"action":' * 50_000],
)
@pytest.mark.parametrize("name", ["issues", "push", "ping", "", "x\n", "member"])
def test_what_is_no_payload(name, body):
    assert isinstance(parse(name, body), Ignored)


@pytest.mark.parametrize("name", SENT)
def test_a_payload_under_another_events_name_does_nothing(name):
    """The name isn't signed: who could change it must gain nothing."""
    own = SENT[name].headers["x-github-event"]
    for other in {one.headers["x-github-event"] for one in SENT.values()} - {own}:
        assert isinstance(parse(other, SENT[name].raw), Ignored), other


@pytest.mark.parametrize("kind", ["pull_request_review", "pull_request_review_comment"])
def test_an_edited_review_is_no_edited_pull_request(kind):
    name = next(name for name, one in SENT.items() if one.headers["x-github-event"] == kind)
    body = json.dumps(SENT[name].body | {"action": "edited"}).encode()
    assert isinstance(parse("pull_request", body), Ignored)
    assert isinstance(parse(kind, body), Ignored)


# --- damaged payloads

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", "\0", "x" * (MAX_TEXT + 1), 2**63, -1, 0, [], {}, [[]], {"id": {}}, "\ud800", "a/b"]
    ),
    st.lists(st.integers(), max_size=3),
)


def places(value, path=()):
    """Every path into a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


PLACES = {name: [path for path in places(one.body) if path] for name, one in SENT.items()}


@st.composite
def damaged(draw):
    """An example with one to three values gone, or replaced by something else."""
    name = draw(st.sampled_from(sorted(SENT)))
    body = copy.deepcopy(SENT[name].body)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(PLACES[name]))
        place = body
        try:
            for key in path[:-1]:
                place = place[key]
            if draw(st.booleans()):
                del place[path[-1]]
            else:
                place[path[-1]] = draw(ODD)
        except (KeyError, IndexError, TypeError):
            continue  # what was above it is gone already
    return SENT[name].headers["x-github-event"], body


def held_to_its_type(found: Event) -> None:
    """What every consumer relies on."""
    if isinstance(found, Ignored):
        assert found.reason.isprintable()
        assert len(found.reason) < 200
        return
    repo = repo_of(found)
    assert repo is None or repo.count("/") == 1
    for account in (getattr(found, "actor", None), getattr(found, "author", None)):
        assert account is None or (type(account.id) is int and 1 <= account.id < 2**63)
    thread = getattr(found, "thread", None)
    if thread is not None:
        assert type(thread.number) is int
        assert 1 <= thread.number < 2**63
        assert max(len(thread.title), len(thread.body)) <= MAX_TEXT


@settings(max_examples=400)
@given(damaged())
def test_a_damaged_payload_is_an_event_or_ignored(case):
    name, body = case
    held_to_its_type(parse(name, json.dumps(body).encode()))


@settings(max_examples=400)
@given(st.sampled_from(sorted(SENT)), st.data())
def test_damaged_bytes_are_an_event_or_ignored(name, data):
    raw = bytearray(SENT[name].raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    held_to_its_type(parse(SENT[name].headers["x-github-event"], bytes(raw)))


# --- the dialect


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("case", [str, str.lower, str.upper, str.title])
def test_every_delivery_verifies_whatever_the_headers_letter_case(name, case):
    one = SENT[name]
    headers = {case(key): value for key, value in one.headers.items()}
    claimed = DIALECT.signature(headers)
    assert is_signed(claimed, one.raw, ["another", SECRET])
    assert not is_signed(claimed, one.raw + b" ", [SECRET])
    assert DIALECT.event_name(headers) == one.headers["x-github-event"]
    assert DIALECT.delivery_id(headers) == one.headers["x-github-delivery"]


GOOD = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "claimed",
    ["", "sha256=", GOOD, f"sha1={GOOD}", f"SHA256={GOOD}", f"sha256={GOOD.upper()}", f"sha256={GOOD}\n",
     f" sha256={GOOD}", f"sha256={GOOD}0", f"sha256={GOOD[1:]}", f"sha256=sha256={GOOD}"],
)  # fmt: skip
def test_what_is_no_signature(claimed):
    assert DIALECT.signature({"X-Hub-Signature-256": claimed}) == ""


def test_the_signature_is_the_bare_hex():
    assert DIALECT.signature({"X-HUB-Signature-256": f"sha256={GOOD}"}) == GOOD


def test_only_githubs_own_headers_are_read():
    others = {"X-Hub-Signature": f"sha1={GOOD}", "X-Gitea-Signature": GOOD, "X-Gitea-Event": "push"}
    assert (DIALECT.signature(others), DIALECT.event_name(others), DIALECT.delivery_id(others)) == (
        "",
        "",
        "",
    )
