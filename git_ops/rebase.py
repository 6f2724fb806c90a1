"""Rebasing a branch in memory: Git first, then the merge of the tips, then rules, then whoever else is in the chain.

* Works on any GIT_DIR, needs no work tree and moves no ref: the outcome is a commit id for the caller to publish. All
  objects are written to a quarantine; only a finished branch gets out of it, for the repository's own command to judge
  or because it is done.
* Commits are replayed as `git rebase` does it. Where that goes through, nobody is asked.
* Where it stops, the end is settled before the way: Git's merge of the two tips is the goal. What conflicts there is
  put to the chain, once, however many commits conflict; then the goal is distributed over the commits (`guided.py`).
* All conflicts are settled, each by an answer that passed its gates, and the whole passes the gates for the whole, or
  the outcome says so and nothing has happened.
"""

import dataclasses
from collections.abc import Callable

from git_ops import objects
from git_ops.errors import CorruptObject, GitFailed, UnknownRef, from_stderr
from git_ops.explain import conflict_fact, intents_of
from git_ops.grouping import conflicts_of
from git_ops.guided import Route, guide
from git_ops.mergetree import Merged, Merger, merging
from git_ops.objects import Identity, show_path
from git_ops.process import Git
from git_ops.quarantine import Quarantine, quarantine
from git_ops.refs import check_oid
from git_ops.replay import Replayed, Stopped, commits_of_range, replay, touched
from git_ops.report import ConflictFact, GateFact, Outcome, RebaseReport, ReplayedCommit, followed
from git_ops.resolve.chain import Chain, Context, Settled, Unsettled
from git_ops.verify import (
    CommandResult,
    Gate,
    clean_but_suspicious,
    end_tree,
    needs_command,
    path_set,
    range_diff,
    repository_command,
)
from git_ops.verify.gate import PATH_SET

MAX_CONFLICTED_PATHS = 2_000
"""At the tips. Where there are more, a branch and its target have nothing to do with each other any longer."""
Check = Callable[[str], CommandResult]
"""Runs the repository's own command (build, tests) on a commit."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be rebased, and how."""

    tip: str
    onto: str
    fork: str
    task: str = ""
    committer: Identity | None = None
    check: Check | None = None
    check_only_doubts: bool = False
    autosquash: bool = False


def rebase(
    git: Git,
    *,
    tip: str,
    onto: str,
    chain: Chain | None = None,
    task: str = "",
    committer: Identity | None = None,
    check: Check | None = None,
    check_only_doubts: bool = False,
    autosquash: bool = False,
) -> RebaseReport:
    """Rebase the branch at `tip` onto the commit `onto`.

    `chain` is asked where Git alone doesn't get through; without one every conflict of the tips stays a conflict.
    `task` is what a person asked for, handed to resolvers. `check` runs the repository's own command on a commit;
    with `check_only_doubts` only where an answer or a suspicion hangs on it, for a branch that may be red by itself.
    `committer` none keeps each commit's own. Raises `GitError` where Git itself fails; conflicts are an outcome.
    """
    fork = merge_base(git, check_oid(onto), check_oid(tip))
    if fork is None:
        return _nothing(tip, onto, detail="The branch and its target have no commit in common.")
    if fork == onto:
        detail = "The branch already contains its target."
        return RebaseReport(outcome="up_to_date", old_tip=tip, new_tip=tip, onto=onto, detail=detail)
    plan = Plan(
        tip=tip,
        onto=onto,
        fork=fork,
        task=task,
        committer=committer,
        check=check,
        check_only_doubts=check_only_doubts,
        autosquash=autosquash,
    )
    with quarantine(git) as place, merging(place.git, attributes_of=onto) as merger:
        report = _Rebase(place, merger, plan, chain or Chain([])).run()
        if report.new_tip not in {tip, onto}:
            place.keep(report.new_tip, have=(onto, tip))
    return report


def merge_base(git: Git, one: str, other: str) -> str | None:
    """The best common ancestor; none where there is none. Raises `UnknownRef` for a commit that isn't there."""
    try:
        done = git.run("merge-base", one, other, ok=(0, 1))
    except GitFailed as e:
        if "Not a valid commit name" not in e.stderr:
            raise
        raise UnknownRef(f"There is no commit {one[:10]} or {other[:10]} here") from e
    said = from_stderr(("git", "merge-base"), done.returncode, done.stderr.decode("utf-8", "replace"))
    if isinstance(said, CorruptObject):  # it passes over commits that it can't read
        raise said
    return done.stdout.decode().strip() or None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """Replayed commits and where they end."""

    new_tip: str
    commits: tuple[ReplayedCommit, ...]
    carried: str | None = None


class _Rebase:
    """One rebase: keeps the record of conflicts and gates."""

    def __init__(self, place: Quarantine, merger: Merger, plan: Plan, chain: Chain) -> None:
        self.place = place
        self.git = place.git
        self.merger = merger
        self.plan = plan
        self.chain = chain
        self.facts: list[ConflictFact] = []
        self.gates: list[Gate] = []
        self.settled: list[Settled] = []
        self.proved = False
        """The repository's own command has passed on the result: not just failed on the target, too."""
        self.note = ""

    def run(self) -> RebaseReport:
        plan = self.plan
        result = replay(
            self.git,
            base=plan.fork,
            tip=plan.tip,
            onto=plan.onto,
            committer=plan.committer,
            autosquash=plan.autosquash,
            merger=self.merger,
        )
        tips = self.merger.merge_tips(plan.onto, plan.tip)
        if isinstance(result, Replayed) and not self._loses_something(result, tips):
            self.gates.append(end_tree(oracle=tips.tree if tips.clean else None, result=result.tree))
            return self._judged(_Series(new_tip=result.new_tip, commits=result.commits))
        if len(tips.stages) > MAX_CONFLICTED_PATHS:
            detail = (
                f"{len(tips.stages)} paths conflict; more than {MAX_CONFLICTED_PATHS} aren't put to anybody."
            )
            return self._report(_Series(new_tip=plan.tip, commits=()), "conflicted", detail, "")
        goal = tips.tree if tips.clean else self._settle(tips)
        if goal is None:
            return self._unsettled(result)
        series = self._squashed(self._guided(goal), goal) if plan.autosquash else self._guided(goal)
        self.gates.append(end_tree(oracle=goal, result=objects.tree_of(self.git, series.new_tip)))
        return self._judged(series)

    def _loses_something(self, result: Replayed, tips: Merged) -> bool:
        """Whether merge commits of the range hold changes of their own that a replay leaves out."""
        if tips.clean and tips.tree == result.tree:
            return False
        return any(self._is_evil(oid) for oid in result.merges)

    def _is_evil(self, oid: str) -> bool:
        """The merge commit isn't what Git makes of its parents."""
        commit = objects.read_commit(self.git, oid)
        if len(commit.parents) != 2:
            return True
        again = self.merger.merge_tips(*commit.parents, unrelated=True)
        return not again.clean or again.tree != commit.tree

    def _settle(self, tips: Merged) -> str | None:
        """The tree of the tips' merge with all of its conflicts settled; none where one is left."""
        plan = self.plan
        conflicts = conflicts_of(self.git, tips, fork=plan.fork, onto=plan.onto, tip=plan.tip)
        context = Context(
            git=self.git,
            task=plan.task,
            fork=plan.fork,
            onto=plan.onto,
            tip=plan.tip,
            merged_tree=tips.tree,
        )
        outcomes = self.chain.settle(conflicts, context)
        intents = intents_of(self.git, context, conflicts)
        self.facts = [conflict_fact(outcome, context, intents) for outcome in outcomes]
        self.settled = [outcome for outcome in outcomes if isinstance(outcome, Settled)]
        return None if any(isinstance(outcome, Unsettled) for outcome in outcomes) else self._goal(tips)

    def _goal(self, tips: Merged) -> str | None:
        changes: dict[str, tuple[str, str] | None] = {}
        allowed: set[str] = set()
        for settled in self.settled:
            answer = settled.resolution
            allowed |= {
                settled.conflict.path,
                *settled.conflict.paths,
                *settled.conflict.stages,
                *answer.elsewhere,
            }
            # a path given up for a rename must not take away what another conflict puts there
            for path, file in answer.files.items():
                new = file and (file.mode, file.oid or objects.write_blob(self.git, file.content or b""))
                if new and changes.get(path, new) not in {None, new}:
                    why = f"{show_path(path)} would get two different contents from two conflicts' answers"
                    self.gates.append(Gate(name=PATH_SET, passed=False, why=why))
                    return None
                changes[path] = new or changes.get(path)
        tree = objects.edit_tree(self.git, tips.tree, changes)
        gate = path_set(self.git, merged=tips.tree, result=tree, allowed=allowed)
        self.gates.append(gate)
        return tree if gate.passed else None

    def _guided(self, goal: str) -> _Series:
        plan = self.plan
        merges, commits = commits_of_range(self.git, plan.fork, plan.tip, plan.onto)
        route = Route(
            onto=plan.onto,
            goal=goal,
            commits=commits,
            merges=merges,
            touched=touched(self.git, [oid for oid, _ in commits]),
            elsewhere=frozenset(path for one in self.settled for path in _edited_elsewhere(one)),
        )
        found = guide(self.git, self.merger, route, committer=plan.committer)
        return _Series(new_tip=found.new_tip, commits=found.commits, carried=found.carried)

    def _judged(self, series: _Series) -> RebaseReport:
        """The report on a finished series, after the gates for the whole."""
        plan, text = self.plan, ""
        told = self.settled or series.carried or any(commit.reason for commit in series.commits)
        if told and series.new_tip != plan.onto:
            mapping = {commit.old: commit.new for commit in series.commits}
            gate, text = self._range_diff(series, mapping)
            self.gates.append(gate)
        tree = objects.tree_of(self.git, series.new_tip)
        self.gates.append(
            clean_but_suspicious(self.git, fork=plan.fork, onto=plan.onto, tip=plan.tip, result=tree)
        )
        asked = not plan.check_only_doubts or self._unsure() or any(not gate.passed for gate in self.gates)
        if plan.check and asked and series.new_tip != plan.onto and not self._refusals():
            self._run_command(plan.check, series.new_tip)
        outcome, detail = self._verdict()
        if outcome == "conflicted":
            return self._report(_Series(new_tip=plan.tip, commits=series.commits), outcome, detail, text)
        if outcome == "resolved":
            self.chain.remember(self.settled, commit=series.new_tip)
        if series.new_tip == plan.onto:
            detail = detail or "The target already has all of the branch's changes."
        return self._report(series, outcome, detail or self.note, text)

    def _squashed(self, series: _Series, goal: str) -> _Series:
        """The series with its `fixup!` commits folded, where that goes through; else as it is, and that is told."""
        plan = self.plan
        result = replay(
            self.git,
            base=plan.onto,
            tip=series.new_tip,
            onto=plan.onto,
            committer=plan.committer,
            autosquash=True,
            merger=self.merger,
        )
        if isinstance(result, Stopped) or result.tree != goal:
            self.note = "Commits to be squashed were left as they are, because moving them conflicts."
            return series
        carried = next((one.new for one in result.commits if one.old == series.carried), None)
        return _Series(
            new_tip=result.new_tip, commits=followed(series.commits, result.commits), carried=carried
        )

    def _run_command(self, check: Check, new_tip: str) -> None:
        plan, said = self.plan, {}

        def asked(oid: str) -> CommandResult:
            said[oid] = check(oid)
            return said[oid]

        self.place.keep(new_tip, have=(plan.onto, plan.tip))  # to be checked out where the command runs
        self.gates.append(repository_command(asked, onto=plan.onto, new_tip=new_tip))
        self.proved = new_tip in said and said[new_tip].passed

    def _range_diff(self, series: _Series, mapping: dict[str, str | None]) -> tuple[Gate, str]:
        plan = self.plan
        gate, text = range_diff(
            self.git, old=(plan.fork, plan.tip), new=(plan.onto, series.new_tip), mapping=mapping
        )
        return gate, text.decode("utf-8", "backslashreplace")

    def _verdict(self) -> tuple[Outcome, str]:
        failed = {gate.name: gate for gate in self.gates if not gate.passed}
        outcome: Outcome = "resolved" if self.facts else "clean"
        if (unsure := self._unsure()) and not self.proved:
            return (
                "conflicted",
                f"Gate {unsure[0].name} wants the repository's own command to pass: {unsure[0].why}.",
            )
        if hard := self._refusals():
            return "conflicted", f"Refused by gate {hard[0].name}: {hard[0].why}."
        soft = [gate for gate in failed.values() if not (self.proved and gate.name == "stale-symbols")]
        if soft:
            return "suspicious", f"Gate {soft[0].name}: {soft[0].why}."
        return outcome, ""

    def _unsure(self) -> list[Gate]:
        """What was let through on condition that the repository's own command passes."""
        return [gate for settled in self.settled for gate in settled.gates if needs_command((gate,))]

    def _refusals(self) -> list[Gate]:
        """The failed gates that aren't mere suspicions."""
        suspicions = {"stale-symbols"} | (set() if self.facts else {"end-tree"})
        return [gate for gate in self.gates if not gate.passed and gate.name not in suspicions]

    def _unsettled(self, result: Replayed | Stopped) -> RebaseReport:
        failed = [gate for gate in self.gates if not gate.passed]
        if failed:
            detail = f"Refused by gate {failed[0].name}: {failed[0].why}."
        elif isinstance(result, Stopped):
            detail = f"Commit {result.step.oid[:10]} conflicts with the target."
        else:
            named = ", ".join(oid[:10] for oid in result.merges[:3])
            detail = f"The branch's merge commits ({named}) hold changes of their own that conflict with the target."
        return self._report(_Series(new_tip=self.plan.tip, commits=()), "conflicted", detail, "")

    def _report(self, series: _Series, outcome: Outcome, detail: str, text: str) -> RebaseReport:
        return RebaseReport(
            outcome=outcome,
            old_tip=self.plan.tip,
            new_tip=series.new_tip,
            onto=self.plan.onto,
            commits=series.commits,
            carried=series.carried,
            conflicts=tuple(self.facts),
            gates=tuple(GateFact(name=gate.name, passed=gate.passed, why=gate.why) for gate in self.gates),
            detail=detail,
            range_diff=text,
            spent=self.chain.spent(),
        )


def _edited_elsewhere(settled: Settled) -> frozenset[str]:
    """What an agent changed outside the conflict; a rule's paths are where Git or a rename put the file."""
    answer = settled.resolution
    return answer.elsewhere if answer.source == "agent" else frozenset()


def _nothing(tip: str, onto: str, *, detail: str) -> RebaseReport:
    return RebaseReport(outcome="conflicted", old_tip=tip, new_tip=tip, onto=onto, detail=detail)
