import pytest

from git_ops.resolve.candidates.whitespace import Whitespace


@pytest.mark.parametrize(
    ("base", "moved", "changed", "expected"),
    [
        # moved into a block; a new line moves along
        (b"a\n  b\n", b"    a\n      b\n", b"a\n  B\n  c\n", b"    a\n      B\n      c\n"),
        (b"a\nb\n", b"  a\n  b\n", b"a\n    c\nb\n", b"  a\n      c\n  b\n"),  # by what all lines moved
        (b"    a\n    b\n", b"a\nb\n", b"    a\n      c\n    b\n", b"a\n  c\nb\n"),  # and out of one
        (b"\ta\n\t\tb\n", b"    a\n        b\n", b"\ta\n\t\tB\n", b"    a\n        B\n"),  # tabs to blanks
        (b"a  \nb\n", b"a\nb\n", b"a  \nB\n", b"a\nB\n"),
        (
            b"\ta\n\t\tb\n",
            b"    a\n        b\n",
            b"\ta\n\t\t\tB\n",
            None,
        ),  # what three tabs become nobody said
        (b"  a\n  b\n", b"    a\n  b\n", b"  a\n  B\n", None),  # one indentation became two
        (b"a\n", b"b\n", b"c\n", None),
    ],
)
def test_blanks_on_one_side_content_on_the_other(one_hunk, base, moved, changed, expected):
    expected = {} if expected is None else {"h1": expected}
    assert Whitespace().propose(one_hunk(base, moved, changed)) == expected
    assert Whitespace().propose(one_hunk(base, changed, moved)) == expected


def test_trailing_blanks_do_not_make_a_conflict(one_hunk):
    base, target, agent = b"a \nb\nc\nd \n", b"A \nb\nc\nd\n", b"a\nb\nc\nD\n"
    assert Whitespace().propose(one_hunk(base, target, agent)) == {"h1": b"A \nb\nc\nD\n"}
