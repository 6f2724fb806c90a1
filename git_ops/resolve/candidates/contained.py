"""One side's change contains the other's: the larger one is the merge of both.

A side contains the other where it removes every line that the other removes and adds, in the same order, every line
that the other adds. The smaller change must add or remove a line that says something, and neither may remove one of
several equal lines: it might not be the one that the other side removed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import by_hunk, lines
from git_ops.resolve.candidates.sequences import edits

_WORD = re.compile(rb"\w")


class Contained:
    """See the module's docstring."""

    name = "contained"
    family = "containment"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """The containing side of each hunk that has one."""
        return by_hunk(conflict, containing_side)


def containing_side(hunk: Hunk) -> bytes | None:
    """The side whose change contains the other's."""
    base, target, agent = lines(hunk.base), lines(hunk.target), lines(hunk.agent)
    ours, theirs = _change(base, target), _change(base, agent)
    if ours is None or theirs is None or _is_ambiguous(base, ours[0]) or _is_ambiguous(base, theirs[0]):
        return None
    if _contains(theirs, ours):
        return hunk.agent
    return hunk.target if _contains(ours, theirs) else None


def _change(base: Sequence[bytes], side: Sequence[bytes]) -> tuple[list[bytes], list[bytes]] | None:
    """The lines that a side removed and added, in order."""
    found = edits(base, side)
    if found is None:
        return None
    removed = [line for edit in found for line in base[edit.start : edit.end]]
    return removed, [line for edit in found for line in edit.new]


def _is_ambiguous(base: Sequence[bytes], removed: Sequence[bytes]) -> bool:
    """Whether an equal line stays."""
    left = Counter(base) - Counter(removed)
    return any(left[line] for line in removed if _WORD.search(line))


def _contains(large: tuple[list[bytes], list[bytes]], small: tuple[list[bytes], list[bytes]]) -> bool:
    if not any(_WORD.search(line) for line in (*small[0], *small[1])):
        return False
    return not Counter(small[0]) - Counter(large[0]) and _in_order(small[1], large[1])


def _in_order(some: Sequence[bytes], every: Iterable[bytes]) -> bool:
    rest = iter(every)
    return all(line in rest for line in some)
