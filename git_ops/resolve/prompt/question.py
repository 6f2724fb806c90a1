"""What is asked: the hunks in their places, the texts on offer, the options, and what was wrong with an answer.

* `swapped` lets AGENT speak before TARGET and reverses offers and options. Labels stay true to what they name.
"""

from collections.abc import Mapping, Sequence

from git_ops.objects import show_path
from git_ops.resolve.prompt.codec import lines_of, shorten
from git_ops.resolve.prompt.fence import Fence
from git_ops.resolve.prompt.sheet import Entry, Sheet

_CONTEXT_LINES = 12
_CONTEXT_CHARS = 4_000
_MEANING_CHARS = 1_000
_OBJECTION_CHARS = 2_000

Wanted = Mapping[str, Sequence[str]]
"""Entry id to the ids of its hunks; none for a closed question."""


def write_question(sheet: Sheet, wanted: Wanted, *, swapped: bool = False) -> str:
    """The blocks of all that is asked for, and the sentence that asks."""
    return "\n\n".join([*write_blocks(sheet, wanted, swapped=swapped), _ask_for(sheet, wanted)])


def write_blocks(sheet: Sheet, wanted: Wanted, *, swapped: bool = False) -> list[str]:
    """Each hunk in its place with what is on offer, and the options of closed questions."""
    blocks: list[str] = []
    for name, hunks in wanted.items():
        entry = sheet.entry(name)
        for hunk in hunks:
            blocks += _hunk_blocks(entry, hunk, sheet.fence, swapped=swapped)
        if not entry.asks_for_hunks:
            blocks += _option_blocks(entry, sheet.fence, swapped=swapped)
    return blocks


def write_correction(sheet: Sheet, wanted: Wanted, problems: Mapping[str, str]) -> str:
    """What was wrong, and what is to be answered again. Objections quote the repository, so they are data, too."""
    blocks = [
        sheet.fence.block(f"{name}-objection", shorten(problems[name], _OBJECTION_CHARS)) for name in wanted
    ]
    return "\n\n".join(["That answer can't be used.", *blocks, "Answer again. " + _ask_for(sheet, wanted)])


def _ask_for(sheet: Sheet, wanted: Wanted) -> str:
    hunks = [f"{name} ({', '.join(ids)})" for name, ids in wanted.items() if ids]
    closed = [name for name in wanted if not sheet.entry(name).asks_for_hunks]
    asked = [f"Settle these hunks: {'; '.join(hunks)}."] if hunks else []
    asked += [f"Choose an option for: {', '.join(closed)}."] if closed else []
    return " ".join(asked)


def _hunk_blocks(entry: Entry, name: str, fence: Fence, *, swapped: bool) -> list[str]:
    conflict = entry.conflict
    at = [hunk.id for hunk in conflict.hunks].index(name)
    hunk = conflict.hunks[at]
    before = b"".join(lines_of(conflict.between[at])[-_CONTEXT_LINES:])
    after = b"".join(lines_of(conflict.between[at + 1])[:_CONTEXT_LINES])
    sides = [("TARGET", hunk.target), ("AGENT", hunk.agent)]
    made = [(label, offer) for label, offer in entry.offers[name].items() if label not in {"TARGET", "AGENT"}]
    if swapped:
        sides.reverse()
        made.reverse()
    first, second = sides
    texts = [(label, text) for label, text in (first, ("BASE", hunk.base), second)]
    notes = {label: ", ".join(offer.methods) for label, offer in made}
    parts = [
        ("before", shorten(_shown(entry, before), _CONTEXT_CHARS)),
        *((label, _shown(entry, text)) for label, text in texts),
        *((f"candidate-{label}", f"[made by: {notes[label]}]\n{_shown(entry, o.text)}") for label, o in made),
        ("after", shorten(_shown(entry, after), _CONTEXT_CHARS)),
    ]
    return [fence.block(f"{entry.id}-{name}-{label}", text) for label, text in parts]


def _shown(entry: Entry, text: bytes) -> str:
    """Line ends are put back from the file; a model needn't see which they are."""
    return entry.codec.show(text.replace(b"\r\n", b"\n")).removesuffix("\n") or "[no lines]"


def _option_blocks(entry: Entry, fence: Fence, *, swapped: bool) -> list[str]:
    options = list(reversed(entry.options)) if swapped else list(entry.options)
    lines = [f"{option.name}: {shorten(show_path(option.meaning), _MEANING_CHARS)}" for option in options]
    return [fence.block(f"{entry.id}-options", "\n".join(lines))]
