import pytest

from git_ops.conflict import Abstained, Conflict, Reduced, Resolution, Side
from git_ops.hunks import split
from git_ops.objects import read_blob
from git_ops.resolve.ancestor import AncestorResolver
from git_ops.resolve.chain import Context

LINES = [f"line {i}\n" for i in range(12)]


def text(**changed):
    """The file with lines replaced: `text(l3="x\\n")`."""
    lines = list(LINES)
    for name, line in changed.items():
        lines[int(name[1:])] = line
    return "".join(lines)


FORK = text()


@pytest.fixture
def history(repo):
    """`history(target=[…], agent=[…])`: versions of the file since the fork, and the conflict of the tips."""

    def build(*, target, agent, fork=FORK, path="f"):
        start = repo.commit({"other": "x"} if fork is None else {path: fork}, "fork")
        repo("checkout", "-q", "-b", "work")
        for i, version in enumerate(agent):
            repo.commit({path: version}, f"agent {i}")
        tip = repo.head()
        repo("checkout", "-q", "main")
        for i, version in enumerate(target):
            repo.commit({path: version}, f"target {i}")
        context = Context(git=repo.git, fork=start, onto=repo.head(), tip=tip, merged_tree=repo.tree(tip))
        return conflict_of(repo.git, context, path), context

    return build


def conflict_of(git, context, path):
    def side(commit):
        oid = git.text("rev-parse", "--verify", "-q", f"{commit}:{path}", ok=(0, 1))
        return Side(mode="100644", oid=oid, content=read_blob(git, oid, max_bytes=10**6)) if oid else None

    sides = {1: side(context.fork), 2: side(context.onto), 3: side(context.tip)}
    found = split(
        git, base=sides[1].content if sides[1] else b"", target=sides[2].content, agent=sides[3].content
    )
    assert found.hunks, "no conflict to begin with"
    return Conflict(
        path=path,
        kind="content" if sides[1] else "add/add",
        paths=(path,),
        stages={path: {stage: there for stage, there in sides.items() if there}},
        base=sides[1],
        target=sides[2],
        agent=sides[3],
        between=found.between,
        hunks=found.hunks,
    )


SHARED = text(l3="three\n", l7="seven\n")


def test_squashed_lower_part_of_a_stack(history):
    """The target has the branch's first two commits as one; the third edits what they brought."""
    last = SHARED.replace("three", "three and a bit")
    conflict, context = history(target=[SHARED, SHARED + "more\n"], agent=[text(l3="three\n"), SHARED, last])
    found = AncestorResolver().resolve(conflict, context)
    assert isinstance(found, Resolution)
    assert found.content_at("f").decode() == last + "more\n"
    assert found.source == "rule"


def test_new_file_that_both_sides_have_had(history):
    conflict, context = history(
        fork=None, target=[SHARED, "first\n" + SHARED], agent=[SHARED, SHARED + "last\n"]
    )
    found = AncestorResolver().resolve(conflict, context)
    assert found.content_at("f").decode() == "first\n" + SHARED + "last\n"


def test_what_still_conflicts_is_smaller(history):
    here, there = SHARED.replace("seven", "VII"), SHARED.replace("seven", "7").replace("three", "3")
    conflict, context = history(target=[SHARED, here], agent=[SHARED, there])
    found = AncestorResolver().resolve(conflict, context)
    assert isinstance(found, Reduced)
    (hunk,) = found.rest.hunks
    assert (hunk.base, hunk.target, hunk.agent) == (b"seven\n", b"VII\n", b"7\n")
    assert found.rest.base.content == SHARED.encode()
    again = AncestorResolver().resolve(found.rest, context)
    assert isinstance(again, Abstained), "asked again it has no more to say"


def test_a_target_that_reverted_the_shared_version_is_not_overruled(history):
    """From the shared version the revert would erase the branch's work, from the fork the work undoes the revert."""
    conflict, context = history(
        target=[SHARED, text(), text(l7="other\n")], agent=[SHARED, SHARED.replace("seven", "siebte")]
    )
    assert "undone" in AncestorResolver().resolve(conflict, context).why


def test_a_branch_that_reverted_the_shared_version_does_not_erase_the_targets(history):
    conflict, context = history(
        target=[SHARED, SHARED.replace("seven", "VII")], agent=[SHARED, text(l7="keep\n")]
    )
    assert "undone" in AncestorResolver().resolve(conflict, context).why


def test_a_revert_at_one_place_is_enough(history):
    partly = text(l7="seven\n")  # line 3 is what it was
    conflict, context = history(target=[SHARED, partly], agent=[SHARED, SHARED.replace("seven", "VII")])
    assert "undone" in AncestorResolver().resolve(conflict, context).why


def test_added_lines_that_were_taken_out_again_are_a_revert(history):
    grown = "".join(LINES[:6]) + "new a\nnew b\n" + "".join(LINES[6:])
    conflict, context = history(target=[grown, text(l6="VI\n")], agent=[grown, grown.replace("new b", "b")])
    assert "undone" in AncestorResolver().resolve(conflict, context).why


def test_a_revert_that_was_taken_back_counts_for_nothing(history):
    last = SHARED.replace("three", "tres")
    conflict, context = history(target=[SHARED, text(), SHARED, SHARED + "z\n"], agent=[SHARED, last])
    assert AncestorResolver().resolve(conflict, context).content_at("f").decode() == last + "z\n"


def test_histories_that_cross_say_nothing(history):
    one, other = text(l3="one\n"), text(l3="other\n")
    conflict, context = history(
        target=[one, other, text(l3="other t\n")], agent=[other, one, text(l3="one a\n")]
    )
    assert "share no later version" in AncestorResolver().resolve(conflict, context).why


def test_nothing_in_common(history):
    conflict, context = history(target=[text(l3="a\n")], agent=[text(l3="b\n")])
    assert isinstance(AncestorResolver().resolve(conflict, context), Abstained)


def test_odd_names_and_merges_on_the_way(history, repo):
    last = SHARED.replace("three", "tres")
    conflict, context = history(
        target=[SHARED, SHARED + "z\n"], agent=[SHARED, last], path='a "b"\t*\nc\udcff'
    )
    found = AncestorResolver().resolve(conflict, context)
    assert found.content_at(conflict.path).decode() == last + "z\n"


def test_the_file_may_have_been_away_in_between(history):
    last = SHARED.replace("three", "tres")
    conflict, context = history(target=[SHARED, None, SHARED, SHARED + "z\n"], agent=[SHARED, last])
    assert AncestorResolver().resolve(conflict, context).content_at("f").decode() == last + "z\n"
