"""Reactions to issues and to comments. Twice is once, and it is no event."""

import time

from flask import Response

from app.demo.forge import discussion
from app.demo.forge.api.comments import find_comment
from app.demo.forge.api.http import Body, Page, answer, api, empty, parsed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Issue, Reaction, Unit
from app.demo.forge.refusals import Forbidden
from app.demo.forge.world import forge

ALLOWED = frozenset({"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"})


class ReactionForm(Body):
    content: str


@api.get("/repos/<owner>/<name>/issues/<int:number>/reactions")
def list_issue_reactions(owner: str, name: str, number: int) -> Response:
    page, found = Page(), _reactions(forge().issue(readable(owner, name, unit=Unit.EITHER), number))
    return page.answer([discussion.reaction(forge(), one) for one in page.of(found)], len(found), link=False)


@api.post("/repos/<owner>/<name>/issues/<int:number>/reactions")
def add_issue_reaction(owner: str, name: str, number: int) -> Response:
    return _add(forge().issue(readable(owner, name, unit=Unit.EITHER), number))


@api.delete("/repos/<owner>/<name>/issues/<int:number>/reactions")
def remove_issue_reaction(owner: str, name: str, number: int) -> Response:
    return _remove(forge().issue(readable(owner, name, unit=Unit.EITHER), number))


@api.get("/repos/<owner>/<name>/issues/comments/<int:comment_id>/reactions")
def list_comment_reactions(owner: str, name: str, comment_id: int) -> Response:
    issue, comment = find_comment(readable(owner, name, unit=Unit.EITHER), comment_id)
    return answer([discussion.reaction(forge(), one) for one in _reactions(issue, comment.id)])


@api.post("/repos/<owner>/<name>/issues/comments/<int:comment_id>/reactions")
def add_comment_reaction(owner: str, name: str, comment_id: int) -> Response:
    issue, comment = find_comment(readable(owner, name, unit=Unit.EITHER), comment_id)
    return _add(issue, comment.id)


@api.delete("/repos/<owner>/<name>/issues/comments/<int:comment_id>/reactions")
def remove_comment_reaction(owner: str, name: str, comment_id: int) -> Response:
    issue, comment = find_comment(readable(owner, name, unit=Unit.EITHER), comment_id)
    return _remove(issue, comment.id)


def _reactions(issue: Issue, comment_id: int = 0) -> list[Reaction]:
    return forge().db.rows(
        Reaction,
        "SELECT * FROM reactions WHERE issue_id = ? AND comment_id = ? ORDER BY id",
        issue.id,
        comment_id,
    )


def _add(issue: Issue, comment_id: int = 0) -> Response:
    """201 for a new reaction, 200 for one that was there."""
    me, form = caller().signed_in(), parsed(ReactionForm)
    if form.content not in ALLOWED:
        raise Forbidden(f"'{form.content}' is not an allowed reaction")
    with forge().db.transaction():
        before = len(_reactions(issue, comment_id))
        forge().db.run(
            "INSERT OR IGNORE INTO reactions (issue_id, comment_id, account_id, content, created)"
            " VALUES (?, ?, ?, ?, ?)",
            *(issue.id, comment_id, me.id, form.content, time.time()),
        )
        found = _reactions(issue, comment_id)
    (mine,) = [one for one in found if one.account_id == me.id and one.content == form.content]
    return answer(discussion.reaction(forge(), mine), 201 if len(found) > before else 200)


def _remove(issue: Issue, comment_id: int = 0) -> Response:
    me, form = caller().signed_in(), parsed(ReactionForm)
    forge().db.run(
        "DELETE FROM reactions WHERE issue_id = ? AND comment_id = ? AND account_id = ? AND content = ?",
        *(issue.id, comment_id, me.id, form.content),
    )
    return empty(200)
