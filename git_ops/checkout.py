"""A person's own checkout: where it is, whether its branch may be moved, and what `--onto` means in it.

* Opening and looking changes nothing. Each thing that is in the way is an error of its own, in the order in which a
  person would have to deal with them.
* Names that a person typed are checked and made full refs before Git sees them.
* The tree is dirty where a tracked file differs from the commit. Untracked and ignored files are nobody's business
  until the result has a file in their place.
"""

import dataclasses
import difflib
import os
import re
import shlex
from pathlib import Path

from git_ops import moving
from git_ops.errors import (
    MIN_GIT,
    BadName,
    BranchInUse,
    Busy,
    CorruptObject,
    DetachedHead,
    DirtyWorkTree,
    GitError,
    GitFailed,
    GitTooOld,
    NoIdentity,
    NotARepository,
    OperationInProgress,
    ShallowClone,
    UnbornBranch,
    UnknownRef,
)
from git_ops.objects import Identity, decode_path, show_path
from git_ops.person import PersonGit
from git_ops.process import Git
from git_ops.refs import check_ref

_HEADS = "refs/heads/"
_IDENT = re.compile(r"(.*) <(.*)> \d+ [+-]\d{4}", re.DOTALL)
_OPERATIONS = (
    ("rebase-merge", "rebase", "git rebase --continue", "git rebase --abort"),
    ("rebase-apply/applying", "git am", "git am --continue", "git am --abort"),
    ("rebase-apply", "rebase", "git rebase --continue", "git rebase --abort"),
    ("MERGE_HEAD", "merge", "git merge --continue", "git merge --abort"),
    ("CHERRY_PICK_HEAD", "cherry-pick", "git cherry-pick --continue", "git cherry-pick --abort"),
    ("REVERT_HEAD", "revert", "git revert --continue", "git revert --abort"),
    ("sequencer", "cherry-pick or revert", "git cherry-pick --continue", "git cherry-pick --abort"),
    ("BISECT_LOG", "bisect", "git bisect good or git bisect bad", "git bisect reset"),
)
"""What Git leaves in GIT_DIR while an operation isn't finished, its name, and how to finish or give up."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """The branch that is checked out."""

    ref: str
    tip: str

    @property
    def name(self) -> str:
        """Without `refs/heads/`."""
        return self.ref.removeprefix(_HEADS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is rebased onto."""

    oid: str
    name: str
    """As a person would write it: `main`, `origin/main`, a tag, an id."""
    how: str
    """What it was taken for: `the branch main`, `the default branch of origin`, …"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout with its files. Made by `open_checkout`."""

    root: Path
    git_dir: Path
    """This work tree's own: HEAD, index, and the traces of operations that aren't finished."""
    common_dir: Path
    """What all work trees of the repository share: objects and branches."""

    @property
    def git(self) -> Git:
        """Hardened, for reading and for the engine. Its HEAD isn't this work tree's where there are several."""
        return Git(self.common_dir)

    @property
    def own(self) -> PersonGit:
        """As the person runs it."""
        return PersonGit(work_tree=self.root, timeout_seconds=3_600)

    def ready(self) -> Branch:
        """The branch, in a checkout in which it may be moved. Raises a `NotReady`, or `Busy`, with what to do."""
        self._trusted()
        unfinished = moving.read_journal(self.git_dir)
        self._nothing_in_progress(unfinished)
        branch = self._branch()
        if (self.common_dir / "shallow").exists():
            raise ShallowClone
        self._only_here(branch)
        dirty = self.dirty_paths()
        if unfinished:
            if dirty or unfinished.is_half_done(self, branch.tip):
                raise unfinished.error(self.git_dir)
            moving.drop_journal(self.git_dir)
        if dirty:
            raise DirtyWorkTree(dirty)
        return branch

    def dirty_paths(self) -> list[str]:
        """Tracked files that differ from the commit, printable. Submodules don't count, as in `git rebase`."""
        options = ("--porcelain=v2", "-z", "--untracked-files=no", "--ignore-submodules=all", "--no-renames")
        records = self.own.run("status", *options).stdout.split(b"\0")
        fields = {b"1 ": 8, b"u ": 10}
        return [
            show_path(decode_path(record.split(b" ", fields[record[:2]])[-1]))
            for record in records
            if record[:2] in fields
        ]

    def committer(self) -> Identity:
        """Who commits here, from the person's settings. Raises `NoIdentity`."""
        try:
            line = self.own.text("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
        except GitFailed as e:
            raise NoIdentity from e
        match = _IDENT.fullmatch(line)
        if match is None or not match[1].strip():
            raise NoIdentity
        return Identity(name=match[1], email=match[2])

    def find_target(self, wanted: str | None, branch: Branch) -> Target:
        """The commit to rebase onto. `wanted` is a branch, `origin/main`, a tag or a commit id; none: the default.

        The default is the default branch of the branch's remote as it is known here, else main, else master.
        Raises `UnknownRef` with names that are close, or `BadName`.
        """
        if wanted is None:
            return self._default_target(branch)
        for ref, what in _meanings(wanted):
            if oid := self._commit_at(ref):
                return Target(oid=oid, name=wanted, how=f"{what} {wanted}")
        if re.fullmatch(r"[0-9a-f]{4,64}", wanted) and (oid := self._peeled(wanted)):
            return Target(oid=oid, name=wanted, how=f"the commit {oid[:10]}")
        raise UnknownRef(self._no_such(wanted))

    def _trusted(self) -> None:
        """Git works nowhere where files of somebody else would tell it what to do."""
        try:
            self.own.run("rev-parse", "--git-dir")
        except GitFailed as e:
            if "dubious ownership" not in e.stderr:
                raise
            raise NotARepository(
                "The repository belongs to somebody else, and Git doesn't trust it. If you do: "
                f"git config --global --add safe.directory {shlex.quote(str(self.root))}"
            ) from e

    def _nothing_in_progress(self, unfinished: "moving.Journal | None") -> None:
        for name, operation, finish, abort in _OPERATIONS:
            if (self.git_dir / name).exists():
                raise OperationInProgress(operation, finish=finish, abort=abort)
        lock = self.git_dir / "index.lock"
        if lock.exists():
            if unfinished:
                raise unfinished.error(self.git_dir)
            raise Busy(
                f"Another git is at work in this checkout, or one was killed. If none is running, remove {lock}."
            )

    def _branch(self) -> Branch:
        ref = self.own.text("symbolic-ref", "--quiet", "HEAD", ok=(0, 1))
        if not ref.startswith(_HEADS):
            raise DetachedHead
        tip = self._commit_at(ref)
        if tip is None:
            raise UnbornBranch(ref.removeprefix(_HEADS))
        return Branch(ref=ref, tip=tip)

    def _only_here(self, branch: Branch) -> None:
        """Raise `BranchInUse` where another work tree has the branch, or is rebasing it."""
        if not (self.common_dir / "worktrees").is_dir():
            return
        raw = self.git.text("worktree", "list", "--porcelain", "-z")
        for record in raw.split("\0\0"):
            lines = record.split("\0")
            where = Path(lines[0].removeprefix("worktree "))
            gone = any(line.startswith("prunable") for line in lines)
            if f"branch {branch.ref}" in lines and not gone and not _same(where, self.root):
                raise BranchInUse(branch.name, show_path(str(where)))
        for git_dir in (self.common_dir, *(self.common_dir / "worktrees").iterdir()):
            names = (git_dir / kind / "head-name" for kind in ("rebase-merge", "rebase-apply"))
            if any(_first_line(name) == branch.ref for name in names):
                raise BranchInUse(branch.name, show_path(str(git_dir)))

    def _default_target(self, branch: Branch) -> Target:
        remote = self._remote(branch)
        if remote:
            head = f"refs/remotes/{remote}/HEAD"
            ref = self.git.text("symbolic-ref", "--quiet", head, ok=(0, 1))
            if ref and (oid := self._commit_at(ref)):
                name = ref.removeprefix("refs/remotes/")
                return Target(oid=oid, name=name, how=f"{name}, the default branch of {remote}")
        for name in ("main", "master"):
            for ref in (f"refs/remotes/{remote}/{name}" if remote else "", f"{_HEADS}{name}"):
                if ref and (oid := self._commit_at(ref)):
                    short = ref.removeprefix("refs/remotes/").removeprefix(_HEADS)
                    return Target(oid=oid, name=short, how=f"the branch {short}")
        raise UnknownRef(
            "There is no default branch here, neither of a remote nor main nor master: say what to rebase onto, "
            "--onto BRANCH"
        )

    def _remote(self, branch: Branch) -> str | None:
        """The remote that the branch belongs to, else origin, else the only one there is."""
        upstream = self.git.text("for-each-ref", "--format=%(upstream:remotename)", branch.ref)
        remotes = self.git.text("remote").splitlines()
        alone = remotes[0] if len(remotes) == 1 else None
        return next((name for name in (upstream, "origin") if name in remotes), alone)

    def _commit_at(self, ref: str) -> str | None:
        """The commit that a full ref points at; none where there is no such ref or it is no commit."""
        found = self.git.text("for-each-ref", "--format=%(refname) %(objectname)", ref)
        names = dict(
            line.split(" ", 1) for line in found.splitlines()
        )  # a pattern also finds what is below it
        if ref not in names:
            return None
        oid = self._peeled(names[ref])
        if oid is None:
            self._check_there(names[ref])
        return oid

    def _peeled(self, oid: str) -> str | None:
        return self.git.text("rev-parse", "--verify", "--quiet", f"{oid}^{{commit}}", ok=(0, 1)) or None

    def _check_there(self, oid: str) -> None:
        """Raise `CorruptObject` where a ref points at an object that can't be read."""
        done = self.git.run("cat-file", "-t", oid, ok=(0, 1, 128))
        if done.returncode:
            raise CorruptObject(("cat-file",), done.returncode, f"{oid} can't be read")

    def _no_such(self, wanted: str) -> str:
        listed = self.git.text("for-each-ref", "--format=%(refname)", _HEADS, "refs/remotes/", "refs/tags/")
        names = [name.split("/", 2)[2] for name in listed.splitlines()]
        if wanted in names:
            return f"{show_path(wanted)} is no commit, so nothing can be rebased onto it: name another with --onto."
        close = difflib.get_close_matches(wanted, names[:5_000], n=3)
        hint = f"Did you mean {' or '.join(close)}? If not, " if close else ""
        then = "bring it here with git fetch, or name another with --onto."
        return (
            f"There is no branch, tag or commit {show_path(wanted)} here. {hint or 'First '}{then}".replace(
                "First bring", "Bring"
            )
        )


def open_checkout(path: Path) -> Checkout:
    """The checkout that `path` lies in. Raises `NotARepository` and `GitTooOld`."""
    _check_version()
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # what it would look for was just checked
    import git as gitpython

    try:
        with gitpython.Repo(path, search_parent_directories=True, expand_vars=False) as repo:
            work_tree, git_dir, common_dir = repo.working_tree_dir, repo.git_dir, repo.common_dir
    except (gitpython.InvalidGitRepositoryError, gitpython.NoSuchPathError) as e:
        raise NotARepository(
            f"{show_path(str(path))} is no Git repository: go to a checkout, or make one with git clone."
        ) from e
    if work_tree is None:
        raise NotARepository(
            f"{show_path(str(git_dir))} is a bare repository, without files: go to a checkout of it, or make one "
            "with git worktree add."
        )
    return Checkout(
        root=Path(work_tree).resolve(),
        git_dir=Path(git_dir).resolve(),
        common_dir=Path(common_dir).resolve(),
    )


def _check_version() -> None:
    """Raise `GitTooOld` where git says so of itself. What a version lacks in spite of its number shows later."""
    try:
        said = Git().text("version")
    except GitTooOld:
        raise
    except GitError as e:
        raise GitTooOld(stderr=e.user_message) from e
    match = re.search(r"(\d+)\.(\d+)", said)
    if match and (int(match[1]), int(match[2])) < MIN_GIT:
        raise GitTooOld(found=said.removeprefix("git version "))


def _meanings(wanted: str) -> list[tuple[str, str]]:
    """The full refs that a name may stand for, in the order in which they are tried."""
    if wanted.startswith("refs/"):
        return [(check_ref(wanted), "the ref")]
    try:
        check_ref(f"{_HEADS}{wanted}")
    except BadName as e:
        raise BadName(_no_name(wanted)) from e
    if wanted in {"HEAD", "@"}:
        raise BadName(_no_name(wanted))
    return [
        (f"{_HEADS}{wanted}", "the branch"),
        (f"refs/remotes/{wanted}", "the branch"),
        (f"refs/tags/{wanted}", "the tag"),
        (f"refs/remotes/{wanted}/HEAD", "the default branch of"),
    ]


def _no_name(wanted: str) -> str:
    asked = f", which git rev-parse {shlex.quote(wanted)} may tell" if wanted and wanted[0] != "-" else ""
    return f"--onto takes a branch, a tag or a commit id{asked}; '{show_path(wanted)}' is none of these."


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _first_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").partition("\n")[0]
    except OSError:
        return ""
