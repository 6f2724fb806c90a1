import pytest

from git_ops.report import ConflictFact, HunkFact, RebaseReport, ReplayedCommit
from runner import rebasing

OLD, NEW, ONTO = "a" * 40, "b" * 40, "c" * 40


def report(outcome="resolved", **changes):
    return RebaseReport(**{"outcome": outcome, "old_tip": OLD, "new_tip": NEW, "onto": ONTO, **changes})


def conflict(path="a.py", **changes):
    return ConflictFact(path=path, kind="content", **changes)


def test_hostile_paths_and_long_texts_fit_the_protocol():
    facts = rebasing.facts(
        report(conflicts=(conflict(path="a\udcff\u202eb", why="x" * 9_999),), detail="y" * 9_999)
    )
    assert facts.conflicts[0].path == "a?b"
    assert len(facts.conflicts[0].why) == 4_000


@pytest.mark.parametrize("outcome", ["up_to_date", "clean", "resolved", "conflicted"])
def test_every_outcome_has_a_sentence(outcome):
    sentence = rebasing.sentence(rebasing.facts(report(outcome, conflicts=(conflict(),))), "main")
    assert "main" in sentence
    assert sentence.endswith(".")


def test_sorry_names_only_what_is_unsettled():
    settled, open_ = conflict("settled.py", resolver="claude"), conflict("open.py")
    said = rebasing.sorry(rebasing.facts(report("conflicted", conflicts=(settled, open_))), "main")
    assert "open.py (content)" in said
    assert "settled.py" not in said


def test_many_conflicts_are_counted():
    many = tuple(conflict(f"{number}.py") for number in range(9))
    assert "and 4 more" in rebasing.sorry(rebasing.facts(report("conflicted", conflicts=many)), "main")


def test_what_a_person_should_look_at_first_is_not_done():
    facts = rebasing.facts(report("suspicious", detail="Gate stale-symbols: `f` is gone."))
    assert (facts.outcome, facts.new_tip) == ("conflicted", OLD)
    assert "stale-symbols" in rebasing.sorry(facts, "main")


def test_everything_that_is_told_fits_the_protocol():
    text = "x\u202e" * 5_000
    hunks = tuple(HunkFact(id=f"h{i}", base=text, target=text, agent=text, result=text) for i in range(9))
    fact = conflict(
        target_intent=(text,) * 9, agent_intent=(text,), options=(text,) * 30, hunks=hunks, resolver="r"
    )
    commits = tuple(ReplayedCommit(old=OLD, new=None, reason=text) for _ in range(900))
    facts = rebasing.facts(report(conflicts=(fact,) * 3, commits=commits, range_diff="a\n" + text * 9))
    assert facts.conflicts[0].hunks[0].result.startswith("xx")
    assert facts.range_diff.startswith("a\nx")
    assert len(facts.commits) == 200
