"""Moving the branch that is checked out, together with its files, so that nothing can get lost.

* First a rescue ref, then a journal, then the files and the index (as `git reset --keep` does it, with the
  person's configuration, hooks off), last the branch, from exactly the commit that was read. Whoever is killed
  between any two of these has the old branch and the rescue ref, or the new branch; the journal tells the next run.
* What fails half-way is put back: only paths in which the two commits differ are touched, and those were clean.
  Where Git would refuse is found out by a dry run before anything is touched.
* An interruption waits until the move is over. Once the branch is moved it comes too late and is dropped.
"""

import dataclasses
import datetime as dt
import json
import os
import shlex
import signal
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from git_ops.errors import (
    BranchMoved,
    Busy,
    DirtyWorkTree,
    DiskFull,
    GitError,
    GitFailed,
    GitTimeout,
    OperationInProgress,
    UntrackedInTheWay,
    from_os_error,
)
from git_ops.lock import locked
from git_ops.objects import decode_path, encode_path, show_path
from git_ops.refs import check_oid

if TYPE_CHECKING:
    from git_ops.checkout import Branch, Checkout

RESCUE = "refs/forgehand/rescue"
_JOURNAL = "forgehand-move.json"
_LOCK = "forgehand-move.lock"
_FULL_BYTES = 64 * 1024
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The branch is at `new`, and so are the files."""

    old: str
    new: str
    rescue_ref: str
    """Points at `old`."""

    @property
    def undo(self) -> str:
        """The command that brings branch and files back, as long as the branch is checked out."""
        return f"git reset --keep {shlex.quote(self.rescue_ref)}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A move that was begun."""

    ref: str
    old: str
    new: str
    rescue_ref: str

    def is_half_done(self, checkout: "Checkout", tip: str) -> bool:
        """Whether files of the new commit lie about though the branch is at the old one."""
        return tip == self.old and bool(_in_the_way(checkout, self.old, self.new))

    def error(self, git_dir: Path) -> OperationInProgress:
        """What a person is told who finds it half done."""
        lock = git_dir / "index.lock"
        unlock = f"rm -f {shlex.quote(str(lock))} && " if lock.exists() else ""
        finish = f"{unlock}git reset --hard {self.new}"
        back = f"{finish} && git reset --keep {shlex.quote(self.rescue_ref)}"
        return OperationInProgress(
            f"move of the branch {self.ref.removeprefix('refs/heads/')}", finish=finish, abort=back
        )


def check_room(checkout: "Checkout", old: str, new: str) -> None:
    """Raise `UntrackedInTheWay` where the move would overwrite files that Git doesn't know, ignored ones included."""
    if paths := _in_the_way(checkout, old, new):
        raise UntrackedInTheWay([show_path(path) for path in paths])


def move(checkout: "Checkout", branch: "Branch", new: str, *, reason: str) -> Moved:
    """Take the checked-out branch and its files from `branch.tip` to `new`. `reason` goes into the reflog.

    Raises `UntrackedInTheWay`, `DirtyWorkTree`, `BranchMoved`, `Busy`, or what Git says; then everything is as it was.
    """
    old = branch.tip
    check_oid(new)
    with _alone(checkout), _uninterrupted() as too_late:
        if (actual := _tip(checkout, branch.ref)) != old:
            raise BranchMoved(branch.name, expected=old, actual=actual)
        check_room(checkout, old, new)
        _check_clean(checkout, old, new)
        journal = Journal(ref=branch.ref, old=old, new=new, rescue_ref=_rescue(checkout, branch))
        _write_journal(checkout, journal)
        _take_files(checkout, journal)
        _take_branch(checkout, journal, reason)
        too_late()
        drop_journal(checkout.git_dir)
    return Moved(old=old, new=new, rescue_ref=journal.rescue_ref)


def read_journal(git_dir: Path) -> Journal | None:
    """The move that was begun and not finished, if there is one."""
    try:
        return Journal(**json.loads((git_dir / _JOURNAL).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def drop_journal(git_dir: Path) -> None:
    """The move is over."""
    (git_dir / _JOURNAL).unlink(missing_ok=True)


@contextmanager
def _alone(checkout: "Checkout") -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(checkout.git_dir / _LOCK, timeout_seconds=0))
        except Busy as e:
            raise Busy("Another run is moving the branch of this checkout: wait for its end") from e
        yield


def _tip(checkout: "Checkout", ref: str) -> str | None:
    return checkout.git.text("rev-parse", "--verify", "--quiet", ref, ok=(0, 1)) or None


def _check_clean(checkout: "Checkout", old: str, new: str) -> None:
    """Raise `DirtyWorkTree` where the move would have to overwrite changes. Others stay, as with `git reset --keep`."""
    checkout.own.run("update-index", "-q", "--refresh", ok=(0, 1))
    try:
        checkout.own.run("read-tree", "--dry-run", "-m", "-u", old, new)
    except GitFailed as e:
        if dirty := checkout.dirty_paths():
            raise DirtyWorkTree(dirty) from e
        raise


def _rescue(checkout: "Checkout", branch: "Branch") -> str:
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    ref = f"{RESCUE}/{branch.name}/{now}"
    checkout.own.run("update-ref", "--stdin", "-z", stdin=encode_path(f"create {ref}\0{branch.tip}\0"))
    return ref


def _write_journal(checkout: "Checkout", journal: Journal) -> None:
    place = checkout.git_dir / _JOURNAL
    try:
        fd, draft = tempfile.mkstemp(prefix=_JOURNAL, dir=place.parent)
        try:
            with os.fdopen(fd, "w") as file:
                json.dump(dataclasses.asdict(journal), file)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).rename(place)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as e:
        _give_up(checkout, journal)
        raise from_os_error(e) from e


def _take_files(checkout: "Checkout", journal: Journal) -> None:
    try:
        checkout.own.run("read-tree", "-m", "-u", journal.old, journal.new)
    except GitError as e:
        if isinstance(e, GitFailed) and "index.lock': File exists" in e.stderr:
            _give_up(checkout, journal)  # another git was faster, and nothing was touched
            raise Busy("Another git is at work in this checkout: run it again when that is done") from e
        if isinstance(e, GitTimeout):
            (checkout.git_dir / "index.lock").unlink(missing_ok=True)  # its own, and it was killed
        full = _is_full(
            checkout.root
        )  # Git says no more than that it couldn't write; going back makes room again
        # where this fails, too, the journal stays behind and tells the next run
        _put_back(checkout, journal.old, journal.new)
        _give_up(checkout, journal)
        if full and isinstance(e, GitFailed):
            raise DiskFull(e.argv, e.returncode, e.stderr) from e
        raise


def _take_branch(checkout: "Checkout", journal: Journal, reason: str) -> None:
    ref, old, new = journal.ref, journal.old, journal.new
    lines = encode_path(f"update {ref}\0{new}\0{old}\0update ORIG_HEAD\0{old}\0\0")
    try:
        checkout.own.run("update-ref", "-m", reason, "--stdin", "-z", stdin=lines)
    except GitFailed as e:
        checkout.own.run("read-tree", "-m", "-u", new, old)
        _give_up(checkout, journal)
        if (actual := _tip(checkout, ref)) != old:
            raise BranchMoved(ref.removeprefix("refs/heads/"), expected=old, actual=actual) from e
        raise


def _give_up(checkout: "Checkout", journal: Journal) -> None:
    """Leave no trace of a move that didn't happen."""
    drop_journal(checkout.git_dir)
    with suppress(GitError):  # a rescue ref too many does no harm
        lines = encode_path(f"delete {journal.rescue_ref}\0{journal.old}\0")
        checkout.own.run("update-ref", "--stdin", "-z", stdin=lines)


def _put_back(checkout: "Checkout", old: str, new: str) -> None:
    """Make the files of `old` again after the way to `new` broke off; the index still is that of `old`."""
    changed, added = _differing(checkout, old, new)
    for path in added:
        place = checkout.root / os.fsdecode(encode_path(path))
        if _parents_are_folders(checkout.root, path) and not place.is_dir():
            place.unlink(missing_ok=True)
            _prune(place.parent, checkout.root)
    names = b"".join(encode_path(path) + b"\0" for path in changed if path not in added)
    checkout.own.run("checkout-index", "-f", "-q", "-z", "--stdin", stdin=names)


def _differing(checkout: "Checkout", old: str, new: str) -> tuple[list[str], set[str]]:
    """The paths that differ, and those of them that only `new` has."""
    raw = checkout.git.run("diff-tree", "-r", "-z", "--no-renames", "--name-status", old, new).stdout
    fields = [decode_path(field) for field in raw.split(b"\0")[:-1]]
    pairs = list(zip(fields[0::2], fields[1::2], strict=True))
    return [path for _, path in pairs], {path for status, path in pairs if status == "A"}


def _in_the_way(checkout: "Checkout", old: str, new: str) -> list[str]:
    """What lies untracked where `new` has files and `old` has none."""
    changed, added = _differing(checkout, old, new)
    known = set(changed) - added
    found: dict[str, None] = {}
    for path in sorted(added):
        parts = path.split("/")
        for i in range(1, len(parts) + 1):
            name = "/".join(parts[:i])
            mode = _mode(checkout.root, name)
            if mode is None or name in known:
                break  # nothing there, or a tracked file that goes away
            if not stat.S_ISDIR(mode):
                found[name] = None
                break
        else:
            found |= dict.fromkeys(_strangers(checkout, path))
    return list(found)


def _strangers(checkout: "Checkout", folder: str) -> list[str]:
    """Untracked files in a folder that has to become a file."""
    raw = checkout.own.run("ls-files", "-z", "--others", "--", folder).stdout
    return [decode_path(path) for path in raw.split(b"\0") if path]


def _mode(root: Path, name: str) -> int | None:
    try:
        return os.lstat(os.fsencode(root) + b"/" + encode_path(name)).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _parents_are_folders(root: Path, path: str) -> bool:
    parts = path.split("/")
    modes = (_mode(root, "/".join(parts[:i])) for i in range(1, len(parts)))
    return all(mode is not None and stat.S_ISDIR(mode) for mode in modes)


def _is_full(folder: Path) -> bool:
    free = os.statvfs(folder)
    return free.f_bavail * free.f_frsize < _FULL_BYTES


def _prune(folder: Path, root: Path) -> None:
    with suppress(OSError):  # until one isn't empty
        while folder != root:
            folder.rmdir()
            folder = folder.parent


@contextmanager
def _uninterrupted() -> Iterator[Callable[[], None]]:
    """Hold interruptions back until the block is over; what it yields is called once they come too late."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # only the main thread is ever interrupted
        return
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: held.append(number)) for number in _SIGNALS
    }
    done = False

    def too_late() -> None:
        nonlocal done
        done = True

    try:
        yield too_late
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if held and not done:
            signal.raise_signal(held[0])
