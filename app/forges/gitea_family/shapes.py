"""What we read of Gitea's and Forgejo's payloads, and how much of it we take: types, sizes, who counts as a person.

Strict about these fields, in type and size; the others are never looked at.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.domain.event import Account

MAX_TEXT = 200_000
MAX_LABELS = 1_000

_NO_PERSON = "it is a deleted account or one of the forge's own"
_IMPORTED = "the text was imported from another forge: it isn't by the account that it is shown under"


def _person(account_id: int) -> int:
    """Gitea gives deleted accounts the id -1 (`Ghost`) and its Actions -2."""
    if account_id < 1:
        raise PydanticCustomError("no_person", _NO_PERSON)
    return account_id


def _not_imported(original: str | int) -> str | int:
    """Imported text has the account that imported it as its user, and its author in these fields."""
    if original:
        raise PydanticCustomError("imported", _IMPORTED)
    return original


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
_Original = AfterValidator(_not_imported)


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class User(_Shape):
    id: Annotated[int, Field(lt=2**63), AfterValidator(_person)]
    login: _Name

    def value(self) -> Account:
        """As the events have it."""
        return Account(id=self.id, login=self.login)


class Label(_Shape):
    name: _Text


_Labels = Annotated[list[Label], Field(max_length=MAX_LABELS, fail_fast=True)]


class Repo(_Shape):
    full_name: _RepoName
    default_branch: _Ref


class Written(_Shape):
    """Something with an author."""

    user: User
    original_author: Annotated[str | None, _Original] = None
    original_author_id: Annotated[int | None, _Original] = None


class Subject(Written):
    """What an issue and a pull request have in common."""

    number: _Id
    title: _Text
    body: _Text | None
    labels: _Labels | None
    state: Literal["open", "closed"]
    updated_at: Annotated[str, Field(max_length=64), AfterValidator(_printable)]


class Head(_Shape):
    sha: _Hash | Literal[""]


class Tip(_Shape):
    head: Head


class Issue(Subject):
    pull_request: object = None


class Pull(Subject, Tip):
    pass


class Comment(Written):
    id: _Id
    body: _Text


class Review(_Shape):
    type: Annotated[str, Field(max_length=64)]
    content: _Text


class Payload(_Shape):
    repository: Repo
    sender: User


class Acted(Payload):
    """The payload of what somebody did to an issue or pull request."""

    action: Annotated[str, Field(max_length=64)]


class IssuePayload(Acted):
    issue: Issue
    comment: None = None


class PullPayload(Acted):
    pull_request: Pull
    comment: None = None
    review: Review | None = None


class CommentPayload(Acted):
    issue: Issue
    comment: Comment
    pull_request: Tip | None = None
    is_pull: bool = False


class PushPayload(Payload):
    ref: _Ref
    before: _Hash
    after: _Hash
    total_commits: int


class DeletePayload(Payload):
    ref: _Ref
    ref_type: Annotated[str, Field(max_length=64)]
    pusher_type: Annotated[str, Field(max_length=64)]


class StatusPayload(Payload):
    sha: _Hash
    context: _Text
    state: Literal["pending", "success", "failure", "error", "warning", "skipped"]
