"""How far from the conflict an agent changed a file: in the definitions around the hunks, or anywhere.

* The clean stretches between the hunks are aligned line by line with what the agent left; a doubtful alignment says
  "further away", never "nearer".
* Where the grammar can't tell the definitions, everything outside is far away.
"""

import difflib
from collections.abc import Iterator, Sequence

from git_ops.conflict import Conflict
from git_ops.verify.gate import Tier
from git_ops.verify.syntax import Definition, Unreadable, outline

_MAX_LINES = 2_000
"""Between the first and the last change; comparing takes quadratic time at worst."""
_AROUND = frozenset({"function", "type"})

Span = tuple[int, int]
"""Rows of the result, from 0: first, and one past the last. Empty where lines were only taken away."""


def tier_of(conflict: Conflict, content: bytes) -> Tier:
    """The tier of a file that isn't identical outside the hunks: 2 or 3."""
    try:
        found = outline(conflict.path, content)
    except Unreadable:
        found = None
    if found is None or (spans := _spans(conflict.between, content.splitlines(keepends=True))) is None:
        return "3"
    hunks, outside = spans
    around = [definition for hunk in hunks if (definition := _enclosing(found.definitions, hunk))]
    near = all(any(_within(span, one) for one in around) for span in outside)
    return "2" if near else "3"


def _spans(between: Sequence[bytes], result: list[bytes]) -> tuple[list[Span], list[Span]] | None:
    """Where the hunks are in the result, and where something outside them was changed; none if it is too much."""
    lines: list[bytes | int] = []
    for i, part in enumerate(between):
        lines += [i] if i else []  # a number is the place of a hunk: it equals no line
        lines += part.splitlines(keepends=True)
    skip = _common(lines, result)
    tail = _common(lines[skip:][::-1], result[skip:][::-1])
    lines, changed = lines[skip : len(lines) - tail], result[skip : len(result) - tail]
    if max(len(lines), len(changed)) > _MAX_LINES:
        return None
    hunks, outside = [], []
    for first, last, start, stop in _differences(lines, changed):
        has_hunk = any(isinstance(line, int) for line in lines[first:last])
        has_clean = any(isinstance(line, bytes) for line in lines[first:last])
        if has_hunk:
            hunks.append((start + skip, stop + skip))
        if has_clean or not has_hunk:
            outside.append((start + skip, stop + skip))
    return hunks, outside


def _common(one: Sequence[bytes | int], other: Sequence[bytes]) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _differences(old: Sequence[bytes | int], new: Sequence[bytes]) -> Iterator[tuple[int, int, int, int]]:
    matcher: difflib.SequenceMatcher[bytes | int] = difflib.SequenceMatcher(None, old, new)
    for tag, first, last, start, stop in matcher.get_opcodes():
        if tag != "equal":
            yield first, last, start, stop


def _enclosing(definitions: Sequence[Definition], span: Span) -> Definition | None:
    """The smallest function or type that the hunk stands in."""
    fitting = [one for one in definitions if one.kind in _AROUND and _within(span, one)]
    return min(fitting, key=lambda one: one.last - one.first, default=None)


def _within(span: Span, definition: Definition) -> bool:
    start, stop = span
    return definition.first <= start and max(start, stop - 1) <= definition.last
