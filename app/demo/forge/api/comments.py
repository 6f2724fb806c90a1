"""Comments on issues and pull requests."""

import time

from flask import Response
from pydantic import Field

from app.demo.forge import events, views
from app.demo.forge.api.http import Body, answer, api, empty, parsed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Comment, Issue, Repository
from app.demo.forge.refusals import Forbidden, NotFound
from app.demo.forge.world import forge


class CommentForm(Body):
    body: str = Field(min_length=1)


@api.get("/repos/<owner>/<name>/issues/<int:number>/comments")
def list_comments(owner: str, name: str, number: int) -> Response:
    """All of them: Gitea knows no pages here."""
    repo = readable(owner, name)
    issue = forge().issue(repo, number)
    found = forge().comments(issue)
    shown = answer([views.comment(forge(), repo, issue, comment) for comment in found])
    shown.headers["X-Total-Count"] = str(len(found))
    return shown


@api.post("/repos/<owner>/<name>/issues/<int:number>/comments")
def create_comment(owner: str, name: str, number: int) -> Response:
    repo, me, form = readable(owner, name), caller().signed_in(), parsed(CommentForm)
    issue, now = forge().issue(repo, number), time.time()
    with forge().db.transaction():
        comment_id = forge().db.run(
            "INSERT INTO comments (issue_id, author_id, body, created, updated) VALUES (?, ?, ?, ?, ?)",
            *(issue.id, me.id, form.body, now, now),
        )
        forge().touch(issue)
        _, comment = find_comment(repo, comment_id)
        events.comment_changed(forge(), repo, comment, me, "created")
    return answer(views.comment(forge(), repo, issue, comment), 201)


@api.get("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def get_comment(owner: str, name: str, comment_id: int) -> Response:
    repo = readable(owner, name)
    issue, comment = find_comment(repo, comment_id)
    return answer(views.comment(forge(), repo, issue, comment))


@api.patch("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def edit_comment(owner: str, name: str, comment_id: int) -> Response:
    repo, issue, old, me = _own(owner, name, comment_id)
    form = parsed(CommentForm)
    with forge().db.transaction():
        if form.body != old.body:
            forge().db.run(
                "UPDATE comments SET body = ?, updated = ? WHERE id = ?", form.body, time.time(), old.id
            )
            forge().touch(issue)
            events.comment_changed(
                forge(), repo, find_comment(repo, old.id)[1], me, "edited", old_body=old.body
            )
    return answer(views.comment(forge(), repo, issue, find_comment(repo, old.id)[1]))


@api.delete("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def delete_comment(owner: str, name: str, comment_id: int) -> Response:
    repo, issue, old, me = _own(owner, name, comment_id)
    with forge().db.transaction():
        forge().db.run("DELETE FROM reactions WHERE comment_id = ?", old.id)
        forge().db.run("DELETE FROM comments WHERE id = ?", old.id)
        forge().touch(issue)
        events.comment_changed(forge(), repo, old, me, "deleted")
    return empty()


def find_comment(repo: Repository, comment_id: int) -> tuple[Issue, Comment]:
    """A comment of this repository and the issue it stands on."""
    comment = forge().db.row(Comment, "SELECT * FROM comments WHERE id = ?", comment_id)
    issue = forge().issue_by_id(comment.issue_id) if comment else None
    if comment is None or issue is None or issue.repo_id != repo.id:
        raise NotFound(f"comment does not exist [id: {comment_id}, issue_id: 0]")
    return issue, comment


def _own(owner: str, name: str, comment_id: int) -> tuple[Repository, Issue, Comment, Account]:
    """A comment that the caller may change: their own, or any for those who may write."""
    repo, me = readable(owner, name), caller().signed_in()
    issue, comment = find_comment(repo, comment_id)
    if comment.author_id != me.id and forge().access(repo, me) < Access.WRITE:
        raise Forbidden("only the author and people with write access may change this comment")
    return repo, issue, comment, me
