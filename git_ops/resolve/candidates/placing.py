"""From a whole merged file back to the texts of a conflict's hunks."""

from collections.abc import Iterator

from git_ops.conflict import Conflict


def texts_of(conflict: Conflict, merged: bytes) -> dict[str, bytes]:
    """A text for each hunk; nothing where the text between hunks isn't all there, or could be found at two places."""
    first, *middle, last = conflict.between
    if len(first) + len(last) > len(merged) or not (merged.startswith(first) and merged.endswith(last)):
        return {}
    body = merged[len(first) : len(merged) - len(last)]
    cuts = list(_leftmost(body, middle))
    mirrored = [len(body) - end for end in _leftmost(body[::-1], [part[::-1] for part in reversed(middle)])]
    if len(cuts) != len(middle) or len(mirrored) != len(middle):
        return {}
    if cuts != [start + len(part) for start, part in zip(reversed(mirrored), middle, strict=True)]:
        return {}
    found, at = {}, 0
    for hunk, part, end in zip(conflict.hunks, [*middle, b""], [*cuts, len(body)], strict=True):
        found[hunk.id] = body[at : end - len(part)]
        at = end
    return found


def _leftmost(body: bytes, parts: list[bytes]) -> Iterator[int]:
    """The end of each part, each as early as it can be."""
    at = 0
    for part in parts:
        found = body.find(part, at)
        if found < 0:
            return
        at = found + len(part)
        yield at
