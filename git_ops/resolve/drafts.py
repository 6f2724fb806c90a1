"""From a model's answers to what can be accepted: texts spliced, gates passed, second answers compared.

* `Invalid` carries what the model should mend, objections of gates included; everything else is an abstention.
"""

import dataclasses

from git_ops.conflict import (
    Abstained,
    Answer,
    Conflict,
    HunkChoice,
    Option,
    Reduced,
    Resolution,
    by_hunks,
)
from git_ops.objects import show_path
from git_ops.resolve.answers import (
    Answers,
    Invalid,
    choice_of,
    chosen_option,
    file_answer,
    hunk_answers,
    normal,
)
from git_ops.resolve.doubts import doubtful, is_protected
from git_ops.resolve.prompt import Entry
from git_ops.resolve.prompt.codec import shorten
from git_ops.verify import check_resolution

_WHY_CHARS = 1_000
_QUOTE_CHARS = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A usable answer, and what of it needs a second one."""

    answer: Answer
    hunks: tuple[HunkChoice, ...] = ()
    option: Option | None = None
    doubts: tuple[str, ...] = ()
    """Ids of hunks."""

    @property
    def needs_another(self) -> bool:
        """Whether it counts only if a second answer is the same."""
        return bool(self.doubts or self.option)


@dataclasses.dataclass(frozen=True, slots=True)
class Drafter:
    """Makes drafts in the name of a resolver. Every answer about a protected path is in doubt."""

    resolver: str
    protected: tuple[str, ...]

    def draft(self, entry: Entry, answers: Answers) -> Draft:
        """Accept an answer. Raises `Invalid`."""
        return self._of_text(entry, answers) if entry.asks_for_hunks else self._of_option(entry, answers)

    def _of_text(self, entry: Entry, answers: Answers) -> Draft:
        conflict = entry.conflict
        whole = file_answer(answers, entry)
        given = hunk_answers(whole, [hunk.id for hunk in conflict.hunks])
        if unsure := [hunk for hunk in whole.hunks if hunk.decision == "abstain"]:
            return Draft(answer=_abstained(f"Claude abstains at {unsure[0].id}: {unsure[0].why}"))
        if elsewhere := [path for path in whole.needs_edit_elsewhere if path != conflict.path]:
            named = ", ".join(show_path(path) for path in elsewhere)
            return Draft(answer=_abstained(f"needs an edit elsewhere: {named}"))
        choices = tuple(choice_of(entry, hunk, given[hunk.id]) for hunk in conflict.hunks)
        why = " ".join(dict.fromkeys(choice.why for choice in choices))[: 2 * _WHY_CHARS]
        resolution = by_hunks(conflict, choices, resolver=self.resolver, source="model", why=why)
        if objections := _objections(conflict, resolution):
            raise Invalid(objections)
        protected = is_protected(conflict.path, self.protected)
        doubts = [h.id for h in conflict.hunks if doubtful(h, given[h.id], protected=protected)]
        return Draft(answer=resolution, hunks=choices, doubts=tuple(doubts))

    def _of_option(self, entry: Entry, answers: Answers) -> Draft:
        option, why = chosen_option(answers, entry)
        if option is None:
            return Draft(answer=_abstained(f"Claude chooses none of the options: {why}"))
        why = f"{option.name}: {why}"[: 2 * _WHY_CHARS]
        if option.rest is not None:
            smaller = Reduced(resolver=self.resolver, why=why, files=option.files, rest=option.rest)
            return Draft(answer=smaller, option=option)
        resolution = Resolution(resolver=self.resolver, source="model", why=why, files=option.files)
        if objections := _objections(entry.conflict, resolution):
            return Draft(answer=_abstained(f"the option {option.name} isn't possible: {objections}"))
        return Draft(answer=resolution, option=option)


def compared(entry: Entry, draft: Draft, answers: Answers) -> Abstained | None:
    """None where a second answer is the same, up to blanks at line ends. Raises `Invalid`."""
    if draft.option is not None:
        return _same_option(entry, draft.option, answers)
    given = hunk_answers(file_answer(answers, entry), draft.doubts)
    first = {choice.id: choice.text for choice in draft.hunks}
    for name in draft.doubts:
        if given[name].decision == "abstain":
            why = f"asked again with the sides swapped, Claude abstains at {name}: {given[name].why}"
            return _abstained(why)
        text = choice_of(entry, entry.hunk(name), given[name]).text
        if normal(text) != normal(first[name]):
            one, other = (shorten(entry.codec.show(t), _QUOTE_CHARS) for t in (first[name], text))
            return _abstained(f"asked twice, Claude gave two answers for {name}: {one!r} and {other!r}")
    return None


def _same_option(entry: Entry, first: Option, answers: Answers) -> Abstained | None:
    option, _ = chosen_option(answers, entry)
    if option and option.name == first.name:
        return None
    second = option.name if option else "none of the options"
    return _abstained(f"asked twice, Claude chose {first.name} and {second}")


def _objections(conflict: Conflict, resolution: Resolution) -> str:
    failed = [gate for gate in check_resolution(conflict, resolution) if not gate.passed]
    return "; ".join(f"gate {gate.name}: {gate.why}" for gate in failed)


def _abstained(why: str) -> Abstained:
    return Abstained(why=why[:_WHY_CHARS])
