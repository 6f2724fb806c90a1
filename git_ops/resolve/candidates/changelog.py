"""Change logs: both sides put entries at one place, and both belong there, the target's first.

Entries say nothing about each other, so that both belong there is sure; only their order is a matter of taste.
That is evidence of its own, other than what `insertions.py` goes by, hence a family of its own.
Only entries: headings, version lines and edits of what was there are for somebody who knows the release.
An entry that both sides have stands once.
"""

import re
from collections.abc import Mapping, Sequence

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import by_hunk, lines
from git_ops.resolve.candidates.sequences import Edit, edits

_NAME = re.compile(r"(changes|changelog|history|news|release[-_]?notes)([-_.].*)?", re.IGNORECASE)
_SUFFIXES = {"", "md", "rst", "txt", "markdown", "adoc"}
_BULLET = re.compile(rb"([ \t]*)([-*+])[ \t]+\S")
_HEADING = re.compile(rb"\s*(#{1,6}\s|={3,}|-{3,}|~{3,}|\^{3,}|\*{3,}|(?i:version|release)\b|v?\d+\.\d+)")


class Changelog:
    """See the module's docstring."""

    name = "changelog"
    family = "entries"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """Both sides' entries, for each hunk that consists of entries."""
        return by_hunk(conflict, both_entries) if is_changelog(conflict.path) else {}


def is_changelog(path: str) -> bool:
    """By its name."""
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return bool(_NAME.fullmatch(stem if dot else name)) and (not dot or suffix.lower() in _SUFFIXES)


def both_entries(hunk: Hunk) -> bytes | None:
    """The target's entries, then those of the agent's that aren't there yet."""
    base = lines(hunk.base)
    ours, theirs = _insertion(base, hunk.target), _insertion(base, hunk.agent)
    if ours is None or theirs is None or ours.start != theirs.start:
        return None
    entries, more = _entries(ours.new), _entries(theirs.new)
    if not entries or not more or _bullet(entries[0]) != _bullet(more[0]):
        return None
    known = {_words(entry) for entry in entries}
    new = [*entries, *(entry for entry in more if _words(entry) not in known)]
    if _spaced(entries) != _spaced(more):
        return None
    at = ours.start
    return b"".join([*base[:at], *(line for entry in new for line in entry), *base[at:]])


def _insertion(base: Sequence[bytes], side: bytes) -> Edit | None:
    found = edits(base, lines(side))
    return found[0] if found and len(found) == 1 and found[0].inserts_only else None


def _entries(new: Sequence[bytes]) -> list[list[bytes]] | None:
    """The lines, cut before each bullet of the first one's depth; none where they are anything but entries."""
    first = _BULLET.match(new[0]) if new else None
    if first is None or any(_HEADING.match(line) for line in new):
        return None
    entries: list[list[bytes]] = []
    for line in new:
        bullet = _BULLET.match(line)
        if bullet and bullet.groups() == first.groups():
            entries.append([])
        elif line.strip() and not line.startswith((first[1] + b" ", first[1] + b"\t")):
            return None  # neither an entry nor the rest of one
        entries[-1].append(line)
    return entries


def _bullet(entry: Sequence[bytes]) -> tuple[bytes, ...]:
    match = _BULLET.match(entry[0])
    return match.groups() if match else ()


def _words(entry: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(b"".join(entry).split())


def _spaced(entries: Sequence[Sequence[bytes]]) -> bool:
    """Whether entries are followed by an empty line."""
    return not entries[0][-1].strip()
