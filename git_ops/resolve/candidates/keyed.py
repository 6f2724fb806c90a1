"""Three-way merge of mappings by key, into the target's mapping.

* A key that only one side changed has that side's value, or goes. Mappings on all sides are merged in turn.
* Where both sides changed a key differently the key is in dispute: its value becomes `DISPUTED`, a text that stands
  nowhere else, so that whoever writes the result down can see which part of it is no answer.
* A new key of the agent's goes where it belongs if keys are sorted on both sides, else behind the key it follows
  there, and behind what the target put at that place.
"""

import bisect
from collections.abc import Callable, Mapping
from typing import Any

DISPUTED = "this key is in dispute: 5f1d8c0e7a"
_ABSENT = object()
MAX_DEPTH = 40
MAX_KEYS = 4_000

Insert = Callable[[Any, int, Any, Any], None]
"""Puts (mapping, position, key, value) into a mapping of the format's own kind."""


class Unmergeable(Exception):
    """The values can't be merged by key."""


def merge_into(base: Any, target: Any, agent: Any, insert: Insert, depth: int = 0) -> None:
    """Merge in place. Raises `Unmergeable` where the three aren't all mappings, or too deep or too large."""
    if depth > MAX_DEPTH or not all(isinstance(value, Mapping) for value in (base, target, agent)):
        raise Unmergeable
    if len(agent) + len(target) > MAX_KEYS:
        raise Unmergeable
    for key in base:
        if key not in agent and key in target:
            if same(base[key], target[key]):
                del target[key]
            else:
                target[key] = DISPUTED
    theirs = list(agent)
    new_to_target = {key for key in target if key not in base}
    for i, key in enumerate(theirs):
        was, ours, new = (mapping.get(key, _ABSENT) for mapping in (base, target, agent))
        if same(new, was) or same(new, ours):
            continue
        if ours is not _ABSENT:
            target[key] = _value(was, ours, new, insert, depth)
        elif was is _ABSENT:
            insert(target, _place(target, key, theirs, i, new_to_target), key, new)
        else:
            raise Unmergeable  # the target removed what the agent changed: no place to show the dispute at


def _value(was: Any, ours: Any, new: Any, insert: Insert, depth: int) -> Any:
    """The value for a key that the agent changed and the target has."""
    if same(was, ours):
        return new
    origin = {} if was is _ABSENT else was
    if not all(isinstance(value, Mapping) for value in (origin, ours, new)):
        return DISPUTED
    merge_into(origin, ours, new, insert, depth + 1)
    return ours


def _place(target: Mapping[Any, Any], key: Any, theirs: list[Any], i: int, new_to_target: set[Any]) -> int:
    keys, before = list(target), theirs[:i]
    if all(isinstance(one, str) for one in (*keys, *theirs)) and _is_sorted(keys) and _is_sorted(theirs):
        return bisect.bisect(keys, key)
    at = next((keys.index(one) + 1 for one in reversed(before) if one in target), 0)
    while at < len(keys) and keys[at] in new_to_target and keys[at] not in before:
        at += 1
    return at


def _is_sorted(keys: list[str]) -> bool:
    return len(keys) > 1 and keys == sorted(keys)


def same(one: Any, other: Any) -> bool:
    """Equal, and of one kind all the way down: to these formats 1, 1.0 and true differ, and so does the keys' order."""
    if one is _ABSENT or other is _ABSENT:
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)
