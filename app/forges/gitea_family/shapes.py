"""What we read of Gitea's and Forgejo's payloads, and how much of it we take: types, sizes, who counts as a person.

Strict about these fields, in type and size; the others are never looked at.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.domain.event import Account
from app.forges.payload import MAX_LABELS, FullName, Hash, Id, Name, Ref, Shape, Text, Word

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


_Original = AfterValidator(_not_imported)


class Author(Shape):
    """Who wrote something, once: -1 where the account is gone by now."""

    id: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    login: Name

    def value(self) -> Account:
        """As the events have it."""
        return Account(id=self.id, login=self.login)


class User(Author):
    """A person, whose rights can be asked for."""

    id: Annotated[int, Field(lt=2**63), AfterValidator(_person)]


class Label(Shape):
    name: Text


_Labels = Annotated[list[Label], Field(max_length=MAX_LABELS, fail_fast=True)]


class Repo(Shape):
    full_name: FullName
    default_branch: Ref


class Written(Shape):
    """Something with an author."""

    original_author: Annotated[str | None, _Original] = None
    original_author_id: Annotated[int | None, _Original] = None


class Subject(Written):
    """What an issue and a pull request have in common."""

    number: Id
    title: Text
    body: Text | None
    user: Author
    labels: _Labels | None
    state: Literal["open", "closed"]
    updated_at: Word


class Head(Shape):
    sha: Hash | Literal[""]


class Tip(Shape):
    head: Head


class Issue(Subject):
    pull_request: object = None


class Pull(Subject, Tip):
    pass


class Comment(Written):
    id: Id
    body: Text
    user: User


class Review(Shape):
    type: Word
    content: Text


class Payload(Shape):
    repository: Repo
    sender: User


class Acted(Payload):
    """The payload of what somebody did to an issue or pull request."""

    action: Word


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
    ref: Ref
    before: Hash
    after: Hash
    total_commits: int


class DeletePayload(Payload):
    ref: Ref
    ref_type: Word
    pusher_type: Word


class StatusPayload(Payload):
    sha: Hash
    context: Text
    state: Literal["pending", "success", "failure", "error", "warning", "skipped"]
