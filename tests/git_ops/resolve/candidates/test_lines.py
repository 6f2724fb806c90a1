import pytest

from git_ops.resolve.candidates.lines import Lines


@pytest.mark.parametrize(
    ("base", "target", "agent", "expected"),
    [
        (b"a\nb\n", b"A\nb\n", b"a\nB\n", b"A\nB\n"),
        (b"a\nb\nc\n", b"A\nb\nC\n", b"a\nB\nc\n", b"A\nB\nC\n"),
        (b"a\nb\n", b"b\n", b"a\nB\n", b"B\n"),
        (b"a\nb\n", b"A\nb\n", b"a\nnew\nb\n", b"A\nnew\nb\n"),
        (b"f(a)\n", b"@new\nf(a)\n", b"f(a,\n  b)\n", b"@new\nf(a,\n  b)\n"),
        (b"f(a)\n", b"f(a, b)\n", b"f(a)\nnew\n", b"f(a, b)\nnew\n"),
        (b"a\nb\n", b"new\na\nb\n", b"b\n", None),
        (b"a\nb\n", b"a\nnew\nb\n", b"x\n", None),
        (b"a\n", b"new\na\n", b"other\nA\n", b"new\nother\nA\n"),
        (b"a\n", b"b\n", b"c\n", None),
        (b"", b"b\n", b"c\n", None),
    ],
)
def test_neighbouring_lines(one_hunk, base, target, agent, expected):
    found = Lines().propose(one_hunk(base, target, agent))
    assert found == ({} if expected is None else {"h1": expected})
