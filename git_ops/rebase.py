"""Rebasing a branch in memory: Git first, then rules, then whoever else is in the chain.

* Works on any bare GIT_DIR, needs no work tree and moves no ref: the outcome is a commit id for the caller to push.
* The tips are merged first. Where that is clean the end of the series is known, and a replay that ends elsewhere
  doesn't count, however it came about.
* All conflicts of a step are settled, each by an answer that passed its gates, or the outcome is `conflicted` and
  nothing has happened.
"""

import dataclasses

from git_ops import objects
from git_ops.conflict import Conflict
from git_ops.mergetree import Merged, conflicts_of, merging
from git_ops.objects import Identity, decode_path
from git_ops.process import Git
from git_ops.refs import check_oid
from git_ops.replay import Refused, Replayed, Step, Stopped, replay
from git_ops.report import ConflictFact, Outcome, RebaseReport, ReplayedCommit
from git_ops.resolve.chain import Chain, Context, Unsettled
from git_ops.verify import end_tree, path_set


def rebase(
    git: Git,
    *,
    tip: str,
    onto: str,
    chain: Chain | None = None,
    task: str = "",
    committer: Identity | None = None,
) -> RebaseReport:
    """Rebase the branch at `tip` onto the commit `onto`.

    `chain` is asked where Git alone doesn't get through; without one every conflict stays a conflict. `task` is what
    a person asked for, handed to resolvers. Raises `GitError` where Git itself fails; conflicts are an outcome.
    """
    fork = merge_base(git, check_oid(onto), check_oid(tip))
    if fork is None:
        return _conflicted(tip, onto, detail="The branch and its target have no commit in common.")
    if fork == onto:
        detail = "The branch already contains its target."
        return RebaseReport(outcome="up_to_date", old_tip=tip, new_tip=tip, onto=onto, detail=detail)
    with merging(git, attributes_of=onto) as merger:
        merged = merger.merge_tips(onto, tip)
    settler = _Settler(
        git,
        chain or Chain([]),
        Context(
            git=git,
            task=task,
            fork=fork,
            onto=onto,
            commit=objects.read_commit(git, tip),
            oracle_tree=merged.tree if merged.clean else None,
            later_paths=frozenset(),
        ),
    )
    result = replay(git, base=fork, tip=tip, onto=onto, committer=committer, settle=settler)
    return _report(tip, onto, result, settler)


def merge_base(git: Git, one: str, other: str) -> str | None:
    """The best common ancestor; none where there is none."""
    return git.text("merge-base", one, other, ok=(0, 1)) or None


class _Settler:
    """Settles the conflicts of one step after the other and keeps the record."""

    def __init__(self, git: Git, chain: Chain, context: Context) -> None:
        self.git = git
        self.chain = chain
        self.context = context
        self.facts: list[ConflictFact] = []

    def __call__(self, step: Step, merged: Merged) -> str | None:
        """The tree that settles the step; none where anything is left over."""
        conflicts = conflicts_of(self.git, merged)
        # A question that nobody here can answer makes the other answers worthless: ask no one.
        if odd := [conflict for conflict in conflicts if not conflict.simple]:
            self.facts += [_fact(step, conflict, why=conflict.message) for conflict in odd]
            return None
        context = dataclasses.replace(
            self.context, commit=step.commit, later_paths=touched(self.git, step.remaining)
        )
        changes: dict[str, tuple[str, str] | None] = {}
        for conflict in conflicts:
            answer = self.chain.settle(conflict, context)
            if isinstance(answer, Unsettled):
                self.facts.append(_fact(step, conflict, why=answer.why))
                return None
            got = answer.resolution
            passed = tuple(gate.name for gate in answer.gates)
            self.facts.append(_fact(step, conflict, resolver=got.resolver, why=got.why, gates=passed))
            oid = None if got.content is None else objects.write_blob(self.git, got.content)
            changes[conflict.path] = None if oid is None else (got.mode, oid)
        return self._tree(step, merged, changes)

    def _tree(self, step: Step, merged: Merged, changes: dict[str, tuple[str, str] | None]) -> str | None:
        tree = objects.edit_tree(self.git, merged.tree, changes)
        gate = path_set(self.git, merged=merged.tree, result=tree, allowed=changes)
        if not gate.passed:
            self.facts.append(
                ConflictFact(
                    path="", kind="gate", commit=step.oid, why=f"refused by gate {gate.name}: {gate.why}"
                )
            )
            return None
        return tree


def touched(git: Git, commits: tuple[str, ...]) -> frozenset[str]:
    """The paths that these commits touch."""
    if not commits:
        return frozenset()
    lines = "".join(f"{oid}\n" for oid in commits).encode()
    options = ("-r", "-z", "--root", "--name-only", "--no-commit-id", "--no-renames")
    raw = git.run("diff-tree", "--stdin", *options, stdin=lines).stdout
    return frozenset(decode_path(path) for path in raw.split(b"\0") if path)


def _fact(
    step: Step, conflict: Conflict, *, resolver: str | None = None, why: str, gates: tuple[str, ...] = ()
) -> ConflictFact:
    return ConflictFact(
        path=conflict.path, kind=conflict.kind, commit=step.oid, resolver=resolver, why=why, gates=gates
    )


def _report(tip: str, onto: str, result: Replayed | Stopped | Refused, settler: _Settler) -> RebaseReport:
    facts = tuple(settler.facts)
    if isinstance(result, Refused):
        return _conflicted(tip, onto, conflicts=facts, detail=result.reason)
    if isinstance(result, Stopped):
        detail = f"Commit {result.commit[:10]} conflicts with the target."
        return _conflicted(tip, onto, conflicts=facts, commits=result.done, detail=detail)
    gate = end_tree(oracle=settler.context.oracle_tree, result=result.tree)
    if not gate.passed:
        detail = f"Refused by gate {gate.name}: {gate.why}."
        return _conflicted(tip, onto, conflicts=facts, commits=result.commits, detail=detail)
    outcome: Outcome = "resolved" if facts else "clean"
    detail = "" if result.new_tip != onto else "The target already has all of the branch's changes."
    return RebaseReport(
        outcome=outcome,
        old_tip=tip,
        new_tip=result.new_tip,
        onto=onto,
        commits=result.commits,
        conflicts=facts,
        detail=detail,
    )


def _conflicted(
    tip: str,
    onto: str,
    *,
    conflicts: tuple[ConflictFact, ...] = (),
    commits: tuple[ReplayedCommit, ...] = (),
    detail: str,
) -> RebaseReport:
    return RebaseReport(
        outcome="conflicted",
        old_tip=tip,
        new_tip=tip,
        onto=onto,
        commits=commits,
        conflicts=conflicts,
        detail=detail,
    )
