"""A private repository beside a work tree that someone hostile may have written.

* The work tree is data. Git never looks for a repository, a setting or a hook in it; every command gets the
  private GIT_DIR, in which no filter and no driver is configured, so attributes found in the tree start nothing.
* The private GIT_DIR belongs to one process at a time; a lock file left by a killed git is taken away.
* Commits are written raw: no hook, no template, no clean-up of the message.
* A directory that holds a repository of its own is an error that names it, never a silent link.
"""

import copy
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from git_ops import objects, remote
from git_ops.errors import BadName, GitFailed, NestedRepository, WorkTreeRefused, os_errors
from git_ops.mirror import init_bare
from git_ops.objects import Identity, RawCommit
from git_ops.process import Git, HeaderAuth
from git_ops.push import PushResult, push_ref
from git_ops.refs import check_oid, check_ref, is_oid

_GITLINK = "160000"


class Workspace:
    """The supervisor's side of a checkout: `git_dir` is private, `work_tree` is shared with the agent."""

    def __init__(
        self,
        git_dir: Path,
        work_tree: Path,
        *,
        allow_protocols: tuple[str, ...] = ("http", "https"),
        timeout_seconds: float = 600,
        exclude: Sequence[str] = (),
    ) -> None:
        """`exclude`: patterns (gitignore(5)) of untracked files that are never committed."""
        if work_tree.resolve() in (git_dir.resolve(), *git_dir.resolve().parents):
            raise BadName("The private repository must not lie inside the work tree")
        self.git_dir = git_dir
        self.work_tree = work_tree
        self._exclude = tuple(exclude)
        self.git = Git(git_dir, allow_protocols=allow_protocols, timeout_seconds=timeout_seconds)
        """Bound to the private repository alone: for replay, push and reading."""

    @property
    def _in_tree(self) -> Git:
        return self.git.replace(work_tree=self.work_tree)

    @os_errors()
    def clone(
        self,
        url: str,
        *,
        auth: HeaderAuth | None = None,
        refs: Sequence[str],
        alternates: Sequence[Path] = (),
    ) -> None:
        """Make the private repository and fetch `refs` (full refs or commit ids) into it, whole history.

        Refs keep their names; a commit is kept as `refs/forgehand/wanted/<id>`. `alternates` are object
        directories to borrow from, which must outlive this repository. May be repeated.
        """
        init_bare(self.git_dir)
        (self.git_dir / "info").mkdir(exist_ok=True)
        (self.git_dir / "info" / "exclude").write_text("".join(f"{pattern}\n" for pattern in self._exclude))
        self.work_tree.mkdir(parents=True, exist_ok=True)
        if alternates:
            listed = "".join(f"{path.resolve()}\n" for path in alternates)
            (self.git_dir / "objects" / "info").mkdir(exist_ok=True)
            (self.git_dir / "objects" / "info" / "alternates").write_text(listed)
        specs = [f"+{r}:refs/forgehand/wanted/{r}" if is_oid(r) else f"+{check_ref(r)}:{r}" for r in refs]
        remote.fetch(self.git.replace(auth=auth), url, *specs)

    def with_objects(self, folder: Path | None) -> Self:
        """The same place, with objects read from and written to this directory: a rebase's quarantine.

        Lay something else out with the workspace itself before the directory goes: the index names its objects.
        """
        other = copy.copy(self)
        other.git = self.git.replace(object_directory=folder)
        return other

    @os_errors()
    def checkout(self, oid: str, *, keep_ignored: bool = False) -> None:
        """Make the work tree equal the tree, or the commit's.

        What isn't in the tree goes, ignored files included (the tree is then exactly what was committed);
        with `keep_ignored` they stay, for installed dependencies. Every `.git` in it goes in any case. Links are
        replaced, never followed.
        """
        self._unlock()
        _make_removable(self.work_tree)
        self._in_tree.run("read-tree", "--reset", "-u", check_oid(oid))
        self._in_tree.run("clean", "-ffdq" if keep_ignored else "-ffdxq")

    def commit_all(
        self, message: str, *, author: Identity, parent: str, committer: Identity | None = None
    ) -> str | None:
        """Commit the work tree as it is on top of `parent`; none where it equals the parent's tree.

        Files that the tree's `.gitignore` names stay out. The message goes in byte for byte. Raises
        `NestedRepository`, or `WorkTreeRefused` where something in the tree can't be read as a file.
        """
        if "\0" in message:
            raise BadName("A commit message can't hold a NUL character")
        tree = self._write_tree(check_oid(parent))
        if tree == objects.tree_of(self.git, parent):
            return None
        now = int(time.time())
        commit = RawCommit(
            tree=tree,
            parents=(parent,),
            author=author.line(now),
            committer=(committer or author).line(now),
            message=message.encode("utf-8", "replace"),
        )
        return objects.write_commit(self.git, commit)

    @os_errors()
    def snapshot(self, tree: str) -> str:
        """The work tree as it is, as a tree; `tree` is what was laid out. Raises as `commit_all` does."""
        return self._write_tree(check_oid(tree))

    def push(self, url: str, *, auth: HeaderAuth | None = None, sha: str, ref: str) -> PushResult:
        """Set the quarantine `ref` of the remote to `sha`."""
        return push_ref(self.git.replace(auth=auth), url=url, sha=sha, ref=ref)

    def _write_tree(self, parent: str) -> str:
        self._unlock()
        if not (self.git_dir / "index").exists():
            # Without it the links of submodules that aren't checked out would look deleted.
            self._in_tree.run("read-tree", parent)
        try:
            self._in_tree.run("add", "--all", "--no-warn-embedded-repo", "--", ".")
        except GitFailed as e:
            if nested := self._nested():
                raise NestedRepository(nested) from e
            say = f"The work tree can't be committed as it is: {e.user_message}"
            raise WorkTreeRefused(e.argv, e.returncode, e.stderr, say=say) from e
        tree = self._in_tree.text("write-tree")
        if links := list(self._new_links(parent, tree)):
            self._in_tree.run("read-tree", "--reset", parent)
            raise NestedRepository(links)
        return tree

    def _new_links(self, parent: str, tree: str) -> Iterator[str]:
        """Paths at which the tree links to another repository's commit and the parent didn't."""
        raw = self.git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", parent, tree).stdout
        fields = raw.split(b"\0")
        for head, path in zip(fields[0::2], fields[1::2], strict=False):
            if head.split(b" ")[1] == _GITLINK.encode():
                yield objects.show_path(objects.decode_path(path))

    def _nested(self) -> list[str]:
        """Untracked directories with a repository of their own; git lists them with a slash at the end."""
        raw = self._in_tree.run("ls-files", "-z", "--others", "--exclude-standard").stdout
        return [objects.show_path(objects.decode_path(p[:-1])) for p in raw.split(b"\0") if p.endswith(b"/")]

    def _unlock(self) -> None:
        (self.git_dir / "index.lock").unlink(missing_ok=True)


def _make_removable(root: Path) -> None:
    """Do what Git can't: open closed directories, take away every `.git`, and pipes, sockets and devices."""
    repositories, folders = [], [str(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name == ".git":
                    repositories.append(Path(entry.path))
                if entry.is_dir(follow_symlinks=False):
                    _open_up(entry)
                    folders.append(entry.path)
                elif not entry.is_symlink() and not entry.is_file(follow_symlinks=False):
                    Path(entry.path).unlink()
    for path in repositories:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # it may have gone with the repository around it


def _open_up(entry: os.DirEntry[str]) -> None:
    mode = entry.stat(follow_symlinks=False).st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        Path(entry.path).chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
