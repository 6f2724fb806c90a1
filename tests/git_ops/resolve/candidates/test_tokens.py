import pytest

from git_ops.resolve.candidates.tokens import Tokens


@pytest.mark.parametrize(
    ("base", "target", "agent", "expected"),
    [
        (b"f(a, b)\n", b"g(a, b)\n", b"f(a, c)\n", b"g(a, c)\n"),
        (
            b"x = f(a)  # note\n",
            b"x = f(a, k=1)  # note\n",
            b"y = f(a)  # note\n",
            b"y = f(a, k=1)  # note\n",
        ),
        (b"one\ntwo\n", b"ONE\ntwo\n", b"one\nTWO\n", b"ONE\nTWO\n"),
        ("für alle\n".encode(), "für jeden\n".encode(), "Für alle\n".encode(), "Für jeden\n".encode()),
        (b"f\xfcr alle\n", b"f\xfcr jeden\n", b"F\xfcr alle\n", b"F\xfcr jeden\n"),
        (b"f(a, b)\n", b"g(a, b)\n", b"h(a, b)\n", None),
        (b"f(a)\n", b"f(a, b)\n", b"f(a, c)\n", None),
        (b"", b"x\n", b"y\n", None),
    ],
)
def test_edits_of_different_words(one_hunk, base, target, agent, expected):
    found = Tokens().propose(one_hunk(base, target, agent))
    assert found == ({} if expected is None else {"h1": expected})
