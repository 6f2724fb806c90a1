"""The webhooks of GitHub as events; sans-I/O, one function per payload kind.

Field names are those of https://docs.github.com/webhooks/webhook-events-and-payloads. What lacks a field that we need,
or has something else in it, is `Ignored`, never an exception. The event's name isn't signed, so it only picks the
function: each refuses the payloads of the others. A reason is logged: it holds no text of the payload but an action's
name, on one line.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal

from app.domain.event import (
    CommentChanged,
    Commented,
    Event,
    Ignored,
    LabelsChanged,
    PullSynchronized,
    Pushed,
    ReviewCommented,
    Reviewed,
    StatusChanged,
    Tested,
    Thread,
    ThreadChanged,
)
from app.domain.naming import one_line
from app.forges.github.shapes import (
    GHOST,
    Acted,
    CommentPayload,
    Head,
    IssuePayload,
    LineCommentPayload,
    PingPayload,
    PullPayload,
    PushPayload,
    ReviewPayload,
    StatusPayload,
    Subject,
)
from app.forges.payload import header, hex_hmac, read
from app.forges.port import Dialect

_BRANCH = "refs/heads/"
_HEX_SHA256 = re.compile(r"sha256=([0-9a-f]{64})")
_CHANGES: Mapping[str, Literal["opened", "edited", "closed", "reopened"]] = {
    "opened": "opened",
    "edited": "edited",
    "closed": "closed",
    "reopened": "reopened",
}
_LABELS = frozenset({"labeled", "unlabeled"})
_VERDICTS: Mapping[str, Literal["approved", "changes_requested", "commented"]] = {
    "approved": "approved",
    "changes_requested": "changes_requested",
    "commented": "commented",
}


def _thread(payload: Acted, about: Subject, *, is_pull: bool, head: Head | None = None) -> Thread:
    return Thread(
        repo=payload.repository.full_name,
        number=about.number,
        title=about.title,
        body=about.body or "",
        author=about.user.value() if about.user else GHOST,
        labels=frozenset(label.name for label in about.labels),
        is_pull=is_pull,
        is_open=about.state == "open",
        updated_at=about.updated_at,
        default_branch=payload.repository.default_branch,
        head_sha=head.sha if head else None,
    )


def _issue(told: object) -> Event:
    payload = IssuePayload.model_validate(told)
    thread = _thread(payload, payload.issue, is_pull=payload.issue.pull_request is not None)
    return _changed(payload, thread)


def _pull(told: object) -> Event:
    payload = PullPayload.model_validate(told)
    thread = _thread(payload, payload.pull_request, is_pull=True, head=payload.pull_request.head)
    if payload.action == "synchronize":
        return PullSynchronized(actor=payload.sender.value(), thread=thread)
    return _changed(payload, thread)


def _changed(payload: Acted, thread: Thread) -> Event:
    actor = payload.sender.value()
    if payload.action in _LABELS:
        return LabelsChanged(actor=actor, thread=thread)
    if what := _CHANGES.get(payload.action):
        return ThreadChanged(actor=actor, thread=thread, what=what)
    return _asks_nothing(payload)


def _asks_nothing(payload: Acted) -> Ignored:
    return Ignored(reason=f"the action {one_line(payload.action, 40)!r} asks nothing of us")


def _comment(told: object) -> Event:
    payload = CommentPayload.model_validate(told)
    actor, said, author = payload.sender.value(), payload.comment, payload.comment.user.value()
    thread = _thread(payload, payload.issue, is_pull=payload.issue.pull_request is not None)
    if payload.action == "created":
        return Commented(actor=actor, thread=thread, comment_id=said.id, body=said.body, author=author)
    if payload.action not in {"edited", "deleted"}:
        return _asks_nothing(payload)
    what: Literal["edited", "deleted"] = "edited" if payload.action == "edited" else "deleted"
    return CommentChanged(
        actor=actor, thread=thread, comment_id=said.id, body=said.body, author=author, what=what
    )


def _review(told: object) -> Event:
    payload = ReviewPayload.model_validate(told)
    actor, review = payload.sender.value(), payload.review
    thread = _thread(payload, payload.pull_request, is_pull=True, head=payload.pull_request.head)
    if payload.action not in {"submitted", "dismissed"}:
        return _asks_nothing(payload)
    verdict = "dismissed" if payload.action == "dismissed" else _VERDICTS.get(review.state)
    if verdict is None:
        return Ignored(reason=f"not usable: a review of the unknown state {one_line(review.state, 40)!r}")
    return Reviewed(actor=actor, thread=thread, verdict=verdict, body=review.body or "", review_id=review.id)


def _line_comment(told: object) -> Event:
    payload = LineCommentPayload.model_validate(told)
    said = payload.comment
    if payload.action != "created":
        return _asks_nothing(payload)
    thread = _thread(payload, payload.pull_request, is_pull=True, head=payload.pull_request.head)
    return ReviewCommented(
        actor=payload.sender.value(), thread=thread, body=said.body, comment_id=said.id, path=said.path
    )


def _push(told: object) -> Event:
    payload = PushPayload.model_validate(told)
    if not payload.ref.startswith(_BRANCH):
        return Ignored(reason="what was pushed is no branch")
    return Pushed(
        actor=payload.sender.value(),
        repo=payload.repository.full_name,
        branch=payload.ref.removeprefix(_BRANCH),
        before=payload.before if payload.before.strip("0") else None,
        after=payload.after if payload.after.strip("0") else None,
    )


def _status(told: object) -> Event:
    payload = StatusPayload.model_validate(told)
    return StatusChanged(
        actor=payload.sender.value(),
        repo=payload.repository.full_name,
        sha=payload.sha,
        context=payload.context,
        state=payload.state,
    )


def _ping(told: object) -> Event:
    payload = PingPayload.model_validate(told)
    return Tested(repo=payload.repository.full_name if payload.repository else None)


_PARSERS: Mapping[str, Callable[[object], Event]] = {
    "issues": _issue,
    "issue_comment": _comment,
    "pull_request": _pull,
    "pull_request_review": _review,
    "pull_request_review_comment": _line_comment,
    "push": _push,
    "status": _status,
    "ping": _ping,
}


def parse(event_name: str, body: bytes) -> Event:
    """The event that a verified delivery tells of."""
    return read(_PARSERS, event_name, body)


def _signature(headers: Mapping[str, str]) -> str:
    """https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries."""
    found = _HEX_SHA256.fullmatch(header(headers, "x-hub-signature-256"))
    return found[1] if found else ""


DIALECT = Dialect(
    signature=_signature,
    event_name=lambda headers: header(headers, "x-github-event"),
    delivery_id=lambda headers: header(headers, "x-github-delivery"),
    parse=parse,
    sign=lambda event_name, body, secret: {
        "X-Hub-Signature-256": f"sha256={hex_hmac(body, secret)}",
        **({"X-GitHub-Event": event_name} if event_name else {}),
    },
)
"""What GitHub's webhooks look like; held to its published example payloads."""
