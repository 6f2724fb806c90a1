from git_ops.conflict import Abstained, Conflict, Resolution, Side
from git_ops.resolve.chain import Chain, Settled, Unsettled


class Says:
    def __init__(self, name, answer):
        self.name = name
        self.answer = answer

    def resolve(self, conflict, context):
        return self.answer


SIDE = Side(mode="100644", oid="1" * 40, content=b"x\n")
CONFLICT = Conflict(path="f", kind="binary", paths=("f",), base=SIDE, target=SIDE, agent=SIDE)


def resolution(content):
    return Resolution(resolver="r", source="rule", why="because", content=content)


def test_first_answer_that_passes_counts():
    chain = Chain(
        [
            Says("shy", Abstained(why="no idea")),
            Says("liar", resolution(b"<<<<<<< x\n")),
            Says("good", resolution(b"x\n")),
            Says("late", resolution(b"y\n")),
        ]
    )
    settled = chain.settle(CONFLICT, None)
    assert isinstance(settled, Settled)
    assert settled.resolution.content == b"x\n"
    assert all(gate.passed for gate in settled.gates)


def test_reasons_are_kept():
    chain = Chain([Says("shy", Abstained(why="no idea")), Says("liar", resolution(b"=======\n"))])
    left = chain.settle(CONFLICT, None)
    assert isinstance(left, Unsettled)
    assert left.why == "shy: no idea; liar: refused by gate marker-lines: new line '======='"


def test_empty_chain_says_so():
    assert Chain([]).settle(CONFLICT, None).why == "no resolver is configured"
