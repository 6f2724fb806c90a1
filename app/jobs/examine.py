"""What a result really is: its commits judged as data, and its report held to what Git says.

A runner may be hijacked, so nothing is taken from it but objects: the branch's own commits must all be there,
unchanged or replayed; exactly one commit may be new, made by us, with the message that we gave; and only its
content, and what neither the branch nor its target had before, is ours to judge. A replayed commit may touch other
files than it did only where the report tells of them, as the thread then does, and they are judged like new work.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from app.domain import policy
from app.domain.job import Job
from app.jobs.desk import Desk
from app.jobs.spec import spec_of
from git_ops import ChangedPath, DiffFacts, Git, Identity, Mirror, diff_facts
from git_ops.guided import carrier, folded
from git_ops.mergetree import Merger, merging
from git_ops.objects import RawCommit, read_commit, tree_of
from git_ops.quarantine import quarantine
from git_ops.replay import commits_of_range, touched
from runner.protocol import JobSpec, RebaseFacts, Result


class RejectedError(Exception):
    """The result must not be published; the message says why, for the thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What may be published."""

    facts: DiffFacts
    result: Result
    """The runner's report without what can't be true."""

    @property
    def head(self) -> str:
        return self.facts.tip


def examine(desk: Desk, job: Job, mirror: Mirror, result: Result) -> Examined:
    """Read the quarantine ref. Raises `RejectedError`."""
    if result.head_sha is None:
        raise RejectedError(result.error or "the runner ended without a result")
    head = mirror.resolve(job.quarantine_ref)
    if head != result.head_sha:
        raise RejectedError("what the runner pushed isn't what it reported; nothing was published")
    spec, git = spec_of(desk, job), mirror.git
    target = mirror.resolve(job.target_branch)
    facts = diff_facts(git, _fork(git, head, target), head)
    checked = Examined(facts=facts, result=_checked(git, spec, result, head=head, target=target))
    if not facts.files:
        return checked
    elsewhere = _edited_elsewhere(checked.result)
    made = _History(git, spec, target, elsewhere).made_by_us(facts)
    settings = desk.settings
    bounds = policy.Bounds(max_files=settings.max_changed_files, max_commits=settings.max_commits)
    files = {file.path: file for file in _unlike(git, spec.start_sha, facts)}
    for oid in made:
        (parent,) = read_commit(git, oid).parents
        files |= {file.path: file for file in diff_facts(git, parent, oid).files}
    judged = [*files.values()], *_on_the_way(git, facts, elsewhere)
    for some in judged:
        if reason := policy.judge(some, commits=len(facts.commits), bounds=bounds):
            raise RejectedError(f"the work was not published: {reason}")
    return checked


def _edited_elsewhere(result: Result) -> frozenset[str]:
    """The paths outside the conflicts that the report, and so the thread, says were changed to settle them."""
    if result.rebase is None or result.rebase.outcome != "resolved":
        return frozenset()
    return frozenset(path for fact in result.rebase.conflicts for path in fact.elsewhere)


def _on_the_way(git: Git, facts: DiffFacts, paths: frozenset[str]) -> Iterator[list[ChangedPath]]:
    """What each commit does to these paths: what comes in one and goes in the next is judged, too."""
    for commit in facts.commits if paths else ():
        for parent in read_commit(git, commit.oid).parents[:1]:
            yield [file for file in diff_facts(git, parent, commit.oid).files if file.path in paths]


def _fork(git: Git, commit: str, target: str) -> str:
    return git.text("merge-base", commit, target)


def _unlike(git: Git, start: str, facts: DiffFacts) -> list[ChangedPath]:
    """The changed files whose content neither the target nor the branch had before."""
    unlike_start = {file.path for file in diff_facts(git, start, facts.tip).files}
    return [file for file in facts.files if file.path in unlike_start]


def _checked(git: Git, spec: JobSpec, result: Result, *, head: str, target: str) -> Result:
    """The report without claims about other commits, other commands or other targets."""
    runs = tuple(run for run in result.verifications if run.sha == head and run.command == spec.verify)
    rebase = result.rebase if result.rebase and _is_true(git, result.rebase, head, target) else None
    return result.model_copy(update={"verifications": runs, "rebase": rebase})


def _is_true(git: Git, rebase: RebaseFacts, head: str, target: str) -> bool:
    if rebase.new_tip != head:
        return False
    if rebase.outcome == "conflicted":
        return rebase.old_tip == head
    return _contains(git, head, rebase.onto) and _contains(git, target, rebase.onto)


def _contains(git: Git, commit: str, ancestor: str) -> bool:
    return git.run("merge-base", "--is-ancestor", ancestor, commit, ok=(0, 1, 128)).returncode == 0


class _History:
    """Holds the commits of a result to those that the work started from."""

    def __init__(self, git: Git, spec: JobSpec, target: str, elsewhere: frozenset[str] = frozenset()) -> None:
        """`elsewhere` are paths that replayed commits may touch beside their own: the caller judges what is there."""
        self._git, self._spec, self._target, self._elsewhere = git, spec, target, elsewhere
        self._fork = fork = _fork(git, spec.start_sha, target)
        oids = git.text("rev-list", "--reverse", "--topo-order", f"{fork}..{spec.start_sha}").split()
        self._before = {oid: read_commit(git, oid) for oid in oids}
        self._us = Identity(name=spec.identity.name, email=spec.identity.email)

    def made_by_us(self, facts: DiffFacts) -> list[str]:
        """The new commits: one for work, none for a rebase. Raises `RejectedError` where anything else is new.

        Work that was folded with the branch's last commits isn't named: nothing comes after it, so whatever is in it
        is in the end result.
        """
        oids = [commit.oid for commit in facts.commits]
        new = [oid for oid in oids[-1:] if self._spec.kind == "code" and self._is_ours(oid)]
        inside = self._folded_with_ours(oids[-1]) if self._spec.kind == "code" and not new else []
        cut = len(oids) - len(new) - bool(inside)
        missing = self._replayed(oids[:cut], done=inside)
        if missing:
            lost = f"the commit {missing[0].subject[:80]!r} of the branch is missing from the result"
            raise RejectedError(f"{lost}; nothing was published")
        return new

    def _is_ours(self, oid: str) -> bool:
        commit = read_commit(self._git, oid)
        message = f"{self._spec.commit_subject}\n".encode()
        return (
            oid not in self._before
            and len(commit.parents) == 1
            and commit.message == message
            and commit.author.startswith(self._us.line(0)[: -len(b"0 +0000")])
            and commit.committer_identity() == self._us
        )

    def _folded_with_ours(self, new: str) -> list[str]:
        """The branch's last commits, where `new` is them and our work in one, as the engine folds commits."""
        now = read_commit(self._git, new)
        if len(now.parents) != 1 or now.committer_identity() != self._us:
            return []
        message = f"{self._spec.commit_subject}\n".encode()
        ours = RawCommit(tree="", parents=(), author=self._us.line(0), committer=b"", message=message)
        upstream = self._upstream()
        plain = [oid for oid in self._before if oid not in upstream and len(self._before[oid].parents) == 1]
        for count in range(1, len(plain) + 1):
            olds = plain[-count:]
            was = folded([*(self._before[oid] for oid in olds), ours])
            if (was.author, was.message) == (now.author, now.message):
                return olds
            if len(was.message) > len(now.message):
                break
        return []

    def _replayed(self, oids: Sequence[str], *, done: Sequence[str] = ()) -> list[RawCommit]:
        """Match the commits, in order, to those before; answers what is missing and isn't in the target already.

        `done` are commits before that are accounted for.
        """
        waiting = [oid for oid in self._before if oid not in done]
        upstream = self._upstream()
        skipped: list[str] = []
        carried = False
        for oid in oids:
            while waiting and not (found := self._stands_for(oid, waiting, upstream)):
                skipped.append(waiting.pop(0))
            if not waiting:
                if carried or not self._carries_over(oid):
                    subject = read_commit(self._git, oid).subject[:80]
                    raise RejectedError(
                        f"the result has a commit that nobody asked for: {subject!r}; nothing was published"
                    )
                carried = True
            if waiting:
                cut = waiting.index(found[-1]) + 1
                skipped += [old for old in waiting[:cut] if old not in found]
                del waiting[:cut]
        gone = {oid for oid in (*skipped, *waiting) if oid not in upstream}
        lost = [oid for oid, commit in self._before.items() if oid in gone and len(commit.parents) == 1]
        return [self._before[oid] for oid in self._not_in_target(lost)]

    def _not_in_target(self, oids: Sequence[str]) -> list[str]:
        """Those of which the target lacks something: a squash merge has the change of several together."""
        if not oids:
            return []
        runs: list[list[str]] = []
        for oid in oids:
            if runs and self._before[oid].parents == (runs[-1][-1],):
                runs[-1].append(oid)
            else:
                runs.append([oid])
        with (
            quarantine(self._git) as place,
            merging(place.git, attributes_of=self._target) as merger,
        ):
            return [oid for run in runs if not self._adds_nothing(merger, run) for oid in run]

    def _adds_nothing(self, merger: Merger, run: Sequence[str]) -> bool:
        """Merged into the target, these commits together change nothing."""
        (base,) = self._before[run[0]].parents
        merged = merger.merge(base=base, ours=self._target, theirs=run[-1])
        return merged.clean and merged.tree == tree_of(self._git, self._target)

    def _stands_for(self, new: str, waiting: Sequence[str], upstream: set[str]) -> list[str]:
        """The first of the waiting commits that `new` is, or replays, alone or folded with those after it."""
        if waiting[0] == new:
            return [new]
        if waiting[0] in upstream or len(self._before[waiting[0]].parents) != 1:
            return []
        plain = [oid for oid in waiting if oid not in upstream and len(self._before[oid].parents) == 1]
        now = read_commit(self._git, new)
        for count in range(1, len(plain) + 1):
            olds = plain[:count]
            was = folded([self._before[oid] for oid in olds])
            if (was.author, was.message) == (now.author, now.message):
                return olds if self._made_of(new, now, touched(self._git, olds).values()) else []
            if len(was.message) > len(now.message):
                break
        return []

    def _made_of(self, new: str, now: RawCommit, allowed: Iterable[frozenset[str]]) -> bool:
        """We committed it, and it touches only what the old commits or the target touched, or what is told."""
        if now.committer_identity() != self._us or len(now.parents) != 1:
            return False
        own = touched(self._git, (new,))[new]
        return own <= self._moved_by_target.union(self._elsewhere, *allowed)

    def _carries_over(self, new: str) -> bool:
        """It holds what stood only in merge commits of the branch, and says so."""
        merges, _ = commits_of_range(self._git, self._fork, self._spec.start_sha, self._target)
        if not merges:
            return False
        was, now = carrier(self._git, merges), read_commit(self._git, new)
        same = (was.author, was.message) == (now.author, now.message)
        return same and self._made_of(new, now, touched(self._git, merges).values())

    @cached_property
    def _moved_by_target(self) -> frozenset[str]:
        """The paths in which the target differs from where the branch left it: new names among them."""
        files = diff_facts(self._git, self._fork, self._target, max_commits=0).files
        return frozenset(file.path for file in files)

    def _upstream(self) -> set[str]:
        """The commits before whose change the target has already, and those that change nothing."""
        lines = self._git.text("cherry", self._target, self._spec.start_sha).splitlines()
        there = {line[2:] for line in lines if line.startswith("- ")}
        changed = touched(self._git, list(self._before))
        return there | {oid for oid in self._before if not changed[oid]}
