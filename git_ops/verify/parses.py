"""The gates that ask the grammar: `parses` and `no-duplicates`.

* The sides are the measure: what neither of them breaks or repeats, the result may not either.
* A file that is too large, or whose language isn't known, passes with the reason on record.
"""

from collections.abc import Callable

from git_ops.conflict import Conflict, Resolution
from git_ops.objects import show_path
from git_ops.verify.gate import NO_DUPLICATES, PARSES, Gate
from git_ops.verify.syntax import Outline, Unreadable, outline
from git_ops.verify.versions import Versions, written


def parses(conflict: Conflict, resolution: Resolution) -> Gate:
    """No more places that make no sense than the sides have, and the format's own parser still takes it."""
    return _judge(PARSES, conflict, resolution, _breakage)


def no_duplicates(conflict: Conflict, resolution: Resolution) -> Gate:
    """Nothing is defined, imported or keyed more often in one place than in the side that has most of it."""
    return _judge(NO_DUPLICATES, conflict, resolution, _repetition)


_Test = Callable[[Outline, tuple[Outline, ...], Outline | None], str]


def _judge(name: str, conflict: Conflict, resolution: Resolution, test: _Test) -> Gate:
    reservations = []
    for versions in written(conflict, resolution):
        try:
            fault = _compare(versions, test)
        except Unreadable as e:
            reservations.append(f"{show_path(versions.path)} wasn't examined: {e}")
        else:
            if fault:
                return Gate(name=name, passed=False, why=f"{show_path(versions.path)}: {fault}")
    return Gate(name=name, passed=True, why="; ".join(reservations[:3]))


def _compare(versions: Versions, test: _Test) -> str:
    result = outline(versions.path, versions.result)
    if result is None or versions.result in versions.sides:
        return ""
    outlines = [outline(versions.path, text) for text in versions.sides]
    base = None if versions.base is None else outline(versions.path, versions.base)
    return test(result, tuple(found for found in outlines if found), base)


def _breakage(result: Outline, sides: tuple[Outline, ...], base: Outline | None) -> str:
    if result.problem and all(side.problem is None for side in sides):
        return result.problem
    if not sides:  # a file of its own: without another version a grammar's doubts prove nothing
        return ""
    allowed = max(side.errors for side in sides)
    if base is not None and len(sides) == 2:
        allowed = max(allowed, sum(side.errors for side in sides) - base.errors) + _noise(base, sides)
    if result.errors <= allowed:
        return ""
    more = "" if allowed == 0 else f"; the sides have {allowed}"
    return f"{result.errors} syntax errors, the first in line {(result.first_error or 0) + 1}{more}"


def _noise(base: Outline, sides: tuple[Outline, ...]) -> int:
    """By how much the count of errors jumps where the grammar stumbles over each version, over macros for one.

    A parser that has lost its way may take a whole file for one error, and find its way again for an edit's sake.
    """
    lost = all(one.errors for one in (base, *sides))
    return sum(max(0, base.errors - side.errors) for side in sides) if lost else 0


def _repetition(result: Outline, sides: tuple[Outline, ...], base: Outline | None) -> str:
    known = (*sides, base) if base else sides
    for key, count in result.repeats.items():
        if known and count > max(one.repeats.get(key, 1) for one in known):
            return f"{show_path(key)} stands there {count} times"
    return ""
