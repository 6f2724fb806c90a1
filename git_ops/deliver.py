"""Bringing a branch onto a target that doesn't hold still: fetch, rebase, push, and again where the target moved.

* The branch is pushed under a lease on exactly what was read, in one atomic push with its backup. What somebody else
  pushed is never overwritten: that ends the delivery, with the word whose it is.
* The same push fails where the target has moved, and afterwards both are read back: a branch that is delivered sat
  on the target's tip when the push was over, or the delivery says that it is `behind`.
* A target that moved means fetch and rebase again, from the same commits. What was settled before comes from the
  chain's memory, so nobody is asked twice. Attempts are bounded; pauses grow and are jittered.
* A push whose answer got lost may have arrived: the next round looks, and knows its own commits.
"""

import dataclasses
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import stamina

from git_ops import remote
from git_ops.errors import GitError, LeaseLost, PushRejected, RemoteUnreachable, TargetMoved, UnknownRef
from git_ops.objects import Identity, read_commit, show_path
from git_ops.process import Git
from git_ops.push import PushResult, push
from git_ops.rebase import rebase
from git_ops.refs import branch_ref, check_oid
from git_ops.report import RebaseReport
from git_ops.resolve.chain import Chain

OURS = "refs/forgehand/deliver"
"""Where fetched tips are held while a delivery is under way."""

Fetch = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Remote ref or object id to local ref; gives back what each is at. `Mirror.fetch_refs` is one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One round: what was rebased onto, and how it ended."""

    onto: str
    outcome: str
    """`pushed`, `target moved`, or the report's outcome where nothing was pushed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of it. `pushed` is none where the rebase's outcome kept the branch where it was."""

    report: RebaseReport
    pushed: PushResult | None
    attempts: tuple[Attempt, ...]
    behind: bool = False
    """The target moved on once more, during the last push."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be delivered where."""

    url: str
    branch: str
    target: str
    tip: str
    """The commits to bring onto the target; they stay the same over all attempts."""
    expected: str | None
    """Where the branch is at the remote; none: it isn't there."""
    backup_ref: str | None = None
    """A ref of the remote (`refs/…`) that gets `expected`, where there is one."""
    never: Collection[str] = ()


Accept = Callable[[RebaseReport], bool]


def publishable(report: RebaseReport) -> bool:
    """The branch may be pushed without anybody looking at it."""
    return report.outcome in {"up_to_date", "clean", "resolved"}


def deliver(
    git: Git,
    work: Work,
    *,
    chain: Chain | None = None,
    task: str = "",
    committer: Identity | None = None,
    accept: Accept = publishable,
    fetch: Fetch | None = None,
    attempts: int = 5,
    first_pause_seconds: float = 0.2,
) -> Delivery:
    """Rebase `work.tip` onto the target as it is now and push it, in at most `attempts` rounds.

    `fetch` brings refs into `git`'s repository (a mirror does it under its lock). Raises `LeaseLost`, `TargetMoved`
    after the last attempt, `PushRejected`, `RemoteError`, or what Git says; the remote is then as others left it.
    """
    if work.branch == work.target:
        raise PushRejected("A branch can't be delivered onto itself", reason="target")
    check_oid(work.tip)
    with _held(git, work, fetch) as hold:
        one = _Delivering(
            git,
            work,
            hold,
            accept,
            lambda onto: rebase(git, tip=work.tip, onto=onto, chain=chain, task=task, committer=committer),
        )
        for attempt in stamina.retry_context(
            on=(TargetMoved, RemoteUnreachable),
            attempts=attempts,
            timeout=None,
            wait_initial=first_pause_seconds,
            wait_jitter=first_pause_seconds,
            wait_max=30,
        ):
            with attempt:
                return one.once(last=attempt.num == attempts)
    raise AssertionError("the last attempt returns or raises")


def read_remote(git: Git, url: str, branch: str) -> str | None:
    """Where the branch is at the remote; none where it isn't there."""
    ref = branch_ref(branch)
    return remote.ls_remote(git, url, ref).get(ref)


class _Delivering:
    """The rounds of one delivery."""

    def __init__(
        self, git: Git, work: Work, hold: Fetch, accept: Accept, rebased: Callable[[str], RebaseReport]
    ) -> None:
        self.git = git
        self.work = work
        self.hold = hold
        self.accept = accept
        self.rebased = rebased
        self.expected = work.expected
        self.sent: set[str] = set()
        """What we pushed or tried to: not somebody else's, should it turn up at the remote."""
        self.backup_ref: str | None = None
        self.attempts: list[Attempt] = []

    def once(self, *, last: bool) -> Delivery:
        """One round. Raises `TargetMoved` where another is wanted."""
        onto = self._read()
        report = self.rebased(onto)
        if not self.accept(report):
            return self._ended(report, onto, report.outcome, None)
        try:
            pushed = self._push(report.new_tip, onto)
        except TargetMoved:
            self.attempts.append(Attempt(onto=onto, outcome="target moved"))
            raise
        self.expected = report.new_tip
        now = read_remote(self.git, self.work.url, self.work.target)
        if now == onto:
            return self._ended(report, onto, "pushed", pushed)
        if last:
            return self._ended(report, onto, "pushed", pushed, behind=True)
        self.attempts.append(Attempt(onto=onto, outcome="target moved"))
        raise TargetMoved(self.work.target, expected=onto, actual=now)

    def _read(self) -> str:
        """Fetch what is there now; the target's tip. Raises `LeaseLost` before anything is spent on a lost cause."""
        target, branch = branch_ref(self.work.target), branch_ref(self.work.branch)
        found = remote.ls_remote(self.git, self.work.url, target, branch)
        if target not in found:
            raise UnknownRef(f"There is no branch {self.work.target} at the remote to deliver onto")
        self._hold_lease(found.get(branch))
        wanted = {target: "target"} | ({branch: "branch"} if branch in found else {})
        at = self.hold(wanted)
        self._hold_lease(at.get(branch))
        return at[target]

    def _hold_lease(self, actual: str | None) -> None:
        if actual in self.sent:
            self.expected = actual
        if actual != self.expected:
            raise LeaseLost(
                self.work.branch, expected=self.expected, actual=actual, whose=self._whose(actual)
            )

    def _push(self, new: str, onto: str) -> PushResult:
        work = self.work
        self.sent.add(new)
        try:
            pushed = push(
                self.git,
                url=work.url,
                sha=new,
                branch=work.branch,
                expected=self.expected,
                backup_ref=work.backup_ref if self.expected == work.expected else None,
                never={*work.never, work.target},
                unmoved={work.target: onto},
            )
        except LeaseLost as e:
            whose = self._whose(e.actual)
            raise LeaseLost(work.branch, expected=e.expected, actual=e.actual, whose=whose) from e
        self.backup_ref = pushed.backup_ref or self.backup_ref
        return dataclasses.replace(pushed, previous=work.expected, backup_ref=self.backup_ref)

    def _whose(self, oid: str | None) -> str:
        """Whose commit that is and its subject; nothing where it can't be found out."""
        if oid is None:
            return ""
        try:
            self.hold({oid: "foreign"})
            commit = read_commit(self.git, oid)
        except GitError:
            return ""
        return show_path(f"{commit.committer_identity().name}: {commit.subject}")[:200]

    def _ended(
        self,
        report: RebaseReport,
        onto: str,
        outcome: str,
        pushed: PushResult | None,
        *,
        behind: bool = False,
    ) -> Delivery:
        self.attempts.append(Attempt(onto=onto, outcome=outcome))
        return Delivery(report=report, pushed=pushed, attempts=tuple(self.attempts), behind=behind)


@contextmanager
def _held(git: Git, work: Work, fetch: Fetch | None) -> Iterator[Fetch]:
    """Fetch into refs of this delivery alone, which are gone when it is over."""
    place = f"{OURS}/{secrets.token_hex(8)}"
    used: set[str] = set()

    def hold(wanted: Mapping[str, str]) -> Mapping[str, str]:
        local = {name: f"{place}/{short}" for name, short in wanted.items()}
        used.update(local.values())
        return fetch(local) if fetch else remote.fetch_refs(git, work.url, local)

    try:
        yield hold
    finally:
        lines = "".join(f"delete {ref}\0\0" for ref in sorted(used))
        git.run("update-ref", "--stdin", "-z", stdin=lines.encode(), ok=range(256))
