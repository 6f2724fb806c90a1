"""GitHub's answers as far as we read them, and the port's values that they become.

Field names are those of GitHub's REST description, https://docs.github.com/rest. What lacks a field that we need, or
has something else in it, is an error.
"""

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from app.forges.port import ForgeError, Labelled, Permission, Standing, User
from app.forges.rest import Answer

GHOST = User(id=0, login="ghost")
"""Whose account is gone. No account has this id."""
_BASES: dict[str, Permission] = {"none": "none", "read": "read", "write": "write", "admin": "admin"}
_ROLES: dict[str, tuple[str, Permission]] = {
    "read": ("read", "read"),
    "triage": ("read", "read"),
    "write": ("write", "write"),
    "maintain": ("write", "maintain"),
    "admin": ("admin", "admin"),
}
"""Role → the base permission that goes with it, and what we call it."""

_Id = Annotated[int, Field(ge=1)]


class Person(Answer):
    id: _Id
    login: str

    def value(self) -> User:
        """As the port has it."""
        return User(id=self.id, login=self.login)


def author(found: Person | None) -> User:
    """Who wrote something; GitHub says null where the account is gone."""
    return GHOST if found is None else found.value()


class RepoAnswer(Answer):
    full_name: str
    default_branch: str
    private: bool


class RightsAnswer(Answer):
    """What the token's own account may do. What the token may is another matter."""

    admin: bool = False
    push: bool = False


class RepoStateAnswer(RepoAnswer):
    """A repository with what decides whether it can be worked on."""

    owner: Person
    archived: bool
    has_issues: bool
    permissions: RightsAnswer = RightsAnswer()


class BranchAnswer(Answer):
    name: str


class ProtectionAnswer(Answer):
    """A branch, with whether a protection or a ruleset is about it."""

    protected: bool


class LabelAnswer(Answer):
    name: str | None = None


class IssueAnswer(Answer):
    number: int
    title: str
    body: str | None = None
    user: Person | None
    labels: list[LabelAnswer | str]
    state: Literal["open", "closed"]
    html_url: str
    pull_request: dict[str, object] | None = None

    def label_names(self) -> frozenset[str]:
        names = (one if isinstance(one, str) else one.name for one in self.labels)
        return frozenset(name for name in names if name)


class CommentAnswer(Answer):
    id: _Id
    body: str | None = None
    user: Person | None
    html_url: str
    issue_url: str

    @property
    def thread(self) -> int | None:
        """Number of the issue or pull request; its address is the only place that has it."""
        last = self.issue_url.rpartition("/")[2]
        return int(last) if last.isascii() and last.isdigit() else None


class IssueEvent(Answer):
    """One entry of what happened to an issue. `label` is there where it is about one."""

    id: int
    event: str
    actor: Person | None = None
    created_at: AwareDatetime
    label: LabelAnswer | None = None

    def labelled(self) -> Labelled | None:
        """As the port has it; none where the account that did it is gone."""
        if self.actor is None:
            return None
        return Labelled(event_id=self.id, actor=self.actor.value(), at=self.created_at.timestamp())


class FileAnswer(Answer):
    type: str
    size: int
    content: str | None = None
    encoding: str | None = None

    def decoded(self, max_bytes: int) -> bytes | None:
        """What is in it; none where it is no file, or larger. GitHub leaves out what is over a MiB."""
        if self.type != "file" or self.content is None or self.encoding != "base64" or self.size > max_bytes:
            return None
        try:
            found = base64.b64decode(self.content)
        except binascii.Error as error:
            raise ForgeError("GitHub sent a file whose base64 can't be read") from error
        return found if len(found) <= max_bytes else None


class RepoName(Answer):
    full_name: str


class Side(Answer):
    ref: str
    sha: str
    repo: RepoName | None


class PullAnswer(Answer):
    number: int
    title: str
    body: str | None = None
    user: Person | None
    state: Literal["open", "closed"]
    draft: bool = False
    head: Side
    base: Side
    html_url: str


class StatusAnswer(Answer):
    context: str
    state: str
    description: str | None = None
    target_url: str | None = None


class CombinedStatus(Answer):
    """The newest status of each context."""

    statuses: list[StatusAnswer]
    total_count: int


class HookConfig(Answer):
    url: str = ""
    content_type: str = ""


class HookAnswer(Answer):
    id: _Id
    active: bool
    events: list[str]
    config: HookConfig


class Collaborator(Person):
    type: str
    """`User`, `Bot`, `Organization` and more."""


class PermissionAnswer(Answer):
    """`permission` is the base of a role; `role_name` its name, which an organisation may have made up."""

    permission: str
    role_name: str = ""
    user: Collaborator | None

    def standing(self, asked: User) -> Standing:
        """What `asked` may do; `none` where the answer is about another account.

        https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        """
        if self.permission not in _BASES:
            raise ForgeError(f"GitHub names a permission that we don't know: {self.permission[:100]!r}")
        base, permission = _ROLES.get(self.role_name, (self.permission, _BASES[self.permission]))
        if base != self.permission:
            said = f"{self.permission!r} and the role {self.role_name!r}"
            raise ForgeError(f"GitHub contradicts itself about a permission: {said}")
        if self.user is None or self.user.id != asked.id:  # the name has changed hands
            return Standing(permission="none", is_bot=False)
        return Standing(permission=permission, is_bot=self.user.type == "Bot")


def same_label(one: str, other: str) -> bool:
    """A repository has no two labels whose names differ in letter case alone."""
    return one.lower() == other.lower()
