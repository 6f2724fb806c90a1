"""Handing what is left to somebody who can work in a checkout: callers to change, tests to run.

* A port: who that is, and where they work, is the caller's business. Here it is a function that gets a tree to start
  from and a description, and returns the files that are different afterwards.
* No marker is ever written: where text is in conflict the tree has TARGET's lines; where names are, what TARGET has.
* What isn't said to be settled isn't, and an edit elsewhere counts only where a conflict is said to need it. The
  answer passes the same gates as everyone's.
* The tree's objects are written where `Context.git` writes.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from git_ops import objects
from git_ops.conflict import Abstained, Answer, Conflict, File, HunkChoice, Resolution, merged_mode
from git_ops.errors import GitError
from git_ops.objects import show_path
from git_ops.process import Git
from git_ops.resolve.chain import Context
from git_ops.resolve.prompt import sheet_of, write_blocks, write_data
from git_ops.resolve.prompt.codec import shorten
from git_ops.resolve.prompt.sheet import by_text

_REGULAR = frozenset({"100644", "100755"})
_WHY_CHARS = 2_000
_DESCRIPTION_CHARS = 400_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AgenticRequest:
    """What is to be done. All texts are untrusted."""

    conflicts: tuple[Conflict, ...]
    context: Context
    tree: str
    """To start from: Git's merge of the tips, what is settled put in, TARGET's state where there is a conflict."""
    description: str
    """Both sides' changes and reasons, the hunks and options, fenced as data."""
    reasons: Mapping[str, tuple[str, ...]]
    """By a conflict's path, why others couldn't settle it; empty where nobody was asked."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One conflict that is settled, and what it took."""

    why: str
    dropped: tuple[str, ...] = ()
    """Changed lines of either side that were given up on purpose, letter by letter."""
    elsewhere: frozenset[str] = frozenset()
    """Changed paths outside the conflicts without which this one isn't settled."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AgenticAnswer:
    """What was done."""

    files: Mapping[str, bytes | None]
    """All paths that differ from the request's tree; none where the file is gone."""
    settled: Mapping[str, Verdict]
    """By a conflict's path. A conflict that isn't in it stays open."""


AskAgent = Callable[[AgenticRequest], AgenticAnswer | Abstained | None]
"""Do the work; an abstention or none where it couldn't be done. May raise `GitError`, which counts as none."""


class AgenticResolver:
    """Puts everything that is left to the agent, once."""

    name = "agent"

    def __init__(self, ask: AskAgent) -> None:
        self._ask = ask

    def resolve_together(self, conflicts: Sequence[Conflict], context: Context) -> Mapping[str, Answer]:
        """An answer for each conflict by its path."""
        if not conflicts:
            return {}
        try:
            start = _Start(conflicts, context)
            answer = self._ask(start.request())
        except GitError as e:
            return _all(conflicts, f"the agent couldn't be asked: {e.user_message}")
        if not isinstance(answer, AgenticAnswer):
            return _all(conflicts, answer.why if answer else "the agent couldn't settle it")
        claimed = {path for verdict in answer.settled.values() for path in verdict.elsewhere}
        if stray := sorted(answer.files.keys() - claimed - start.files.keys()):
            return _all(conflicts, f"the agent changed {show_path(stray[0])}, and no conflict needs that")
        return {conflict.path: start.answered(conflict, answer) for conflict in conflicts}


class _Start:
    """The state that the agent starts from: what stands at each path of a conflict."""

    def __init__(self, conflicts: Sequence[Conflict], context: Context) -> None:
        self.conflicts = tuple(conflicts)
        self.context = context
        self.files: dict[str, File | None] = {}
        for conflict in conflicts:
            for path in (conflict.path, *conflict.paths, *conflict.stages):
                self._put_targets(path)
            if by_text(conflict):
                lines = conflict.splice({hunk.id: hunk.target for hunk in conflict.hunks})
                self.files[conflict.path] = File(mode=merged_mode(conflict), content=lines)

    def request(self) -> AgenticRequest:
        git = self.context.git
        settled = {p: f for one in self.context.settled for p, f in one.resolution.files.items()}
        changes = {path: _stored(git, file) for path, file in (settled | self.files).items()}
        known: Mapping[str, tuple[str, ...]] = getattr(self.context, "reasons", {})
        return AgenticRequest(
            conflicts=self.conflicts,
            context=self.context,
            tree=objects.edit_tree(git, self.context.merged_tree, changes),
            description=_described(self.conflicts, self.context),
            reasons={c.path: known[c.path] for c in self.conflicts if c.path in known},
        )

    def answered(self, conflict: Conflict, answer: AgenticAnswer) -> Answer:
        verdict = answer.settled.get(conflict.path)
        if verdict is None:
            return Abstained(why="the agent left it as it was")
        paths = {*conflict.stages, *({conflict.path} if conflict.path in self.files else ())}
        files = {path: self._after(conflict, path, answer) for path in paths}
        elsewhere = verdict.elsewhere & answer.files.keys() - self.files.keys()
        for path in elsewhere:
            mode = self._mode_elsewhere(path)
            if mode is None:
                return Abstained(why=f"the agent changed {show_path(path)}, which is no regular file")
            files[path] = _file(mode, answer.files[path])
        settled = files.get(conflict.path)
        return Resolution(
            resolver=AgenticResolver.name,
            source="agent",
            why=verdict.why[:_WHY_CHARS],
            files=files,
            hunks=_choices(conflict, settled.content if settled else None, verdict),
            elsewhere=elsewhere,
        )

    def _put_targets(self, path: str) -> None:
        """What TARGET has at a path; a directory stays as the merge left it."""
        found = objects.entry(self.context.git, self.context.onto, path)
        if found is None:
            self.files[path] = None
        elif found.kind != "tree":
            self.files[path] = File(mode=found.mode, oid=found.oid)

    def _after(self, conflict: Conflict, path: str, answer: AgenticAnswer) -> File | None:
        before = self.files.get(path)
        if path not in answer.files:
            return before
        mode = merged_mode(conflict)
        return _file(mode if mode in _REGULAR else "100644", answer.files[path])

    def _mode_elsewhere(self, path: str) -> str | None:
        found = objects.entry(self.context.git, self.context.merged_tree, path)
        mode = found.mode if found else "100644"
        return mode if mode in _REGULAR else None


def _described(conflicts: Sequence[Conflict], context: Context) -> str:
    sheet = sheet_of(conflicts, context)
    blocks = [write_data(sheet, context), *write_blocks(sheet, sheet.everything())]
    return shorten("\n\n".join(blocks), _DESCRIPTION_CHARS)


def _all(conflicts: Sequence[Conflict], why: str) -> dict[str, Answer]:
    return {conflict.path: Abstained(why=why) for conflict in conflicts}


def _file(mode: str, content: bytes | None) -> File | None:
    return None if content is None else File(mode=mode, content=content)


def _stored(git: Git, file: File | None) -> tuple[str, str] | None:
    if file is None:
        return None
    return file.mode, file.oid or objects.write_blob(git, file.content or b"")


def _choices(conflict: Conflict, content: bytes | None, verdict: Verdict) -> tuple[HunkChoice, ...]:
    """The text that each hunk became, where nothing but the hunks was changed; else none."""
    if content is None or not by_text(conflict):
        return ()
    texts = _between(content, conflict.between)
    return tuple(
        HunkChoice(id=hunk.id, text=text, why=verdict.why[:_WHY_CHARS], dropped=verdict.dropped)
        for hunk, text in zip(conflict.hunks, texts, strict=False)
    )


def _between(content: bytes, fixed: Sequence[bytes]) -> list[bytes]:
    """What stands between the fixed parts, in order; empty where they aren't all there."""
    *parts, last = fixed
    end = len(content) - len(last)
    at = len(parts[0])
    if not content.startswith(parts[0]) or not content.endswith(last):
        return []
    texts = []
    for part in parts[1:]:
        found = content.find(part, at, end)
        if found < 0:
            return []
        texts.append(content[at:found])
        at = found + len(part)
    return [*texts, content[at:end]] if at <= end else []
