import dataclasses
import tracemalloc

import pytest

from git_ops.guided import Route, folded, guide
from git_ops.mergetree import merging
from git_ops.objects import RawCommit, read_commit
from git_ops.replay import commits_of_range, touched

LINES = [f"line {i}\n" for i in range(1, 21)]


def lines(**changed):
    return "".join(changed.get(f"_{i}", line) for i, line in enumerate(LINES, 1))


def walk(repo, onto, tip, goal, **more):
    base = repo("merge-base", onto, tip)
    merges, commits = commits_of_range(repo.git, base, tip, onto)
    route = Route(
        onto=onto,
        goal=goal,
        commits=commits,
        merges=merges,
        touched=touched(repo.git, [oid for oid, _ in commits]),
        **more,
    )
    with merging(repo.git, attributes_of=onto) as merger:
        found = guide(repo.git, merger, route)
    assert repo.tree(found.new_tip) == goal
    assert [commit.old for commit in found.commits if commit.old] == sorted(
        (commit.old for commit in found.commits), key=[oid for oid, _ in commits].index
    )
    return found


def branch(repo, base, target, *steps):
    repo.commit(base, "base")
    repo("checkout", "-q", "-b", "work")
    for i, files in enumerate(steps):
        repo.commit(files, f"step {i}")
    tip = repo.head()
    repo("checkout", "-q", "main")
    return repo.commit(target, "target"), tip


def goal_of(repo, files):
    """A tree as somebody settled it, made beside all branches."""
    here = repo("rev-parse", "--abbrev-ref", "HEAD")
    repo("checkout", "-q", "--orphan", "goal")
    repo("rm", "-q", "-r", "-f", ".")
    tree = repo.tree(repo.commit(files, "goal"))
    repo("checkout", "-q", "-f", here)
    repo("branch", "-q", "-D", "goal")
    return tree


def test_a_conflict_that_nothing_touches_again_keeps_one_commit_for_one(repo):
    onto, tip = branch(
        repo, {"f": lines()}, {"f": lines(_9="nine\n")}, {"f": lines(_9="neuf\n")}, {"g": "new\n"}
    )
    goal = goal_of(repo, {"f": lines(_9="nine neuf\n"), "g": "new\n"})
    found = walk(repo, onto, tip, goal)
    assert len({commit.new for commit in found.commits}) == 2
    assert repo.show(f"{found.new_tip}~1", "f").decode() == lines(_9="nine neuf\n")
    assert not any(commit.reason for commit in found.commits)


def test_an_edit_elsewhere_goes_with_the_conflict_and_folds_nothing(repo):
    onto, tip = branch(
        repo,
        {"f": lines(), "caller": "old\n"},
        {"f": lines(_9="nine\n")},
        {"a": "1\n"},
        {"f": lines(_9="neuf\n")},
        {"g": "new\n"},
    )
    goal = goal_of(repo, {"f": lines(_9="nine neuf\n"), "caller": "new\n", "a": "1\n", "g": "new\n"})
    found = walk(repo, onto, tip, goal, elsewhere=frozenset({"caller"}))
    assert len({commit.new for commit in found.commits}) == 3
    callers = [repo.show(f"{found.new_tip}~{n}", "caller") for n in (2, 1, 0)]
    assert callers == [b"old\n", b"new\n", b"new\n"]


def test_a_path_that_is_touched_again_folds_the_commits(repo):
    onto, tip = branch(
        repo,
        {"f": lines()},
        {"f": lines(_9="nine\n")},
        {"a": "1\n"},
        {"f": lines(_9="neuf\n"), "b": "1\n"},
        {"c": "1\n"},
        {"f": lines(_9="nueve\n")},
        {"d": "1\n"},
    )
    goal = goal_of(repo, {"f": lines(_9="nine nueve\n"), **dict.fromkeys("abcd", "1\n")})
    found = walk(repo, onto, tip, goal)
    news = [commit.new for commit in found.commits]
    assert [news.index(new) for new in news] == [0, 1, 1, 1, 4]
    message = read_commit(repo.git, news[1]).message
    assert message == b"step 1\n\nstep 2\n\nstep 3\n"
    assert all("folded" in commit.reason for commit in found.commits[1:4])
    assert found.carried is None


def test_a_series_that_would_end_elsewhere_is_folded_from_the_first_conflict_on(repo):
    onto, tip = branch(
        repo, {"f": lines()}, {"f": lines(_9="nine\n")}, {"a": "1\n"}, {"f": lines(_9="x\n")}, {"b": "1\n"}
    )
    goal = goal_of(repo, {"f": lines(_9="nine x\n"), "a": "1\n", "b": "1\n", "more": "than the steps say\n"})
    found = walk(repo, onto, tip, goal)
    news = [commit.new for commit in found.commits]
    assert [news.index(new) for new in news] == [0, 1, 1]


def test_what_is_left_empty_is_dropped_with_the_reason(repo):
    onto, tip = branch(
        repo, {"f": lines()}, {"f": lines(_9="nine\n")}, {"f": lines(_9="neuf\n")}, {"a": "1\n"}
    )
    goal = goal_of(repo, {"f": lines(_9="nine\n"), "a": "1\n"})
    found = walk(repo, onto, tip, goal)
    assert (found.commits[0].new, "nothing of it is left" in found.commits[0].reason) == (None, True)


def test_a_file_that_the_target_renamed_is_touched_again_under_its_old_name(repo):
    onto, tip = branch(
        repo,
        {"f": lines()},
        {"f": None, "g": lines(_9="nine\n")},
        {"f": lines(_9="neuf\n")},
        {"f": lines(_9="neuf\n", _10="dix\n")},
        {"f": lines(_9="neuf\n", _10="dix\n", _11="onze\n")},
    )
    goal = goal_of(repo, {"g": lines(_9="nine neuf\n", _10="dix\n", _11="onze\n")})
    found = walk(repo, onto, tip, goal)
    assert {commit.new for commit in found.commits} == {found.new_tip}
    assert read_commit(repo.git, found.new_tip).message == b"step 0\n\nstep 1\n\nstep 2\n"


def test_a_patch_that_the_target_has_taken_back_is_the_branchs_own_again(repo):
    onto, tip = branch(
        repo, {"f": lines(), "g": "1\n"}, {"o": "1\n"}, {"g": "2\n"}, {"f": lines(_9="neuf\n")}
    )
    repo("cherry-pick", f"{tip}~1")
    repo("revert", "--no-edit", "HEAD")
    onto = repo.commit({"f": lines(_9="nine\n")}, "target")
    goal = goal_of(repo, {"f": lines(_9="nine neuf\n"), "g": "2\n", "o": "1\n"})
    found = walk(repo, onto, tip, goal)
    assert len({commit.new for commit in found.commits} - {None}) == 2
    assert repo.show(f"{found.new_tip}~1", "g") == b"2\n"


def test_memory_grows_with_the_paths_and_not_with_their_square(repo):
    names = [f"{i:03}" for i in range(600)]
    onto, tip = branch(
        repo,
        {f"old/{name}": f"{name}\n" for name in names},
        {f"old/{name}": None for name in names} | {f"t/{name}": f"{name}\n" for name in names},
        {f"old/{name}": None for name in names} | {f"{name}.a": f"{name}\n" for name in names},
    )
    tracemalloc.start()
    try:
        walk(repo, onto, tip, repo.tree(onto))
        assert tracemalloc.get_traced_memory()[1] < 15 * 2**20
    finally:
        tracemalloc.stop()


def raw(message, author=b"Ada <a@x> 1 +0000", others=()):
    return RawCommit(
        tree="0" * 40, parents=(), author=author, committer=author, message=message, others=others
    )


def test_folding_keeps_everybody_and_every_word():
    one, two = raw(b"one\n"), raw(b"two\n\n#3\n", b"Bo <b@x> 2 +0100")
    both = folded([one, two, dataclasses.replace(two, message=b"three")])
    assert both.message == b"one\n\ntwo\n\n#3\n\nthree\n\nCo-authored-by: Bo <b@x>\n"
    assert both.author == one.author
    assert folded([two]) is two


@pytest.mark.parametrize(("name", "wanted"), [("ISO-8859-1", "é".encode()), ("nonsense", b"\xe9")])
def test_folding_of_two_encodings(name, wanted):
    odd = raw(b"caf\xe9\n", others=(b"encoding " + name.encode(),))
    both = folded([raw("ä\n".encode()), odd])
    assert both.message == "ä\n\ncaf".encode() + wanted + b"\n"
    assert both.others == ()


def test_a_reason_stays_short_however_many_commits_are_folded(repo):
    steps = [{"f": lines(_9=f"{i}\n"), f"n{i}": "x\n"} for i in range(40)]
    onto, tip = branch(repo, {"f": lines()}, {"f": lines(_9="nine\n")}, *steps)
    goal = goal_of(repo, {"f": lines(_9="nine 39\n"), **{f"n{i}": "x\n" for i in range(40)}})
    found = walk(repo, onto, tip, goal)
    assert len({commit.new for commit in found.commits}) == 1
    assert all("and 30 more" in commit.reason and len(commit.reason) < 300 for commit in found.commits)
