"""One frozen value per table of the forge's database; field names are column names. Times are Unix seconds."""

from dataclasses import dataclass
from enum import Enum, IntEnum, auto


class Unit(Enum):
    """Parts of a repository that can be switched off."""

    ISSUES = auto()
    PULLS = auto()
    EITHER = auto()
    """What serves both kinds of thread."""


class Access(IntEnum):
    """What an account may do in a repository, ordered as Gitea orders it."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3
    OWNER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: int
    login: str
    email: str
    full_name: str
    is_admin: bool
    password_hash: str
    must_change_password: bool
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token; only its hash is kept. `scopes` is comma-separated."""

    id: int
    account_id: int
    name: str
    sha256: str
    last_eight: str
    scopes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository; `owner` is the owner's login, joined in."""

    id: int
    owner_id: int
    owner: str
    name: str
    private: bool
    default_branch: str
    description: str
    created: float
    archived: float | None
    has_issues: bool
    has_pulls: bool

    def has(self, unit: Unit) -> bool:
        """Whether this part is switched on."""
        return (self.has_issues and unit is not Unit.PULLS) or (self.has_pulls and unit is not Unit.ISSUES)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue, or the issue side of a pull request."""

    id: int
    repo_id: int
    number: int
    is_pull: bool
    title: str
    body: str
    author_id: int
    is_open: bool
    created: float
    updated: float
    closed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """The Git side of a pull request; both shas are those last seen."""

    issue_id: int
    head_branch: str
    base_branch: str
    head_sha: str
    base_sha: str
    merged_sha: str | None
    merged_by: int | None
    merged: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    id: int
    repo_id: int
    name: str
    color: str
    description: str
    exclusive: bool
    archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What stands on a timeline: what somebody wrote, or (`kind` tells) that something was done to the issue.

    As in Gitea they share their ids. `line` is counted in the new file, or, below zero, in the old one.
    """

    id: int
    issue_id: int
    author_id: int
    body: str
    created: float
    updated: float
    kind: str
    label_id: int | None
    old_title: str
    new_title: str
    old_ref: str
    new_ref: str
    review_id: int
    path: str
    line: int
    hunk: str
    commit_sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Somebody's judgement of a pull request; `PENDING` until it is submitted."""

    id: int
    issue_id: int
    author_id: int
    state: str
    body: str
    commit_sha: str
    official: bool
    dismissed: bool
    created: float
    updated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A reaction to a comment, or to the issue itself where `comment_id` is 0."""

    id: int
    issue_id: int
    comment_id: int
    account_id: int
    content: str
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    id: int
    repo_id: int
    sha: str
    context: str
    state: str
    description: str
    target_url: str
    creator_id: int
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A repository's webhook; `events` is comma-separated event types, `content_type` is json or form."""

    id: int
    repo_id: int
    kind: str
    url: str
    content_type: str
    authorization: str
    branch_filter: str
    secret: str
    events: str
    active: bool
    created: float
    updated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook call that is still to be made."""

    seq: int
    hook_id: int
    uuid: str
    event: str
    event_type: str
    body: bytes
    created: float
    next_at: float
    attempts: int
