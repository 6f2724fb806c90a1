from git_ops.conflict import Conflict, Hunk, HunkChoice, Reduced, Resolution
from git_ops.resolve.folding import answer, fold

HUNKS = tuple(Hunk(id=f"h{i}", base=b"", target=b"t%d\n" % i, agent=b"a%d\n" % i) for i in (1, 2, 3))
CONFLICT = Conflict(
    path="f",
    kind="content",
    paths=("f",),
    stages={},
    base=None,
    target=None,
    agent=None,
    between=(b"0", b"1", b"2", b"3"),
    hunks=HUNKS,
)


def test_folding_and_splicing_is_splicing():
    texts = {"h1": b"A", "h2": b"B", "h3": b"C"}
    for some in ({"h1"}, {"h2"}, {"h3"}, {"h1", "h3"}, {"h1", "h2", "h3"}, set()):
        rest = fold(CONFLICT, {hunk: texts[hunk] for hunk in some})
        assert [hunk.id for hunk in rest.hunks] == sorted(texts.keys() - some)
        assert rest.splice(texts) == CONFLICT.splice(texts) == b"0A1B2C3"


def test_answer_is_whole_or_smaller():
    choices = [HunkChoice(id=f"h{i}", text=b"X") for i in (1, 2, 3)]
    whole = answer(CONFLICT, choices, resolver="r", source="rule", why="w")
    assert isinstance(whole, Resolution)
    assert whole.content_at("f") == b"0X1X2X3"
    part = answer(CONFLICT, choices[:2], resolver="r", source="rule", why="w")
    assert isinstance(part, Reduced)
    assert (part.why, part.rest.hunks) == ("2 of 3 hunks: w", HUNKS[2:])
