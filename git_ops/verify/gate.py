"""The verdict of a gate, and the list of all gates.

* A gate looks at results only and believes nobody: not a model, not an agent, not a rule of ours.
* Names are stable, because reports, comments and operators refer to them.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Literal

from git_ops.objects import show_path

Tier = Literal["1", "2", "3"]
"""How far from the conflict an answer changes a file: not at all, in the same definition, anywhere."""

PATH_SET = "path-set"
MARKER_LINES = "marker-lines"
OUTSIDE_HUNKS = "outside-hunks"
PARSES = "parses"
NO_DUPLICATES = "no-duplicates"
CHANGES_PRESERVED = "changes-preserved"
END_TREE = "end-tree"
RANGE_DIFF = "range-diff"
STALE_SYMBOLS = "stale-symbols"
REPOSITORY_COMMAND = "repository-command"

GATES: Mapping[str, str] = {
    PATH_SET: "every conflicted path is decided, no other is touched, and names and modes are sound",
    MARKER_LINES: "no line looks like a conflict marker that didn't stand in a side's file",
    OUTSIDE_HUNKS: "not a byte between the hunks is different; an agent may edit further, and that is on record",
    PARSES: "a file that the sides could parse still parses",
    NO_DUPLICATES: "nothing is defined, imported or keyed twice that neither side had twice",
    CHANGES_PRESERVED: "what either side added or removed is there, or is named as given up",
    END_TREE: "where Git can merge the tips, the commits end in that very tree",
    RANGE_DIFF: "no commit is lost, and its author, date and message are the same bytes",
    STALE_SYMBOLS: "nothing that one side added uses a name whose definition the other side took away",
    REPOSITORY_COMMAND: "the repository's own command passes, or fails on the target, too",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The verdict of one gate; `why` is one sentence, also where it passed with a reservation."""

    name: str
    passed: bool
    why: str = ""
    tier: Tier | None = None
    """For `outside-hunks` alone."""


def needs_command(gates: Iterable[Gate]) -> bool:
    """An answer was let through on condition that the repository's own command passes."""
    return any(gate.tier == "3" for gate in gates)


def show(line: bytes) -> str:
    """A line of somebody's file for a sentence: printable and short."""
    text = show_path(line.decode("utf-8", "replace"))
    return repr(text if len(text) <= 80 else text[:80] + "…")
