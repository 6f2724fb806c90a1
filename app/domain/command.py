"""The grammar of what people write to us in a comment.

A command starts a line: `@agent rebase`, `/agent rebase`, or free text after the name. Only the person's own
words count: quoted lines, fenced and indented code, inline code and HTML comments are taken out first.
"""

import re
from dataclasses import dataclass
from typing import Literal

Verb = Literal["work", "approve", "rebase", "stop", "help"]

VERBS: dict[str, tuple[Verb, str]] = {
    "approve": ("approve", "work on this issue as it is written now, whoever wrote it"),
    "rebase": ("rebase", "bring the pull request up to date with its target branch"),
    "stop": ("stop", "stop the job that runs on this thread"),
    "help": ("help", "show this list"),
}
"""Word → (verb, what it does). Anything else after the name is work to do, in the person's words."""

_FENCE = re.compile(
    r"^( {0,3}(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(`{3,}(?!`)|~{3,}(?!~))[^\n]*\n.*?(?:^ {0,3}\2[`~]*[ \t\r]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_QUOTED = re.compile(r"^ {0,3}>.*$", re.MULTILINE)
_INDENTED = re.compile(r"^(?: {4}|\t).*$", re.MULTILINE)
_BLANK_LINE = re.compile(r"(\n[ \t\r]*\n)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What one comment asks for. `text` is the person's own wording, code included, without the name."""

    verb: Verb
    text: str


def parse(comment: str, names: tuple[str, ...]) -> Command | None:
    """The command in `comment`, addressed to one of `names` (case-insensitive); none where there is none."""
    mention = re.compile(
        rf"^[ \t]*[@/](?:{'|'.join(map(re.escape, names))})(?=[,:.!?]*(?:\s|$))[,:.!?]*[ \t]*",
        re.IGNORECASE | re.MULTILINE,
    )
    found = mention.search(_own_words(comment))
    if not found:
        return None
    # the blanked text has the same length, so its offsets hold in the comment itself
    text = comment[found.end() :].strip()
    word = text.split(maxsplit=1)[0].lower().strip(".,!:?") if text else "help"
    verb, _ = VERBS.get(word, ("work", ""))
    alone = len(text.split()) <= 1
    return Command(verb=verb if alone else "work", text=text)


def _own_words(comment: str) -> str:
    """`comment` with what isn't the person's own prose blanked out, every character at its old place."""
    for pattern in (_FENCE, _HTML_COMMENT, _QUOTED, _INDENTED):
        comment = pattern.sub(lambda found: _blank(found.group()), comment)
    return "".join(_without_code_spans(paragraph) for paragraph in _BLANK_LINE.split(comment))


def _without_code_spans(paragraph: str) -> str:
    """Blank out code spans: from a run of backticks to the next run of that length, in time linear in the text."""
    runs = [found.span() for found in re.finditer(r"`+", paragraph)]
    closers: dict[int, list[int]] = {}
    for index in reversed(range(len(runs))):
        closers.setdefault(runs[index][1] - runs[index][0], []).append(index)
    kept, at, index = [], 0, 0
    while index < len(runs):
        start, end = runs[index]
        later = closers[end - start]
        while later and later[-1] <= index:
            later.pop()
        if later:
            index = later[-1]
            kept += [paragraph[at:start], _blank(paragraph[start : runs[index][1]])]
            at = runs[index][1]
        index += 1
    return "".join([*kept, paragraph[at:]])


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def help_text(name: str) -> str:
    """The list of commands as Markdown, made from the table above."""
    rows = "\n".join(f"| `@{name} {word}` | {does} |" for word, (_, does) in VERBS.items())
    return f"| command | what it does |\n|---|---|\n| `@{name} …` | do the work described |\n{rows}"
