"""One conflict, whatever its kind, and what can be said to it, as values.

* Roles are TARGET (what is already published; Git's "ours", stage 2) and AGENT (the branch that is being rebased,
  stage 3). BASE is what both started from, stage 1.
* A conflict is described by its stages and its kind, never by a file with markers in it.
* An answer says what shall stand at every path that has stages. What Git's own merge left there counts for nothing.
* Content is bytes. `between` and `hunks` interleave: between[0] hunk[0] between[1] … hunk[n-1] between[n].
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

Source = Literal["git", "rule", "memory", "model", "agent"]
"""Where an answer comes from: Git itself, a rule that is always right, an earlier answer, a model, an agent at work."""

LINK, SUBMODULE = "120000", "160000"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side has at the path."""

    mode: str
    oid: str
    content: bytes | None = dataclasses.field(default=None, repr=False)
    """None where it wasn't read: too large, or not a blob."""

    @property
    def is_file(self) -> bool:
        """A regular file, executable or not."""
        return self.mode in {"100644", "100755"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What shall stand at a path: bytes that are to be stored, or an object that the repository has."""

    mode: str
    content: bytes | None = dataclasses.field(default=None, repr=False)
    oid: str | None = None

    def __post_init__(self) -> None:
        if (self.content is None) == (self.oid is None):
            raise ValueError("a File has either content or an object id")

    @classmethod
    def of(cls, side: Side, *, mode: str | None = None) -> "File":
        """The very object that a side has, whatever its size, with the mode given (none: the side's)."""
        return cls(mode=mode or side.mode, oid=side.oid)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """One region on which the sides disagree. Texts are whole lines, except where a file ends without newline."""

    id: str
    base: bytes
    target: bytes
    agent: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One path, or for kinds that are about names one group of paths, that Git couldn't merge.

    `base`, `target` and `agent` are what each side has of the file in question, under whatever name.
    """

    path: str
    """Where people would look for it; for reports, and where the result of a text merge goes."""
    kind: str
    """`content`, `add/add`, `modify/delete`, … as listed in `grouping.py`."""
    paths: tuple[str, ...]
    """All that Git named, names it made up included."""
    stages: Mapping[str, Mapping[int, Side]]
    """Path to stage (1, 2, 3) to what is there. Each of these paths must be decided. May be empty."""
    base: Side | None
    target: Side | None
    agent: Side | None
    between: tuple[bytes, ...] = ()
    hunks: tuple[Hunk, ...] = ()
    types: tuple[str, ...] = ()
    """All of Git's own words for it."""
    message: str = ""
    """What Git says, for people."""

    @property
    def textual(self) -> bool:
        """It is settled by a text for each hunk."""
        return bool(self.hunks)

    def splice(self, texts: Mapping[str, bytes]) -> bytes:
        """The whole file with a text for each hunk, by id. Every byte between the hunks is kept."""
        parts = [self.between[0]]
        for hunk, after in zip(self.hunks, self.between[1:], strict=True):
            parts += [texts[hunk.id], after]
        return b"".join(parts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HunkChoice:
    """The text for one hunk, why, and which changed lines of a side were given up on purpose."""

    id: str
    text: bytes
    why: str = ""
    dropped: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What shall stand at the conflict's paths; none means: nothing, the path goes."""

    resolver: str
    source: Source
    why: str
    files: Mapping[str, File | None] = dataclasses.field(repr=False)
    hunks: tuple[HunkChoice, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    """Paths outside the conflict that the answer says it must change, too."""

    def content_at(self, path: str) -> bytes | None:
        """The bytes that the answer puts at a path; none where it puts none, or an object by its id."""
        file = self.files.get(path)
        return file.content if file else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """A part is settled (names, some of the hunks); what is left is the smaller conflict `rest`.

    `files` are decided paths beside `rest.path`. Whoever settles `rest` settles the whole.
    """

    resolver: str
    why: str
    files: Mapping[str, File | None]
    rest: Conflict


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Abstained:
    """A resolver has no answer, and this is why: one sentence."""

    why: str


Answer = Resolution | Reduced | Abstained


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of the answers to a closed question about names, for whoever can judge which is right."""

    name: str
    """A short word, such as `keep-deleted`."""
    meaning: str
    """One sentence: what it does, and to which paths."""
    files: Mapping[str, File | None]
    rest: Conflict | None = None
    """The text merge that choosing it would leave, at a path that isn't in `files`."""


def by_hunks(
    conflict: Conflict, choices: tuple[HunkChoice, ...], *, resolver: str, source: Source, why: str
) -> Resolution:
    """The resolution of a textual conflict that has a choice for every hunk."""
    content = conflict.splice({choice.id: choice.text for choice in choices})
    file = File(mode=merged_mode(conflict), content=content)
    return Resolution(resolver=resolver, source=source, why=why, files={conflict.path: file}, hunks=choices)


def merged_mode(conflict: Conflict) -> str:
    """The file mode that a three-way merge gives. Where both sides added the file: executable if either says so."""
    target = conflict.target.mode if conflict.target else "100644"
    agent = conflict.agent.mode if conflict.agent else "100644"
    if conflict.base is None:
        return "100755" if "100755" in (target, agent) else target
    return agent if target == conflict.base.mode else target
