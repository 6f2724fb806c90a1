"""From a rule for three texts to the texts for a conflict's hunks.

* A hunk in which one side changed nothing, or both the same, is no question to any rule.
* Texts are whole lines for the rules. Whether the file ends in a newline is a three-way merge of its own.
* Rules are shown at most `MAX_BYTES` of one conflict, whatever its number of hunks.
"""

import dataclasses
from collections.abc import Callable

from git_ops.conflict import Conflict, Hunk, Side

MAX_BYTES = 256 * 1024
Rule = Callable[[Hunk], bytes | None]


def by_hunk(conflict: Conflict, rule: Rule) -> dict[str, bytes]:
    """The rule's text for each hunk for which it has one."""
    last = conflict.hunks[-1].id if conflict.hunks and not conflict.between[-1] else None
    found, left = {}, MAX_BYTES
    for hunk in conflict.hunks:
        size = len(hunk.base) + len(hunk.target) + len(hunk.agent)
        if size > left:
            continue
        left -= size
        whole = ended(hunk) if hunk.id == last else hunk
        text = unquestioned(whole)
        if text is None:
            text = rule(whole)
        if text is not None:
            found[hunk.id] = _unended(text) if hunk.id == last and not ends_in_newline(conflict) else text
    return found


def unquestioned(hunk: Hunk) -> bytes | None:
    """The text where only one side changed anything, or both the same."""
    if hunk.target in (hunk.agent, hunk.base):
        return hunk.agent
    return hunk.target if hunk.agent == hunk.base else None


def ended(hunk: Hunk) -> Hunk:
    """The hunk with every text's last line ended, in the way its other lines are."""
    newline = b"\r\n" if b"\r\n" in hunk.target + hunk.agent else b"\n"

    def whole(text: bytes) -> bytes:
        return text if not text or text.endswith(b"\n") else text + newline

    return dataclasses.replace(
        hunk, base=whole(hunk.base), target=whole(hunk.target), agent=whole(hunk.agent)
    )


def _unended(text: bytes) -> bytes:
    return text[:-2] if text.endswith(b"\r\n") else text.removesuffix(b"\n")


def ends_in_newline(conflict: Conflict) -> bool:
    """A three-way merge of just that flag; where both sides added the file, either's word for it is enough."""
    target, agent = _ended(conflict.target), _ended(conflict.agent)
    if conflict.base is None:
        return target or agent
    return agent if target == _ended(conflict.base) else target


def _ended(side: Side | None) -> bool:
    return side is None or not side.content or side.content.endswith(b"\n")


def lines(text: bytes) -> list[bytes]:
    """Lines with their ends; only a newline ends one."""
    parts = text.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
