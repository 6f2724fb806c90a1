"""Three-way merge of sequences: lines, or tokens of a line.

* Three ways of aligning: Myers (shortest edit script) from either end, and patience (what is unique on both sides
  first). Where they give different merges the alignment is a guess, and `merge_surely` has no answer.
* Work is bounded: inputs that are too long or too different have no answer either.
"""

import bisect
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

MAX_ITEMS = 10_000
_MAX_DISTANCE = 500
"""Insertions plus deletions; the time for one alignment grows with its square."""

Block = tuple[int, int, int]
"""`length` items from `i` in one and `j` in the other sequence are equal: (i, j, length)."""
Aligner = Callable[[Sequence[bytes], Sequence[bytes]], list[Block] | None]
Touching = Literal["conflict", "apart"]
"""What edits of different items are that touch: a conflict, as to Git, or no business of each other.

Even then an insertion conflicts with another one at its place, and with the deletion of what it stands beside.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """`new` in place of base[start:end]."""

    start: int
    end: int
    new: tuple[bytes, ...]

    @property
    def inserts_only(self) -> bool:
        """Nothing of the base goes."""
        return self.start == self.end


def myers(a: Sequence[bytes], b: Sequence[bytes]) -> list[Block] | None:
    """The blocks of a longest common subsequence; none where that takes too long (E. Myers 1986, greedy)."""
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    pairs = _greedy(a[head:], b[head:])  # a common end isn't cut off: that would decide where edits stand
    return None if pairs is None else _joined([(0, 0, head), *((i + head, j + head, 1) for i, j in pairs)])


def backwards(a: Sequence[bytes], b: Sequence[bytes]) -> list[Block] | None:
    """Myers from the end: where an edit could as well stand further up or down, it stands elsewhere."""
    blocks = myers(a[::-1], b[::-1])
    if blocks is None:
        return None
    return [(len(a) - i - length, len(b) - j - length, length) for i, j, length in reversed(blocks)]


def _greedy(a: Sequence[bytes], b: Sequence[bytes]) -> list[tuple[int, int]] | None:
    n, m = len(a), len(b)
    if not n or not m:
        return []
    furthest, trace = {1: 0}, []
    for distance in range(min(n + m, _MAX_DISTANCE) + 1):
        trace.append(furthest.copy())
        for k in range(-distance, distance + 1, 2):
            down = k == -distance or (k != distance and furthest.get(k - 1, -1) < furthest.get(k + 1, -1))
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            while x < n and x - k < m and a[x] == b[x - k]:
                x += 1
            furthest[k] = x
            if x >= n and x - k >= m:
                return _walk_back(trace, n, m)
    return None


def _walk_back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs = []
    for distance in range(len(trace) - 1, -1, -1):
        furthest, k = trace[distance], x - y
        down = k == -distance or (k != distance and furthest.get(k - 1, -1) < furthest.get(k + 1, -1))
        before_k = k + 1 if down else k - 1
        before_x = furthest[before_k]
        before_y = before_x - before_k
        while x > before_x and y > before_y and x > 0 and y > 0:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = before_x, before_y
    return pairs[::-1]


def patience(a: Sequence[bytes], b: Sequence[bytes]) -> list[Block] | None:
    """Blocks around the items that are unique in both; Myers in what lies between them."""
    blocks: list[Block] = []
    at_a = at_b = 0
    for i, j in [*_unique_pairs(a, b), (len(a), len(b))]:
        between = myers(a[at_a:i], b[at_b:j])
        if between is None:
            return None
        blocks += [(at_a + x, at_b + y, length) for x, y, length in between]
        if i < len(a):
            blocks.append((i, j, 1))
        at_a, at_b = i + 1, j + 1
    return _joined(blocks)


def _unique_pairs(a: Sequence[bytes], b: Sequence[bytes]) -> list[tuple[int, int]]:
    """The longest increasing run of pairs of items that occur once on each side."""
    count_a, count_b = Counter(a), Counter(b)
    where = {item: j for j, item in enumerate(b) if count_b[item] == 1}
    pairs = [(i, where[item]) for i, item in enumerate(a) if count_a[item] == 1 and item in where]
    tops: list[int] = []
    piles: list[list[tuple[int, int, int]]] = []
    for i, j in pairs:
        pile = bisect.bisect_left(tops, j)
        back = len(piles[pile - 1]) - 1 if pile else -1
        if pile == len(piles):
            piles.append([])
            tops.append(j)
        tops[pile] = j
        piles[pile].append((i, j, back))
    run, back = [], -1
    for pile in reversed(range(len(piles))):
        i, j, back = piles[pile][back]
        run.append((i, j))
    return run[::-1]


def _joined(blocks: list[Block]) -> list[Block]:
    joined: list[Block] = []
    for i, j, length in blocks:
        if joined and length and sum(joined[-1][::2]) == i and joined[-1][1] + joined[-1][2] == j:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + length)
        elif length:
            joined.append((i, j, length))
    return joined


def edits(base: Sequence[bytes], side: Sequence[bytes], align: Aligner = myers) -> tuple[Edit, ...] | None:
    """What turns the base into the side, in order; none where they are too long or too different."""
    if len(base) + len(side) > MAX_ITEMS:
        return None
    blocks = align(base, side)
    if blocks is None:
        return None
    found, i, j = [], 0, 0
    for to_i, to_j, length in [*blocks, (len(base), len(side), 0)]:
        if i < to_i or j < to_j:
            found.append(Edit(i, to_i, tuple(side[j:to_j])))
        i, j = to_i + length, to_j + length
    return tuple(found)


def merge(
    base: Sequence[bytes],
    target: Sequence[Edit],
    agent: Sequence[Edit],
    *,
    touching: Touching = "conflict",
    both_insert: bool = False,
) -> list[bytes] | None:
    """Both sides' edits applied to the base; none where they conflict.

    With `both_insert`, insertions at one place are no conflict: the target's comes first.
    """
    merged: list[bytes] = []
    at = 0
    for ours, theirs in _groups(target, agent, touching):
        both = (*ours, *theirs)
        start, end = min(edit.start for edit in both), max(edit.end for edit in both)
        one, other = _apply(base, ours, start, end), _apply(base, theirs, start, end)
        if not ours or not theirs or one == other:
            new = one if ours else other
        elif both_insert and start == end:
            new = one + other
        else:
            return None
        merged += [*base[at:start], *new]
        at = end
    return [*merged, *base[at:]]


def merge_surely(
    base: Sequence[bytes],
    target: Sequence[bytes],
    agent: Sequence[bytes],
    *,
    touching: Touching = "conflict",
    both_insert: bool = False,
) -> list[bytes] | None:
    """The merge on which all ways of aligning agree, or none."""
    found: list[bytes] | None = None
    for align in (myers, backwards, patience):
        ours, theirs = edits(base, target, align), edits(base, agent, align)
        if ours is None or theirs is None:
            return None
        merged = merge(base, ours, theirs, touching=touching, both_insert=both_insert)
        if merged is None or found not in (None, merged):
            return None
        found = merged
    return found


def _groups(
    target: Sequence[Edit], agent: Sequence[Edit], touching: Touching
) -> Iterator[tuple[list[Edit], list[Edit]]]:
    """Edits that concern each other, together: the target's and the agent's."""
    queue = sorted(
        [(edit.start, edit.end, role, edit) for role, side in enumerate((target, agent)) for edit in side],
        key=lambda item: item[:3],
    )
    group: tuple[list[Edit], list[Edit]] = ([], [])
    for *_, role, edit in queue:
        if (group[0] or group[1]) and not any(_concern(edit, other, touching) for other in group[1 - role]):
            yield group
            group = ([], [])
        group[role].append(edit)
    if group[0] or group[1]:
        yield group


def _concern(one: Edit, other: Edit, touching: Touching) -> bool:
    if one.start < other.end and other.start < one.end:
        return True
    touch = one.start <= other.end and other.start <= one.end
    return touch and (touching == "conflict" or _lose_their_place(one, other))


def _lose_their_place(one: Edit, other: Edit) -> bool:
    """An insertion beside an edit that leaves nothing to stand beside: another insertion, or a deletion."""
    return (one.inserts_only and (other.inserts_only or not other.new)) or (
        other.inserts_only and not one.new
    )


def _apply(base: Sequence[bytes], changes: Sequence[Edit], start: int, end: int) -> list[bytes]:
    """base[start:end] with the changes, which lie within."""
    text: list[bytes] = []
    for edit in changes:
        text += [*base[start : edit.start], *edit.new]
        start = edit.end
    return [*text, *base[start:end]]
