"""Three-way merges in memory with `git merge-tree`, and its answer as values.

* No index and no work tree is touched, so any GIT_DIR will do. Objects are written where the `Git` writes them.
* Git runs in a scratch repository: whatever drivers and settings the real one has don't count.
* `.gitattributes` of the target count at every level (`merge=union`, `binary` and the rest), because they were
  reviewed; the agent's might say anything. Git is told where they are (`--attr-source`); one that can't be told finds
  them, and nothing else, laid out in a directory that serves as its work tree.
* Git before 2.40 can't be told the merge base. Throw-away commits with the base as their only parent make it the only
  one there is.
* What happened is read from the exit code, the stages and the typed messages; prose is only shown.
"""

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_ops import objects
from git_ops.conflict import Side
from git_ops.errors import BadName, GitFailed, Unmergeable
from git_ops.features import COMMITTER, Features, features
from git_ops.objects import RawCommit, decode_path
from git_ops.process import Git
from git_ops.quarantine import common_directory, object_directory
from git_ops.refs import check_oid
from git_ops.scratch import read_branch, scratch, set_branch

_SETTINGS = tuple(
    word
    for setting in (
        "merge.directoryRenames=conflict",
        "merge.renameLimit=7000",
        "merge.renames=true",
        "merge.renormalize=false",
        "merge.conflictStyle=diff3",
    )
    for word in ("-c", setting)
)
_NOBODY = b"nobody <nobody> 0 +0000"
_ATTRIBUTES = b".gitattributes"
_MAX_ATTRIBUTES_BYTES = 1024 * 1024
_PATHS_AT_ONCE = 50


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
    """Merges under one set of attributes. Made by `merging`."""

    def __init__(self, git: Git, runner: Git, options: tuple[str, ...], can: Features) -> None:
        self.git = git
        """The repository, as a session."""
        self._runner = runner
        self._options = (*options, *_SETTINGS)
        self._can = can

    def merge_tips(self, ours: str, theirs: str, *, unrelated: bool = False) -> Merged:
        """Merge two commits from their own merge base, or bases. Having none is an error, unless `unrelated`."""
        return self._merge(ours, theirs, *(("--allow-unrelated-histories",) if unrelated else ()))

    def merge(self, *, base: str | None, ours: str, theirs: str) -> Merged:
        """Merge what `theirs` changed since `base` into `ours`; base none: since there was nothing."""
        if base is None:
            base = self._throw_away(objects.write_tree(self.git, {}))
        if self._can.merge_base:
            return self._merge(ours, theirs, f"--merge-base={check_oid(base)}")
        if objects.read_commit(self.git, theirs).parents != (base,):
            theirs = self._throw_away(objects.tree_of(self.git, theirs), base)
        return self._merge(self._throw_away(objects.tree_of(self.git, ours), base), theirs)

    def replay(self, *, base: str, tip: str, onto: str) -> str | None:
        """The tip of `base..tip` put onto `onto` by `git replay`; none where Git can't, or it isn't clean.

        Git's own commits are made by nobody in 1970; only their trees are of use.
        """
        if not self._can.replay:
            return None
        branch = set_branch(self._runner, "replayed", check_oid(tip))
        args = (*self._options, "replay", "--onto", check_oid(onto), f"^{check_oid(base)}", branch)
        try:
            said = self._runner.text(*args, env=COMMITTER).split()
        except GitFailed:
            return None
        # It says `update <ref> <new> <old>` and moves nothing, or, later, moves the branch and says nothing.
        new = check_oid(said[2] if said else read_branch(self._runner, "replayed"))
        return None if new == tip else new

    def _merge(self, ours: str, theirs: str, *options: str) -> Merged:
        args = (
            "merge-tree",
            "--write-tree",
            "-z",
            "--messages",
            *options,
            check_oid(ours),
            check_oid(theirs),
        )
        done = self._runner.run(*self._options, *args, ok=(0, 1))
        return parse(done.stdout, clean=done.returncode == 0)

    def _throw_away(self, tree: str, *parents: str) -> str:
        commit = RawCommit(
            tree=tree, parents=parents, author=_NOBODY, committer=_NOBODY, message=b"throw-away\n"
        )
        return objects.write_commit(self.git, commit)


@contextmanager
def merging(git: Git, *, attributes_of: str) -> Iterator[Merger]:
    """A `Merger` that honours the attributes of the commit `attributes_of`."""
    check_oid(attributes_of)
    can = features()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="git-merging-")))
        session = git if git.kept is not None else stack.enter_context(git.session())
        runner = scratch(folder, like=session, oid=attributes_of, objects=object_directory(git))
        if (cut := common_directory(git) / "shallow").is_file():
            shutil.copyfile(cut, folder / "scratch.git" / "shallow")
        if can.attr_source:
            yield Merger(session, runner, (f"--attr-source={attributes_of}",), can)
        else:
            (folder / "attributes").mkdir()
            lay_out_attributes(session, attributes_of, folder / "attributes")
            yield Merger(session, runner.replace(work_tree=folder / "attributes"), (), can)


def lay_out_attributes(git: Git, commit: str, folder: Path) -> None:
    """Write the `.gitattributes` files of a commit, all levels, into a directory."""
    names = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, max_output_mib=1024).stdout
    if _ATTRIBUTES not in names:
        return
    paths = [name for name in names.split(b"\0") if name.rpartition(b"/")[2] == _ATTRIBUTES]
    for i in range(0, len(paths), _PATHS_AT_ONCE):
        _lay_out(git, commit, [decode_path(path) for path in paths[i : i + _PATHS_AT_ONCE]], folder)


def _lay_out(git: Git, commit: str, paths: list[str], folder: Path) -> None:
    found = objects.entries(git, commit, paths)
    plain = {
        path: entry.oid
        for path, entry in found.items()
        if entry.mode in {"100644", "100755"} and (entry.size or 0) <= _MAX_ATTRIBUTES_BYTES
    }
    for path, content in zip(plain, objects.read_blobs(git, plain.values()), strict=True):
        if {"", ".", "..", ".git"} & {part.lower() for part in path.split("/")}:
            continue
        with contextlib.suppress(OSError):  # a path that no checkout could have either
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)


def parse(raw: bytes, *, clean: bool) -> Merged:
    """Parse `merge-tree -z --messages`: tree, stages up to an empty field, then messages.

    What follows the last NUL is advice for people, which Git 2.39 prints there where a submodule conflicts.
    """
    fields = iter(raw[: raw.rfind(b"\0") + 1].split(b"\0"))
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
