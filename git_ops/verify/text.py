"""Gates that look at an answer's bytes alone: marker lines, and what stands between the hunks."""

import re
from collections import Counter

from git_ops.conflict import Conflict, Resolution
from git_ops.objects import show_path
from git_ops.verify.gate import MARKER_LINES, OUTSIDE_HUNKS, Gate, Tier, show
from git_ops.verify.tiers import tier_of
from git_ops.verify.versions import Versions, written

_MARKER_LINE = re.compile(rb"^(?:<{7,}|\|{7,}|={7,}|>{7,})(?=[ \r\n]|$).*", re.MULTILINE)


def marker_lines(conflict: Conflict, resolution: Resolution) -> Gate:
    """No file of the answer has a line that looks like a conflict marker more often than its versions account for."""
    for versions in written(conflict, resolution):
        if new := _markers(versions.result) - _accounted_for(versions):
            why = f"{show_path(versions.path)} has the new line {show(next(iter(new)))}"
            return Gate(name=MARKER_LINES, passed=False, why=why)
    return Gate(name=MARKER_LINES, passed=True)


def _accounted_for(versions: Versions) -> Counter[bytes]:
    """As often as a side has it, or as both add it: underlines of headings look like a marker, too."""
    base, target, agent = (_markers(text or b"") for text in (versions.base, versions.target, versions.agent))
    if (
        not versions.sides and versions.base is None
    ):  # a file whose versions aren't known may have had underlines
        return Counter({line: n for line, n in _markers(versions.result).items() if line.startswith(b"=")})
    return target | agent | (target + agent - base)


def _markers(content: bytes) -> Counter[bytes]:
    return Counter(line.rstrip() for line in _MARKER_LINE.findall(content))


def outside_hunks(conflict: Conflict, resolution: Resolution) -> Gate:
    """The bytes between the hunks are there, in order, and nothing else than the hunks' texts is.

    An agent may edit further: then the verdict's tier says how far, and the third is on condition (`needs_command`).
    Other files are always that far; who may touch them is `path-set`'s business.
    """
    far = bool(resolution.files.keys() - {conflict.path, *conflict.paths, *conflict.stages})
    if not conflict.textual:
        return _passed("3", _FAR) if far else Gate(name=OUTSIDE_HUNKS, passed=True)
    file = resolution.files.get(conflict.path)
    if file is None:
        return _failed("the file would be removed")
    if _runs_on(conflict, resolution):
        return _failed("a hunk's last line runs into the line after it")
    if file.content is None or _identical(conflict, resolution, file.content):
        return _passed("3", _FAR) if far else _passed("1")
    why = "text outside the conflict was changed"
    if resolution.source != "agent":
        return _failed(why)
    return _passed("3" if far else tier_of(conflict, file.content), why)


_FAR = "files outside the conflict were changed"


def _passed(tier: Tier, why: str = "") -> Gate:
    return Gate(name=OUTSIDE_HUNKS, passed=True, why=why, tier=tier)


def _failed(why: str) -> Gate:
    return Gate(name=OUTSIDE_HUNKS, passed=False, why=why)


def _runs_on(conflict: Conflict, resolution: Resolution) -> bool:
    """A text without its final newline would change the clean line behind it."""
    after = {hunk.id: text for hunk, text in zip(conflict.hunks, conflict.between[1:], strict=True)}
    return any(
        choice.text and not choice.text.endswith(b"\n") and after.get(choice.id)
        for choice in resolution.hunks
    )


def _identical(conflict: Conflict, resolution: Resolution, content: bytes) -> bool:
    if not resolution.hunks:
        return _contains_in_order(content, conflict.between)
    texts = {choice.id: choice.text for choice in resolution.hunks}
    return texts.keys() == {hunk.id for hunk in conflict.hunks} and conflict.splice(texts) == content


def _contains_in_order(content: bytes, between: tuple[bytes, ...]) -> bool:
    if len(between) == 1:
        return content == between[0]
    first, *middle, last = between
    if not content.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = content.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return content.endswith(last) and at <= len(content) - len(last)
