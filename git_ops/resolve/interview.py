"""Asking a model about one cluster until its answers can be used, in a bounded number of rounds.

* What is wrong with an answer goes back by name, for the entries that it concerns and for no others.
* The beginning of every request about the cluster is the same, byte for byte.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from git_ops.conflict import Abstained
from git_ops.resolve.answers import Answers, Invalid, read_answers
from git_ops.resolve.door import Door, Unavailable, cached
from git_ops.resolve.prompt import Entry, Sheet, write_correction, write_question
from git_ops.resolve.prompt.question import Wanted

if TYPE_CHECKING:
    from anthropic.types import MessageParam

ROUNDS = 3
"""The question and at most two corrections."""
_WHY_CHARS = 1_000

_T = TypeVar("_T")


class Interview:
    """All that is said with one model about one sheet."""

    def __init__(self, door: Door, sheet: Sheet, data: str) -> None:
        self.sheet = sheet
        self.cut_off = False
        """A reply stopped early or wasn't given at all, though the door is open: less at once may work."""
        self._door = door
        self._data = data

    def ask(
        self, wanted: Wanted, judge: Callable[[Entry, Answers], _T], *, swapped: bool = False
    ) -> dict[str, _T | Abstained]:
        """What `judge` makes of the answer for each entry. It raises `Invalid` for one that can't be used."""
        messages = [self._first(wanted, swapped=swapped)]
        found: dict[str, _T | Abstained] = {}
        problems: dict[str, str] = {}
        left = dict(wanted)
        for _ in range(ROUNDS):
            try:
                text = self._door.say(messages)
            except Unavailable as e:
                self.cut_off = self._door.shut is None
                return found | {name: Abstained(why=str(e)) for name in left}
            good, problems = self._judged(text, left, judge)
            found |= good
            left = {name: hunks for name, hunks in left.items() if name in problems}
            if not left:
                break
            correction = write_correction(self.sheet, left, problems)
            messages += [
                {"role": "assistant", "content": text.strip() or "(empty)"},
                {"role": "user", "content": correction},
            ]
        return found | {name: _gave_up(problems[name]) for name in left}

    def _first(self, wanted: Wanted, *, swapped: bool) -> "MessageParam":
        question = write_question(self.sheet, wanted, swapped=swapped)
        return {"role": "user", "content": [cached(self._data), cached(question)]}

    def _judged(
        self, text: str, left: Wanted, judge: Callable[[Entry, Answers], _T]
    ) -> tuple[Mapping[str, _T], dict[str, str]]:
        """Results and problems by entry."""
        good: dict[str, _T] = {}
        problems: dict[str, str] = {}
        try:
            answers = read_answers(text)
            _only_known(answers, self.sheet)
        except Invalid as e:
            return good, dict.fromkeys(left, str(e))
        for name in left:
            try:
                good[name] = judge(self.sheet.entry(name), answers)
            except Invalid as e:
                problems[name] = str(e)
        return good, problems


def _only_known(answers: Answers, sheet: Sheet) -> None:
    known = {entry.id for entry in sheet.entries}
    given = [file.path_id for file in answers.files] + [choice.path_id for choice in answers.choices]
    if other := [name for name in given if name not in known]:
        raise Invalid(f"it has an entry for {other[0][:100]!r}, which isn't a path id of the question.")


def _gave_up(problem: str) -> Abstained:
    return Abstained(why=f"no usable answer in {ROUNDS} rounds: {problem}"[:_WHY_CHARS])
