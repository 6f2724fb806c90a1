"""The port that every resolver fulfils, and the chain that asks them in order.

* A resolver answers for one conflict: a `Resolution`, a smaller conflict (`Reduced`), or `Abstained` with the reason.
  It never raises for a conflict it can't settle, writes nothing to the repository and moves no ref. `GitError` passes.
* A `GroupResolver` is asked once for all conflicts that are left, because they belong together and asking is dear.
* An answer counts only once it has passed every gate. One that fails is on record and the next resolver is asked.
* Cheap before dear is the order in which the chain is built.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from git_ops.conflict import Abstained, Answer, Conflict, File, Reduced, Resolution
from git_ops.process import Git
from git_ops.report import Spent
from git_ops.verify import Gate, check_resolution

_MAX_REDUCTIONS = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a resolver may know beside the conflict itself. All texts are untrusted."""

    git: Git
    task: str = ""
    """What a person asked for; may be empty."""
    fork: str
    """The commit where the branch left its target: BASE."""
    onto: str
    """The target's tip: TARGET."""
    tip: str
    """The branch's tip: AGENT."""
    merged_tree: str
    """Git's merge of both tips; where a path isn't conflicted, it has the result."""
    settled: tuple["Settled", ...] = ()
    """What was decided before, in this rebase."""
    reasons: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """Why those that were asked before have no answer, by the conflict's path."""


class Resolver(Protocol):
    """See the module's docstring for the contract."""

    @property
    def name(self) -> str:
        """A short word for reports."""

    def resolve(self, conflict: Conflict, context: Context) -> Answer:
        """Settle one conflict."""


class GroupResolver(Protocol):
    """A resolver that sees all that is left at once."""

    @property
    def name(self) -> str:
        """A short word for reports."""

    def resolve_together(self, conflicts: Sequence[Conflict], context: Context) -> Mapping[str, Answer]:
        """An answer for each conflict, by its `path`; one that is missing is an abstention."""


@runtime_checkable
class Remembers(Protocol):
    """A resolver that keeps answers for another time."""

    def remember(self, settled: Sequence["Settled"], *, commit: str) -> None:
        """These answers passed every gate, those for the whole included, and ended in `commit`."""


@runtime_checkable
class Costs(Protocol):
    """A resolver that spends money."""

    def spent(self) -> Spent:
        """The total so far."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The resolution that counts, and the gates it passed."""

    conflict: Conflict
    resolution: Resolution
    gates: tuple[Gate, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Nobody could: a sentence for each resolver that was asked."""

    conflict: Conflict
    reasons: tuple[str, ...]

    @property
    def why(self) -> str:
        """All reasons in one text."""
        return "; ".join(self.reasons) or "no resolver is configured"


class Chain:
    """Resolvers in the order in which they are asked."""

    def __init__(self, resolvers: Sequence[Resolver | GroupResolver]) -> None:
        self.resolvers = tuple(resolvers)

    def settle(self, conflicts: Sequence[Conflict], context: Context) -> tuple[Settled | Unsettled, ...]:
        """An outcome for each conflict, in order: the first answer that passes every gate, or none."""
        open_ones = [_Open(conflict) for conflict in conflicts]
        for resolver in self.resolvers:
            left = [one for one in open_ones if one.settled is None]
            if not left:
                break
            known = tuple(one.settled for one in open_ones if one.settled)
            reasons = {one.now.path: tuple(one.reasons) for one in left}
            now = dataclasses.replace(context, settled=(*context.settled, *known), reasons=reasons)
            _ask(resolver, left, now)
        return tuple(one.outcome() for one in open_ones)

    def remember(self, settled: Sequence[Settled], *, commit: str) -> None:
        """Tell those that keep answers which ones came through, and in which commit they ended."""
        for resolver in self.resolvers:
            if isinstance(resolver, Remembers):
                resolver.remember(settled, commit=commit)

    def spent(self) -> Spent:
        """What asking has cost so far."""
        bills = [resolver.spent() for resolver in self.resolvers if isinstance(resolver, Costs)]
        known = [bill.usd for bill in bills if bill.usd is not None]
        return Spent(
            requests=sum(bill.requests for bill in bills),
            tokens=sum(bill.tokens for bill in bills),
            usd=sum(known) if known else None,
        )


class _Open:
    """One conflict on its way through the chain."""

    def __init__(self, conflict: Conflict) -> None:
        self.original = conflict
        self.now = conflict
        self.files: dict[str, File | None] = {}
        self.reasons: list[str] = []
        self.settled: Settled | None = None
        self._reductions = 0
        self._trail: list[str] = []

    def take(self, resolver: str, answer: Answer) -> bool:
        """Hear an answer; whether the same resolver should be asked again, for the smaller conflict."""
        match answer:
            case Abstained():
                self.reasons.append(f"{resolver}: {answer.why}")
            case Reduced() if self._reductions < _MAX_REDUCTIONS:
                self._reductions += 1
                self._trail.append(f"{resolver}: {answer.why}")
                self.files |= answer.files
                self.now = answer.rest
                return True
            case Reduced():
                self.reasons.append(f"{resolver}: the conflict was made smaller too often")
            case Resolution():
                self._judge(resolver, answer)
        return False

    def _judge(self, resolver: str, answer: Resolution) -> None:
        gates = check_resolution(self.now, answer)
        if failed := [gate for gate in gates if not gate.passed]:
            self.reasons += [f"{resolver}: refused by gate {gate.name}: {gate.why}" for gate in failed]
            return
        whole = dataclasses.replace(
            answer,
            files={**self.files, **answer.files},
            why="; ".join([*self._trail, answer.why]) if self._trail else answer.why,
            elsewhere=answer.elsewhere | self._found(),
        )
        self.settled = Settled(conflict=self.original, resolution=whole, gates=gates)

    def _found(self) -> frozenset[str]:
        """Paths that whoever made the conflict smaller has brought in: where a file went."""
        return frozenset({self.now.path, *self.files}) - {self.original.path, *self.original.paths}

    def outcome(self) -> Settled | Unsettled:
        return self.settled or Unsettled(conflict=self.original, reasons=tuple(self._trail + self.reasons))


def _ask(resolver: Resolver | GroupResolver, left: list[_Open], context: Context) -> None:
    while left:
        if hasattr(resolver, "resolve_together"):
            answers = resolver.resolve_together([one.now for one in left], context)
            told = [answers.get(one.now.path, Abstained(why="no answer")) for one in left]
        else:
            told = [resolver.resolve(one.now, context) for one in left]
        left = [one for one, answer in zip(left, told, strict=True) if one.take(resolver.name, answer)]
