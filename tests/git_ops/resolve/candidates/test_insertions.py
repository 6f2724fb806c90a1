import pytest

from git_ops.resolve.candidates.insertions import Insertions


@pytest.mark.parametrize(
    ("base", "target", "agent", "expected"),
    [
        (b"", b"t\n", b"a\n", b"t\na\n"),
        (b"x\n", b"x\nt\n", b"x\na\n", b"x\nt\na\n"),
        (b"x\n", b"x\nt\n", b"a\nx\n", b"a\nx\nt\n"),
        (b"", b"t", b"a", b"t\na"),
        (b"x\n", b"t\n", b"x\na\n", None),
    ],
)
def test_nobody_removed_anything(one_hunk, base, target, agent, expected):
    found = Insertions().propose(one_hunk(base, target, agent))
    assert found == ({} if expected is None else {"h1": expected})
