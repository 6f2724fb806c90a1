"""Both sides only insert at one place: the target's lines, then the agent's.

Keeps everything, but whether both belong there, and in which order, is a guess: nothing without other evidence.
"""

from collections.abc import Mapping

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import by_hunk, lines
from git_ops.resolve.candidates.sequences import edits, merge


class Insertions:
    """See the module's docstring."""

    name = "insertions"
    family = "insertions"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """Both insertions, for each hunk in which nobody removed anything."""
        return by_hunk(conflict, both_insertions)


def both_insertions(hunk: Hunk) -> bytes | None:
    """The base with what the target inserted, and after it what the agent did."""
    base = lines(hunk.base)
    ours, theirs = edits(base, lines(hunk.target)), edits(base, lines(hunk.agent))
    if ours is None or theirs is None or not all(edit.inserts_only for edit in (*ours, *theirs)):
        return None
    merged = merge(base, ours, theirs, both_insert=True)
    return None if merged is None else b"".join(merged)
