"""What Gitea and Forgejo answer, as far as it is read, and how that becomes the port's values.

Field names and types are those of the API descriptions (`/swagger.v1.json` of either server); a list without items
may come as null.
"""

import re
from datetime import datetime
from typing import Literal

from app.forges.port import UNTITLED, ForgeError, User
from app.forges.rest import Answer

DRAFT_PREFIX = "WIP: "
_DRAFT = re.compile(r"(?:\s*(?:WIP:|\[WIP\]))+\s*", re.IGNORECASE)


class UserAnswer(Answer):
    id: int
    login: str

    def value(self) -> User:
        return User(id=self.id, login=self.login)


class VersionAnswer(Answer):
    version: str


class RightsAnswer(Answer):
    """What the token's own account may do."""

    admin: bool


class RepoAnswer(Answer):
    full_name: str
    default_branch: str
    private: bool


class RepoStateAnswer(RepoAnswer):
    """A repository with what decides whether it can be worked on."""

    owner: UserAnswer
    archived: bool
    mirror: bool
    empty: bool
    has_issues: bool
    has_pull_requests: bool
    external_tracker: dict[str, str] | None = None
    permissions: RightsAnswer


class PermissionAnswer(Answer):
    permission: str
    user: UserAnswer


class TeamAnswer(Answer):
    """A team of an organisation, with what it may do: on the whole, and in each part of a repository."""

    name: str
    permission: str
    units_map: dict[str, str] | None = None


class BranchAnswer(Answer):
    protected: bool


class LabelAnswer(Answer):
    id: int
    name: str


class IsPullAnswer(Answer):
    """Present where an issue is a pull request; nothing in it is read."""


class IssueAnswer(Answer):
    number: int
    title: str
    body: str | None = None
    user: UserAnswer
    labels: list[LabelAnswer] | None = None
    state: Literal["open", "closed"]
    html_url: str
    pull_request: IsPullAnswer | None = None


class CommentAnswer(Answer):
    id: int
    body: str | None = None
    user: UserAnswer
    html_url: str
    issue_url: str = ""
    pull_request_url: str = ""

    @property
    def thread(self) -> int | None:
        """Number of the issue or pull request; its address is the only place that has it."""
        last = (self.issue_url or self.pull_request_url).rpartition("/")[2]
        return int(last) if re.fullmatch(r"[0-9]{1,18}", last, re.ASCII) else None


class TimelineAnswer(Answer):
    id: int
    type: str
    body: str | None = None
    """Of a label's entry: `1` where it was put on, empty where it was taken off."""
    user: UserAnswer | None = None
    label: LabelAnswer | None = None
    """As it is called now; none where it was deleted."""
    created_at: str


class FileAnswer(Answer):
    type: str
    size: int
    content: str | None = None


class RepoNameAnswer(Answer):
    full_name: str


class SideAnswer(Answer):
    ref: str
    sha: str
    repo: RepoNameAnswer | None = None


class PullAnswer(Answer):
    number: int
    title: str
    body: str | None = None
    user: UserAnswer
    state: Literal["open", "closed"]
    draft: bool | None = None
    """Forgejo 7 doesn't say it; there, as in all of them, it is the title that makes a draft."""
    head: SideAnswer
    base: SideAnswer
    html_url: str

    @property
    def is_draft(self) -> bool:
        return bool(_DRAFT.match(self.title)) if self.draft is None else self.draft

    @property
    def plain_title(self) -> str:
        return undrafted(self.title) if self.is_draft else self.title


class StatusAnswer(Answer):
    status: str
    context: str
    description: str
    target_url: str


class StatusesAnswer(Answer):
    """The newest status of each context."""

    statuses: list[StatusAnswer] | None = None


class HookConfigAnswer(Answer):
    url: str = ""
    content_type: str = ""


class HookAnswer(Answer):
    id: int
    type: str
    config: HookConfigAnswer
    events: list[str] | None = None
    branch_filter: str = ""
    active: bool


def undrafted(title: str) -> str:
    """The title without the signs of a draft, of which it may have several."""
    found = _DRAFT.match(title)
    return title[found.end() :] if found else title


def titled(title: str, *, draft: bool) -> str:
    """The title as the forge has to see it: with the prefix for a draft, without one otherwise."""
    plain = undrafted(title)
    plain = plain if plain.strip() else UNTITLED
    return DRAFT_PREFIX + plain if draft else plain


def seconds(instant: str) -> float:
    """RFC 3339 → seconds since the epoch."""
    try:
        return datetime.fromisoformat(instant).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ForgeError(f"{instant[:60]!r} is no time") from error


def same_label(one: str, other: str) -> bool:
    """Gitea tells labels apart by letter case, people don't."""
    return one.casefold() == other.casefold()
