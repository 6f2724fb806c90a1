"""Everything that `git_ops` raises, as one tree.

GitError                    root: `user_message` is one sentence for people, `retryable` says whether later may work
├── GitFailed               git ended with an exit code that the caller didn't expect
│   └── WorkTreeRefused     the work tree can't be taken as it is: a device in place of a file, no permission
│       └── NestedRepository  a directory of the work tree is a repository of its own
├── GitTimeout              git took longer than it was allowed to and was ended with all its children
├── OutputTooLarge          git printed, or a blob holds, more than the caller wants to read
├── NotARepository          there is no repository where one was expected
├── UnknownRef              a ref or object isn't there
├── BadName                 a branch, ref, object id, URL or identity that isn't safe to hand to git
├── Busy                    another process holds the lock on this mirror
├── RemoteError
│   ├── RemoteUnreachable   no answer, a broken connection, 429 or 5xx
│   └── RemoteDenied        401 or 403: the credential lacks a right
├── PushRejected            the remote (or a rule of ours) refused the push and said why
│   └── LeaseLost           someone moved the branch since it was read
└── Unmergeable             Git's answer to a merge can't be understood; nothing was decided

No message carries a credential: argv and stderr are redacted before they get here.
"""

from collections.abc import Sequence


class GitError(Exception):
    """Root of the tree."""

    retryable = False

    def __init__(self, user_message: str) -> None:
        super().__init__(user_message)
        self.user_message = user_message


class GitFailed(GitError):
    """git ended with an exit code that the caller didn't expect. `argv` and `stderr` are redacted."""

    def __init__(self, argv: Sequence[str], returncode: int, stderr: str, *, say: str | None = None) -> None:
        last = stderr.strip().splitlines()[-1] if stderr.strip() else "it printed no reason"
        super().__init__(say or f"git {_verb(argv)} failed with exit code {returncode}: {last}")
        self.argv = tuple(argv)
        self.returncode = returncode
        self.stderr = stderr


class WorkTreeRefused(GitFailed):
    """The work tree can't be taken as it is: a device in place of a file, a file we may not read."""


class NestedRepository(WorkTreeRefused):
    """Directories of the work tree that are repositories of their own, which Git would store as a bare link."""

    def __init__(self, paths: Sequence[str]) -> None:
        named = ", ".join(paths[:5]) + (" and more" if len(paths) > 5 else "")
        say = (
            f"{named}: a Git repository inside the work tree. Its files would be lost, because Git stores such a "
            "directory as a link to a commit that nobody else has. Remove its .git, or ignore the directory."
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
    """The branch isn't where it was when it was read: someone else pushed. `actual` is where it is now."""

    def __init__(self, branch: str, *, expected: str | None, actual: str | None) -> None:
        was = f"at {expected[:10]}" if expected else "not there"
        now = f"at {actual[:10]}" if actual else "gone"
        super().__init__(
            f"Branch {branch} was moved by someone else: it was {was} when it was read and is {now} now. "
            "Nothing was overwritten.",
            reason="stale info",
        )
        self.branch = branch
        self.expected = expected
        self.actual = actual


class Unmergeable(GitError):
    """Git's answer to a merge can't be understood."""


def _verb(argv: Sequence[str]) -> str:
    """The sub-command, for a sentence."""
    words = iter(argv)
    for word in words:
        if word == "-c":
            next(words, None)
        elif word != "git" and not word.startswith("-"):
            return word
    return "command"
