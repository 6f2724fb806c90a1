"""Branches whose history is no plain line of new commits: taken back, picked elsewhere, merged, crossed."""

from git_ops.objects import read_commit
from tests.git_ops.scripted import Scripted, run


def test_steps_that_conflict_on_the_way_to_a_clean_end(repo):
    """The first commit conflicts, but the branch takes it back, so the tips merge cleanly: nobody is asked."""
    repo.commit({"f": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"f": "1\nA\n3\n"}, "try")
    repo.commit({"f": "1\n2\n3\n", "g": "1\n"}, "take back")
    tip = repo.commit({"h": "1\n"}, "more")
    repo("checkout", "-q", "main")
    onto = repo.commit({"f": "1\nT\n3\n"}, "target")
    scripted = Scripted(b"")
    report = run(repo, onto, tip, scripted)
    assert (report.outcome, report.conflicts, scripted.asked) == ("clean", (), [])
    assert repo.show(report.new_tip, "f") == b"1\nT\n3\n"
    one, two, three = report.commits
    assert one.new == two.new != three.new
    assert "folded" in one.reason
    assert {"range-diff", "end-tree"} <= {gate.name for gate in report.gates if gate.passed}
    assert "more" in report.range_diff


def twin_and_revert(repo, *, second):
    """The target took the branch's first commit and reverted it."""
    repo.commit({"f": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"f": "1\nA\n3\n"}, "first")
    tip = repo.commit(second, "second")
    repo("checkout", "-q", "main")
    repo.commit({"f": "1\nA\n3\n"}, "the same first")
    return repo.commit({"f": "1\n2\n3\n", "g": "1\n"}, "revert"), tip


def test_the_merge_of_the_tips_settles_a_step(repo):
    onto, tip = twin_and_revert(repo, second={"f": "1\nB\n3\n"})
    report = run(repo, onto, tip)
    assert (report.outcome, report.conflicts) == ("clean", ())
    assert repo.show(report.new_tip, "f") == b"1\nB\n3\n"
    assert [commit.new is None for commit in report.commits] == [True, False]


def test_a_clean_replay_that_ends_elsewhere_is_suspicious(repo):
    """Git's replay leaves the reverted commit out, its merge brings it back: somebody must say which."""
    onto, tip = twin_and_revert(repo, second={"h": "1\n"})
    report = run(repo, onto, tip)
    assert report.outcome == "suspicious"
    assert "end-tree" in report.detail
    assert repo.show(report.new_tip, "f") == b"1\n2\n3\n"


def merged_by_hand(repo, target, hand):
    """The branch merges the target, with `hand` changed in the merge; then the target goes on."""
    repo.commit({"a": "1\n"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"mine": "1\n"})
    repo("checkout", "-q", "main")
    repo.commit({"theirs": "1\n"})
    repo("checkout", "-q", "work")
    repo("merge", "-q", "--no-ff", "--no-commit", "main")
    tip = repo.commit(hand, "merge")
    repo("checkout", "-q", "main")
    return repo.commit(target), tip


def test_an_honest_merge_in_the_range_leaves_nothing_behind(repo):
    onto, tip = merged_by_hand(repo, {"later": "1\n"}, {})
    report = run(repo, onto, tip)
    assert (report.outcome, report.carried, len(report.commits)) == ("clean", None, 1)


def test_a_hand_edit_in_a_merge_is_carried_over(repo):
    onto, tip = merged_by_hand(repo, {"later": "1\n"}, {"by-hand": "only here\n"})
    report = run(repo, onto, tip)
    assert (report.outcome, report.carried) == ("clean", report.new_tip)
    assert repo.show(report.new_tip, "by-hand") == b"only here\n"
    message = read_commit(repo.git, report.carried).message
    assert message == b"Keep what was changed by hand in merge " + tip[:12].encode() + b"\n\nmerge"


def test_a_hand_edit_in_a_merge_that_conflicts_names_the_merge(repo):
    onto, tip = merged_by_hand(repo, {"by-hand": "theirs\n"}, {"by-hand": "only here\n"})
    report = run(repo, onto, tip)
    assert (report.outcome, report.new_tip) == ("conflicted", tip)
    assert tip[:10] in report.detail


def test_histories_that_cross(repo):
    """The branch has merged what the target has merged from it: neither fork is all that they share."""
    repo.commit({"f": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    theirs = repo.commit({"f": "1\nw\n3\n"}, "w")
    repo("checkout", "-q", "main")
    ours = repo.commit({"f": "1\nm\n3\n"}, "m")
    repo("merge", "-q", "-s", "ours", "-m", "m", theirs)
    repo("checkout", "-q", "work")
    repo("merge", "-q", "-s", "ours", "-m", "w", ours)
    tip = repo.commit({"f": "1\nw2\n3\n"}, "w2")
    repo("checkout", "-q", "main")
    onto = repo.commit({"f": "1\nm2\n3\n"}, "m2")
    report = run(repo, onto, tip, Scripted(b"m2\nw2\n"))
    assert report.outcome == "resolved", report.text()
    assert [commit.old for commit in report.commits] == [tip]


def test_a_merged_history_of_its_own(repo):
    """The branch brings in a history that has nothing in common with the target's."""
    repo.commit({"f": "1\n2\n3\n"})
    repo("checkout", "-q", "--orphan", "other")
    repo("rm", "-q", "-r", "-f", ".")
    repo.commit({"g": "1\n"}, "other")
    repo("checkout", "-q", "-b", "work", "main")
    repo("merge", "-q", "--allow-unrelated-histories", "-m", "merge", "other")
    tip = repo.commit({"f": "1\nA\n3\n"}, "a")
    repo("checkout", "-q", "main")
    repo.commit({"h": "1\n"}, "target")
    repo("cherry-pick", tip)
    repo("revert", "--no-edit", "HEAD")  # so that Git's merge of the tips isn't where the replay ends
    report = run(repo, repo.head(), tip)
    assert report.outcome == "suspicious", report.text()
    assert repo.show(report.new_tip, "g") == b"1\n"
