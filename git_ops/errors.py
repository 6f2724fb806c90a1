"""Everything that `git_ops` raises, as one tree.

GitError                    root: `user_message` is one sentence for people, `retryable` says whether later may work
├── GitFailed               git ended with an exit code that the caller didn't expect
│   ├── CorruptObject       the repository is damaged: an object is broken or missing
│   ├── DiskFull            no space left, or the quota is used up
│   ├── GitTooOld           this Git can't do what is needed, or there is no Git
│   └── WorkTreeRefused     the work tree can't be taken as it is: a device in place of a file, no permission
│       └── NestedRepository  a directory of the work tree is a repository of its own
├── GitTimeout              git took longer than it was allowed to and was ended with all its children
├── OutputTooLarge          git printed, or a blob holds, more than the caller wants to read
├── NotARepository          there is no repository where one was expected
├── UnknownRef              a ref or object isn't there
├── NotReady                a person's checkout isn't in a state in which its branch could be moved
│   ├── DetachedHead        no branch is checked out
│   ├── UnbornBranch        the branch has no commit yet
│   ├── DirtyWorkTree       tracked files differ from the commit
│   ├── UntrackedInTheWay   untracked files stand where the result has files
│   ├── ShallowClone        history is cut off, so there may be no merge base
│   ├── OperationInProgress  a rebase, merge, cherry-pick, revert, am or bisect isn't finished
│   ├── BranchInUse         another work tree has the branch checked out
│   ├── BranchMoved         the branch isn't where it was when the work began
│   └── NoIdentity          user.name or user.email isn't set
├── BadName                 a branch, ref, object id, URL or identity that isn't safe to hand to git
├── Busy                    another process holds the lock on this mirror
├── RemoteError
│   ├── RemoteUnreachable   no answer, a broken connection, 429 or 5xx
│   └── RemoteDenied        401 or 403: the credential lacks a right
├── PushRejected            the remote (or a rule of ours) refused the push and said why
│   ├── LeaseLost           someone moved the branch since it was read
│   └── TargetMoved         the branch that was rebased onto has moved on since
└── Unmergeable             Git's answer to a merge can't be understood; nothing was decided

* No message carries a credential: argv and stderr are redacted before they get here.
* Each says what to do where a person can do something. Whoever raises one has changed nothing.
* Git tells of a damaged repository, a full disk and an option that it doesn't know in prose only (`LC_ALL=C`);
  `from_stderr` and `from_os_error` are the only places that read it.
"""

import contextlib
import errno
import re
from collections.abc import Iterator, Sequence

_DISK_FULL = re.compile(
    r"No space left on device|Out of diskspace|Disk quota exceeded|\bfile too large\b", re.IGNORECASE
)
_CORRUPT = re.compile(
    r"is corrupt\b|corrupt (loose|patch|object)|object corrupt or missing|inflate: data stream|"
    r"unable to (unpack|parse) [0-9a-f]{40,64}|object file \S+ is empty|hash mismatch|garbage at end of loose|"
    r"unable to read (tree|blob|commit|object|sha1 file|[0-9a-f]{40})|could not read [0-9a-f]{40}|"
    r"failed to (read|unpack) (tree |blob )?(object )?[0-9a-f]{40}|missing (blob|tree|commit|object) |"
    r"index file (corrupt|smaller)|bad (index file sha1|signature 0x|tree object|packed object)|"
    r"not a GIT packfile|is far too short to be a packfile|does not match index|index unavailable|"
    r"bad object (HEAD|refs/)|invalid object \d{6} [0-9a-f]{40}|error building trees|error in object:|"
    r"not a tree object|too-short tree|(empty filename|malformed mode) in tree entry|"
    r"Object [0-9a-f]{40,64} not a (commit|tree|blob)",
    re.IGNORECASE,
)
_TOO_OLD = re.compile(r"unknown (switch|option)|is not a git command|^usage: git ", re.MULTILINE)
_OBJECT_ID = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b")
_USAGE = 129
MIN_GIT = (2, 38)
"""The first with `git merge-tree --write-tree`, without which nothing can be merged in memory."""


class GitError(Exception):
    """Root of the tree."""

    retryable = False

    def __init__(self, user_message: str) -> None:
        super().__init__(user_message)
        self.user_message = user_message


class GitFailed(GitError):
    """git ended with an exit code that the caller didn't expect. `argv` and `stderr` are redacted."""

    def __init__(self, argv: Sequence[str], returncode: int, stderr: str, *, say: str | None = None) -> None:
        super().__init__(say or f"git {_verb(argv)} failed with exit code {returncode}: {_last(stderr)}")
        self.argv = tuple(argv)
        self.returncode = returncode
        self.stderr = stderr


class CorruptObject(GitFailed):
    """The repository is damaged. `object_id` is the object that Git named, if it named one."""

    def __init__(self, argv: Sequence[str], returncode: int, stderr: str) -> None:
        found = _OBJECT_ID.search(stderr)
        self.object_id = found[0] if found else None
        what = f"object {found[0]} is broken or missing" if found else _last(stderr)
        say = (
            f"The repository is damaged: {what}. See all of it with: git fsck --full. If a remote or another clone "
            "has the object, fetch from there or clone afresh; nothing was changed."
        )
        super().__init__(argv, returncode, stderr, say=say)


class DiskFull(GitFailed):
    """No space left on the device, or the quota is used up."""

    def __init__(self, argv: Sequence[str], returncode: int, stderr: str) -> None:
        say = f"The disk is full ({_last(stderr)}): free some space and do it again; no branch was moved."
        super().__init__(argv, returncode, stderr, say=say)


class GitTooOld(GitFailed):
    """The Git on PATH can't do what is needed, or there is none. `found` is its version, as it says itself."""

    def __init__(
        self, argv: Sequence[str] = ("version",), returncode: int = 1, stderr: str = "", *, found: str = ""
    ) -> None:
        needed = ".".join(map(str, MIN_GIT))
        have = f"The git on PATH is Git {found}" if found else "The git on PATH can't do what is needed"
        if not found and not stderr:
            have = "There is no git on PATH"
        say = f"{have}, and {needed} or newer is needed: install it, or put it first on PATH."
        super().__init__(argv, returncode, stderr, say=say)
        self.found = found


class WorkTreeRefused(GitFailed):
    """The work tree can't be taken as it is: a device in place of a file, a file we may not read."""


class NestedRepository(WorkTreeRefused):
    """Directories of the work tree that are repositories of their own, which Git would store as a bare link."""

    def __init__(self, paths: Sequence[str]) -> None:
        say = (
            f"{_named(paths)}: a Git repository inside the work tree. Its files would be lost, because Git stores such "
            "a directory as a link to a commit that nobody else has. Remove its .git, or ignore the directory."
        )
        super().__init__(("add",), 128, "", say=say)
        self.paths = tuple(paths)


class GitTimeout(GitError):
    """git took longer than `seconds`."""

    retryable = True

    def __init__(self, argv: Sequence[str], seconds: float) -> None:
        super().__init__(f"git {_verb(argv)} took longer than {seconds:g} seconds and was stopped")
        self.argv = tuple(argv)
        self.seconds = seconds


class OutputTooLarge(GitError):
    """More bytes than the caller wants to read."""


class NotARepository(GitError):
    """There is no repository where one was expected."""


class UnknownRef(GitError):
    """A ref or object isn't there."""


class NotReady(GitError):
    """The checkout isn't in a state in which its branch could be moved."""


class DetachedHead(NotReady):
    """No branch is checked out."""

    def __init__(self) -> None:
        super().__init__(
            "No branch is checked out (HEAD is detached): go to the branch with git switch BRANCH, or make one "
            "here with git switch -c BRANCH."
        )


class UnbornBranch(NotReady):
    """The branch has no commit yet."""

    def __init__(self, branch: str) -> None:
        super().__init__(f"Branch {branch} has no commit yet: commit something first.")
        self.branch = branch


class DirtyWorkTree(NotReady):
    """Tracked files differ from the commit. `paths` are printable."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(
            f"There are changes that aren't committed ({_named(paths)}): commit them, or put them aside with "
            "git stash and bring them back afterwards with git stash pop."
        )
        self.paths = tuple(paths)


class UntrackedInTheWay(NotReady):
    """Untracked files stand where the result has files. `paths` are printable."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(
            f"The result has files where untracked ones stand ({_named(paths)}): move or remove those, or add them "
            "to a commit."
        )
        self.paths = tuple(paths)


class ShallowClone(NotReady):
    """History is cut off."""

    def __init__(self) -> None:
        super().__init__(
            "This clone is shallow, so the commit where the branches parted may be missing: get the whole history "
            "with git fetch --unshallow."
        )


class OperationInProgress(NotReady):
    """`operation` (`rebase`, `merge`, …) was begun in the checkout and isn't finished."""

    def __init__(self, operation: str, *, finish: str, abort: str) -> None:
        super().__init__(
            f"A {operation} isn't finished here: finish it with {finish}, or give it up with {abort}."
        )
        self.operation = operation


class BranchInUse(NotReady):
    """Another work tree has the branch checked out, too."""

    def __init__(self, branch: str, where: str) -> None:
        super().__init__(f"Branch {branch} is in use by the work tree {where}: finish there, or go to it.")
        self.branch = branch
        self.where = where


class BranchMoved(NotReady):
    """The branch isn't where it was when the work began."""

    def __init__(self, branch: str, *, expected: str, actual: str | None) -> None:
        now = f"at {actual[:10]}" if actual else "gone"
        super().__init__(
            f"Branch {branch} was moved while the work went on: it was at {expected[:10]} and is {now} now. "
            "Run it again."
        )
        self.branch = branch
        self.expected = expected
        self.actual = actual


class NoIdentity(NotReady):
    """Commits need a committer, and the person's settings have none."""

    def __init__(self) -> None:
        super().__init__(
            "Git doesn't know who you are: git config --global user.name 'Your Name' and "
            "git config --global user.email you@example.org"
        )


class BadName(GitError):
    """A branch, ref, object id, URL or identity that isn't safe to hand to git."""


class Busy(GitError):
    """Another process holds the lock."""

    retryable = True


class RemoteError(GitError):
    """The other side of a fetch or push."""


class RemoteUnreachable(RemoteError):
    """No answer, a broken connection, 429 or 5xx: the same call may work later."""

    retryable = True


class RemoteDenied(RemoteError):
    """401 or 403: the credential lacks a right."""


class PushRejected(GitError):
    """The push was refused; `reason` is the remote's, cleaned of control characters."""

    def __init__(self, user_message: str, *, reason: str = "") -> None:
        super().__init__(user_message)
        self.reason = reason


class LeaseLost(PushRejected):
    """The branch isn't where it was when it was read: someone else pushed. `actual` is where it is now.

    `whose` says whose commit that is and what it is about, where that was looked up; it is printable.
    """

    def __init__(self, branch: str, *, expected: str | None, actual: str | None, whose: str = "") -> None:
        was = f"at {expected[:10]}" if expected else "not there"
        now = f"at {actual[:10]}{f' ({whose})' if whose else ''}" if actual else "gone"
        super().__init__(
            f"Branch {branch} was moved by someone else: it was {was} when it was read and is {now} now. "
            "Nothing was overwritten.",
            reason="stale info",
        )
        self.branch = branch
        self.expected = expected
        self.actual = actual
        self.whose = whose


class TargetMoved(PushRejected):
    """The target isn't where it was when it was rebased onto. `actual` is where it is now."""

    retryable = True

    def __init__(self, branch: str, *, expected: str, actual: str | None) -> None:
        now = f"at {actual[:10]}" if actual else "gone"
        super().__init__(
            f"The target {branch} moved in the meantime: it was at {expected[:10]} and is {now} now. "
            "Nothing was pushed.",
            reason="target moved",
        )
        self.branch = branch
        self.expected = expected
        self.actual = actual


class Unmergeable(GitError):
    """Git's answer to a merge can't be understood."""


def from_stderr(argv: Sequence[str], code: int, stderr: str) -> GitFailed:
    """The error that a failed git means. What a remote printed about itself says nothing about our side."""
    ours = "\n".join(line for line in stderr.splitlines() if not line.startswith("remote:"))
    if _DISK_FULL.search(ours):
        return DiskFull(argv, code, ours)
    if _CORRUPT.search(ours):
        return CorruptObject(argv, code, ours)
    if _TOO_OLD.search(ours) and (code == _USAGE or "is not a git command" in ours):
        return GitTooOld(argv, code, ours)
    return GitFailed(argv, code, stderr)


def from_os_error(error: OSError) -> GitError:
    """The error of ours that means the same as the system's."""
    why = error.strerror or type(error).__name__
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return DiskFull((), 1, why)
    return GitError(f"The system refused to go on: {why}{f' ({error.filename!a})' if error.filename else ''}")


@contextlib.contextmanager
def os_errors() -> Iterator[None]:
    """Within it, or in a function that it decorates, what the system refuses is an error of ours."""
    try:
        yield
    except OSError as e:
        raise from_os_error(e) from e


def _last(stderr: str) -> str:
    """The last line that Git printed."""
    return stderr.strip().splitlines()[-1] if stderr.strip() else "it printed no reason"


def _named(paths: Sequence[str]) -> str:
    return ", ".join(paths[:5]) + (" and more" if len(paths) > 5 else "")


def _verb(argv: Sequence[str]) -> str:
    """The sub-command, for a sentence."""
    words = iter(argv)
    for word in words:
        if word == "-c":
            next(words, None)
        elif word != "git" and not word.startswith("-"):
            return word
    return "command"
