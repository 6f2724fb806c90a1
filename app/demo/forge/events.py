"""What the forge tells its webhooks: builds Gitea 1.22's payloads and queues one delivery per hook that listens.

Queuing belongs into the transaction of the change that it tells of; `delivery` sends later.
"""

import json
import time
import uuid
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from app.demo.forge import discussion, views
from app.demo.forge.bare import ZERO, Commit
from app.demo.forge.records import Account, Comment, Hook, Issue, Repository, Review
from app.demo.forge.views import Json
from app.demo.forge.world import Forge

EVENT_OF_TYPE = {
    "create": "create",
    "delete": "delete",
    "issues": "issues",
    "issue_label": "issues",
    "issue_comment": "issue_comment",
    "pull_request": "pull_request",
    "pull_request_label": "pull_request",
    "pull_request_comment": "issue_comment",
    "pull_request_review_approved": "pull_request_approved",
    "pull_request_review_comment": "pull_request_comment",
    "pull_request_review_rejected": "pull_request_rejected",
    "pull_request_sync": "pull_request",
    "push": "push",
}
"""The `X-Gitea-Event` header of each event type; the type itself goes into `X-Gitea-Event-Type`."""

_REVIEW_TYPES = {
    "APPROVED": "pull_request_review_approved",
    "REQUEST_CHANGES": "pull_request_review_rejected",
    "COMMENT": "pull_request_review_comment",
}
_REVIEWS = ("pull_request_review_approved", "pull_request_review_rejected")
_ISSUES = ("issues", "issue_assign", "issue_label", "issue_milestone", "issue_comment")
_PULLS = (
    "pull_request", "pull_request_assign", "pull_request_label", "pull_request_milestone", "pull_request_comment",
    *_REVIEWS, "pull_request_review_comment", "pull_request_sync", "pull_request_review_request",
)  # fmt: skip
_TYPES = ("create", "delete", "fork", "push", *_ISSUES, *_PULLS, "wiki", "repository", "release")
"""What a hook may ask for, in the order in which Gitea lists it; not all of it ever happens here."""

_GROUPS = {
    "issues": _ISSUES,
    "pull_request": _PULLS,
    "issues_only": ("issues",),
    "pull_request_only": ("pull_request",),
    "pull_request_comment": ("pull_request_comment", "pull_request_review_comment"),
    "pull_request_review": _REVIEWS,
}
MAX_COMMITS = 30
_NO_RIGHTS = {"admin": False, "push": False, "pull": False}
_ESCAPES = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})
"""Gitea writes these signs of a string so; outside of strings JSON has none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A branch or tag that a push moved; `before` is `ZERO` for a new one, `after` for one that is gone."""

    ref: str
    before: str
    after: str


def expand(events: list[str]) -> list[str]:
    """The event types that a hook gets for the names it asked for; none asked for is `push`."""
    names = [name.lower() for name in events or ["push"]]
    wanted = [
        kind
        for name in names
        for kind in _GROUPS.get(name, () if name in _REVIEW_TYPES.values() else (name,))
    ]
    return [kind for kind in _TYPES if kind in wanted]


def issue_changed(
    forge: Forge,
    repo: Repository,
    issue: Issue,
    sender: Account,
    action: str,
    *,
    changes: Json | None = None,
    commit_id: str = "",
) -> None:
    """An issue or pull request was opened, edited, closed, reopened, relabelled or, for pulls, pushed to."""
    payload: Json = {"action": action, "number": issue.number}
    if changes:
        payload["changes"] = changes
    if issue.is_pull:
        payload["pull_request"] = views.pull(forge, repo, issue)
        payload["requested_reviewer"] = None
    else:
        payload["issue"] = views.issue(forge, repo, issue, sender)
    payload |= _context(forge, repo, sender, viewer=forge.account(issue.author_id))
    payload["commit_id"] = commit_id
    if issue.is_pull:
        payload["review"] = None
    _queue(forge, repo, _issue_event_type(issue, action), payload)


def _issue_event_type(issue: Issue, action: str) -> str:
    if action in {"label_updated", "label_cleared"}:
        return "pull_request_label" if issue.is_pull else "issue_label"
    if action == "synchronized":
        return "pull_request_sync"
    return "pull_request" if issue.is_pull else "issues"


def reviewed(forge: Forge, repo: Repository, issue: Issue, sender: Account, review: Review) -> None:
    """A review was submitted. Neither its id nor its comments on lines are told."""
    event_type = _REVIEW_TYPES[review.state]
    payload: Json = {"action": "reviewed", "number": issue.number}
    payload |= {"pull_request": views.pull(forge, repo, issue), "requested_reviewer": None}
    payload |= _context(forge, repo, sender, viewer=None) | {"commit_id": ""}
    _queue(forge, repo, event_type, payload | {"review": {"type": event_type, "content": review.body}})


def comment_changed(
    forge: Forge,
    repo: Repository,
    comment: Comment,
    sender: Account,
    action: Literal["created", "edited", "deleted"],
    *,
    old_body: str | None = None,
) -> None:
    issue = forge.issue_by_id(comment.issue_id)
    payload: Json = {
        "action": action,
        "issue": views.issue(forge, repo, issue, sender),
        "comment": discussion.comment(forge, repo, issue, comment),
    }
    if old_body is not None:
        payload["changes"] = {"body": {"from": old_body}}
    payload |= _context(forge, repo, sender, viewer=sender) | {"is_pull": issue.is_pull}
    _queue(forge, repo, "pull_request_comment" if issue.is_pull else "issue_comment", payload)


def pushed(forge: Forge, repo: Repository, sender: Account, move: Move) -> None:
    """A new branch or tag is a `create` and a push, one that is gone only a `delete`."""
    if move.after == ZERO:
        gone = _ref(move.ref) | {"pusher_type": "user"}
        _queue(forge, repo, "delete", gone | _context(forge, repo, sender, viewer=sender))
        return
    if move.before == ZERO:
        made = {"sha": move.after} | _ref(move.ref)
        context = _context(forge, repo, sender, viewer=sender)
        context["repository"] |= {"permissions": _NO_RIGHTS}
        _queue(forge, repo, "create", made | context)
    _queue(forge, repo, "push", _push_payload(forge, repo, sender, move))


def _ref(ref: str) -> Json:
    """A full ref as Gitea names it where one appears or goes."""
    _, kind, name = ref.split("/", 2)
    return {"ref": name, "ref_type": "tag" if kind == "tags" else "branch"}


def tested(forge: Forge, repo: Repository, sender: Account, hook: Hook, *, ref: str, tip: str) -> None:
    """Gitea tests a hook with a push that changed nothing, whatever the hook listens to."""
    commit = views.branch_commit(forge, repo, forge.bare(repo).log(tip, limit=1)[0])
    payload = _push_payload(forge, repo, sender, Move(ref=ref, before=tip, after=tip))
    payload |= {"commits": [commit], "total_commits": 1, "head_commit": commit}
    payload["repository"] |= {"permissions": _NO_RIGHTS}
    _queue_for(forge, hook, "push", payload)


def _push_payload(forge: Forge, repo: Repository, sender: Account, move: Move) -> Json:
    bare, before, after = forge.bare(repo), move.before, move.after
    new = new_commits(forge, repo, move)
    head = bare.log(after, limit=1) if after != ZERO else []
    compare = f"{forge.url}/{repo.full_name}/compare/{before}...{after}" if before != ZERO else ""
    who = views.user(forge, sender)
    return {
        "ref": move.ref,
        "before": before,
        "after": after,
        "compare_url": compare,
        "commits": [views.payload_commit(forge, repo, commit) for commit in new],
        "total_commits": len(new),
        "head_commit": views.payload_commit(forge, repo, head[0]) if head else None,
        "repository": views.repository(forge, repo, sender),
        "pusher": who,
        "sender": who,
    }


def new_commits(forge: Forge, repo: Repository, move: Move) -> list[Commit]:
    """What a branch has that it hadn't; where it is new, what the default branch hasn't."""
    if move.after in {ZERO, move.before}:
        return []
    bare, main = forge.bare(repo), f"refs/heads/{repo.default_branch}"
    known = bare.commit_of(main if move.before == ZERO and move.ref != main else move.before)
    return bare.log(move.after, *([f"^{known}"] if known else []), limit=MAX_COMMITS)


def _context(forge: Forge, repo: Repository, sender: Account, *, viewer: Account | None) -> Json:
    """Repository and sender. Whose rights are told with it differs from event to event: often the author's."""
    return {"repository": views.repository(forge, repo, viewer), "sender": views.user(forge, sender)}


def _passes(hook: Hook, event_type: str, ref: str) -> bool:
    """Whether the hook listens to this event, and, where the event is about a branch, to that branch.

    Of Gitea's patterns `*`, `?` and `[…]` are served, and one pair of braces around the whole, `{main,release/*}`.
    """
    if event_type not in hook.events.split(","):
        return False
    if not ref or not hook.branch_filter or ref.startswith("refs/tags/"):
        return True
    patterns = hook.branch_filter.removeprefix("{").removesuffix("}").split(",")
    return any(fnmatchcase(ref.removeprefix("refs/heads/"), pattern) for pattern in patterns)


def _queue(forge: Forge, repo: Repository, event_type: str, payload: Json) -> None:
    branch = "" if payload.get("ref_type") == "tag" else payload.get("ref", "")
    hooks = forge.db.rows(Hook, "SELECT * FROM hooks WHERE repo_id = ? AND active", repo.id)
    for hook in hooks:
        if _passes(hook, event_type, branch):
            _queue_for(forge, hook, event_type, payload)


def _queue_for(forge: Forge, hook: Hook, event_type: str, payload: Json) -> None:
    now = time.time()
    body = json.dumps(payload, indent=2, ensure_ascii=False).translate(_ESCAPES).encode()
    forge.db.run(
        "INSERT INTO deliveries (hook_id, uuid, event, event_type, body, created, next_at, attempts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
        *(hook.id, str(uuid.uuid4()), EVENT_OF_TYPE[event_type], event_type, body, now, now),
    )
    forge.wake.set()
