"""What the forge tells its webhooks: builds Gitea 1.22's payloads and queues one delivery per hook that listens.

Queuing belongs into the transaction of the change that it tells of; `delivery` sends later.
"""

import json
import time
import uuid
from dataclasses import dataclass
from typing import Literal

from app.demo.forge import views
from app.demo.forge.bare import ZERO
from app.demo.forge.records import Account, Comment, Hook, Issue, Repository
from app.demo.forge.views import Json
from app.demo.forge.world import Forge

EVENT_OF_TYPE = {
    "issues": "issues",
    "issue_label": "issues",
    "issue_comment": "issue_comment",
    "pull_request": "pull_request",
    "pull_request_label": "pull_request",
    "pull_request_comment": "issue_comment",
    "pull_request_sync": "pull_request",
    "push": "push",
}
"""The `X-Gitea-Event` header of each event type; the type itself goes into `X-Gitea-Event-Type`."""

_GROUPS = {
    "issues": ("issues", "issue_label", "issue_comment"),
    "pull_request": ("pull_request", "pull_request_label", "pull_request_comment", "pull_request_sync"),
    "issues_only": ("issues",),
    "pull_request_only": ("pull_request",),
}
MAX_COMMITS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A branch that a push moved; `before` is `ZERO` for a new one."""

    branch: str
    before: str
    after: str


def expand(events: list[str]) -> list[str]:
    """The event types that a hook gets for the names it asked for; none asked for is `push`."""
    wanted = [kind for name in events or ["push"] for kind in _GROUPS.get(name, (name,))]
    return sorted({kind for kind in wanted if kind in EVENT_OF_TYPE})


def issue_changed(
    forge: Forge, repo: Repository, issue: Issue, sender: Account, action: str, *, changes: Json | None = None
) -> None:
    """An issue or pull request was opened, edited, closed, reopened, relabelled or, for pulls, pushed to."""
    payload: Json = {"action": action, "number": issue.number}
    if changes:
        payload["changes"] = changes
    if issue.is_pull:
        payload["pull_request"] = views.pull(forge, repo, issue, sender)
        payload |= {"requested_reviewer": None, "review": None}
    else:
        payload["issue"] = views.issue(forge, repo, issue)
    payload |= _context(forge, repo, sender) | {"commit_id": ""}
    _queue(forge, repo, _issue_event_type(issue, action), payload)


def _issue_event_type(issue: Issue, action: str) -> str:
    if action in {"label_updated", "label_cleared"}:
        return "pull_request_label" if issue.is_pull else "issue_label"
    if action == "synchronized":
        return "pull_request_sync"
    return "pull_request" if issue.is_pull else "issues"


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
        "issue": views.issue(forge, repo, issue),
        "comment": views.comment(forge, repo, issue, comment),
    }
    if old_body is not None:
        payload["changes"] = {"body": {"from": old_body}}
    payload |= _context(forge, repo, sender) | {"is_pull": issue.is_pull}
    _queue(forge, repo, "pull_request_comment" if issue.is_pull else "issue_comment", payload)


def pushed(forge: Forge, repo: Repository, sender: Account, move: Move) -> None:
    _queue(forge, repo, "push", _push_payload(forge, repo, sender, move))


def tested(forge: Forge, repo: Repository, sender: Account, hook: Hook) -> None:
    """Gitea tests a hook with a push that changed nothing."""
    tip = forge.bare(repo).heads().get(repo.default_branch, ZERO)
    move = Move(branch=repo.default_branch, before=tip, after=tip)
    _queue_for(forge, hook, "push", _push_payload(forge, repo, sender, move))


def _push_payload(forge: Forge, repo: Repository, sender: Account, move: Move) -> Json:
    bare, before, after = forge.bare(repo), move.before, move.after
    known = [f"^{before}"] if before != ZERO and bare.commit_of(before) else []
    new = bare.log(after, *known, limit=MAX_COMMITS) if after not in {ZERO, before} else []
    head = bare.log(after, limit=1) if after != ZERO else []
    compare = f"{forge.url}/{repo.full_name}/compare/{before}...{after}" if before != ZERO else ""
    who = views.user(forge, sender)
    return {
        "ref": f"refs/heads/{move.branch}",
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


def _context(forge: Forge, repo: Repository, sender: Account) -> Json:
    return {"repository": views.repository(forge, repo, sender), "sender": views.user(forge, sender)}


def _queue(forge: Forge, repo: Repository, event_type: str, payload: Json) -> None:
    hooks = forge.db.rows(Hook, "SELECT * FROM hooks WHERE repo_id = ? AND active", repo.id)
    for hook in hooks:
        if event_type in hook.events.split(","):
            _queue_for(forge, hook, event_type, payload)


def _queue_for(forge: Forge, hook: Hook, event_type: str, payload: Json) -> None:
    now = time.time()
    body = json.dumps(payload, indent=2, ensure_ascii=False).encode()
    forge.db.run(
        "INSERT INTO deliveries (hook_id, uuid, event, event_type, body, created, next_at, attempts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
        *(hook.id, str(uuid.uuid4()), EVENT_OF_TYPE[event_type], event_type, body, now, now),
    )
    forge.wake.set()
