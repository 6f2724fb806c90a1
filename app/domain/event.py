"""What happened on a forge, as far as we care: the values that every forge's payloads are parsed into."""

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsChanged:
    """The label set of an issue or pull request is now `thread.labels`; the forge doesn't say what it was."""

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
class Ignored:
    """A delivery that asks nothing of us, and why."""

    reason: str


Event = LabelsChanged | Commented | Ignored
