"""One conflict, whatever its kind, and what can be said to it, as values.

* Roles are TARGET (what is already published; Git's "ours" in a rebase, stage 2) and AGENT (the commit being
  replayed, stage 3). BASE is the replayed commit's parent, stage 1.
* A conflict is described by its stages and its kind, never by a file with markers in it.
* Content is bytes. `between` and `hunks` interleave: between[0] hunk[0] between[1] … hunk[n-1] between[n].
"""

import dataclasses
from typing import Literal

SIMPLE_KINDS = frozenset({"content", "add/add", "modify/delete", "binary", "symlink", "lfs-pointer"})
"""Kinds that concern one path and are settled by what stands there; all others are about names."""

Source = Literal["git", "rule", "model"]


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
class Hunk:
    """One region on which the sides disagree. Texts are whole lines, except where a file ends without newline."""

    id: str
    base: bytes
    target: bytes
    agent: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One path (or, for structural kinds, one group of paths) that Git couldn't merge."""

    path: str
    kind: str
    """`content`, `add/add`, `modify/delete`, `binary`, …: Git's own word for it."""
    paths: tuple[str, ...]
    base: Side | None
    target: Side | None
    agent: Side | None
    between: tuple[bytes, ...] = ()
    hunks: tuple[Hunk, ...] = ()
    message: str = ""
    """What Git says, for people."""

    @property
    def simple(self) -> bool:
        """It is settled by what stands at `path`."""
        return self.kind in SIMPLE_KINDS and self.paths == (self.path,)

    def splice(self, texts: dict[str, bytes]) -> bytes:
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
    """What shall stand at the conflict's path. `content` none means: nothing, the path goes."""

    resolver: str
    source: Source
    why: str
    mode: str = "100644"
    content: bytes | None = dataclasses.field(repr=False)
    hunks: tuple[HunkChoice, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Abstained:
    """A resolver has no answer, and this is why: one sentence."""

    why: str


def merged_mode(conflict: Conflict) -> str:
    """The file mode that a three-way merge gives. Where both sides added the file: executable if either says so."""
    target = conflict.target.mode if conflict.target else "100644"
    agent = conflict.agent.mode if conflict.agent else "100644"
    if conflict.base is None:
        return "100755" if "100755" in (target, agent) else target
    return agent if target == conflict.base.mode else target
