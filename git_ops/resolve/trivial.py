"""The rules that are safe without looking further.

* Sides that are the same, a side that changed nothing, lines that differ in trailing blanks alone.
* Whether the file ends in a newline is merged apart from its last line.
* A side that changed every line end of the file didn't change every line: the three versions are merged with one kind
  of line end, and the result has the kind that a three-way merge of the kinds gives.
* Rules that are right most of the time (take both, merge by words) aren't here, because most isn't all.
"""

from git_ops.conflict import (
    Abstained,
    Answer,
    Conflict,
    File,
    Hunk,
    HunkChoice,
    Resolution,
    Side,
    merged_mode,
)
from git_ops.hunks import split
from git_ops.resolve import folding
from git_ops.resolve.candidates.hunkwise import by_hunk
from git_ops.resolve.chain import Context

_NAME = "trivial"


class TrivialResolver:
    """Settles what isn't a question."""

    name = _NAME

    def resolve(self, conflict: Conflict, context: Context) -> Answer:
        """See the module's docstring for the rules."""
        if tuple(conflict.stages) != (conflict.path,):
            return Abstained(why=f"{conflict.kind} is about names")
        whole = _whole_file(conflict) or _line_ends(conflict, context)
        return whole or _hunks(conflict) or Abstained(why="the sides really differ")


def _whole_file(conflict: Conflict) -> Resolution | None:
    base, target, agent = conflict.base, conflict.target, conflict.agent
    if _same(target, agent):
        return _take(conflict, target, "both sides have the same content")
    if base and target and agent and _same(base, target):
        return _take(conflict, agent, "the target didn't change the content")
    if base and target and agent and _same(base, agent):
        return _take(conflict, target, "the branch didn't change the content")
    return None


def _same(one: Side | None, other: Side | None) -> bool:
    return one is not None and other is not None and one.is_file and other.is_file and one.oid == other.oid


def _take(conflict: Conflict, side: Side | None, why: str) -> Resolution | None:
    if side is None:
        return None
    file = File.of(side, mode=merged_mode(conflict))
    return Resolution(resolver=_NAME, source="rule", why=why, files={conflict.path: file})


def _line_ends(conflict: Conflict, context: Context) -> Answer | None:
    """The merge of three versions of which each has one kind of line end, and not all the same."""
    if not any(b"\r\n" in text for hunk in conflict.hunks for text in (hunk.base, hunk.target, hunk.agent)):
        return None
    if all(_of_one_kind(hunk) for hunk in conflict.hunks):  # as in what this very rule leaves
        return None
    base, target, agent = (
        side.content or b"" if side else b"" for side in (conflict.base, conflict.target, conflict.agent)
    )
    kinds = [_line_end(content) for content in (base, target, agent)]
    if None in kinds:
        return None
    crlf = (kinds[2] if kinds[1] == kinds[0] else kinds[1]) == b"\r\n"
    base, target, agent = (text.replace(b"\r\n", b"\n") for text in (base, target, agent))
    found = split(context.git, base=base, target=target, agent=agent)
    return _with_line_ends(conflict, found.between, found.hunks, crlf=crlf) if found else None


def _of_one_kind(hunk: Hunk) -> bool:
    text = hunk.base + hunk.target + hunk.agent
    return text.count(b"\r\n") in {0, text.count(b"\n")}


def _with_line_ends(
    conflict: Conflict, between: tuple[bytes, ...], hunks: tuple[Hunk, ...], *, crlf: bool
) -> Answer:
    def ended(text: bytes) -> bytes:
        return text.replace(b"\n", b"\r\n") if crlf else text

    why = "one side changed every line end: merged with one kind of them"
    if not hunks:
        return folding.whole(conflict, ended(between[0]), resolver=_NAME, why=why)
    rest = tuple(
        Hunk(id=f"e{i}", base=ended(hunk.base), target=ended(hunk.target), agent=ended(hunk.agent))
        for i, hunk in enumerate(hunks, 1)
    )
    return folding.reduced(conflict, tuple(map(ended, between)), rest, resolver=_NAME, why=why)


def _line_end(content: bytes) -> bytes | None:
    """The one kind of line end that a text has; none for a mixture, a lone carriage return or no line."""
    crlf, newlines, returns = (content.count(end) for end in (b"\r\n", b"\n", b"\r"))
    if not newlines or returns != crlf or crlf not in {0, newlines}:
        return None
    return b"\r\n" if crlf else b"\n"


def _hunks(conflict: Conflict) -> Answer | None:
    texts = by_hunk(conflict, _equal_but_trailing_blanks)
    if not texts:
        return None
    why = "nothing to decide: one side changed nothing, or both the same but for blanks at line ends"
    choices = [HunkChoice(id=hunk, text=text, why=why) for hunk, text in texts.items()]
    return folding.answer(conflict, choices, resolver=_NAME, source="rule", why=why)


def _equal_but_trailing_blanks(hunk: Hunk) -> bytes | None:
    one, other = ([line.rstrip() for line in text.split(b"\n")] for text in (hunk.target, hunk.agent))
    return hunk.target if one == other else None
