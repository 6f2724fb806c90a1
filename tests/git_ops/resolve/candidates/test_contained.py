import pytest

from git_ops.resolve.candidates.contained import Contained


@pytest.mark.parametrize(
    ("base", "target", "agent", "expected"),
    [
        (b"", b"x\n", b"x\ny\n", b"x\ny\n"),
        (b"", b"w\nx\ny\n", b"w\ny\n", b"w\nx\ny\n"),
        (b"a\nb\n", b"b\n", b"", b""),  # both removed a line, one of them two
        (b"a\n", b"x\n", b"x\ny\n", b"x\ny\n"),
        (b"", b"x\ny\n", b"y\nx\nz\n", None),  # another order
        (b"a\n", b"x\n", b"a\nx\ny\n", None),  # the agent keeps what the target removed
        (b"", b"\n", b"\n\n", None),  # nothing said
        (b"", b"}\n", b"}\n}\n", None),
        (b"", b"x\n", b"y\n", None),
        (b"a\na\n", b"a\n", b"x\na\n", None),  # which of the two?
    ],
)
def test_the_larger_change(one_hunk, base, target, agent, expected):
    found = Contained().propose(one_hunk(base, target, agent))
    assert found == ({} if expected is None else {"h1": expected})
