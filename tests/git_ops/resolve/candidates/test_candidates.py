"""What holds for every method, and for all of them together."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_ops.resolve.candidates import METHODS, candidates_of

LINES = st.sampled_from(
    [
        b"a = 1\n",
        b"a = 2\n",
        b"  a = 1\n",
        b"a = 1 \n",
        b"import x\n",
        b"import y\n",
        b"- entry\n",
        b"- more\n",
        b"}\n",
        b"\n",
    ]
)
TEXTS = st.lists(LINES, max_size=6).map(b"".join)
ODD = st.binary(max_size=40)
PATHS = st.sampled_from(["f", "f.py", "CHANGES.md", "f.json", "f.toml", "f.yml", "f.js", "-x", "a\udcff.go"])
ANY = st.one_of(TEXTS, ODD)
EVERY = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


def test_names_are_unique_and_families_are_fewer():
    assert len({method.name for method in METHODS}) == len(METHODS)
    assert {method.family for method in METHODS if method.name in {"lines", "patience"}} == {"lines"}


@EVERY
@given(path=PATHS, texts=st.tuples(ANY, ANY, ANY))
def test_no_method_raises_or_answers_what_was_not_asked(method, one_hunk, path, texts):
    assert set(method.propose(one_hunk(*texts, path))) <= {"h1"}


@EVERY
@given(path=PATHS, base=TEXTS, side=TEXTS)
def test_where_one_side_changed_nothing_the_other_one_counts(method, one_hunk, path, base, side):
    for target, agent in ((base, side), (side, base), (side, side)):
        assert method.propose(one_hunk(base, target, agent, path)).get("h1", side) == side


@EVERY
@given(path=PATHS, texts=st.tuples(TEXTS, TEXTS, TEXTS))
def test_nobody_invents_a_line_but_out_of_tokens(method, one_hunk, path, texts):
    text = method.propose(one_hunk(*texts, path)).get("h1", b"")
    known = {line.strip() for side in texts for line in side.splitlines()}
    assert method.name == "tokens" or {line.strip() for line in text.splitlines()} <= known


def test_candidates_come_in_order_and_are_kept(one_hunk):
    conflict = one_hunk(b"a\nb\n", b"A\nb\n", b"a\nB\n")
    found = candidates_of(conflict)
    assert [one.name for one in found] == ["lines", "tokens"]
    assert all(one.texts == {"h1": b"A\nB\n"} for one in found)
    assert candidates_of(dataclasses.replace(conflict, message="other words")) is found
    assert candidates_of(dataclasses.replace(conflict, path="other")) is not found


def test_what_has_no_text_has_no_candidates(one_hunk):
    assert candidates_of(dataclasses.replace(one_hunk(b"", b"t", b"a"), hunks=(), between=())) == ()


HOSTILE = {
    "f": [b"".join(b"%d\n" % (i * i % prime) for i in range(4_000)) for prime in (97, 89, 83)],
    "f.rs": [b"use " + side + b" " * 60_000 for side in (b"a", b"b", b"c")],
    "f.js": [b"const " + side + b" a" * 40_000 for side in (b"a", b"b", b"c")],
    "f.yml": [b"[" * size for size in (7_000, 7_001, 7_002)],
    "f.json": [b'{"a":' * size for size in (12_000, 12_001, 12_002)],
    "f.toml": [b"a = " + b"[" * size for size in (9_000, 9_001, 9_002)],
    "CHANGES": [b"", b"- " + b" " * 60_000 + b"\n", b"- " + b"\t" * 60_000 + b"\n"],
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_texts_come_to_an_end(one_hunk, path):
    """The time limit is far from what they take; without bounds some would take minutes."""
    found = candidates_of(one_hunk(*HOSTILE[path], path))
    assert not {"imports", "structured", "tokens", "lines"} & {one.name for one in found}
