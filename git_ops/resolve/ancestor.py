"""A truer merge base for one file: a version that both sides have had since the fork.

The fork isn't always the last state that the sides share. After a cherry-pick, or when a stacked branch's lower part
was squashed into the target, the target's history of the file holds, byte for byte, a version that the branch's history
holds, too. A three-way merge needs a base that each side really went through, so that what differs from it is that
side's own later change: such a version X is one, and every change up to X is in both sides already.

* Both sides' newest shared version must be the same one; where histories cross, nothing is said.
* A side that has since undone the way to X, wholly or at one place, meant something by it. From X, the undoing is a
  change that wins over the other side's older work, from the fork it is none: which is meant can't be known, and
  nothing is said.
* Only states on the first-parent way count; those are what the target, and the branch, looked like at some time.
"""

import dataclasses
from collections.abc import Sequence

from git_ops.conflict import Abstained, Answer, Conflict, Hunk, Side
from git_ops.errors import OutputTooLarge
from git_ops.hunks import MAX_TEXT_BYTES, split
from git_ops.objects import encode_path, read_blob
from git_ops.resolve import folding
from git_ops.resolve.candidates.hunkwise import lines
from git_ops.resolve.candidates.sequences import Edit, edits
from git_ops.resolve.chain import Context

MAX_VERSIONS = 500
"""Changes of the file that are looked at on either side, newest first."""


class AncestorResolver:
    """Merges again from the newest version that both sides have had."""

    name = "ancestor"

    def resolve(self, conflict: Conflict, context: Context) -> Answer:
        """See the module's docstring for when there is one, and why it may be used."""
        if not conflict.textual or tuple(conflict.stages) != (conflict.path,):
            return Abstained(why="it isn't one file's text")
        base = _shared_version(conflict, context)
        if base is None:
            return Abstained(why="the sides share no later version of the file than the fork's")
        if _undone(conflict, base):
            return Abstained(why="a side has undone what the sides shared; which is meant can't be known")
        return self._merge(conflict, context, base)

    def _merge(self, conflict: Conflict, context: Context, base: Side) -> Answer:
        base_text, target, agent = (_text(side) for side in (base, conflict.target, conflict.agent))
        found = split(context.git, base=base_text, target=target, agent=agent)
        if found is None:
            return Abstained(why="Git can't merge it by lines from the version that both sides had")
        better = dataclasses.replace(conflict, base=base, kind="content")
        why = f"merged from {base.oid[:10]}, a version that both sides have had since the fork"
        if not found.hunks:
            return folding.whole(better, found.between[0], resolver=self.name, why=why)
        if _size(found.hunks) >= _size(conflict.hunks):
            return Abstained(why="from the version that both sides had, it is no smaller")
        hunks = tuple(dataclasses.replace(hunk, id=f"a{i}") for i, hunk in enumerate(found.hunks, 1))
        return folding.reduced(better, found.between, hunks, resolver=self.name, why=why)


def _shared_version(conflict: Conflict, context: Context) -> Side | None:
    """The newest version that is in both histories, unless that is the fork's or depends on who is asked."""
    target = _versions(context, context.onto, conflict.path)
    agent = _versions(context, context.tip, conflict.path)
    newest = next((version for version in target if version in agent), None)
    if newest is None or newest != next(version for version in agent if version in target):
        return None
    mode, oid = newest
    if conflict.base and oid == conflict.base.oid:
        return None
    try:
        content = read_blob(context.git, oid, max_bytes=MAX_TEXT_BYTES)
    except OutputTooLarge:
        return None
    return Side(mode=conflict.base.mode if conflict.base else mode, oid=oid, content=content)


def _versions(context: Context, tip: str, path: str) -> list[tuple[str, str]]:
    """(mode, object) of the file after each change since the fork, newest first; regular files only."""
    options = ("--first-parent", "-m", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=")
    limit = f"--max-count={MAX_VERSIONS}"
    raw = context.git.run("log", *options, limit, f"{context.fork}..{tip}", "--", path).stdout
    found = []
    fields = iter(raw.split(b"\0"))
    for head in fields:
        words = head.strip().split(b" ")
        if len(words) == 5 and next(fields, b"") == encode_path(path) and words[1].startswith(b"100"):
            found.append((words[1].decode(), words[3].decode()))
    return found


def _undone(conflict: Conflict, base: Side) -> bool:
    """Whether a side took back, at some place, what led from the fork to the version that both have had."""
    shared, fork = lines(_text(base)), lines(_text(conflict.base))
    back = edits(shared, fork)
    since = [edits(shared, lines(_text(side))) for side in (conflict.target, conflict.agent)]
    if back is None or any(side is None for side in since):
        return True  # too different to tell
    return any(_takes_back(edit, step) for step in back for side in since for edit in side or ())


def _takes_back(edit: Edit, step: Edit) -> bool:
    """Whether a later edit contains the step back to the fork at that place."""
    if not (edit.start <= step.start and step.end <= edit.end):
        return False
    shrunk = (edit.end - edit.start) - len(edit.new)
    return _within(step.new, edit.new) if step.new else shrunk >= step.end - step.start


def _within(part: Sequence[bytes], text: Sequence[bytes]) -> bool:
    return any(tuple(text[i : i + len(part)]) == tuple(part) for i in range(len(text) - len(part) + 1))


def _text(side: Side | None) -> bytes:
    return side.content or b"" if side else b""


def _size(hunks: Sequence[Hunk]) -> int:
    return sum(len(hunk.base) + len(hunk.target) + len(hunk.agent) for hunk in hunks)
