"""A textual conflict with some of its hunks settled, as the answer to give.

Settled hunks become part of the text between the hunks that are left; those keep their ids.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from git_ops.conflict import (
    Conflict,
    File,
    Hunk,
    HunkChoice,
    Reduced,
    Resolution,
    Source,
    by_hunks,
    merged_mode,
)


def answer(
    conflict: Conflict, choices: Sequence[HunkChoice], *, resolver: str, source: Source, why: str
) -> Resolution | Reduced:
    """The resolution where there is a choice for every hunk, else the conflict that is left. Needs a choice."""
    if len(choices) == len(conflict.hunks):
        return by_hunks(conflict, tuple(choices), resolver=resolver, source=source, why=why)
    rest = fold(conflict, {choice.id: choice.text for choice in choices})
    return Reduced(
        resolver=resolver, why=f"{len(choices)} of {len(conflict.hunks)} hunks: {why}", files={}, rest=rest
    )


def reduced(
    conflict: Conflict, between: tuple[bytes, ...], hunks: tuple[Hunk, ...], *, resolver: str, why: str
) -> Reduced:
    """The same conflict, cut into other hunks; their ids must be new, or an answer to one would fit another."""
    rest = dataclasses.replace(conflict, between=between, hunks=hunks)
    return Reduced(resolver=resolver, why=why, files={}, rest=rest)


def fold(conflict: Conflict, texts: Mapping[str, bytes]) -> Conflict:
    """The conflict without the hunks that have a text."""
    between, hunks = [conflict.between[0]], []
    for hunk, after in zip(conflict.hunks, conflict.between[1:], strict=True):
        if hunk.id in texts:
            between[-1] += texts[hunk.id] + after
        else:
            hunks.append(hunk)
            between.append(after)
    return dataclasses.replace(conflict, between=tuple(between), hunks=tuple(hunks))


def whole(conflict: Conflict, content: bytes, *, resolver: str, why: str) -> Resolution:
    """The resolution by a rule that knows the whole file."""
    file = File(mode=merged_mode(conflict), content=content)
    return Resolution(resolver=resolver, source="rule", why=why, files={conflict.path: file})
