"""The webhooks of Gitea and Forgejo as events; sans-I/O, one function per payload kind.

Field names are those of the forges' own payload structures (https://docs.gitea.com/usage/webhooks,
https://forgejo.org/docs/latest/user/webhooks/). What lacks a field that we need, or has something else in it, is
`Ignored`, never an exception. The event's name isn't signed, so it only picks the function: each refuses the
payloads of the others. A reason is logged: it holds no text of the payload but an action's name, on one line.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from app.domain.event import (
    Account,
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
from app.forges.gitea_family.shapes import (
    Acted,
    CommentPayload,
    DeletePayload,
    IssuePayload,
    PullPayload,
    PushPayload,
    Review,
    StatusPayload,
    Subject,
    Tip,
)
from app.forges.payload import header, hex_hmac, read
from app.forges.port import Dialect

_BRANCH = "refs/heads/"

_CHANGES: Mapping[str, Literal["opened", "edited", "closed", "reopened"]] = {
    "opened": "opened",
    "edited": "edited",
    "closed": "closed",
    "reopened": "reopened",
}
_LABELS = frozenset({"label_updated", "label_cleared"})
_VERDICTS: Mapping[str, Literal["approved", "changes_requested", "commented"]] = {
    "pull_request_review_approved": "approved",
    "pull_request_review_rejected": "changes_requested",
    "pull_request_review_comment": "commented",
}


def _thread(payload: Acted, about: Subject, *, is_pull: bool, tip: Tip | None = None) -> Thread:
    # When all labels are taken off at once, the forges still send those that were on.
    labels = () if payload.action == "label_cleared" else about.labels or ()
    return Thread(
        repo=payload.repository.full_name,
        number=about.number,
        title=about.title,
        body=about.body or "",
        author=about.user.value(),
        labels=frozenset(label.name for label in labels),
        is_pull=is_pull,
        is_open=about.state == "open",
        updated_at=about.updated_at,
        default_branch=payload.repository.default_branch,
        head_sha=(tip.head.sha or None) if tip else None,
    )


def _issue(told: object) -> Event:
    payload = IssuePayload.model_validate(told)
    thread = _thread(payload, payload.issue, is_pull=payload.issue.pull_request is not None)
    return _changed(payload, thread) or _asks_nothing(payload)


def _pull(told: object) -> Event:
    payload = PullPayload.model_validate(told)
    thread = _thread(payload, payload.pull_request, is_pull=True, tip=payload.pull_request)
    if payload.action == "synchronized":
        return PullSynchronized(actor=payload.sender.value(), thread=thread)
    if payload.action == "reviewed" and payload.review is not None:
        return _reviewed(payload.sender.value(), thread, payload.review)
    return _changed(payload, thread) or _asks_nothing(payload)


def _changed(payload: Acted, thread: Thread) -> Event | None:
    actor = payload.sender.value()
    if payload.action in _LABELS:
        return LabelsChanged(actor=actor, thread=thread)
    if what := _CHANGES.get(payload.action):
        return ThreadChanged(actor=actor, thread=thread, what=what)
    return None


def _asks_nothing(payload: Acted) -> Ignored:
    return Ignored(reason=f"the action {one_line(payload.action, 40)!r} asks nothing of us")


def _reviewed(actor: Account, thread: Thread, review: Review) -> Event:
    verdict = _VERDICTS.get(review.type)
    if verdict is None:
        return Ignored(reason=f"a review of the unknown type {one_line(review.type, 40)!r}")
    if verdict == "commented" and not review.content.strip():
        # The forges take such a review only where it comments on lines, and tell no more of those than this.
        return ReviewCommented(actor=actor, thread=thread, body="")
    return Reviewed(actor=actor, thread=thread, verdict=verdict, body=review.content)


def _comment(told: object) -> Event:
    payload = CommentPayload.model_validate(told)
    actor, said = payload.sender.value(), payload.comment
    is_pull = payload.is_pull or payload.issue.pull_request is not None
    thread = _thread(payload, payload.issue, is_pull=is_pull, tip=payload.pull_request)
    author = said.user.value()
    if payload.action == "created":
        return Commented(actor=actor, thread=thread, comment_id=said.id, body=said.body, author=author)
    if payload.action in {"edited", "deleted"}:
        what: Literal["edited", "deleted"] = "edited" if payload.action == "edited" else "deleted"
        return CommentChanged(
            actor=actor, thread=thread, comment_id=said.id, body=said.body, author=author, what=what
        )
    return _asks_nothing(payload)


def _push(told: object) -> Event:
    payload = PushPayload.model_validate(told)
    repo, before, after = payload.repository.full_name, payload.before, payload.after
    if before == after and payload.total_commits == 1:
        # Nothing moved, yet a commit is counted: only the test delivery says so.
        return Tested(repo=repo)
    branch = payload.ref.removeprefix(_BRANCH)
    if branch in {"", payload.ref}:
        return Ignored(reason="what was pushed is no branch")
    return Pushed(
        actor=payload.sender.value(),
        repo=repo,
        branch=branch,
        before=before if before.strip("0") else None,
        after=after if after.strip("0") else None,
    )


def _delete(told: object) -> Event:
    """That a branch is gone; no push tells it, and nothing which commit it was at."""
    payload = DeletePayload.model_validate(told)
    branch = payload.ref.removeprefix(_BRANCH)  # Forgejo writes the whole ref to webhooks of its own type
    if payload.ref_type != "branch" or not branch:
        return Ignored(reason="what was deleted is no branch")
    repo, actor = payload.repository.full_name, payload.sender.value()
    return Pushed(actor=actor, repo=repo, branch=branch, before=None, after=None)


def _status(told: object) -> Event:
    payload = StatusPayload.model_validate(told)
    if payload.state == "skipped":
        return Ignored(reason="a skipped check is no status")
    return StatusChanged(
        actor=payload.sender.value(),
        repo=payload.repository.full_name,
        sha=payload.sha,
        context=payload.context,
        state=payload.state,
    )


_PARSERS: Mapping[str, Callable[[object], Event]] = {
    "issues": _issue,
    "issue_label": _issue,
    "pull_request": _pull,
    "pull_request_label": _pull,
    "pull_request_sync": _pull,
    **dict.fromkeys(_VERDICTS, _pull),
    "issue_comment": _comment,
    "pull_request_comment": _comment,
    "push": _push,
    "delete": _delete,
    "status": _status,
}


def parse(event_name: str, body: bytes) -> Event:
    """The event that a verified delivery tells of."""
    return read(_PARSERS, event_name, body)


def dialect(brand: str) -> Dialect:
    """What the webhooks of `Gitea` or `Forgejo` look like: only the headers with its own name are read.

    Both send the headers of others beside theirs, Forgejo also Gitea's.
    """
    return Dialect(
        signature=lambda headers: header(headers, f"X-{brand}-Signature"),
        # not `…-Event`, which has one name for comments on pull requests and for reviews
        event_name=lambda headers: header(headers, f"X-{brand}-Event-Type"),
        delivery_id=lambda headers: header(headers, f"X-{brand}-Delivery"),
        parse=parse,
        sign=lambda event_name, body, secret: {
            f"X-{brand}-Signature": hex_hmac(body, secret),
            **({f"X-{brand}-Event-Type": event_name} if event_name else {}),
        },
    )
