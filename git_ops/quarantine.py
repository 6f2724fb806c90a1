"""A place for new objects that the repository gets only once all went well.

* Inside the `with`, Git writes to a fresh directory and reads the repository's objects through it. Marked-up trees and
  throw-away commits stay there and go with it.
* `keep` brings in what is reachable from the new tips and isn't in the repository: nothing else, and through Git's own
  unpacking, which checks every object. Until then the repository is as it was; a crash half-way leaves at most objects
  that nothing refers to.
* The directory lies in the repository's object directory, under a name that `git prune` knows; where that can't be
  written to, in the system's directory for temporary files.
* A directory whose process has died is swept away by the next use: its lock is free, and it is old.
"""

import contextlib
import dataclasses
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from git_ops.errors import DiskFull, NotARepository, from_os_error
from git_ops.process import Git
from git_ops.refs import check_oid

_PREFIX = "tmp_objdir-rebase-"
_LOCK = "lock"
_STALE_SECONDS = 3600.0
_LOOSE_UP_TO = 100
"""Objects; more are kept as one pack. The figure is that of `receive.unpackLimit`, git-config(1)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """`git` writes here; `repository` is where `keep` brings things."""

    git: Git
    repository: Git
    folder: Path

    def keep(self, *tips: str, have: Sequence[str] = ()) -> int:
        """Bring what is reachable from `tips` and not from `have` into the repository; return how many objects.

        `have` are commits of the repository: the more of them, the less is looked at.
        """
        wanted = [check_oid(oid) for oid in tips] + [f"^{check_oid(oid)}" for oid in have]
        revisions = "".join(f"{name}\n" for name in wanted).encode()
        pack = self.folder / "kept.pack"
        with _typed_errors(), pack.open("w+b") as file:
            # --local leaves out what is borrowed, which is what the repository has
            args = ("pack-objects", "--revs", "--local", "--stdout", "-q", "--delta-base-offset", "--thin")
            self.git.run(*args, stdin=revisions, into=file)
            file.seek(8)  # after the signature and the version, see gitformat-pack(5)
            count = int.from_bytes(file.read(4), "big")
            file.seek(0)
            if count > _LOOSE_UP_TO:
                self.repository.run("index-pack", "--stdin", "--fix-thin", source=file)
            elif count:
                self.repository.run("unpack-objects", "-q", source=file)
        return count


@contextlib.contextmanager
def quarantine(git: Git, *, inside: Path | None = None) -> Iterator[Quarantine]:
    """A quarantine for new objects of the repository. Its `git` is a session (`Git.session`).

    `inside` is another directory for it: on a file system in memory a rebase, which makes a file for each object, can
    be several times as fast. Nothing limits what it may hold but that file system.
    """
    objects = object_directory(git)
    where = inside or objects
    _sweep(where)
    with _fresh(objects, where) as folder, contextlib.ExitStack() as stack:
        session = stack.enter_context(git.replace(object_directory=folder).session())
        yield Quarantine(git=session, repository=git, folder=folder)


def object_directory(git: Git) -> Path:
    """Where the repository's objects are: linked work trees share them, see gitrepository-layout(5)."""
    if git.object_directory is not None:
        return git.object_directory
    return common_directory(git) / "objects"


def common_directory(git: Git) -> Path:
    """What all work trees of the repository share."""
    git_dir = git.git_dir
    if git_dir is None:
        raise NotARepository("This needs a repository, and none was given")
    try:
        if git_dir.is_file():  # a linked work tree's or submodule's .git
            link = git_dir.read_bytes().removeprefix(b"gitdir: ").removesuffix(b"\n")
            git_dir = git_dir.parent / os.fsdecode(link)
        shared = git_dir / "commondir"
        if shared.is_file():
            git_dir /= os.fsdecode(shared.read_bytes().removesuffix(b"\n"))
        if (git_dir / "objects").is_dir():
            return git_dir.resolve()
    except OSError as e:
        raise NotARepository(f"{git_dir.name} can't be read as a Git repository: {e.strerror}") from e
    raise NotARepository(f"There is no Git repository at {git_dir.name}")


@contextlib.contextmanager
def _fresh(objects: Path, where: Path) -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        with _typed_errors():
            folder = Path(_made_in(where))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_held(folder / _LOCK))
            (folder / "info").mkdir()
            (folder / "info" / "alternates").write_bytes(_quoted(objects) + b"\n")
        yield folder


def _made_in(where: Path) -> str:
    try:
        return tempfile.mkdtemp(prefix=_PREFIX, dir=where)
    except OSError as e:
        if isinstance(from_os_error(e), DiskFull):
            raise
        return tempfile.mkdtemp(prefix=_PREFIX)  # no permission, or a read-only file system


@contextlib.contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise from_os_error(e) from e


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


def _sweep(where: Path) -> None:
    """Take away what dead processes have left. Failing at it harms nobody."""
    for folder in where.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                with _held(folder / _LOCK):
                    shutil.rmtree(folder, ignore_errors=True)


def _quoted(path: Path) -> bytes:
    """A line of info/alternates; quoted as gitrepository-layout(5) has it where it must be."""
    raw = os.fsencode(path)
    if not any(c < 0x20 or c in b'"\\' for c in raw):
        return raw
    return b'"' + b"".join(bytes([c]) if c >= 0x20 and c not in b'"\\' else b"\\%03o" % c for c in raw) + b'"'
