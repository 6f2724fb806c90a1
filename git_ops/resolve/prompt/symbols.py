"""The definitions around a conflict: the function or class that each hunk is in, in all three versions."""

from git_ops.conflict import Conflict, Side
from git_ops.resolve.prompt.codec import Codec, lines_of, shorten
from git_ops.resolve.prompt.places import Place, places
from git_ops.verify.syntax import Definition, Unreadable, outline

_CHARS = 6_000
"""Of one definition."""
_ALL_CHARS = 40_000
"""Of all definitions of one file."""
_HUNKS = 50
"""Of one file; for more, nothing is looked for."""
_KINDS = frozenset({"function", "type"})


def enclosing(conflict: Conflict, codec: Codec) -> list[tuple[str, str]]:
    """Named blocks: for each hunk and version the innermost definition around it, each definition once."""
    if len(conflict.hunks) > _HUNKS:
        return []
    versions = (
        ("BASE", conflict.base, "base"),
        ("TARGET", conflict.target, "target"),
        ("AGENT", conflict.agent, "agent"),
    )
    found = [
        (f"{ids}-definition-in-{role}", shorten(codec.show(text.replace(b"\r\n", b"\n")), _CHARS))
        for role, side, attribute in versions
        for ids, text in _around(conflict, side, attribute).items()
    ]
    return found if sum(len(text) for _, text in found) <= _ALL_CHARS else []


def _around(conflict: Conflict, side: Side | None, attribute: str) -> dict[str, bytes]:
    """The ids of hunks in one definition, joined, to its text."""
    if side is None or not side.content or not conflict.textual:
        return {}
    definitions = outlined(conflict.path, side.content)
    lines = lines_of(side.content)
    hunks: dict[Definition, list[str]] = {}
    found = places(conflict, lines, lambda hunk: bytes(getattr(hunk, attribute)))
    for hunk, place in zip(conflict.hunks, found, strict=True):
        if place and (definition := _innermost(definitions, place)):
            hunks.setdefault(definition, []).append(hunk.id)
    return {"-".join(ids): b"".join(lines[d.first : d.last + 1]) for d, ids in hunks.items()}


def outlined(path: str, content: bytes) -> tuple[Definition, ...]:
    """A text's functions and types; none where they can't be told."""
    try:
        found = outline(path, content)
    except Unreadable:
        return ()
    return tuple(d for d in found.definitions if d.kind in _KINDS) if found else ()


def _innermost(definitions: tuple[Definition, ...], place: Place) -> Definition | None:
    """The smallest definition that has lines around the place; a hunk that is a whole definition isn't in it."""
    around = [
        d
        for d in definitions
        if d.first <= place.start
        and max(place.end - 1, place.start) <= d.last
        and d.last - d.first + 1 > place.end - place.start
    ]
    return min(around, key=lambda d: d.last - d.first, default=None)
