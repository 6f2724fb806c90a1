import pytest

from git_ops.conflict import Hunk
from git_ops.resolve.answers import HunkAnswer
from git_ops.resolve.doubts import doubtful, is_protected, same_words_changed


def hunk(base, target, agent):
    return Hunk(id="h1", base=base, target=target, agent=agent)


def says(**different):
    usual = {
        "id": "h1", "decision": "resolve", "candidate": None, "lines": [], "kept_target": [], "kept_agent": [],
        "dropped": [], "why": "", "confidence": "sure",
    }  # fmt: skip
    return HunkAnswer.model_validate(usual | different)


BOTH_INSERT = hunk(b"", b"T\n", b"A\n")


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ((b"x = 10", b"x = 20", b"x = 30"), True),
        ((b"f(a, b)", b"f(a, b, t)", b"f(x, b)"), False),
        ((b"", b"T", b"A"), False),
        ((b"a\nb\n", b"", b"a\nc\n"), True),
        ((b"a b", b"c", b"c  "), False),
        ((b"a; b", b"a, b", b"a: b"), False),
    ],
    ids=["same-number", "other-words", "insertions", "deleted-and-edited", "same-result", "punctuation"],
)
def test_same_words(versions, expected):
    assert same_words_changed(hunk(*versions)) is expected


def test_sure_and_simple_is_no_doubt():
    assert not doubtful(BOTH_INSERT, says(), protected=False)


@pytest.mark.parametrize(
    ("answer", "protected"),
    [
        (says(confidence="unsure"), False),
        (says(dropped=[{"line": "A", "side": "agent", "why": "old"}]), False),
        (says(), True),
    ],
    ids=["unsure", "given-up", "protected"],
)
def test_doubt(answer, protected):
    assert doubtful(BOTH_INSERT, answer, protected=protected)


def test_protected_paths():
    assert is_protected("db/migrations/1.sql", ["*.lock", "db/*"])
    assert not is_protected("src/DB/x", ["db/*"])
    assert not is_protected("x", [])
