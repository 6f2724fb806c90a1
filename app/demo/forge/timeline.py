"""What happened to an issue or pull request, in order: comments, and what was done to it, as Gitea records it.

An entry belongs into the transaction of the change that it tells of.
"""

import json
import time
from collections.abc import Sequence

from app.demo.forge.records import Account, Comment, Issue
from app.demo.forge.refusals import NotFound
from app.demo.forge.world import Forge


def add(
    forge: Forge,
    issue: Issue,
    who: Account,
    kind: str,
    *,
    body: str = "",
    label_id: int | None = None,
    titles: tuple[str, str] = ("", ""),
    refs: tuple[str, str] = ("", ""),
    review_id: int = 0,
) -> Comment:
    """Record one entry and give it; the issue counts as changed."""
    now = time.time()
    entry_id = forge.db.run(
        "INSERT INTO comments (issue_id, author_id, body, created, updated, kind, label_id, old_title, new_title,"
        " old_ref, new_ref, review_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(issue.id, who.id, body, now, now, kind, label_id, *titles, *refs, review_id),
    )
    forge.touch(issue)
    return entry(forge, entry_id)


def entry(forge: Forge, entry_id: int) -> Comment:
    """Raise `NotFound`, in Gitea's words, where there is none."""
    found = forge.db.row(Comment, "SELECT * FROM comments WHERE id = ?", entry_id)
    if found is None:
        raise NotFound(f"comment does not exist [id: {entry_id}, issue_id: 0]")
    return found


def entries(
    forge: Forge, issue: Issue, *, kind: str = "", since: float = 0, before: float = 0
) -> list[Comment]:
    """Oldest first; of one kind where that is given. The limits are whole seconds and belong to what is asked for."""
    found = forge.db.rows(
        Comment, "SELECT * FROM comments WHERE issue_id = ? ORDER BY CAST(created AS INTEGER), id", issue.id
    )
    return [
        one
        for one in found
        if kind in ("", one.kind)
        and (not since or int(one.updated) >= since)
        and (not before or int(one.updated) <= before)
    ]


def count(forge: Forge, issue: Issue) -> int:
    """How many comments an issue says it has."""
    return forge.db.count("SELECT COUNT(*) FROM comments WHERE issue_id = ? AND kind = 'comment'", issue.id)


def labelled(forge: Forge, issue: Issue, who: Account, *, on: Sequence[int], off: Sequence[int] = ()) -> None:
    """Labels were put on, then others taken off."""
    for label_id in on:
        add(forge, issue, who, "label", body="1", label_id=label_id)
    for label_id in off:
        add(forge, issue, who, "label", label_id=label_id)


def pushed(forge: Forge, issue: Issue, who: Account, commits: Sequence[str], *, forced: bool = False) -> None:
    """The branch of a pull request moved; `commits` are the new ones, oldest first, or the two tips where forced."""
    body = json.dumps({"is_force_push": forced, "commit_ids": list(commits)}, separators=(",", ":"))
    add(forge, issue, who, "pull_push", body=body)
