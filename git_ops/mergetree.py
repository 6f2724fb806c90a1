"""Three-way merges in memory with `git merge-tree`, and its answer as values.

* No index and no work tree is touched, so any bare GIT_DIR will do. Objects are written into it.
* merge-tree in a bare repository ignores `.gitattributes`. So the target's attribute files, and nothing else, are
  laid out in a throw-away directory that serves as the work tree: `merge=union`, `binary` and the rest count. The
  target's are used because they were reviewed; the agent's might say anything.
* Git before 2.40 can't be told the merge base. A throw-away commit (our tree, the base as parent) makes it the only
  one there is. Which way works is found out by trying.
* What happened is read from the exit code, the stages and the typed messages; prose is only shown.
"""

import dataclasses
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_ops import objects
from git_ops.conflict import Conflict, Side
from git_ops.errors import BadName, GitFailed, Unmergeable
from git_ops.hunks import MAX_TEXT_BYTES, is_lfs_pointer, split
from git_ops.objects import RawCommit, decode_path
from git_ops.process import Git
from git_ops.refs import check_oid

_SETTINGS = (
    "-c",
    "merge.directoryRenames=conflict",
    "-c",
    "merge.renameLimit=7000",
    "-c",
    "merge.renames=true",
)
_NOBODY = b"nobody <nobody> 0 +0000"
_MAX_ATTRIBUTES_BYTES = 1024 * 1024
_USAGE_ERROR = 129


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One of merge-tree's messages: which paths, which stable type, and prose."""

    paths: tuple[str, ...]
    type: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The answer to one merge. `tree` is only the result where `clean`; else it holds marked-up files."""

    tree: str
    clean: bool
    stages: dict[str, dict[int, Side]]
    """Path to stage (1 base, 2 ours, 3 theirs) to what is there, contents unread."""
    messages: tuple[Message, ...]


class Merger:
    """Merges that share one directory of attributes. Made by `merging`."""

    _takes_merge_base: bool | None = None
    """Whether this machine's git knows `--merge-base`; shared by all, found out by the first that needs it."""

    def __init__(self, git: Git, attributes: Path) -> None:
        self.git = git
        self._in_attributes = git.replace(work_tree=attributes)

    def merge_tips(self, ours: str, theirs: str) -> Merged:
        """Merge two commits from their own merge base."""
        return self._merge(ours, theirs)

    def merge(self, *, base: str | None, ours: str, theirs: str) -> Merged:
        """Merge `theirs` into `ours` as if `base`, its parent, was the merge base (none: `theirs` is a root)."""
        if base is None:
            base = self._throw_away(self.git.text("hash-object", "-t", "tree", "-w", "--stdin", stdin=b""))
            theirs = self._throw_away(objects.tree_of(self.git, theirs), base)
        if Merger._takes_merge_base is not False:
            try:
                merged = self._merge(ours, theirs, f"--merge-base={base}")
            except GitFailed as e:
                if e.returncode != _USAGE_ERROR:
                    raise
                Merger._takes_merge_base = False
            else:
                Merger._takes_merge_base = True
                return merged
        return self._merge(self._throw_away(objects.tree_of(self.git, ours), base), theirs)

    def _merge(self, ours: str, theirs: str, *options: str) -> Merged:
        args = ("merge-tree", "--write-tree", "-z", "--messages", *options, ours, theirs)
        done = self._in_attributes.run(*_SETTINGS, *args, ok=(0, 1))
        return parse(done.stdout, clean=done.returncode == 0)

    def _throw_away(self, tree: str, *parents: str) -> str:
        commit = RawCommit(
            tree=tree, parents=parents, author=_NOBODY, committer=_NOBODY, message=b"throw-away\n"
        )
        return objects.write_commit(self.git, commit)


@contextmanager
def merging(git: Git, *, attributes_of: str) -> Iterator[Merger]:
    """A `Merger` that honours the attributes of the commit `attributes_of`."""
    with tempfile.TemporaryDirectory(prefix="git-attributes-") as folder:
        _lay_out_attributes(git, attributes_of, Path(folder))
        yield Merger(git, Path(folder))


def _lay_out_attributes(git: Git, commit: str, folder: Path) -> None:
    listed = git.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit, max_output_mib=512).stdout
    found = {}
    for record in listed.split(b"\0"):
        head, _, name = record.partition(b"\t")
        if name.rpartition(b"/")[2] == b".gitattributes":
            mode, _kind, oid, size = head.decode().split()
            if mode in {"100644", "100755"} and int(size) <= _MAX_ATTRIBUTES_BYTES:
                found[decode_path(name)] = oid
    for path, content in zip(found, objects.read_blobs(git, found.values()), strict=True):
        if not {"", ".", "..", ".git"} & {part.lower() for part in path.split("/")}:
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def parse(raw: bytes, *, clean: bool) -> Merged:
    """Parse `merge-tree -z --messages`: tree, stages up to an empty field, then messages."""
    fields = iter(raw.split(b"\0"))
    try:
        tree = check_oid(next(fields).decode())
        stages: dict[str, dict[int, Side]] = {}
        while record := next(fields):
            head, _, path = record.partition(b"\t")
            mode, oid, stage = head.decode().split()
            stages.setdefault(decode_path(path), {})[int(stage)] = Side(mode=mode, oid=oid)
        messages = []
        while count := next(fields, b""):
            paths = tuple(decode_path(next(fields)) for _ in range(int(count)))
            kind, text = next(fields).decode(), next(fields).decode("utf-8", "replace").strip()
            messages.append(Message(paths=paths, type=kind, text=text))
    except (StopIteration, ValueError, BadName) as e:
        raise Unmergeable("Git's answer to the merge can't be understood; nothing was merged") from e
    return Merged(tree=tree, clean=clean, stages=stages, messages=tuple(messages))


def conflicts_of(git: Git, merged: Merged) -> tuple[Conflict, ...]:
    """The conflicts of a merge that wasn't clean: never empty, whatever the stages say."""
    groups: dict[str, list[tuple[str, Message]]] = {}
    for message in merged.messages:
        match = re.match(r"(?:CONFLICT|ERROR) *\((.*)\)$", message.type)
        if match and message.paths:
            groups.setdefault(_real_path(message.paths), []).append((match[1], message))
    told = {path for group in groups.values() for _, message in group for path in message.paths}
    for path in merged.stages.keys() - told:
        groups[path] = [("unknown", Message(paths=(path,), type="", text="Git left this path unmerged"))]
    if not groups:
        said = "; ".join(message.text for message in merged.messages)
        groups["."] = [("unknown", Message(paths=(".",), type="", text=said or "Git couldn't merge"))]
    return tuple(_conflict(git, merged, path, groups[path]) for path in sorted(groups))


def _real_path(paths: tuple[str, ...]) -> str:
    """Git parks one side of a clash at `path~label`; the path that people know is the one without."""
    parked = re.compile(r"~[0-9a-f]{40,64}(?:_\d+)?$")
    return next((path for path in paths if not parked.search(path)), paths[0])


def _conflict(git: Git, merged: Merged, path: str, told: list[tuple[str, Message]]) -> Conflict:
    paths = tuple(dict.fromkeys([path, *(p for _, message in told for p in message.paths)]))
    stages: dict[int, Side] = {}
    for p in paths:
        for stage, side in merged.stages.get(p, {}).items():
            stages.setdefault(stage, side)
    base, target, agent = (_read(git, stages.get(stage)) for stage in (1, 2, 3))
    # "contents" comes along with more telling types; those win.
    types = sorted({kind for kind, _ in told}, key=lambda kind: (kind == "contents", kind == "binary", kind))
    conflict = Conflict(
        path=path,
        kind=_kind(types[0], base, target, agent),
        paths=paths,
        base=base,
        target=target,
        agent=agent,
        message="; ".join(message.text for _, message in told),
    )
    return _with_hunks(git, conflict)


def _kind(kind: str, base: Side | None, target: Side | None, agent: Side | None) -> str:
    sides = [side for side in (base, target, agent) if side]
    if kind != "contents":
        return kind
    if sides and all(side.mode == "120000" for side in sides):
        return "symlink"
    if any(side.content is not None and is_lfs_pointer(side.content) for side in sides):
        return "lfs-pointer"
    if target and agent:
        return "content" if base else "add/add"
    return "unknown"


def _read(git: Git, side: Side | None) -> Side | None:
    if side is None or side.mode == "160000":
        return side
    if int(git.text("cat-file", "-s", side.oid)) > MAX_TEXT_BYTES:
        return side
    return dataclasses.replace(side, content=objects.read_blob(git, side.oid, max_bytes=MAX_TEXT_BYTES))


def _with_hunks(git: Git, conflict: Conflict) -> Conflict:
    target, agent, base = conflict.target, conflict.agent, conflict.base
    if conflict.kind not in {"content", "add/add"} or not target or not agent:
        return conflict
    if not (target.is_file and agent.is_file) or target.content is None or agent.content is None:
        return conflict
    origin = b"" if base is None else base.content
    if origin is None:
        return conflict
    found = split(git, base=origin, target=target.content, agent=agent.content)
    return dataclasses.replace(conflict, between=found.between, hunks=found.hunks) if found else conflict
