"""What can only be taken whole: binary files, pointers to large files, text too large to be read.

* One side is taken where the other has the base's content, or both have the same. Which of two different ones is
  right can't be told from bytes.
* A pointer's content is the object it names (`oid`, `size`): two that name the same one are equal, however written.
* Only a side's own object is ever taken, by its id.
"""

import re

from git_ops.conflict import Abstained, Conflict, File, Resolution, Side, merged_mode
from git_ops.resolve.chain import Context

_POINTER = re.compile(rb"^(oid \S+|size \d+)$", re.MULTILINE)


class WholeResolver:
    """Settles `binary`, `lfs-pointer` and `large`."""

    name = "whole"
    kinds = frozenset({"binary", "lfs-pointer", "large"})

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:  # noqa: ARG002  # the port's
        """The side that differs from the base, where only one does."""
        if conflict.kind not in self.kinds or tuple(conflict.stages) != (conflict.path,):
            return Abstained(why=f"{conflict.kind} isn't a file to be taken whole")
        if (chosen := changed_side(conflict)) is None:
            return Abstained(why=f"both sides changed it ({conflict.kind}), and it can't be merged as text")
        mode = merged_mode(conflict) if chosen.is_file else chosen.mode
        why = "only one side has new content; that is taken whole"
        return Resolution(
            resolver=self.name, source="rule", why=why, files={conflict.path: File.of(chosen, mode=mode)}
        )


def changed_side(conflict: Conflict) -> Side | None:
    """The side whose content differs from the base, where only one does; the target's where both are the same."""
    base, target, agent = conflict.base, conflict.target, conflict.agent
    if target is None or agent is None:
        return None
    if _same(target, agent) or (base is not None and _same(base, agent)):
        return target
    return agent if base is not None and _same(base, target) else None


def _same(one: Side, other: Side) -> bool:
    if one.is_file != other.is_file:
        return False
    if one.oid == other.oid:
        return True
    named = [_POINTER.findall(side.content) for side in (one, other) if side.content is not None]
    return len(named) == 2 and len(named[0]) == 2 and named[0] == named[1] and _are_pointers(one, other)


def _are_pointers(*sides: Side) -> bool:
    return all(
        (side.content or b"").startswith(b"version https://git-lfs.github.com/spec/") for side in sides
    )
