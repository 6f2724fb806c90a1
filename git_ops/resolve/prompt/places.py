"""Where a conflict's hunks are in the version of one side.

The stretches between hunks are merged text, which no side need have as it is; so a hunk is found by its own lines and
by how many lines around it agree.
"""

import dataclasses
from collections.abc import Callable, Sequence

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.prompt.codec import lines_of

_AROUND = 4
"""Lines before and after that are compared."""
_MAX_STEPS = 200_000
"""Of looking for one hunk; beyond that it isn't found."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Rows from 0; `end` is the first one after the hunk, and equals `start` where the side has no line of it."""

    start: int
    end: int


def places(
    conflict: Conflict, lines: Sequence[bytes], text_of: Callable[[Hunk], bytes]
) -> list[Place | None]:
    """For each hunk its place in a side's lines; none where it isn't found. Hunks don't overlap."""
    found: list[Place | None] = []
    after = 0
    for i, hunk in enumerate(conflict.hunks):
        own = lines_of(text_of(hunk))
        above = lines_of(conflict.between[i])[-_AROUND:]
        below = lines_of(conflict.between[i + 1])[:_AROUND]
        start = _best(lines, own, above, below, after)
        found.append(None if start is None else Place(start, start + len(own)))
        after = after if start is None else start + len(own)
    return found


def _best(
    lines: Sequence[bytes], own: Sequence[bytes], above: Sequence[bytes], below: Sequence[bytes], after: int
) -> int | None:
    perfect = len(above) + len(below)
    best = None
    best_score = 0 if perfect and not own else -1  # nothing at all is found nowhere but between known lines
    for start in range(after, min(len(lines) - len(own), after + _MAX_STEPS) + 1):
        if own and (lines[start] != own[0] or lines[start : start + len(own)] != own):
            continue
        score = _alike(lines[max(0, start - _AROUND) : start][::-1], above[::-1])
        score += _alike(lines[start + len(own) : start + len(own) + _AROUND], below)
        if score > best_score:
            best, best_score = start, score
        if score == perfect:
            break
    return best


def _alike(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """How many lines agree from the beginning on."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a.rstrip() != b.rstrip():
            break
        count += 1
    return count
