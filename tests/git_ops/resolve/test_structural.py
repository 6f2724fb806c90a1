import pytest

from git_ops.conflict import Abstained
from git_ops.grouping import __doc__ as kinds_explained
from git_ops.resolve.chain import Chain, Settled, Unsettled
from git_ops.resolve.structural import structural_rules


def rules():
    (resolver,) = structural_rules()
    return resolver.rules


def test_every_kind_but_the_unknown_has_a_rule():
    told = {line.split()[0] for line in kinds_explained.partition("Kinds, and")[2].splitlines()[2:] if line}
    assert {"content", "mode", "directory-rename-split"} <= told
    assert set().union(*(rule.kinds for rule in rules())) == told - {"unknown"}


def test_only_the_rules_for_the_kind_give_reasons(situation):
    (conflict,), context = situation({"b": b"\0"}, {"b": b"\0t"}, {"b": b"\0a"})
    (resolver,) = structural_rules()
    answer = resolver.resolve(conflict, context)
    assert isinstance(answer, Abstained)
    assert answer.why == "both sides changed it (binary), and it can't be merged as text"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_each_rule_abstains_from_what_is_not_its_own(rule, situation):
    sides = ({"f": "b\n"}, {"f": "t\n"}, {"f": "a\n"})
    if "binary" not in rule.kinds:
        sides = ({"f": b"\0"}, {"f": b"\0t"}, {"f": b"\0a"})
    (conflict,), context = situation(*sides)
    assert conflict.kind not in rule.kinds
    assert isinstance(rule.resolve(conflict, context), Abstained)


def test_a_name_and_then_its_text(situation):
    """The chain asks again with what is left, and what was decided on the way is part of the answer."""
    lines = "".join(f"line {i}\n" for i in range(12))
    conflicts, context = situation(
        {"f": lines}, {"f": None, "t": lines.replace("2", "T")}, {"f": None, "a": lines.replace("9", "A")}
    )
    (outcome,) = Chain(structural_rules()).settle(conflicts, context)
    assert isinstance(outcome, Settled)
    files = outcome.resolution.files
    assert (files["f"], files["a"]) == (None, None)
    assert files["t"].content == lines.replace("2", "T").replace("9", "A").encode()


def test_unknown_kinds_stay_open(situation):
    (conflict,), context = situation({"f": "b\n"}, {"f": "t\n"}, {"f": "a\n"})
    (outcome,) = Chain(structural_rules()).settle([conflict], context)
    assert isinstance(outcome, Unsettled)
    assert outcome.why == "structural: its text must be merged"
