"""Replaying commits onto another commit, in memory.

* One new commit for each old one: author, date, encoding and message are kept byte for byte; the signature can't
  be kept and that is reported. What is dropped is reported with the reason, never silently.
* The committer's date is computed (not earlier than the original's and the new parent's), so the same input gives
  the same commits: a retry after a crash finds its own work.
* Merge commits are flattened as `git rebase` does, but content that exists only in them may not get lost: the end
  tree must equal Git's merge of the two tips, otherwise the replay is refused.
"""

import dataclasses
from collections.abc import Callable

from git_ops import objects
from git_ops.conflict import Conflict
from git_ops.mergetree import Merged, Merger, conflicts_of, merging
from git_ops.objects import Identity, RawCommit
from git_ops.process import Git
from git_ops.refs import check_oid
from git_ops.report import ReplayedCommit

MAX_COMMITS = 1_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The commit at hand, what it is put on, and which commits come after it."""

    oid: str
    commit: RawCommit
    onto: str
    remaining: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """All commits were replayed or dropped for a reason."""

    new_tip: str
    tree: str
    commits: tuple[ReplayedCommit, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A commit doesn't merge, and nobody settled its conflicts."""

    commit: str
    conflicts: tuple[Conflict, ...]
    done: tuple[ReplayedCommit, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The range can't be replayed without losing something; `reason` is a sentence for people."""

    reason: str


Settle = Callable[[Step, Merged], str | None]
"""Given a step whose merge wasn't clean: the tree that settles it, or none."""


def replay(
    git: Git,
    *,
    base: str,
    tip: str,
    onto: str,
    committer: Identity | None = None,
    settle: Settle | None = None,
) -> Replayed | Stopped | Refused:
    """Put the commits `base..tip` that `onto` hasn't onto `onto`. `committer` none keeps each commit's own."""
    merges, commits = _range(git, base=check_oid(base), tip=check_oid(tip), onto=check_oid(onto))
    if len(commits) > MAX_COMMITS:
        return Refused(reason=f"There are {len(commits)} commits to replay; at most {MAX_COMMITS} are")
    with merging(git, attributes_of=onto) as merger:
        oracle = merger.merge_tips(onto, tip) if merges else None
        if oracle and not oracle.clean:
            return Refused(reason=_merges_in_range(merges, "and the branch conflicts with its target"))
        result = _Replay(git, merger, committer, settle).run(commits, onto)
    if oracle and isinstance(result, Replayed) and result.tree != oracle.tree:
        return Refused(
            reason=_merges_in_range(merges, "and hold changes of their own that a replay would lose")
        )
    return result


class _Replay:
    """One pass over the commits."""

    def __init__(self, git: Git, merger: Merger, committer: Identity | None, settle: Settle | None) -> None:
        self.git = git
        self.merger = merger
        self.committer = committer
        self.settle = settle

    def run(self, commits: list[tuple[str, bool]], onto: str) -> Replayed | Stopped:
        done: list[ReplayedCommit] = []
        for i, (oid, is_twin) in enumerate(commits):
            if is_twin:
                done.append(ReplayedCommit(old=oid, new=None, reason="the target already has the same patch"))
                continue
            remaining = tuple(later for later, twin in commits[i + 1 :] if not twin)
            commit = objects.read_commit(self.git, oid)
            outcome = self._one(Step(oid=oid, commit=commit, onto=onto, remaining=remaining))
            if not isinstance(outcome, ReplayedCommit):
                return Stopped(commit=oid, conflicts=conflicts_of(self.git, outcome), done=tuple(done))
            done.append(outcome)
            onto = outcome.new or onto
        return Replayed(new_tip=onto, tree=objects.tree_of(self.git, onto), commits=tuple(done))

    def _one(self, step: Step) -> ReplayedCommit | Merged:
        """Replay one commit; what comes back where nobody settles its conflicts is the merge."""
        commit = step.commit
        if commit.parents == (step.onto,):
            return ReplayedCommit(old=step.oid, new=step.oid, reason="already in place")
        parent = commit.parents[0] if commit.parents else None
        merged = self.merger.merge(base=parent, ours=step.onto, theirs=step.oid)
        tree = merged.tree if merged.clean else self.settle(step, merged) if self.settle else None
        if tree is None:
            return merged
        above = objects.read_commit(self.git, step.onto)
        if tree == above.tree and not self._is_empty(commit):
            return ReplayedCommit(
                old=step.oid, new=None, reason="nothing of it is left: the target has it all"
            )
        new = objects.write_commit(self.git, self._rewritten(commit, tree, step.onto, above))
        return ReplayedCommit(old=step.oid, new=new, reason="its signature is gone" if commit.signed else "")

    def _is_empty(self, commit: RawCommit) -> bool:
        """It changed nothing to begin with; such commits are made on purpose and are kept."""
        return bool(commit.parents) and objects.tree_of(self.git, commit.parents[0]) == commit.tree

    def _rewritten(self, commit: RawCommit, tree: str, parent: str, above: RawCommit) -> RawCommit:
        when = max(commit.committed_at, above.committed_at)
        committer = (self.committer or commit.committer_identity()).line(when)
        return dataclasses.replace(commit, tree=tree, parents=(parent,), committer=committer)


def _range(git: Git, *, base: str, tip: str, onto: str) -> tuple[list[str], list[tuple[str, bool]]]:
    """The merge commits of the range, and the others oldest first, each with whether `onto` has its patch."""
    excluded = (f"^{base}", f"^{onto}")
    merges = git.text("rev-list", "--merges", tip, *excluded).split()
    oids = git.text("rev-list", "--reverse", "--topo-order", "--no-merges", tip, *excluded).split()
    if not oids:
        return merges, []
    marked = git.text("rev-list", "--cherry-mark", "--right-only", "--no-merges", f"{onto}...{tip}").split()
    twins = {mark[1:] for mark in marked if mark.startswith("=")}
    return merges, [(oid, oid in twins) for oid in oids]


def _merges_in_range(merges: list[str], why: str) -> str:
    named = ", ".join(oid[:10] for oid in merges[:3]) + (" and more" if len(merges) > 3 else "")
    return f"The branch contains merge commits ({named}) {why}. Merge the target into the branch, or squash it first."
