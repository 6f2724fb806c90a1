"""What anybody might send instead of what real forges sent: whatever it is, an event within bounds comes out.

`FORGEHAND_TEST_EXAMPLES` sets how many payloads each property is tried on.
"""

import dataclasses
import json
import os
import re
import typing

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.domain import event
from app.domain.event import Ignored
from app.forges.gitea_family.payloads import _PARSERS, parse
from app.forges.payload import MAX_LABELS, MAX_TEXT
from tests.support.deliveries import kept
from tests.support.mutation import MARK, Change, changed, changes, places

MANY = settings(
    max_examples=int(os.environ.get("FORGEHAND_TEST_EXAMPLES", "1000")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SENT = dict(kept("gitea", "forgejo"))
BODIES = {name: one.body for name, one in SENT.items()}
PLACES = [(name, path) for name, body in BODIES.items() for path in places(body)]
READ = {"repository", "sender", "issue", "pull_request", "comment", "review", "action", "is_pull"}
FLAT = {"full_name", "default_branch", "id", "login", "user", "labels", "name", "number", "title", "body", "state",
        "updated_at", "head", "sha", "type", "content", "ref", "before", "after", "total_commits", "context",
        "ref_type", "pusher_type", "original_author", "original_author_id"}  # fmt: skip
USED = [
    (name, path) for name, path in PLACES if all(isinstance(key, int) or key in READ | FLAT for key in path)
]
"""Places that a parser looks at, or near them: most of a payload is never read."""

BRANCH = r"[^\x00-\x1f\x7f]{1,1000}"
HASH = r"[0-9a-f]{40}|[0-9a-f]{64}"
PATTERNS = {
    "repo": r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}",
    "login": r"[^\x00-\x1f\x7f\u202e\u2028]{1,255}",
    "branch": BRANCH,
    "default_branch": BRANCH,
    "updated_at": r"[^\x00-\x1f\x7f]{0,64}",
    "sha": HASH,
    "head_sha": HASH,
    "before": HASH,
    "after": HASH,
}


def assert_sound(value, *, is_thread_author=False) -> None:
    """Every field has the type that its class says, and no more in it than the events promise.

    Only who wrote the thread may be an account that is gone.
    """
    hints = typing.get_type_hints(type(value))
    for one in dataclasses.fields(value):
        found = getattr(value, one.name)
        assert_type(found, hints[one.name])
        if dataclasses.is_dataclass(found):
            assert_sound(found, is_thread_author=isinstance(value, event.Thread) and one.name == "author")
        elif isinstance(found, str):
            assert len(found) <= MAX_TEXT
            assert "\0" not in found
            found.encode()  # no lone surrogate
            if one.name in PATTERNS:
                assert re.fullmatch(PATTERNS[one.name], found), one.name
        elif isinstance(found, int) and not isinstance(found, bool):
            assert (-(2**63) if is_thread_author else 1) <= found < 2**63
        elif isinstance(found, frozenset):
            assert len(found) <= MAX_LABELS
            assert all(isinstance(label, str) for label in found)
    if "repo" in hints and value.repo is not None:
        assert not {".", ".."} & {*value.repo.split("/")}


def assert_type(found, hint) -> None:
    if typing.get_origin(hint) is typing.Literal:
        assert found in typing.get_args(hint)
    elif typing.get_origin(hint) is frozenset:
        assert type(found) is frozenset
    else:
        kinds = typing.get_args(hint) or (hint,)
        assert type(found) in kinds


def heard(name: str, raw: bytes) -> event.Event:
    found = parse(name, raw)
    assert isinstance(found, event.Event)
    assert_sound(found)
    if isinstance(found, Ignored):
        assert 0 < len(found.reason) <= 200
        assert found.reason.isprintable()
    return found


@MANY
@given(st.sampled_from(PLACES), changes)
def test_one_place(place, change):
    name, path = place
    found = heard(SENT[name].event, changed(BODIES[name], [(path, change)]))
    if isinstance(found, Ignored) and MARK in found.reason:
        assert path[-1] in {"action", "type"}  # their names are told, as much of them as fits


@MANY
@given(st.sampled_from(USED), st.data(), changes, changes)
def test_two_places_that_are_read(place, data, change, another):
    name, path = place
    other = data.draw(st.sampled_from([other for other_name, other in USED if other_name == name]))
    heard(SENT[name].event, changed(BODIES[name], [(path, change), (other, another)]))


@MANY
@given(st.sampled_from(USED), changes, st.sampled_from(sorted(_PARSERS)))
def test_under_another_name(place, change, event_name):
    name, path = place
    heard(event_name, changed(BODIES[name], [(path, change)]))


@MANY
@given(st.sampled_from(sorted(SENT)), st.integers(min_value=0), st.binary(max_size=4))
def test_bytes_overwritten_or_cut_off(name, at, instead):
    raw = SENT[name].raw
    at %= len(raw)
    for damaged in (raw[:at], raw[:at] + instead + raw[at + len(instead) :]):
        heard(SENT[name].event, damaged)


@MANY
@given(st.sampled_from(sorted(_PARSERS)), st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example("issues", b'{"action": "opened"}')
def test_no_payload_at_all(name, raw):
    assert isinstance(heard(name, raw), Ignored)


@MANY
@given(st.text(max_size=80), st.sampled_from(sorted(SENT)))
def test_an_event_that_we_do_not_know(event_name, name):
    if event_name not in _PARSERS:
        assert isinstance(heard(event_name, SENT[name].raw), Ignored)


@pytest.mark.parametrize("name", SENT)
def test_each_payload_is_only_taken_for_what_it_is(name):
    one = SENT[name]
    wanted = parse(one.event, one.raw)
    for other in _PARSERS:
        same = _PARSERS[other] is _PARSERS.get(one.event)
        found = heard(other, one.raw)
        assert found == wanted if same else isinstance(found, Ignored), other


@pytest.mark.parametrize(
    "name", [name for name, one in SENT.items() if not isinstance(parse(one.event, one.raw), Ignored)]
)
def test_nothing_needed_can_be_missing_or_null(name):
    """Of what an event is made from, no field can be left out without a word."""
    one = SENT[name]
    needed = [("repository", "full_name"), ("sender", "id"), ("sender", "login")]
    for subject in ("issue", "pull_request", "comment"):
        if subject in one.body and not (subject == "pull_request" and "comment" in one.body):
            needed += [(subject, "user", "id"), (subject, "user", "login"), (subject, "body")]
    needed += [("action",)] if "action" in one.body else []
    for path in needed:
        for change in (Change(None), Change("null"), Change("[]"), Change("1.5"), Change('"\\u0000"')):
            if change.raw == "null" and path in {("issue", "body"), ("pull_request", "body")}:
                continue  # an empty text may be null
            assert isinstance(heard(one.event, changed(one.body, [(path, change)])), Ignored), (path, change)


ISSUE = BODIES["gitea-1.22/issue-labelled"]
MIB = 2**20


def labelled(labels: list[object]) -> bytes:
    return changed(ISSUE, [(("issue", "labels"), Change(json.dumps(labels)))])


HUGE = {
    "nested lists": lambda: b"[" * (5 * MIB),
    "nested objects": lambda: b'{"a":' * MIB,
    "a nested field": lambda: changed(ISSUE, [(("issue", "assets"), Change("[" * MIB + "]" * MIB))]),
    "many small lists": lambda: b'{"x":[' + b"[]," * MIB + b"[]]}",
    "blanks": lambda: b" " * (5 * MIB),
    "a long number": lambda: b"7" * (5 * MIB),
    "a long number as an id": lambda: changed(ISSUE, [(("issue", "number"), Change("7" * 5 * MIB))]),
    "a long key": lambda: b'{"' + b"k" * (5 * MIB) + b'":1}',
    "many wrong labels": lambda: labelled([{}] * 100_000),
    "many labels": lambda: labelled([{"name": f"label {n}"} for n in range(100_000)]),
    "many keys": lambda: b"{" + b",".join(b'"k%d":1' % n for n in range(300_000)) + b"}",
    "one key often": lambda: b"{" + b'"sender":1,' * 300_000 + b'"sender":1}',
    "a long text": lambda: changed(ISSUE, [(("issue", "body"), Change(f'"{"x" * 5 * MIB}"'))]),
    "a long action": lambda: changed(ISSUE, [(("action",), Change(f'"{"x" * 5 * MIB}"'))]),
    "a long name": lambda: changed(ISSUE, [(("sender", "login"), Change(f'"{"x" * 5 * MIB}"'))]),
    "a long repository": lambda: changed(
        ISSUE, [(("repository", "full_name"), Change(f'"a/{"x" * 5 * MIB}"'))]
    ),
}


@pytest.mark.parametrize("what", HUGE)
@pytest.mark.timeout(20)
def test_huge_payloads_are_ignored(what):
    assert isinstance(heard("issue_label", HUGE[what]()), Ignored)


def test_what_is_huge_and_never_read_changes_nothing():
    one = SENT["gitea-1.22/issue-labelled"]
    raw = changed(ISSUE, [(("repository", "description"), Change(f'"{"x" * 4 * MIB}"'))])
    assert heard(one.event, raw) == parse(one.event, one.raw)


@pytest.mark.parametrize(
    "name", ["gitea-1.22/issue-labelled", "forgejo-10/pull-opened", "gitea-1.22/hook-tested"]
)
@pytest.mark.parametrize("how", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_is_utf8_without_a_mark(name, how):
    """RFC 8259, section 8.1: what is exchanged is UTF-8, and nobody adds a byte order mark."""
    one = SENT[name]
    raw = one.raw.decode().encode(how)
    assert isinstance(heard(one.event, raw), Ignored)


def test_the_last_of_two_keys_counts():
    """As in the forges' own language; what matters is that it is one of them, whole."""
    raw = changed(ISSUE, [(("sender",), Change('{"id":77,"login":"eve"}', twice=True))])
    found = heard("issue_label", raw)
    assert isinstance(found, event.LabelsChanged)
    assert found.actor == event.Account(id=77, login="eve")


@pytest.mark.parametrize("name", ["issue-labelled", "odd-issue-opened", "issue-comment-created"])
@pytest.mark.parametrize("field", [("original_author", '"octocat"'), ("original_author_id", "583231")])
def test_imported_text_is_by_nobody_we_know(name, field):
    """Gitea shows imported text under the account that imported it: often the owner, who never wrote it."""
    one, (key, raw) = SENT[f"gitea-1.22/{name}"], field
    subject = "comment" if "comment" in one.body else "issue"
    found = heard(one.event, changed(one.body, [((subject, key), Change(raw))]))
    assert isinstance(found, Ignored)
    assert "imported" in found.reason
    assert "octocat" not in found.reason


@pytest.mark.parametrize("account_id", [0, -1, -2, -(2**63)])
@pytest.mark.parametrize("who", [("sender",), ("comment", "user")])
def test_deleted_accounts_and_the_forges_own(account_id, who):
    one = SENT["gitea-1.22/issue-comment-created"]
    found = heard(one.event, changed(one.body, [((*who, "id"), Change(str(account_id)))]))
    assert isinstance(found, Ignored)
    assert "deleted account or one of the forge's own" in found.reason


@pytest.mark.parametrize("ref", ["refs/heads/", "refs/tags/v1", "refs/for/main", "main", "refs/heads"])
def test_only_branches_are_pushed(ref):
    one = SENT["gitea-1.22/main-pushed"]
    found = heard("push", changed(one.body, [(("ref",), Change(json.dumps(ref)))]))
    assert found == Ignored(reason="what was pushed is no branch")


@pytest.mark.parametrize("ref", ["refs/heads/a/b", "a/b"])
def test_a_deleted_branch_may_be_told_by_its_whole_ref(ref):
    one = SENT["gitea-1.22/branch-deleted"]
    found = heard("delete", changed(one.body, [(("ref",), Change(json.dumps(ref)))]))
    assert isinstance(found, event.Pushed)
    assert found.branch == "a/b"


@pytest.mark.parametrize("commits", [0, 2])
def test_a_push_that_moved_nothing_is_no_test_unless_it_counts_one_commit(commits):
    one = SENT["gitea-1.22/hook-tested"]
    found = heard("push", changed(one.body, [(("total_commits",), Change(str(commits)))]))
    assert isinstance(found, event.Pushed)
    assert found.before == found.after is not None


@pytest.mark.parametrize("name", ["issue-labelled", "pull-labelled"])
def test_unlabelled_threads_may_have_null_for_labels(name):
    one = SENT[f"gitea-1.22/{name}"]
    subject = "issue" if "issue" in one.body else "pull_request"
    found = heard(one.event, changed(one.body, [((subject, "labels"), Change("null"))]))
    assert isinstance(found, event.LabelsChanged)
    assert found.thread.labels == frozenset()
