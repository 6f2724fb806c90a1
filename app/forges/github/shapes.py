"""What we read of GitHub's payloads, and how much of it we take: types and sizes.

Strict about these fields; the others are never looked at. A field that belongs to another kind of payload must not be
there where the same action would mean something else.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.domain.event import Account

MAX_TEXT = 200_000
MAX_LABELS = 1_000


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("not_printable", "not printable")
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "a NUL in text")
    return text


def _no_dots(full_name: str) -> str:
    if {".", ".."} & {*full_name.split("/")}:
        raise PydanticCustomError("no_repository", "no repository can be called so")
    return full_name


_RepoName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$"), AfterValidator(_no_dots)
]
_Id = Annotated[int, Field(ge=1, lt=2**63)]
_Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
_Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_no_nul)]
_Ref = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_printable)]
_Hash = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class User(_Shape):
    id: _Id
    login: _Name

    def value(self) -> Account:
        """As the events have it."""
        return Account(id=self.id, login=self.login)


class Label(_Shape):
    name: _Text


class RepoName(_Shape):
    full_name: _RepoName


class Repo(RepoName):
    default_branch: _Ref


class Subject(_Shape):
    """What an issue and a pull request have in common."""

    number: _Id
    title: _Text
    body: _Text | None
    user: User
    labels: Annotated[list[Label], Field(max_length=MAX_LABELS, fail_fast=True)]
    state: Literal["open", "closed"]
    updated_at: Annotated[str, Field(max_length=64), AfterValidator(_printable)]


class Issue(Subject):
    pull_request: object = None


class Head(_Shape):
    sha: _Hash


class Pull(Subject):
    head: Head


class Comment(_Shape):
    id: _Id
    body: _Text
    user: User


class LineComment(Comment):
    path: _Text


class Review(_Shape):
    id: _Id
    body: _Text | None
    state: Annotated[str, Field(max_length=64)]


class Acted(_Shape):
    """The payload of what somebody did to an issue or pull request."""

    action: Annotated[str, Field(max_length=64)]
    repository: Repo
    sender: User


class IssuePayload(Acted):
    issue: Issue
    comment: None = None


class CommentPayload(Acted):
    issue: Issue
    comment: Comment


class PullPayload(Acted):
    pull_request: Pull
    comment: None = None
    review: None = None


class ReviewPayload(Acted):
    pull_request: Pull
    review: Review


class LineCommentPayload(Acted):
    pull_request: Pull
    comment: LineComment


class PushPayload(_Shape):
    repository: RepoName
    sender: User
    ref: _Ref
    before: _Hash
    after: _Hash


class StatusPayload(_Shape):
    repository: RepoName
    sender: User
    sha: _Hash
    context: _Text
    state: Literal["pending", "success", "failure", "error"]


class PingPayload(_Shape):
    zen: _Text
    hook_id: _Id
    repository: RepoName | None = None
    """None where the webhook is an organisation's or an App's."""
