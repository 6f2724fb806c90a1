"""A model's answer: its schema, how it is read, and how it becomes bytes.

* Nothing of it is believed: ids must be those that were asked for, labels those on offer, lines must be lines.
* Text becomes bytes by the file's codec, with the line ends that the sides have at such a line.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from git_ops.conflict import Conflict, Hunk, HunkChoice, Option
from git_ops.resolve.prompt import Entry, lines_of
from git_ops.resolve.prompt.codec import without_end


class Invalid(Exception):
    """The answer can't be used; the text tells the model why."""


class _Parsed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Dropped(_Parsed):
    line: str
    side: Literal["target", "agent"]
    why: str


class HunkAnswer(_Parsed):
    """What the model says about one hunk."""

    id: str
    decision: Literal["resolve", "abstain"]
    candidate: str | None
    lines: list[str]
    kept_target: list[str]
    kept_agent: list[str]
    dropped: list[_Dropped]
    why: str
    confidence: Literal["sure", "unsure"]


class FileAnswer(_Parsed):
    """What it says about one file."""

    path_id: str
    hunks: list[HunkAnswer]
    needs_edit_elsewhere: list[str]


class ChoiceAnswer(_Parsed):
    """What it says to a closed question."""

    path_id: str
    option: str | None
    why: str


class Answers(_Parsed):
    """Everything it says in one reply."""

    files: list[FileAnswer]
    choices: list[ChoiceAnswer]


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _one_of(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


_WHY_CHARS = 1_000
_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"anyOf": [{"type": "string"}, {"type": "null"}]}

SCHEMA: dict[str, Any] = _object(
    files=_list(
        _object(
            path_id=_TEXT,
            hunks=_list(
                _object(
                    id=_TEXT,
                    decision=_one_of("resolve", "abstain"),
                    candidate=_TEXT_OR_NULL,
                    lines=_list(_TEXT),
                    kept_target=_list(_TEXT),
                    kept_agent=_list(_TEXT),
                    dropped=_list(_object(line=_TEXT, side=_one_of("target", "agent"), why=_TEXT)),
                    why=_TEXT,
                    confidence=_one_of("sure", "unsure"),
                )
            ),
            needs_edit_elsewhere=_list(_TEXT),
        )
    ),
    choices=_list(_object(path_id=_TEXT, option=_TEXT_OR_NULL, why=_TEXT)),
)
"""Written out, because it is a wire format: the same bytes whatever a library makes of a class."""


def read_answers(text: str) -> Answers:
    """Parse a reply. Raises `Invalid`."""
    try:
        return Answers.model_validate_json(text)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        raise Invalid(f"it doesn't fit the schema ({first['loc']}: {first['msg']}).") from e


def file_answer(answers: Answers, entry: Entry) -> FileAnswer:
    """The answer for a file. Raises `Invalid`."""
    return _the_one((file for file in answers.files if file.path_id == entry.id), entry.id)


def hunk_answers(file: FileAnswer, wanted: Sequence[str]) -> dict[str, HunkAnswer]:
    """The answers for hunks, by id: exactly those asked for. Raises `Invalid`."""
    ids = [hunk.id for hunk in file.hunks]
    if sorted(ids) != sorted(wanted):
        raise Invalid(f"it has hunks {ids[:50]} where {list(wanted)} were asked for, each once.")
    return {hunk.id: hunk for hunk in file.hunks}


def chosen_option(answers: Answers, entry: Entry) -> tuple[Option | None, str]:
    """The option of a closed question, or none, and why. Raises `Invalid`."""
    given = _the_one((choice for choice in answers.choices if choice.path_id == entry.id), entry.id)
    if given.option is None:
        return None, given.why
    named = next((option for option in entry.options if option.name == given.option), None)
    if named is None:
        raise Invalid(f"{given.option!r} isn't one of the options.")
    return named, given.why


_T = TypeVar("_T")


def _the_one(found: Iterable[_T], name: str) -> _T:
    """The only one. Raises `Invalid` for none and for several."""
    several = list(found)
    if len(several) != 1:
        raise Invalid(f"it has {len(several)} entries for {name}; give exactly one.")
    return several[0]


def choice_of(entry: Entry, hunk: Hunk, answer: HunkAnswer) -> HunkChoice:
    """The text for a hunk, as bytes. Raises `Invalid`."""
    dropped = [
        line.decode("utf-8", "surrogateescape")
        for drop in answer.dropped
        for line in _lines(entry, hunk, drop.line.rstrip("\r\n").split("\n"))
    ]
    return HunkChoice(
        id=hunk.id, text=_text(entry, hunk, answer), why=_why(answer)[:_WHY_CHARS], dropped=tuple(dropped)
    )


def _text(entry: Entry, hunk: Hunk, answer: HunkAnswer) -> bytes:
    if answer.candidate is None:
        return with_line_ends(entry.conflict, hunk, _lines(entry, hunk, answer.lines))
    if answer.lines:
        raise Invalid(f"{hunk.id} has both a candidate and lines; leave one of them out.")
    offer = entry.offers[hunk.id].get(answer.candidate)
    if offer is None:
        labels = ", ".join(entry.offers[hunk.id])
        raise Invalid(f"{hunk.id} names candidate {answer.candidate!r}; on offer are {labels}.")
    return offer.text


def _why(answer: HunkAnswer) -> str:
    kept = (("TARGET", answer.kept_target), ("AGENT", answer.kept_agent))
    notes = [f"{role}: {', '.join(what)}" for role, what in kept if what]
    return f"{answer.why} (kept of {'; of '.join(notes)})" if notes else answer.why


def _lines(entry: Entry, hunk: Hunk, lines: Sequence[str]) -> list[bytes]:
    if any(char < " " and char != "\t" for line in lines for char in line):
        raise Invalid(
            f"{hunk.id} has a control character or line end inside a line; give one string per line."
        )
    try:
        return [entry.codec.read(line) for line in lines]
    except UnicodeEncodeError as e:
        lacks = f"{hunk.id} has a character that the file's encoding ({entry.codec.charset}) lacks."
        raise Invalid(lacks) from e


def with_line_ends(conflict: Conflict, hunk: Hunk, lines: Sequence[bytes]) -> bytes:
    """A line that a side has gets that side's line end, any other the file's usual one."""
    usual = _usual_line_end(conflict)
    known: dict[bytes, bytes] = {}
    for text in (hunk.base, hunk.agent, hunk.target):  # the target's word is the last
        known |= {without_end(line): line for line in lines_of(text) if line.endswith(b"\n")}
    text = b"".join(known.get(line, line + usual) for line in lines)
    is_last = hunk.id == conflict.hunks[-1].id and not conflict.between[-1]
    if is_last and not _ends_with_newline(conflict):
        return text.removesuffix(b"\n").removesuffix(b"\r") if text.endswith(b"\n") else text
    return text


def _usual_line_end(conflict: Conflict) -> bytes:
    """What most lines of the target end with; of another version where the target has no line end at all."""
    sides = (conflict.target, conflict.agent, conflict.base)
    texts = [side.content for side in sides if side and side.content]
    whole = next((text for text in texts if b"\n" in text), b"")
    return b"\r\n" if 2 * whole.count(b"\r\n") > whole.count(b"\n") else b"\n"


def _ends_with_newline(conflict: Conflict) -> bool:
    """Whether the file's last line is ended: a three-way merge of just that."""
    base, target, agent = (
        side is None or not side.content or side.content.endswith(b"\n")
        for side in (conflict.base, conflict.target, conflict.agent)
    )
    if conflict.base is None:
        return target or agent
    return agent if target == base else target


def normal(text: bytes) -> bytes:
    """The text without blanks at line ends: what two answers are compared by."""
    return b"\n".join(line.rstrip() for line in text.removesuffix(b"\n").split(b"\n"))
