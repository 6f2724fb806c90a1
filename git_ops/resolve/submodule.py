"""Both sides moved a submodule: the commit that contains the other one.

What a submodule's commits contain is known only to someone who has its repository. `Contains` is the port for that;
without it, only what one side left alone is settled.
"""

from collections.abc import Callable

from git_ops.conflict import SUBMODULE, Abstained, Conflict, File, Resolution, Side
from git_ops.resolve.chain import Context
from git_ops.resolve.whole import changed_side

Contains = Callable[[str, str, str], str | None]
"""Path of the submodule, one commit, another: the id of the one that has the other in its history; none: neither."""


class SubmoduleResolver:
    """Settles `submodule`."""

    name = "submodule"
    kinds = frozenset({"submodule"})

    def __init__(self, contains: Contains | None = None) -> None:
        self._contains = contains

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:  # noqa: ARG002  # the port's
        """The descendant, where one side's commit is one."""
        target, agent = conflict.target, conflict.agent
        if conflict.kind not in self.kinds or tuple(conflict.stages) != (conflict.path,):
            return Abstained(why=f"{conflict.kind} isn't about a submodule")
        if target is None or agent is None or {target.mode, agent.mode} != {SUBMODULE}:
            return Abstained(why="one side has no submodule here")
        chosen, why = changed_side(conflict), "only one side moved the submodule"
        if chosen is None:
            chosen = self._descendant(conflict, target, agent)
            why = "this commit of the submodule contains the other side's"
        if chosen is None:
            say = f"the submodule is at {target.oid[:10]} on the target and at {agent.oid[:10]} on the branch"
            return Abstained(why=f"{say}, and neither is known to contain the other")
        return Resolution(resolver=self.name, source="rule", why=why, files={conflict.path: File.of(chosen)})

    def _descendant(self, conflict: Conflict, target: Side, agent: Side) -> Side | None:
        """Also ahead of the base: a side that went back in history did so on purpose."""
        if self._contains is None:
            return None
        chosen = self._contains(conflict.path, target.oid, agent.oid)
        for side in (target, agent):
            if conflict.base and self._contains(conflict.path, conflict.base.oid, side.oid) != side.oid:
                return None
        return next((side for side in (target, agent) if side.oid == chosen), None)
