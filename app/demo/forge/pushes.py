"""What follows from a change of branches: pull requests that follow their head, and the webhooks that tell of it.

A crash between the push and this leaves branches newer than what pull requests say; the next push to the repository
catches up with every one of them.
"""

import time

from app.demo.forge import events
from app.demo.forge.bare import ZERO
from app.demo.forge.events import Move
from app.demo.forge.records import Account, Issue, Pull, Repository
from app.demo.forge.world import Forge


def settle(
    forge: Forge, repo: Repository, pusher: Account, before: dict[str, str], after: dict[str, str]
) -> None:
    """Tell of every branch that differs between `before` and `after`, and bring pull requests up to date."""
    moved = [name for name in after if before.get(name) != after[name]]
    with forge.db.transaction():
        for name in moved:
            events.pushed(
                forge, repo, pusher, Move(branch=name, before=before.get(name, ZERO), after=after[name])
            )
        for issue in _open_pulls(forge, repo):
            _follow(forge, repo, pusher, issue, after)


def _open_pulls(forge: Forge, repo: Repository) -> list[Issue]:
    return forge.db.rows(
        Issue, "SELECT * FROM issues WHERE repo_id = ? AND is_pull AND is_open ORDER BY number", repo.id
    )


def _follow(forge: Forge, repo: Repository, pusher: Account, issue: Issue, heads: dict[str, str]) -> None:
    pull: Pull = forge.pull(issue)
    tip = heads.get(pull.head_branch)
    if tip is None:
        set_open(forge, issue, is_open=False)
        events.issue_changed(forge, repo, forge.issue_by_id(issue.id), pusher, "closed")
    elif tip != pull.head_sha:
        forge.bare(repo).git("update-ref", "--end-of-options", f"refs/pull/{issue.number}/head", tip)
        forge.db.run("UPDATE pulls SET head_sha = ? WHERE issue_id = ?", tip, issue.id)
        forge.touch(issue)
        events.issue_changed(forge, repo, forge.issue_by_id(issue.id), pusher, "synchronized")


def set_open(forge: Forge, issue: Issue, *, is_open: bool) -> None:
    now = time.time()
    forge.db.run(
        "UPDATE issues SET is_open = ?, closed = ?, updated = ? WHERE id = ?",
        *(is_open, None if is_open else now, now, issue.id),
    )
