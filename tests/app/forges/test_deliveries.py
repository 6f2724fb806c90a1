"""Deliveries that a real Gitea 1.22 sent, read by the parsers; and what anybody might send instead."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.event import Account, Commented, Event, Ignored, LabelsChanged, Thread
from app.domain.signature import is_signed
from app.forges.gitea.payloads import DIALECT
from app.forges.gitea_family.payloads import parse
from tests.support.deliveries import KEPT, SECRET, Delivery, encoded

SENT = {path.stem: Delivery.kept(path) for path in sorted(KEPT.glob("*.json"))}
LABELS = {
    "issue-opened": set(),
    "issue-labelled": {"agent"},
    "issue-unlabelled-by-bot": set(),
    "issue-labels-cleared": set(),
    "issue-opened-with-label": {"agent"},
}
COMMENTS = {"issue-comment-created": False, "pull-comment-created": True}


def read(one: Delivery) -> Event:
    return parse(DIALECT.event_name(one.headers), one.raw)


@pytest.mark.parametrize("name", SENT)
def test_every_delivery_is_signed(name):
    one = SENT[name]
    claimed = DIALECT.signature(one.headers)
    assert is_signed(claimed, one.raw, [SECRET])
    assert not is_signed(claimed, one.raw + b" ", [SECRET])


@pytest.mark.parametrize("name", SENT)
def test_every_delivery_means_what_was_done(name):
    kind = LabelsChanged if name in LABELS else Commented if name in COMMENTS else Ignored
    event = read(SENT[name])
    assert isinstance(event, kind)
    assert "malformed" not in getattr(event, "reason", "")


@pytest.mark.parametrize(("name", "labels"), LABELS.items())
def test_what_labels_an_issue_has_afterwards(name, labels):
    event = read(SENT[name])
    assert isinstance(event, LabelsChanged)
    assert event.thread.labels == labels
    assert event.actor.login == ("robot" if name.endswith("by-bot") else "ada")


def test_an_issue_that_was_labelled():
    payload = SENT["issue-labelled"].body
    ada = Account(id=payload["sender"]["id"], login="ada")
    assert read(SENT["issue-labelled"]) == LabelsChanged(
        actor=ada,
        thread=Thread(
            repo="ada/garden",
            number=1,
            title="A title",
            body="<b>Two</b>\nlines & ünicode",
            author=ada,
            labels=frozenset({"agent"}),
            is_pull=False,
            is_open=True,
            updated_at=payload["issue"]["updated_at"],
            default_branch="main",
        ),
    )


@pytest.mark.parametrize(("name", "is_pull"), COMMENTS.items())
def test_a_comment(name, is_pull):
    event = read(SENT[name])
    assert isinstance(event, Commented)
    assert (event.body, event.author.login, event.actor.login) == ("@agent <please>", "ada", "ada")
    assert event.comment_id == SENT[name].body["comment"]["id"]
    assert (event.thread.is_pull, event.thread.is_open, event.thread.repo) == (is_pull, True, "ada/garden")


def places(value, path=()):
    """The path of every field and item."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield (*path, key)
        yield from places(one, (*path, key))


READ = [SENT[name] for name in (*LABELS, *COMMENTS)]
READ_PLACES = [(one, path) for one in READ for path in places(one.body)]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from([2**63, -1, 0, "x" * 300_000, "../..", "a/b", {}, [], [None], {"id": 1}, [[[]]], 1e400]),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@settings(deadline=None)
@given(st.sampled_from(READ_PLACES), ODD, st.booleans())
def test_a_delivery_with_something_else_in_it_breaks_nothing(place, odd, gone):
    one, path = place
    body = copy.deepcopy(one.body)
    target = body
    for key in path[:-1]:
        target = target[key]
    if gone:
        del target[path[-1]]
    else:
        target[path[-1]] = odd
    event = read(Delivery(one.headers, encoded(body)))
    assert isinstance(event, LabelsChanged | Commented | Ignored)
    if isinstance(event, LabelsChanged | Commented):
        assert isinstance(event.actor.id, int)
        assert event.thread.repo.count("/") == 1


@settings(deadline=None)
@given(st.sampled_from(READ), st.integers(min_value=0), st.binary(max_size=4))
def test_a_delivery_that_was_cut_or_overwritten_breaks_nothing(one, at, bytes_instead):
    at %= len(one.raw)
    for raw in (one.raw[:at], one.raw[:at] + bytes_instead + one.raw[at + len(bytes_instead) :]):
        assert isinstance(read(Delivery(one.headers, raw)), LabelsChanged | Commented | Ignored)


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b"1", b'""', b"{}", b"\xff", b"[" * 100_000, b'{"action": "opened"}']
)
@pytest.mark.parametrize(
    "event", ["issues", "issue_label", "issue_comment", "pull_request_comment", "push", "", "x"]
)
def test_what_is_no_delivery_at_all(event, raw):
    assert isinstance(parse(event, raw), Ignored)


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("event", ["issues", "issue_label", "issue_comment", "pull_request_comment"])
def test_a_delivery_under_another_name_is_never_an_error(name, event):
    found = parse(event, SENT[name].raw)
    assert isinstance(found, Ignored) or name in {*LABELS, *COMMENTS, "issue-closed"}
