import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_ops.resolve.candidates.sequences import (
    MAX_ITEMS,
    backwards,
    edits,
    merge,
    merge_surely,
    myers,
    patience,
)

ITEMS = st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"1", b"2", b"3"]), max_size=14)
ALIGNERS = pytest.mark.parametrize("align", [myers, backwards, patience])


def words(text):
    return text.encode().split()


@ALIGNERS
@given(a=ITEMS, b=ITEMS)
def test_blocks_are_equal_and_in_order(align, a, b):
    blocks = align(a, b)
    assert all(a[i : i + n] == b[j : j + n] and n for i, j, n in blocks)
    assert all(x[0] + x[2] <= y[0] and x[1] + x[2] <= y[1] for x, y in itertools.pairwise(blocks))


def longest_common(a, b):
    row = [0] * (len(b) + 1)
    for x in a:
        above, row = row, [0]
        for j, y in enumerate(b):
            row.append(above[j] + 1 if x == y else max(above[j + 1], row[j]))
    return row[-1]


@given(a=ITEMS, b=ITEMS)
def test_myers_is_the_shortest_way(a, b):
    assert sum(n for _, _, n in myers(a, b)) == longest_common(a, b)


@ALIGNERS
@given(a=ITEMS, b=ITEMS)
def test_edits_turn_the_base_into_the_side(align, a, b):
    found = edits(a, b, align)
    assert merge(a, found, ()) == merge(a, (), found) == merge(a, found, found) == b
    assert edits(a, a, align) == ()


@given(a=ITEMS, b=ITEMS, c=ITEMS)
def test_merges_are_symmetric_and_invent_nothing(a, b, c):
    merged = merge_surely(a, b, c)
    assert merged == merge_surely(a, c, b)
    assert merged is None or set(merged) <= {*a, *b, *c}


@pytest.mark.parametrize(
    ("base", "target", "agent", "strict", "apart"),
    [
        ("a b c d", "a B c d", "a b c D", "a B c D", "a B c D"),
        ("a b c d", "a B c d", "a b C d", None, "a B C d"),
        ("a b c d", "a c d", "a b C d", None, "a C d"),
        ("a b c d", "a B c d", "a b x c d", None, "a B x c d"),
        ("a b c d", "a c d", "a b x c d", None, None),  # beside what?
        ("a b c d", "a x b c d", "a y b c d", None, None),
        ("a b c d", "a x b c d", "a x b c d", "a x b c d", "a x b c d"),
        ("a b c d", "a X c d", "a Y c d", None, None),
        ("a b c d", "a d", "a B c d", None, None),
    ],
)
def test_what_concerns_each_other(base, target, agent, strict, apart):
    texts = [words(text) for text in (base, target, agent)]
    assert merge_surely(*texts) == (words(strict) if strict else None)
    assert merge_surely(*texts, touching="apart") == (words(apart) if apart else None)


def test_both_may_insert_where_that_is_asked_for():
    texts = [words(text) for text in ("a b", "a x b", "a y b")]
    assert merge_surely(*texts, both_insert=True) == words("a x y b")


def test_an_alignment_that_is_a_guess_is_no_answer():
    """Whether the agent replaced `old` or moved `y` up can't be told; it matters to what the target did to `y`."""
    base, target, agent = words("a old y z"), words("a old NEW z"), words("a y y z")
    ours, theirs = edits(base, target, backwards), edits(base, agent, backwards)
    assert merge(base, ours, theirs, touching="apart") == words("a y NEW z")
    assert merge_surely(base, target, agent, touching="apart") is None


@ALIGNERS
def test_work_is_bounded(align):
    a = [b"%d" % (i * i % 7) for i in range(MAX_ITEMS // 2)]
    b = [b"%d" % (i * i * i % 11) for i in range(MAX_ITEMS // 2)]
    assert edits(a, b, align) is None
    assert edits(a, [*a, b"x"], align) is None  # one too many
    edits(a, b[::-1], align)  # ends, however different they are
