"""What we read of GitHub's payloads, and how much of it we take: types and sizes.

Strict about these fields; the others are never looked at. A field that belongs to another kind of payload must not be
there where the same action would mean something else.
"""

from typing import Annotated, Literal

from pydantic import Field

from app.domain.event import Account
from app.forges.payload import MAX_LABELS, FullName, Hash, Id, Name, Ref, Shape, Text, Word


class User(Shape):
    id: Id
    login: Name

    def value(self) -> Account:
        """As the events have it."""
        return Account(id=self.id, login=self.login)


GHOST = Account(id=0, login="ghost")
"""Whose account is gone. No account has this id."""


class Label(Shape):
    name: Text


class RepoName(Shape):
    full_name: FullName


class Repo(RepoName):
    default_branch: Ref


class Subject(Shape):
    """What an issue and a pull request have in common."""

    number: Id
    title: Text
    body: Text | None
    user: User | None
    """None where the account is gone."""
    labels: Annotated[list[Label], Field(max_length=MAX_LABELS, fail_fast=True)]
    state: Literal["open", "closed"]
    updated_at: Word


class Issue(Subject):
    pull_request: object = None


class Head(Shape):
    sha: Hash


class Pull(Subject):
    head: Head


class Comment(Shape):
    id: Id
    body: Text
    user: User


class LineComment(Comment):
    path: Text


class Review(Shape):
    id: Id
    body: Text | None
    state: Word


class Acted(Shape):
    """The payload of what somebody did to an issue or pull request."""

    action: Word
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


class PushPayload(Shape):
    repository: RepoName
    sender: User
    ref: Ref
    before: Hash
    after: Hash


class StatusPayload(Shape):
    repository: RepoName
    sender: User
    sha: Hash
    context: Text
    state: Literal["pending", "success", "failure", "error"]


class PingPayload(Shape):
    zen: Text
    hook_id: Id
    repository: RepoName | None = None
    """None where the webhook is an organisation's or an App's."""
