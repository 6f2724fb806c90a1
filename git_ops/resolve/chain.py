"""The port that every resolver fulfils, and the chain that asks them in order.

* A resolver answers for one conflict: a `Resolution`, or `Abstained` with the reason. It never raises for a conflict
  it can't settle, writes nothing to the repository and moves no ref. `GitError` passes through.
* An answer counts only once it has passed every gate. One that fails is on record and the next resolver is asked.
* Cheap before dear is the order in which the chain is built.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from git_ops.conflict import Abstained, Conflict, Resolution
from git_ops.objects import RawCommit
from git_ops.process import Git
from git_ops.verify import Gate, check_resolution


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a resolver may know beside the conflict itself. All texts are untrusted."""

    git: Git
    task: str
    """What a person asked for; may be empty."""
    fork: str
    """Where the branch left its target."""
    onto: str
    """The target's tip."""
    commit: RawCommit
    """The commit being replayed."""
    oracle_tree: str | None
    """Git's merge of the two tips; none where that conflicts as well."""
    later_paths: frozenset[str]
    """Paths that the commits still to be replayed touch."""


class Resolver(Protocol):
    """See the module's docstring for the contract."""

    @property
    def name(self) -> str:
        """A short word for reports."""

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:
        """Settle one conflict."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The resolution that counts, and the gates it passed."""

    resolution: Resolution
    gates: tuple[Gate, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Nobody could: a sentence for each resolver that was asked."""

    reasons: tuple[str, ...]

    @property
    def why(self) -> str:
        """All reasons in one text."""
        return "; ".join(self.reasons) or "no resolver is configured"


class Chain:
    """Resolvers in the order in which they are asked."""

    def __init__(self, resolvers: Sequence[Resolver]) -> None:
        self.resolvers = tuple(resolvers)

    def settle(self, conflict: Conflict, context: Context) -> Settled | Unsettled:
        """The first answer that passes every gate."""
        reasons = []
        for resolver in self.resolvers:
            answer = resolver.resolve(conflict, context)
            if isinstance(answer, Abstained):
                reasons.append(f"{resolver.name}: {answer.why}")
                continue
            gates = check_resolution(conflict, answer)
            failed = [gate for gate in gates if not gate.passed]
            if not failed:
                return Settled(resolution=answer, gates=gates)
            reasons += [f"{resolver.name}: refused by gate {gate.name}: {gate.why}" for gate in failed]
        return Unsettled(reasons=tuple(reasons))
