"""Nothing is lost on the way and nobody's ref moves: over generated histories whose tips do conflict.

Whoever answers here answers anything: both sides' lines for a hunk, one of the options for the rest. What must hold is
independent of what is answered. `NOTHING_LOST_EXAMPLES` says how many; more than the default are for patient people.
"""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_ops.conflict import Abstained, File, HunkChoice, Reduced, Resolution, by_hunks, merged_mode
from git_ops.objects import decode_path
from git_ops.rebase import rebase
from git_ops.resolve.chain import Chain
from git_ops.resolve.default import default_chain
from git_ops.resolve.options import options_of
from tests.git_ops.test_equals_git import EDITS, LINES, NAMES, SETTINGS, Tree

pytestmark = pytest.mark.slow

SAME_LINE = st.tuples(
    st.just("line"),
    st.sampled_from(["a", "a", "d/a"]),
    st.just(2),
    st.sampled_from(["p\n", "q\n", "r\n", ""]),
)
ODD = st.sampled_from(["odd \t\n\"'\udcff", "-f", "a~x", "ü"])
ANY = st.one_of(
    SAME_LINE,
    SAME_LINE,
    SAME_LINE,
    EDITS,
    st.tuples(st.just("add"), ODD, st.sampled_from(["1\n", "2"])),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.lists(ANY, min_size=1, max_size=2)),
        st.tuples(st.just("edit"), st.lists(ANY, min_size=1, max_size=2)),
        st.tuples(st.just("revert"), st.integers(0, 3)),
        st.tuples(st.just("merge"), st.integers(0, 3), st.lists(ANY, max_size=1)),
        st.tuples(st.just("side"), st.lists(ANY, min_size=1, max_size=2), st.lists(ANY, max_size=1)),
        st.tuples(st.just("unrelated"), ODD),
    ),
    min_size=2,
    max_size=5,
)
HISTORIES = st.fixed_dictionaries({
    "work": STEPS,
    "target": st.lists(st.lists(ANY, min_size=1, max_size=2), min_size=1, max_size=2),
    "picked": st.sets(st.integers(0, 4), max_size=2),
    "pick_reverted": st.booleans(),
    "squashed": st.none() | st.integers(0, 4),
})  # fmt: skip
PEOPLE = (("Ada", "ada@example.org", "1700000000 +0530"), ("Bo", "bo@example.org", "1600000000 -0800"))


class Person(Tree):
    """Makes the branch's steps."""

    def step(self, number, kind, *rest):
        name, mail, date = PEOPLE[number % len(PEOPLE)]
        self.who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": date}
        self.said = f"step {number}: {kind}\n\n# kept #{number}\n\n\nend {number}"
        getattr(self, "do_" + kind)(number, *rest)

    def do_edit(self, number, edits):  # one signature for all
        for edit in edits:
            self.edit(*edit)
        self.commit({}, self.said, env=self.who)

    def do_revert(self, number, back):
        self("revert", "--no-edit", f"HEAD~{back}", ok=(0, 1, 128), env=self.who)
        self("revert", "--abort", ok=(0, 128))
        self("reset", "-q", "--hard")

    def do_merge(self, number, at, by_hand):
        """Merge an earlier state of the target, settle what conflicts, and change something by hand."""
        earlier = self("rev-list", "--reverse", "main").split()
        self._merge(number, earlier[min(at, len(earlier) - 1)], by_hand)

    def do_side(self, number, edits, by_hand):
        here = self.head()
        start = self("rev-list", "--max-count=1", "--skip=1", "--first-parent", "HEAD") or here
        self("checkout", "-q", "--detach", start)
        self.do_edit(number, edits)
        side = self.head()
        self("checkout", "-q", "work")
        self._merge(number, side, by_hand)

    def do_unrelated(self, number, name):
        self("checkout", "-q", "--orphan", "unrelated")
        self("rm", "-q", "-r", "-f", "--ignore-unmatch", ".")
        self.commit({f"other {name}": "from elsewhere\n"}, self.said, env=self.who)
        other = self.head()
        self("checkout", "-q", "-f", "work")
        self("branch", "-q", "-D", "unrelated")
        self._merge(number, other, [])

    def _merge(self, number, other, by_hand):
        options = ("--no-ff", "--no-commit", "--allow-unrelated-histories", "-X", "ours")
        self("merge", "-q", *options, other, ok=(0, 1, 2))
        for edit in by_hand:
            self.edit(*edit)
        self.commit({}, f"merge {number}", env=self.who)


def build(path, history):
    """Return the repository, the target's tip and the branch's."""
    repo = Person(path)
    repo.commit({name: "".join(LINES) + name + "\n" for name in NAMES if name != "x"}, "base")
    repo("branch", "-q", "work")
    repo.grow([[("line", "a", 2, "target's\n")], *history["target"][:-1]], "target")
    repo("checkout", "-q", "work")
    made = []
    for number, step in enumerate(history["work"]):
        repo.step(number, *step)
        made.append(repo.head())
    repo("checkout", "-q", "main")
    if history["squashed"] is not None:
        repo("merge", "-q", "--squash", made[history["squashed"] % len(made)], ok=(0, 1, 2))
        repo("checkout", "-q", "--theirs", ".", ok=(0, 1))
        repo.commit({}, "squashed")
    for i in sorted(history["picked"]):
        before = repo.head()
        repo("cherry-pick", "--allow-empty", made[i % len(made)], ok=(0, 1, 128))
        repo("cherry-pick", "--abort", ok=(0, 128))
        repo("reset", "-q", "--hard")
        if history["pick_reverted"] and repo.head() != before:
            repo("revert", "--no-edit", "HEAD", ok=(0, 1))
    repo.grow(history["target"][-1:], "last")
    repo("checkout", "-q", "work")
    return repo, repo("rev-parse", "main"), repo.head()


class Anything:
    """Has an answer to nearly everything, and keeps a record of what it said."""

    name = "anything"

    def __init__(self, seed):
        self.seed = seed
        self.answers = {}

    def resolve(self, conflict, context):
        if conflict.hunks:
            choices = tuple(HunkChoice(id=h.id, text=_both(h)) for h in conflict.hunks)
            return self._said(by_hunks(conflict, choices, resolver=self.name, source="git", why="both"))
        if conflict.kind in {"content", "add/add"} and len(conflict.between) == 1:
            file = File(mode=merged_mode(conflict), content=conflict.between[0])
            return self._said(_resolution({conflict.path: file}))
        options = options_of(conflict, context)
        if options:
            return self._chosen(conflict, options[self.seed % len(options)])
        side = conflict.target or conflict.agent
        if side is None:
            return Abstained(why="nothing to choose from")
        return self._said(_resolution(dict.fromkeys(conflict.stages) | {conflict.path: File.of(side)}))

    def _chosen(self, conflict, option):
        self.answers |= option.files
        if option.rest:
            return Reduced(resolver=self.name, why=option.meaning, files=option.files, rest=option.rest)
        answer = _resolution(option.files)
        if set(option.files) <= {conflict.path, *conflict.paths, *conflict.stages}:
            return answer
        return dataclasses.replace(answer, source="model", elsewhere=frozenset(option.files))

    def _said(self, resolution):
        self.answers |= resolution.files
        return resolution


def _both(hunk):
    return hunk.target + (b"" if hunk.target.endswith(b"\n") or not hunk.target else b"\n") + hunk.agent


def _resolution(files):
    return Resolution(resolver="anything", source="git", why="one of the options", files=files)


def listing(repo, tree):
    raw = repo.git.run("ls-tree", "-r", "-z", "--full-tree", tree).stdout
    heads = (record.partition(b"\t") for record in raw.split(b"\0")[:-1])
    return {decode_path(path): tuple(head.decode().split()[::2]) for head, _, path in heads}


def raw_commit(repo, oid):
    head, _, message = repo.git.run("cat-file", "commit", oid).stdout.partition(b"\n\n")
    return [line for line in head.split(b"\n") if line.startswith((b"author ", b"encoding "))], message


def objects_of(repo):
    raw = repo("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(raw.split())


def merged_by_git(repo, onto, tip):
    words = [word for setting in SETTINGS for word in ("-c", setting)]
    return repo(*words, "merge-tree", "--write-tree", "-z", onto, tip, ok=(0, 1)).split("\0")[0]


def check_tree(repo, report, merged, answers):
    """The end is Git's merge of the tips, but for the answers."""
    result, expected = listing(repo, report.new_tip), listing(repo, merged)
    for path, file in answers.items():
        expected.pop(path, None)
        if file is not None:
            oid = file.oid or repo("hash-object", "--stdin", stdin=file.content)
            expected[path] = (file.mode, oid)
    assert result == expected


def check_commits(repo, report, onto, tip):
    """Each old commit is told of once; where it has one new commit to itself, its words are the same bytes."""
    old = repo("rev-list", "--no-merges", f"{onto}..{tip}").split()
    new = repo("rev-list", report.new_tip).split()
    first_parents = repo("rev-list", "--first-parent", report.new_tip).split()
    assert onto in first_parents
    assert sorted(commit.old for commit in report.commits) == sorted(old)
    mine = [commit.new for commit in report.commits if commit.new]
    assert set(mine) <= set(new)
    assert set(first_parents[: first_parents.index(onto)]) == set(mine) | {report.carried} - {None}
    for commit in report.commits:
        if commit.new is None:
            assert commit.reason
        elif mine.count(commit.new) == 1:
            assert raw_commit(repo, commit.old) == raw_commit(repo, commit.new)
        else:
            assert commit.reason
            message = raw_commit(repo, commit.new)[1]
            assert raw_commit(repo, commit.old)[1].strip(b"\n") in message


def parked(repo, commit):
    """Names that look as if Git had made them up; people may have such a file, and it may move with its directory."""
    return {path.rpartition("/")[2] for path in listing(repo, commit) if "~" in path}


def check_rebase(repo, onto, tip, chain, answers):
    refs, before = repo("for-each-ref"), objects_of(repo)
    refused = rebase(repo.git, tip=tip, onto=onto, chain=Chain([]))
    if refused.outcome == "conflicted":
        assert objects_of(repo) == before
        assert refused.new_tip == tip
    report = rebase(repo.git, tip=tip, onto=onto, chain=chain())
    assert repo("for-each-ref") == refs
    if report.outcome in {"conflicted", "up_to_date"}:
        assert objects_of(repo) == before
        return report
    merged = merged_by_git(repo, onto, tip)
    assert not parked(repo, report.new_tip) - parked(repo, onto) - parked(repo, tip)
    if refused.outcome == "conflicted" and not report.conflicts:
        raise AssertionError("who was asked nothing settled nothing")
    if report.conflicts and answers is not None:
        check_tree(repo, report, merged, answers())
    check_commits(repo, report, onto, tip)
    again = rebase(repo.git, tip=tip, onto=onto, chain=chain())
    assert [commit.new for commit in again.commits] == [commit.new for commit in report.commits]
    assert (again.new_tip, again.outcome) == (report.new_tip, report.outcome)
    repo("fsck", "--strict", "--no-dangling", report.new_tip)
    return report


@settings(
    max_examples=int(os.environ.get("NOTHING_LOST_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=HISTORIES, seed=st.integers(0, 2), by_rules=st.booleans())
def test_nothing_is_lost(tmp_path_factory, history, seed, by_rules):
    folder: Path = tmp_path_factory.mktemp("history")
    try:
        repo, onto, tip = build(folder / "people", history)
        asked = []

        def chain():
            asked.append(Anything(seed))
            rules = default_chain().resolvers if by_rules else ()
            return Chain([*rules, asked[-1]])

        check_rebase(repo, onto, tip, chain, None if by_rules else lambda: asked[0].answers)
    finally:
        shutil.rmtree(folder)
