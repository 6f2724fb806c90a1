"""What a rebase did, as one value that a comment, an API and a page can show.

* Everything in it was computed from Git and from what passed the gates; a resolver's own words are only in `why`.
* Texts of commits, paths and files are untrusted. `to_dict` and `text` make them printable.
* Texts of files are cut at a fixed length and say so; the objects themselves are in the repository.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, Literal

from git_ops.objects import show_path
from git_ops.plain import plain, printable

Outcome = Literal["up_to_date", "clean", "resolved", "suspicious", "conflicted"]
MAX_TEXT = 20_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HunkFact:
    """One region of a file on which the sides disagree, and what became of it."""

    id: str
    base: str
    target: str
    agent: str
    result: str | None = None
    why: str = ""
    dropped: tuple[str, ...] = ()
    """Changed lines of a side that were given up on purpose."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What stands at the conflict's path in each version; none where there is nothing or it isn't text."""

    base: str | None = None
    target: str | None = None
    agent: str | None = None
    result: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConflictFact:
    """One conflict of a rebase."""

    path: str
    kind: str
    paths: tuple[str, ...] = ()
    """All paths concerned, where there are more."""
    resolver: str | None = None
    """Which resolver settled it; none where nobody could."""
    source: str | None = None
    """What its answer rests on: `git`, `rule`, `memory`, `model` or `agent`."""
    why: str = ""
    """Why it was settled so, or why nobody could."""
    gates: tuple[str, ...] = ()
    """The gates that the resolution passed."""
    elsewhere: tuple[str, ...] = ()
    """Paths outside the conflict that had to be changed for it, too."""
    target_intent: tuple[str, ...] = ()
    """Subjects of the target's commits that touch the path since the fork, newest first."""
    agent_intent: tuple[str, ...] = ()
    """The same of the branch."""
    hunks: tuple[HunkFact, ...] = ()
    texts: Texts = Texts()
    options: tuple[str, ...] = ()
    """Where nobody could: the answers there are to choose from."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GateFact:
    """The verdict of a gate on the whole rebase."""

    name: str
    passed: bool
    why: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedCommit:
    """What became of one commit. `new` is none where it was dropped, and `reason` says why or what changed."""

    old: str
    new: str | None
    reason: str = ""


def followed(first: Sequence[ReplayedCommit], second: Sequence[ReplayedCommit]) -> tuple[ReplayedCommit, ...]:
    """What became of the commits of `first` where their new ones were replayed once more, in `second`."""
    moved = {one.old: one for one in second}
    named: dict[str, str] = {}
    found = []
    for one in first:
        if one.new is None or one.new not in moved:
            found.append(one)
            continue
        then = moved[one.new]
        reasons = [one.reason]
        if then.new is None:
            reasons.append(then.reason)
        elif then.new in named and named[then.new] != one.new:
            goal = next(other.old for other in first if other.new == named[then.new])
            reasons.append(f"folded into {goal[:10]}, which its subject names")
        else:
            named[then.new] = one.new
        found.append(ReplayedCommit(old=one.old, new=then.new, reason="; ".join(filter(None, reasons))))
    return tuple(found)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What asking models cost, and how often they were asked."""

    requests: int = 0
    tokens: int = 0
    usd: float | None = None
    """None where prices aren't known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RebaseReport:
    """What a rebase did.

    `clean`, `resolved`: `new_tip` is the rebased branch. `suspicious`: it is, too, but a gate says that a person should
    look before it is published. `conflicted`: nothing counts, `new_tip` is `old_tip`. No ref was moved in any case;
    whoever moves one fills in `undo`.
    """

    outcome: Outcome
    old_tip: str
    new_tip: str
    onto: str
    commits: tuple[ReplayedCommit, ...] = ()
    carried: str | None = None
    """A commit that was added for what stood only in merge commits."""
    conflicts: tuple[ConflictFact, ...] = ()
    gates: tuple[GateFact, ...] = ()
    """Those that judge the whole."""
    detail: str = ""
    range_diff: str = ""
    """`git range-diff` of the branch before and after."""
    spent: Spent = Spent()
    rescue_ref: str | None = None
    undo: str | None = None
    """The command that brings back the branch as it was."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, safe to show."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def to_json(self) -> str:
        """The same as one JSON document."""
        return json.dumps(self.to_dict(), indent=2)

    def text(self) -> str:
        """The report for a terminal: plain lines."""
        return "\n".join(_lines(self)) + "\n"


def shorten(content: bytes | None) -> str | None:
    """A file's text for a report; none where it isn't text."""
    if content is None or b"\0" in content:
        return None
    text = content.decode("utf-8", "backslashreplace")
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n[cut: {len(text)} characters in all]\n"


_SAID = {
    "up_to_date": "Nothing to do",
    "clean": "Rebased without a conflict",
    "resolved": "Rebased, all conflicts settled",
    "suspicious": "Rebased, but somebody should look at it first",
    "conflicted": "Not rebased, nothing was changed",
}


def _lines(report: RebaseReport) -> list[str]:
    lines = [f"{_SAID[report.outcome]}{': ' + printable(report.detail) if report.detail else '.'}"]
    moved = report.new_tip != report.old_tip
    lines += (
        [f"  onto {report.onto[:10]}, tip {report.new_tip[:10]}, before {report.old_tip[:10]}"]
        if moved
        else []
    )
    for commit in report.commits if moved else ():
        reason = f"  ({printable(commit.reason)})" if commit.reason else ""
        lines.append(f"  {commit.old[:10]} -> {commit.new[:10] if commit.new else 'dropped':10}{reason}")
    if report.carried and moved:
        lines.append(f"  {'':10} -> {report.carried[:10]}  (added: what stood only in merge commits)")
    for conflict in report.conflicts:
        lines += _conflict_lines(conflict)
    lines += [
        f"  gate {gate.name}: {printable(gate.why)}" for gate in report.gates if not gate.passed or gate.why
    ]
    lines += [f"Undo: {report.undo}"] if report.undo else []
    return lines


def _conflict_lines(fact: ConflictFact) -> list[str]:
    by = f"settled by {fact.resolver}" if fact.resolver else "not settled"
    lines = [f"  {show_path(fact.path)}: {fact.kind}, {by}"]
    if fact.target_intent:
        lines.append(f"    target: {printable(fact.target_intent[0])}")
    if fact.agent_intent:
        lines.append(f"    branch: {printable(fact.agent_intent[0])}")
    lines += [f"    {line}" for line in printable(fact.why).splitlines()[:10]]
    lines += [f"    changed elsewhere: {show_path(path)}" for path in fact.elsewhere]
    lines += [f"    possible: {printable(option)}" for option in fact.options]
    return lines
