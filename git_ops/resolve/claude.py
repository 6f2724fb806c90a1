"""Asking Claude about the conflicts that nothing cheaper settles.

* One request for a cluster of related files; an answer by path id and hunk id in a fixed schema. What is wrong with
  it, and what the gates object to, goes back twice at most.
* Claude writes the texts of hunks, picks one of the texts on offer, or picks one of the named options where names
  are in question. It names no file, runs nothing and sees nothing but what `prompt` writes down.
* Where one answer isn't enough (`doubts`), and for every closed question because no gate can check it, the same is
  asked in a fresh conversation with the sides in another order. Two answers that differ are none.
* Whatever goes wrong (the API, the answer, the budget) is an abstention with its reason.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from git_ops.conflict import Abstained, Answer, Conflict, Resolution
from git_ops.report import Spent
from git_ops.resolve.answers import Answers
from git_ops.resolve.budget import Budget, Usage
from git_ops.resolve.chain import Context, Settled
from git_ops.resolve.clusters import clusters_of, weight
from git_ops.resolve.door import Door
from git_ops.resolve.drafts import Draft, Drafter, compared
from git_ops.resolve.interview import Interview
from git_ops.resolve.prompt import Entry, sheet_of, write_data
from git_ops.resolve.prompt.sheet import by_text
from git_ops.verify import check_resolution

MAX_HUNK_CHARS = 90_000


class ClaudeResolver:
    """Settles text conflicts and closed questions. One object for one rebase: it keeps the budget."""

    name = "claude"

    def __init__(
        self,
        *,
        base_url: str,
        auth_token: str | None = None,
        api_key: str | None = None,
        model: str,
        budget: Budget | None = None,
        protected: Sequence[str] = (),
        timeout_seconds: float = 300,
    ) -> None:
        """One of `auth_token` (a gateway's) and `api_key` is needed, else ValueError.

        `protected` are patterns of paths where every answer is asked for twice; the time-out is for one request.
        """
        if bool(auth_token) == bool(api_key):
            raise ValueError("Claude needs either an auth token or an API key, and only one of them")
        self.base_url = base_url
        self.model = model
        self.budget = budget or Budget()
        self.protected = tuple(protected)
        self.timeout_seconds = timeout_seconds
        self._auth_token = auth_token or None
        self._api_key = api_key or None

    @property
    def usage(self) -> Usage:
        """All that was used so far."""
        return self.budget.usage

    def spent(self) -> Spent:
        """The same for the report."""
        return Spent(requests=self.usage.requests, tokens=self.usage.tokens, usd=self.budget.usd)

    def resolve_together(self, conflicts: Sequence[Conflict], context: Context) -> Mapping[str, Answer]:
        """An answer for each conflict by its path, cluster by cluster."""
        answers: dict[str, Answer] = {}
        ours: list[Conflict] = []
        for conflict in conflicts:
            if why := _not_for_us(conflict):
                answers[conflict.path] = Abstained(why=why)
            else:
                ours.append(conflict)
        if not ours:
            return answers
        with self._door() as door:
            for cluster in clusters_of(ours):
                inside = {conflict.path for conflict in cluster}
                beside = [conflict.path for conflict in conflicts if conflict.path not in inside]
                found = self._settle(door, cluster, context, beside)
                answers |= found
                context = _with_settled(context, cluster, found)
        return answers

    def _door(self) -> Door:
        return Door(
            base_url=self.base_url,
            auth_token=self._auth_token,
            api_key=self._api_key,
            model=self.model,
            budget=self.budget,
            timeout_seconds=self.timeout_seconds,
        )

    def _settle(
        self, door: Door, cluster: Sequence[Conflict], context: Context, beside: Sequence[str]
    ) -> dict[str, Answer]:
        sheet = sheet_of(cluster, context)
        wanted = sheet.everything()
        answers: dict[str, Answer] = {
            entry.conflict.path: Abstained(why=f"there is no option for a {entry.conflict.kind} conflict")
            for entry in sheet.entries
            if entry.id not in wanted
        }
        if not wanted:
            return answers
        interview = Interview(door, sheet, write_data(sheet, context, beside=beside))
        drafts = interview.ask(wanted, Drafter(self.name, self.protected).draft)
        if (
            interview.cut_off and len(cluster) > 1
        ):  # too much for one answer, or one file that spoils the others
            half = len(cluster) // 2
            first = self._settle(door, cluster[:half], context, beside)
            return first | self._settle(door, cluster[half:], context, beside)
        found: dict[str, Answer] = {n: d.answer if isinstance(d, Draft) else d for n, d in drafts.items()}
        found |= _asked_again(interview, drafts)
        return answers | {sheet.entry(name).conflict.path: answer for name, answer in found.items()}


def _asked_again(interview: Interview, drafts: Mapping[str, Draft | Abstained]) -> dict[str, Answer]:
    """The abstentions that a second asking gives; what it confirms isn't in it."""
    doubted = {name: d for name, d in drafts.items() if isinstance(d, Draft) and d.needs_another}
    if not doubted:
        return {}

    def compare(entry: Entry, answers: Answers) -> Abstained | None:
        return compared(entry, doubted[entry.id], answers)

    wanted = {name: draft.doubts for name, draft in doubted.items()}
    found = interview.ask(wanted, compare, swapped=True)
    return {name: answer for name, answer in found.items() if answer is not None}


def _not_for_us(conflict: Conflict) -> str | None:
    if by_text(conflict) and weight(conflict) > MAX_HUNK_CHARS:
        return f"the conflict takes {weight(conflict)} characters, more than are sent"
    return None


def _with_settled(context: Context, cluster: Sequence[Conflict], found: Mapping[str, Answer]) -> Context:
    settled = tuple(
        Settled(conflict=conflict, resolution=answer, gates=check_resolution(conflict, answer))
        for conflict in cluster
        if isinstance(answer := found.get(conflict.path), Resolution)
    )
    return dataclasses.replace(context, settled=(*context.settled, *settled))
