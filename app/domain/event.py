"""What happened on a forge, as far as we care: the values that every forge's payloads are parsed into.

An event says what a verified delivery tells, not what is true: who acts on one asks the forge first.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who did or wrote something, as the payload says. Not yet a right to anything."""

    id: int
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """The issue or pull request that an event is about, as it was when the event was made."""

    repo: str
    number: int
    title: str
    body: str
    author: Account
    labels: frozenset[str]
    is_pull: bool
    is_open: bool
    updated_at: str
    default_branch: str
    head_sha: str | None = None
    """Tip of a pull request's branch, where the payload says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsChanged:
    """The label set of an issue or pull request is now `thread.labels`; the forge doesn't say what it was."""

    actor: Account
    thread: Thread


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadChanged:
    """An issue or pull request was opened, edited (title or text), closed (or merged) or opened again."""

    actor: Account
    thread: Thread
    what: Literal["opened", "edited", "closed", "reopened"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSynchronized:
    """The branch of a pull request has a new tip, `thread.head_sha`."""

    actor: Account
    thread: Thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    """Somebody wrote a new comment."""

    actor: Account
    thread: Thread
    comment_id: int
    body: str
    author: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentChanged:
    """A comment was edited (`body` is the new text) or deleted."""

    actor: Account
    thread: Thread
    comment_id: int
    body: str
    author: Account
    what: Literal["edited", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCommented:
    """Somebody commented on a line of a pull request. Gitea and Forgejo don't say which comment or line it is."""

    actor: Account
    thread: Thread
    body: str
    comment_id: int | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """Somebody submitted a review. Gitea and Forgejo give it no id."""

    actor: Account
    thread: Thread
    verdict: Literal["approved", "changes_requested", "commented", "dismissed"]
    body: str
    review_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A branch moved. `before` or `after` is none where it was made or removed."""

    actor: Account
    repo: str
    branch: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """A commit got a status."""

    actor: Account
    repo: str
    sha: str
    context: str
    state: Literal["pending", "success", "failure", "error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The forge was asked for a test delivery. Of Gitea and Forgejo that is a push from a commit to itself."""

    repo: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A delivery that asks nothing of us, and why."""

    reason: str


ThreadEvent = (
    LabelsChanged | ThreadChanged | PullSynchronized | Commented | CommentChanged | ReviewCommented | Reviewed
)
Event = ThreadEvent | Pushed | StatusChanged | Tested | Ignored


def repo_of(event: Event) -> str | None:
    """The repository that the event is about, `owner/name`; none where it doesn't say."""
    if isinstance(event, Ignored):
        return None
    return event.repo if isinstance(event, Pushed | StatusChanged | Tested) else event.thread.repo
