"""Gitea's webhook payloads as events; sans-I/O, one function per payload kind.

Field names are those of https://docs.gitea.com/usage/webhooks. What lacks a field
that we need is `Ignored`, never an exception.
"""

import json
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from app.domain.event import Account, Commented, Event, Ignored, LabelsChanged, Thread

MAX_TEXT = 200_000

RepoName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")]
Id = Annotated[int, Field(ge=1, lt=2**63)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]


class _User(BaseModel):
    id: Id
    login: str = Field(min_length=1, max_length=255)

    def value(self) -> Account:
        return Account(id=self.id, login=self.login)


class _Label(BaseModel):
    name: str = Field(max_length=255)


class _Repo(BaseModel):
    full_name: RepoName
    default_branch: str = Field(min_length=1, max_length=255)


class _Issue(BaseModel):
    number: Id
    title: Text
    body: Text | None
    user: _User
    labels: list[_Label] | None
    state: str
    updated_at: str = Field(max_length=64)
    pull_request: dict[str, object] | None = None


class _IssuePayload(BaseModel):
    action: str
    issue: _Issue
    repository: _Repo
    sender: _User

    def thread(self, *, is_pull: bool) -> Thread:
        # When all labels are taken off at once, Gitea still sends those that were on.
        labels = () if self.action == "label_cleared" else self.issue.labels or ()
        return Thread(
            repo=self.repository.full_name,
            number=self.issue.number,
            title=self.issue.title,
            body=self.issue.body or "",
            author=self.issue.user.value(),
            labels=frozenset(label.name for label in labels),
            is_pull=is_pull,
            is_open=self.issue.state == "open",
            updated_at=self.issue.updated_at,
            default_branch=self.repository.default_branch,
        )


class _Comment(BaseModel):
    id: Id
    body: Text
    user: _User


class _CommentPayload(_IssuePayload):
    comment: _Comment
    is_pull: bool = False


def _issues(body: bytes) -> Event:
    payload = _IssuePayload.model_validate_json(body)
    if payload.action not in {"label_updated", "label_cleared", "opened"}:
        return Ignored(reason=f"issues/{payload.action} asks nothing of us")
    is_pull = payload.issue.pull_request is not None
    return LabelsChanged(actor=payload.sender.value(), thread=payload.thread(is_pull=is_pull))


def _comment(body: bytes) -> Event:
    payload = _CommentPayload.model_validate_json(body)
    if payload.action != "created":
        return Ignored(reason=f"a comment was {payload.action}, only new ones count")
    is_pull = payload.is_pull or payload.issue.pull_request is not None
    return Commented(
        actor=payload.sender.value(),
        thread=payload.thread(is_pull=is_pull),
        comment_id=payload.comment.id,
        body=payload.comment.body,
        author=payload.comment.user.value(),
    )


_PARSERS: dict[str, Callable[[bytes], Event]] = {
    "issues": _issues,
    "issue_label": _issues,
    "issue_comment": _comment,
    "pull_request_comment": _comment,
}


def parse(event_name: str, body: bytes) -> Event:
    """The event that a verified delivery tells of."""
    parser = _PARSERS.get(event_name)
    if parser is None:
        return Ignored(reason="an event of a kind that we don't handle")
    try:
        return parser(body)
    except ValidationError as error:
        problem = error.errors()[0]
        return Ignored(reason=f"malformed: {'.'.join(map(str, problem['loc']))}: {problem['type']}")
    except (json.JSONDecodeError, RecursionError) as error:
        return Ignored(reason=f"malformed: {type(error).__name__}")
