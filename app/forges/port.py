"""What a forge can do for us: the contract that every adapter fulfils.

* Thread-safe: one adapter is shared by all threads of a process.
* Every call may be repeated: what creates something is preceded by a look-up in the caller (`find_…`), what
  sets something sets it to the same value.
* Every call raises `ForgeError` or a subclass and nothing else; an answer that can't be parsed is a
  `ForgeError` too. `permission` never guesses: an answer it doesn't know is an error, not a right.
* `repo` is always `owner/name`, validated by `app.domain`; numbers are those people see in the forge.
* There is no method to approve or merge, on purpose.
* Nothing outside this package asks which kind of forge it is: what differs is said by an adapter, a `Dialect`
  (what its deliveries look like) or a `Connector` (what setting it up takes).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from app.domain.event import Event

Permission = Literal["none", "read", "write", "maintain", "admin"]
"""Effective permission, ordered. Gitea's `owner` counts as `admin`; only GitHub knows `maintain`."""

Reaction = Literal["eyes", "+1", "-1", "confused", "rocket"]
CommitState = Literal["pending", "success", "failure", "error"]
UNTITLED = "Untitled"
"""Title of a pull request whose own is empty, or says no more than that it is a draft: the push is done by then."""


class ForgeError(Exception):
    """The forge refused, failed or couldn't be reached.

    ForgeError
    ├── ForgeUnavailable   no answer, a time-out, 429 or 5xx: the same call may work later
    ├── ForgeDenied        401 or 403: the token lacks a right
    ├── ForgeNotFound      404: it isn't there, or the token may not see it
    └── Unreadable         it is there, but no file, or larger than the caller takes
    """

    retryable = False

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ForgeUnavailable(ForgeError):
    """No answer, a time-out, 429 or 5xx: the same call may work later."""

    retryable = True


class ForgeDenied(ForgeError):
    """401 or 403: the token lacks a right."""


class ForgeNotFound(ForgeError):
    """404: it isn't there, or the token may not see it."""


class Unreadable(ForgeError):
    """It is there, but no file, or larger than the caller takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. `id` is what identifies it; names can change hands."""

    id: int
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an account may do in a repository, as the forge says now."""

    permission: Permission
    is_bot: bool
    """Whether the forge marks the account as a machine's. Gitea and Forgejo mark only their own (ids below 1)."""
    doubt: str = ""
    """Why the permission is less than what the forge named, in a sentence for people; empty where it isn't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """That a label was put on. `event_id` is the forge's: putting it on again is another event."""

    event_id: int
    actor: User
    at: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo:
    """A repository as the forge describes it."""

    full_name: str
    default_branch: str
    private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue, or the issue side of a pull request."""

    number: int
    title: str
    body: str
    author: User
    labels: frozenset[str]
    is_open: bool
    is_pull: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    body: str
    author: User
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request. `head_repo` is none where a fork was deleted."""

    number: int
    title: str
    body: str
    author: User
    is_open: bool
    draft: bool
    head_branch: str
    head_sha: str
    head_repo: str | None
    base_branch: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAccess:
    """How Git reaches a repository: a URL without credentials, and the header that goes with it alone."""

    url: str
    header: str | None = field(repr=False)
    """A whole header line, `Authorization: …`; secret."""
    protocols: tuple[str, ...] = ("http", "https")
    """What Git may speak to reach it."""


class GitHost(Protocol):
    """Where a repository lives: all that is needed to work on one without a thread to talk in."""

    def whoami(self) -> User:
        """Our own account: whose token this is."""

    def git_access(self, repo: str) -> GitAccess:
        """Built from configuration, never from a payload."""


class Forge(GitHost, Protocol):
    """See the module's docstring for what holds for every method."""

    kind: str

    def repo(self, repo: str) -> Repo:
        """Raise `ForgeNotFound` where there is none."""

    def standing(self, repo: str, user: User) -> Standing:
        """What `user` may do, asked of the forge now. An unknown account has `none`.

        The account is `user.id`'s: where the forge says that the login is another account's by now, the
        permission is `none`, whatever that other one may do.
        """

    def issue(self, repo: str, number: int) -> Issue:
        """The issue as it is now."""

    def labelled(self, repo: str, number: int, label: str, *, since: float | None = None) -> Labelled | None:
        """When and by whom the label was last put on, as the forge recorded it; none where it isn't on.

        `since` (seconds since the epoch) lets the forge leave out what is older; it may give that all the same.
        Gitea and Forgejo tell a label by its present name: that of another label, which was put on by anybody and then
        renamed to `label`, is given as if it had been this one. So what the label stands for is bound to the act.
        """

    def comment(self, repo: str, number: int, comment_id: int) -> Comment | None:
        """One comment of that thread as it is now; none where it is gone or another thread's."""

    def comments(self, repo: str, number: int, *, since: float | None = None) -> list[Comment]:
        """The comments of an issue or pull request, oldest first; all, or those changed since `since` or later."""

    def read_file(self, repo: str, path: str, *, ref: str | None, max_bytes: int) -> bytes | None:
        """A file of a branch or commit, of the default branch where `ref` is none; none where it isn't there.

        Raise `Unreadable`.
        """

    def is_protected(self, repo: str, branch: str) -> bool:
        """Whether the forge protects the branch by a rule, for whomever; false for a branch that isn't there."""

    def create_comment(self, repo: str, number: int, body: str) -> Comment:
        """Not idempotent: look for the marker in `comments` first."""

    def edit_comment(self, repo: str, comment_id: int, body: str) -> None:
        """Set the body of one of our own comments."""

    def react(self, repo: str, number: int, reaction: Reaction, *, comment_id: int | None = None) -> None:
        """React to a comment, or to the issue itself. Twice is once."""

    def remove_label(self, repo: str, number: int, label: str) -> None:
        """Take a label off; one that isn't on is no error."""

    def add_label(self, repo: str, number: int, label: str) -> None:
        """Put an existing label on; `ForgeNotFound` where the repository has none of that name."""

    def pull(self, repo: str, number: int) -> Pull:
        """The pull request as it is now."""

    def find_pull(self, repo: str, *, head_branch: str, base_branch: str) -> Pull | None:
        """The open pull request from `head_branch` of the same repository into `base_branch`."""

    def create_pull(
        self, repo: str, *, head_branch: str, base_branch: str, title: str, body: str, draft: bool
    ) -> Pull:
        """Not idempotent: `find_pull` first. A title in which nothing is left to say becomes `UNTITLED`."""

    def edit_pull(self, repo: str, number: int, *, title: str | None = None, body: str | None = None) -> None:
        """Set title or body of a pull request."""

    def set_status(
        self, repo: str, sha: str, *, state: CommitState, context: str, text: str, url: str
    ) -> None:
        """Set a commit status; the newest of a context counts. Where that says the same already, nothing is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one kind of forge speaks in webhooks. Pure functions; header names are looked up in any letter case."""

    signature: Callable[[Mapping[str, str]], str]
    """The hex HMAC-SHA256 of the raw body that the headers claim; empty where there is none."""
    event_name: Callable[[Mapping[str, str]], str]
    """What the delivery says it is about. Not signed: it only picks the parser. Empty where it doesn't."""
    delivery_id: Callable[[Mapping[str, str]], str]
    """The forge's id of the delivery; not signed either."""
    parse: Callable[[str, bytes], Event]
    """Event name and verified body → event. Never raises: what can't be read is `Ignored` with the reason."""
    sign: Callable[[str, bytes, str], dict[str, str]]
    """Event name, body and secret → the headers with which such a forge sends it; no event name, no such header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at while setting up, and what to do where it isn't as it should be."""

    what: str
    ok: bool
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook of a repository, without its secret, which no forge gives away."""

    id: int
    url: str
    active: bool
    complete: bool
    """Whether it sends every event that we handle, as JSON."""


class Connector(Protocol):
    """What setting up and checking a connection takes: the same adapters, thread-safety and errors as of `Forge`."""

    def check(self, repo: str) -> list[Finding]:
        """Whether token and account may do all that we do in `repo`, and exactly what is missing.

        Changes nothing. A forge that can't be reached is a `ForgeError`; what it refuses is a finding, and so is a
        repository that has another name by now.
        """

    def ensure_label(self, repo: str, name: str, *, color: str, text: str) -> bool:
        """Make the label where there is none of that name (letter case ignored); tell whether it was made.

        `color` is six hex digits.
        """

    def hooks(self, repo: str) -> list[Hook]:
        """The repository's webhooks."""

    def ensure_hook(self, repo: str, *, url: str, secret: str) -> Hook:
        """Make or mend the webhook that calls `url`: active, JSON, all events that we handle, this secret.

        Where several call it, one is kept and the others are removed.
        """

    def test_hook(self, repo: str, hook_id: int) -> None:
        """Have the forge send its test delivery."""
