import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_ops.verify.changes import faults


def lost(base, target, agent, result, dropped=()):
    return list(faults(base, target, agent, result, dropped))


@pytest.mark.parametrize("one_side", [b"old = 2\n", b"old = 1\nnew = 3\n", b"old = 1\n", b""])
def test_one_side_only_is_caught(case, one_side):
    assert case.failed(case.hunk(one_side)) == ["changes-preserved"]


def test_the_side_and_the_line_are_named(case):
    gate = case.gates(case.hunk(b"old = 2\n"))["changes-preserved"]
    assert gate.why == "h1: the agent's change to 'new = 3' isn't in the text and isn't named as dropped"


def test_what_is_named_as_dropped_may_be_missing(case):
    assert case.failed(case.hunk(b"old = 2\n", dropped=("  new =  3 ",))) == []
    assert case.failed(case.hunk(b"old = 2\n", dropped=("new = 4", ""))) == ["changes-preserved"]


@pytest.mark.parametrize(
    ("base", "target", "agent", "honest"),
    [
        (b"f(a)\n", b"f(a, b)\n", b"f(a, c=1)\n", b"f(a, b, c=1)\n"),
        (b"m.f(no)\nk(yes)\n", b"n.f(no)\nk(yes)\n", b"m.f(yes)\nk(yes)\n", b"n.f(yes)\nk(yes)\n"),
        (b"import a\n", b"import a, b\n", b"import a, c\n", b"import a, b, c\n"),
        (b"import a\n", b"import a, b\n", b"import a, b, c\n", b"import a, b, c\n"),
        (b"x = [1, 2, 3]\n", b"x = [1, 2]\n", b"x = [1, 2, 3, 4]\n", b"x = [1, 2, 4]\n"),
        (b"f(a)\n", b"if x:\n    f(a)\n", b"f(a, b)\n", b"if x:\n    f(a, b)\n"),
        (b"one\ntwo\n", b"two\none\n", b"one\ntwo\nthree\n", b"two\none\nthree\n"),
        (b"one\none\n", b"one\none\none\n", b"one\none\ntwo\n", b"one\none\none\ntwo\n"),
        (b"one\nx\n", b"one\n", b"one\nx\ny\n", b"one\ny\n"),
        (b"", b"a\ns\n", b"b\ns\n", b"a\nb\ns\n"),
        # both removed a line; what one has in its place shares a word or number with it by chance
        (b"old-tool==1.4.3\n", b"", b"a-new-thing==0.1.7\n", b"a-new-thing==0.1.7\n"),
    ],
)
def test_honest_merges_pass(base, target, agent, honest):
    assert lost(base, target, agent, honest) == []


@pytest.mark.parametrize(
    ("base", "target", "agent", "lie"),
    [
        (b"f(a)\n", b"f(a, b)\n", b"f(a, c=1)\n", b"f(a, b)\n"),
        (b"f(a)\n", b"f(a, b)\n", b"f(a, c=1)\n", b"f(a, c=1)\n"),
        (b"f(a)\n", b"f(a, b)\n", b"f(a, c=1)\n", b"f(a)\n"),
        (b"return x\n", b"", b"return compute(y)\n", b"return compute(y)\n"),
        # one side took a word away, the other one's line still has it
        (b"f(a, old)\n", b"f(a)\n", b"f(a, old, c)\n", b"f(a, old, c)\n"),
        (b"f(a, old)\nold()\n", b"f(a)\nold()\n", b"f(a, old, c)\nold()\n", b"f(a, old, c)\nold()\n"),
        (b"run(old)\n", b"", b"run(old, fast)\n", b"run(old, fast)\n"),
        # what a side removed is back
        (b"x\nunsafe()\n", b"y\nunsafe()\n", b"x\n", b"y\nunsafe()\n"),
        (b"x\nunsafe()\n", b"y\nunsafe()\n", b"x\n", b"y\nz\nunsafe()\n"),
        # a line in the middle is missing, and its words are elsewhere
        (b"", b"foo = make()\ncheck(foo)\nreturn foo\n", b"bar = 1\n", b"foo = make()\ncheck(foo)\nbar = 1\n"),
        (b"", b"foo = make()\ncheck(foo)\nreturn foo\n", b"return foo + bar(1, 2)\n", b"foo = make()\ncheck(foo)\nreturn foo + bar(1, 2)\n"),
        (b"a\nb\n", b"a\nrepo,\nb\n", b"g(x, y, repo, z)\nb\n", b"g(x, y, repo, z)\nb\n"),
        # only one of two equal lines that were added
        (b"", b"close()\nopen()\nclose()\n", b"x = 1\n", b"close()\nopen()\nx = 1\n"),
        # re-indenting one side doesn't hide that the other is gone
        (b"f()\n", b"f()\ng()\n", b"f()\nh()\n", b"    f()\n    h()\n"),
    ],
)  # fmt: skip
def test_lies_are_caught(base, target, agent, lie):
    assert lost(base, target, agent, lie) != []


@pytest.mark.parametrize("indent", [b"    ", b"\t", b"  \t "])
def test_indentation_is_no_change(indent):
    assert lost(b"f()\n", b"f()\ng()\n", indent + b"f()\n", indent + b"f()\n" + indent + b"g()\n") == []


def test_line_ends_must_be_a_sides():
    assert lost(b"a\r\n", b"a\r\nb\r\n", b"a\r\nc\r\n", b"a\r\nb\r\nc\r\n") == []
    assert lost(b"a\r\n", b"a\r\nb\r\n", b"a\r\nc\r\n", b"a\nb\nc\n") != []
    assert lost(b"a\n", b"a\nb\n", b"a\nc\n", b"a\r\nb\r\nc\r\n") != []
    assert lost(b"a", b"b", b"", b"b") == []


def test_answer_without_hunks_is_held_to_the_whole_file(case):
    assert case.failed(case.whole(b"head\nold = 2\nnew = 3\ntail\n")) == []
    for source in ("memory", "model", "agent"):
        assert case.failed(case.whole(b"head\nold = 2\ntail\n", source=source)) == ["changes-preserved"]


def test_rule_that_gives_the_whole_file_anew_has_its_own_measure(case):
    assert case.failed(case.whole(b"head\nold = 2\ntail\n", source="rule")) == []


def test_the_file_counts_and_not_what_the_hunks_say(case):
    shown = case.hunk(b"old = 2\nnew = 3\n")
    lie = dataclasses.replace(shown, files=case.whole(b"head\nold = 2\ntail\n").files)
    assert case.failed(lie) == ["outside-hunks", "changes-preserved"]
    told = case.hunk(b"old = 2\nnew = 3\n", dropped=("new = 3",))
    assert case.failed(dataclasses.replace(told, files=lie.files, source="agent")) == []


def test_enormous_hunks_are_decided_at_once():
    words = [f"w{i}" for i in range(3_000)]
    base = "".join(f"{w} = 0\n" for w in words).encode()
    target = "".join(f"{w} = 1\n" for w in words).encode()
    agent = "".join(f"{w} = 2\n" for w in words).encode()
    assert lost(base, target, agent, target + agent) == []
    assert lost(base, target, agent, agent) != []


LINES = st.lists(
    st.sampled_from(["alpha()", "beta(1)", "gamma", "delta = 2", "eps"]), unique=True, max_size=5
)


def text(lines):
    return "".join(f"{line}\n" for line in lines).encode()


@settings(max_examples=150, deadline=None)
@given(base=LINES, target=LINES, agent=LINES, seed=st.integers(0, 9))
def test_line_by_line_merge_of_sets_passes_and_the_untouched_base_does_not(base, target, agent, seed):
    """Each line kept unless a side removed it, all additions taken, in any order."""
    merged = [line for line in base if line in target and line in agent]
    merged += [line for line in {*target, *agent} if line not in base]
    random.Random(seed).shuffle(merged)
    assert lost(text(base), text(target), text(agent), text(merged)) == []
    if set(base) != set(target) and set(base) != set(agent):
        assert lost(text(base), text(target), text(agent), text(base)) != []
