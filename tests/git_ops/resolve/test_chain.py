import pytest

from git_ops.conflict import Abstained, Conflict, File, Reduced, Resolution, Side
from git_ops.report import Spent
from git_ops.resolve.chain import Chain, Context, Settled, Unsettled

CONTEXT = Context(git=None, fork="f", onto="o", tip="t", merged_tree="m")
SIDE = Side(mode="100644", oid="1" * 40, content=b"x\n")


def conflict(path="f"):
    return Conflict(
        path=path,
        kind="binary",
        paths=(path,),
        stages={path: {1: SIDE, 2: SIDE, 3: SIDE}},
        base=SIDE,
        target=SIDE,
        agent=SIDE,
    )


class Says:
    """Gives the answers in turn, the last one for ever."""

    def __init__(self, name, *answers):
        self.name = name
        self.answers = list(answers)
        self.asked = []

    def resolve(self, conflict, context):
        self.asked.append((conflict.path, len(context.settled)))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Group:
    name = "group"

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.remembered = []

    def resolve_together(self, conflicts, context):
        self.asked.append(([one.path for one in conflicts], [one.conflict.path for one in context.settled]))
        return self.answers

    def remember(self, settled, *, commit):
        self.remembered.append((len(settled), commit))

    def spent(self):
        return Spent(requests=2, tokens=30, usd=0.5)


def takes(content=b"x\n", path="f"):
    return Resolution(
        resolver="r", source="rule", why="because", files={path: File(mode="100644", content=content)}
    )


SHY = Abstained(why="no idea")


def test_first_answer_that_passes_counts():
    late = Says("late", takes(b"y\n"))
    chain = Chain([Says("shy", SHY), Says("liar", takes(b"<<<<<<< x\n")), Says("good", takes()), late])
    (settled,) = chain.settle([conflict()], CONTEXT)
    assert isinstance(settled, Settled)
    assert settled.resolution.content_at("f") == b"x\n"
    assert all(gate.passed for gate in settled.gates)
    assert late.asked == []


def test_reasons_are_kept():
    chain = Chain([Says("shy", SHY), Says("liar", takes(b"=======\n"))])
    (left,) = chain.settle([conflict()], CONTEXT)
    assert isinstance(left, Unsettled)
    assert left.why.startswith("shy: no idea; liar: refused by gate marker-lines: ")


def test_empty_chain_says_so():
    assert Chain([]).settle([conflict()], CONTEXT)[0].why == "no resolver is configured"


def test_a_group_sees_what_is_left_and_what_is_settled():
    group = Group({"g": takes(path="g")})
    chain = Chain([Says("picky", takes(), SHY), group])
    outcomes = chain.settle([conflict("f"), conflict("g"), conflict("h")], CONTEXT)
    assert group.asked == [(["g", "h"], ["f"])]
    assert [type(outcome) for outcome in outcomes] == [Settled, Settled, Unsettled]
    assert outcomes[2].reasons == ("picky: no idea", "group: no answer")


def test_a_smaller_conflict_goes_on_through_the_chain():
    rest = conflict("new")
    names = Says("names", Reduced(resolver="names", why="it moved", files={"f": None}, rest=rest), SHY)
    chain = Chain([names, Says("text", takes(path="new"))])
    (settled,) = chain.settle([conflict()], CONTEXT)
    assert settled.conflict.path == "f"
    assert settled.resolution.files == {"f": None, "new": File(mode="100644", content=b"x\n")}
    assert settled.resolution.why == "names: it moved; because"
    assert [path for path, _ in names.asked] == ["f", "new"]


def test_a_group_is_asked_again_for_what_it_made_smaller():
    rest = conflict("new")
    group = Group(
        {
            "f": Reduced(resolver="group", why="it moved", files={"f": None}, rest=rest),
            "new": takes(path="new"),
        }
    )
    (settled,) = Chain([group]).settle([conflict()], CONTEXT)
    assert settled.resolution.files.keys() == {"f", "new"}
    assert [paths for paths, _ in group.asked] == [["f"], ["new"]]


def test_making_it_smaller_has_an_end():
    endless = Says("endless", Reduced(resolver="endless", why="smaller", files={}, rest=conflict()))
    (left,) = Chain([endless]).settle([conflict()], CONTEXT)
    assert "too often" in left.why


def test_who_keeps_answers_is_told_and_who_costs_is_counted():
    one, other = Group({}), Group({})
    chain = Chain([one, Says("x", SHY), other])
    chain.remember([], commit="c")
    assert one.remembered == other.remembered == [(0, "c")]
    assert chain.spent() == Spent(requests=4, tokens=60, usd=pytest.approx(1.0))
    assert Chain([]).spent() == Spent()
