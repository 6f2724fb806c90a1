"""One side changed blanks, the other content: the content with the other side's blanks.

* A side that only re-indents keeps every line but for blanks at its start and end. Lines that the other side wrote are
  moved in the same way, where there is one way.
* Else: a merge by lines to which blanks at line ends don't matter.
"""

from collections.abc import Mapping, Sequence

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import by_hunk, lines
from git_ops.resolve.candidates.sequences import edits, merge_surely

_MAX_INDENTATIONS = 64


class Whitespace:
    """See the module's docstring."""

    name = "whitespace"
    family = "whitespace"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """The merge of each hunk that is about blanks."""
        return by_hunk(conflict, _merge)


def _merge(hunk: Hunk) -> bytes | None:
    base, target, agent = lines(hunk.base), lines(hunk.target), lines(hunk.agent)
    if _same_words(base, target):
        return _reindented(base, target, agent)
    if _same_words(base, agent):
        return _reindented(base, agent, target)
    return _but_for_trailing(base, target, agent)


def _same_words(one: Sequence[bytes], other: Sequence[bytes]) -> bool:
    return len(one) == len(other) and all(a.strip() == b.strip() for a, b in zip(one, other, strict=True))


def _reindented(base: Sequence[bytes], moved: Sequence[bytes], changed: Sequence[bytes]) -> bytes | None:
    """`changed` with its lines moved as `moved` moved those of the base."""
    shifts = _shifts(base, moved)
    found = edits(base, changed)
    if shifts is None or found is None:
        return None
    text, at = [], 0
    for edit in found:
        new = [_shift(line, shifts) for line in edit.new]
        if any(line is None for line in new):
            return None
        text += [*moved[at : edit.start], *(line or b"" for line in new)]
        at = edit.end
    return b"".join([*text, *moved[at:]])


def _shifts(base: Sequence[bytes], moved: Sequence[bytes]) -> dict[bytes, bytes] | None:
    """What each indentation became; none where one became two."""
    shifts: dict[bytes, bytes] = {}
    for old, new in zip(base, moved, strict=True):
        if old.strip() and shifts.setdefault(_indentation(old), _indentation(new)) != _indentation(new):
            return None
    return shifts if len(shifts) <= _MAX_INDENTATIONS else None


def _shift(line: bytes, shifts: Mapping[bytes, bytes]) -> bytes | None:
    if not line.strip():
        return line
    old = _indentation(line)
    new = shifts.get(old)
    if new is None:
        new = _by_constant(old, shifts)
    return None if new is None else new + line[len(old) :]


def _by_constant(old: bytes, shifts: Mapping[bytes, bytes]) -> bytes | None:
    """An indentation that the base doesn't have, moved by what all others were moved by."""
    longer = {new.removesuffix(was) for was, new in shifts.items() if new.endswith(was)}
    shorter = {was.removesuffix(new) for was, new in shifts.items() if was.endswith(new)}
    if len(longer) == 1 and all(new.endswith(was) for was, new in shifts.items()):
        return longer.pop() + old
    if len(shorter) == 1 and all(was.endswith(new) for was, new in shifts.items()):
        less = shorter.pop()
        return old.removeprefix(less) if old.startswith(less) else None
    return None


def _indentation(line: bytes) -> bytes:
    return line[: len(line) - len(line.lstrip(b" \t"))]


def _but_for_trailing(base: list[bytes], target: list[bytes], agent: list[bytes]) -> bytes | None:
    """The merge by lines without blanks at their ends; each has in the end what the target, or who wrote it, has."""
    known = {line.rstrip(): line for side in (base, agent, target) for line in side}
    if len(known) == len({*base, *target, *agent}):
        return None
    bare = ([line.rstrip() for line in side] for side in (base, target, agent))
    merged = merge_surely(*bare)
    return None if merged is None else b"".join(known[line] for line in merged)
