"""Comments on issues and pull requests."""

import time

from flask import Response
from pydantic import Field

from app.demo.forge import discussion, events, timeline
from app.demo.forge.api.http import Body, Page, Period, answer, api, empty, parsed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Comment, Issue, Repository, Unit
from app.demo.forge.refusals import Refusal, Silent
from app.demo.forge.world import forge

_WITH_TEXT = frozenset({"comment", "code", "review", "dismiss_review", "reopen", "close", "merge_pull"})
"""Entries of a timeline whose text may be edited."""


class CommentForm(Body):
    body: str = Field(min_length=1)


@api.get("/repos/<owner>/<name>/issues/<int:number>/comments")
def list_comments(owner: str, name: str, number: int) -> Response:
    """All of them: Gitea knows no pages here."""
    repo, period = readable(owner, name, unit=Unit.EITHER), Period()
    issue = _issue(repo, number)
    found = timeline.entries(forge(), issue, kind="comment", since=period.since, before=period.before)
    shown = answer([discussion.comment(forge(), repo, issue, comment) for comment in found])
    shown.headers["X-Total-Count"] = str(len(found))
    return shown


@api.get("/repos/<owner>/<name>/issues/<int:number>/timeline")
def list_timeline(owner: str, name: str, number: int) -> Response:
    """Pages only where one is asked for. Comments on lines take their place on a page, but aren't shown."""
    repo, period = readable(owner, name, unit=Unit.EITHER), Period()
    issue, page = _issue(repo, number), Page()
    every = timeline.entries(forge(), issue, since=period.since, before=period.before)
    found = page.of(every) if page.asked else every
    shown = [discussion.entry(forge(), repo, issue, one) for one in found if one.kind != "code"]
    listed = answer(shown or None)
    listed.headers["X-Total-Count"] = str(len(shown))
    return listed


@api.post("/repos/<owner>/<name>/issues/<int:number>/comments")
def create_comment(owner: str, name: str, number: int) -> Response:
    repo, me = readable(owner, name, unit=Unit.EITHER, alive=True), caller().signed_in()
    form = parsed(CommentForm)
    issue = _issue(repo, number)
    with forge().db.transaction():
        comment = timeline.add(forge(), issue, me, "comment", body=form.body)
        events.comment_changed(forge(), repo, comment, me, "created")
    return answer(discussion.comment(forge(), repo, issue, comment), 201)


@api.get("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def get_comment(owner: str, name: str, comment_id: int) -> Response:
    repo = readable(owner, name, unit=Unit.EITHER)
    issue, comment = find_comment(repo, comment_id)
    if comment.kind != "comment":
        return empty()
    return answer(discussion.comment(forge(), repo, issue, comment))


@api.patch("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def edit_comment(owner: str, name: str, comment_id: int) -> Response:
    readable(owner, name, unit=Unit.EITHER, alive=True)
    form = parsed(CommentForm)
    repo, issue, old, me = _own(owner, name, comment_id)
    if old.kind not in _WITH_TEXT:
        return empty()
    with forge().db.transaction():
        if form.body != old.body:
            forge().db.run(
                "UPDATE comments SET body = ?, updated = ? WHERE id = ?", form.body, time.time(), old.id
            )
            forge().touch(issue)
            new = timeline.entry(forge(), old.id)
            events.comment_changed(forge(), repo, new, me, "edited", old_body=old.body)
    return answer(discussion.comment(forge(), repo, issue, timeline.entry(forge(), old.id)))


@api.delete("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def delete_comment(owner: str, name: str, comment_id: int) -> Response:
    repo, issue, old, me = _own(owner, name, comment_id)
    if old.kind != "comment":
        return empty()
    with forge().db.transaction():
        forge().db.run("DELETE FROM reactions WHERE comment_id = ?", old.id)
        forge().db.run("DELETE FROM comments WHERE id = ?", old.id)
        forge().touch(issue)
        events.comment_changed(forge(), repo, old, me, "deleted")
    return empty()


def find_comment(repo: Repository, comment_id: int) -> tuple[Issue, Comment]:
    """An entry of a timeline of this repository, and the issue it stands on."""
    comment = timeline.entry(forge(), comment_id)
    issue = forge().issue_by_id(comment.issue_id)
    if issue.repo_id != repo.id:
        raise Silent(404)
    return issue, comment


def _issue(repo: Repository, number: int) -> Issue:
    """Where the issue is missing, Gitea 1.22 fails here."""
    known = "SELECT COUNT(*) FROM issues WHERE repo_id = ? AND number = ?"
    if not forge().db.count(known, repo.id, number):
        raise Refusal(status=500)
    return forge().issue(repo, number)


def _own(owner: str, name: str, comment_id: int) -> tuple[Repository, Issue, Comment, Account]:
    """A comment that the caller may change: their own, or any for those who may write."""
    repo, me = readable(owner, name, unit=Unit.EITHER), caller().signed_in()
    issue, comment = find_comment(repo, comment_id)
    if comment.author_id != me.id and forge().access(repo, me) < Access.WRITE:
        raise Silent(403)
    return repo, issue, comment, me
