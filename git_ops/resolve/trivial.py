"""The rules that are safe without looking further.

Only those: sides that are the same, a side that changed nothing, and lines that differ in trailing blanks alone.
Rules that are right most of the time (take both, merge by words) aren't here, because most isn't all.
"""

from git_ops.conflict import Abstained, Conflict, Hunk, HunkChoice, Resolution, Side, merged_mode
from git_ops.resolve.chain import Context


class TrivialResolver:
    """Settles what isn't a question."""

    name = "trivial"

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:  # noqa: ARG002  # the port's
        """See the module's docstring for the rules."""
        if not conflict.simple:
            return Abstained(why=f"{conflict.kind} is about names")
        return _whole_file(conflict) or _by_hunks(conflict) or Abstained(why="the sides really differ")


def _whole_file(conflict: Conflict) -> Resolution | None:
    base, target, agent = conflict.base, conflict.target, conflict.agent
    if _same(target, agent):
        return _take(conflict, target, "both sides have the same content")
    if base and target and agent and _same(base, target):
        return _take(conflict, agent, "the target didn't change the content")
    if base and target and agent and _same(base, agent):
        return _take(conflict, target, "the commit didn't change the content")
    return None


def _same(one: Side | None, other: Side | None) -> bool:
    return one is not None and other is not None and one.is_file and other.is_file and one.oid == other.oid


def _take(conflict: Conflict, side: Side | None, why: str) -> Resolution | None:
    if side is None or side.content is None:
        return None
    return Resolution(
        resolver="trivial", source="rule", why=why, mode=merged_mode(conflict), content=side.content
    )


def _by_hunks(conflict: Conflict) -> Resolution | None:
    if not conflict.hunks or not all(_equal_but_trailing_blanks(hunk) for hunk in conflict.hunks):
        return None
    why = "the sides differ in blanks at line ends only; the target's are kept"
    choices = tuple(HunkChoice(id=hunk.id, text=hunk.target, why=why) for hunk in conflict.hunks)
    content = conflict.splice({choice.id: choice.text for choice in choices})
    return Resolution(
        resolver="trivial", source="rule", why=why, mode=merged_mode(conflict), content=content, hunks=choices
    )


def _equal_but_trailing_blanks(hunk: Hunk) -> bool:
    one, other = ([line.rstrip() for line in text.split(b"\n")] for text in (hunk.target, hunk.agent))
    return one == other
