"""Reviews of pull requests, with comments on lines. A review without a verdict is pending: only its author sees it."""

import time

from flask import Response
from pydantic import BaseModel, Field

from app.demo.forge import discussion, events, hunks, timeline
from app.demo.forge.api.http import Body, Page, Text, answer, api, empty, parsed
from app.demo.forge.api.pulls import merge_base, named_pull
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Comment, Issue, Pull, Repository, Review, Unit
from app.demo.forge.refusals import Forbidden, Invalid, NotFound, Refusal
from app.demo.forge.world import forge

VERDICTS = {"APPROVED": "approve", "REQUEST_CHANGES": "reject"}
"""The states that judge, with the word for it; `COMMENT` doesn't."""


class LineComment(BaseModel):
    path: Text = ""
    body: Text = ""
    new_position: int = 0
    old_position: int = 0


class ReviewForm(Body):
    event: Text = ""
    body: Text = ""
    commit_id: Text = ""
    comments: tuple[LineComment, ...] | None = Field(default=None)


@api.get("/repos/<owner>/<name>/pulls/<int:number>/reviews")
def list_reviews(owner: str, name: str, number: int) -> Response:
    """Counts those of others that are pending, and doesn't show them."""
    repo, issue, _ = _pull(owner, name, number)
    page, me = Page(), caller().account
    every = forge().db.rows(Review, "SELECT * FROM reviews WHERE issue_id = ? ORDER BY id", issue.id)
    found = page.of(every) if page.asked else every
    shown = [discussion.review(forge(), repo, issue, one) for one in found if _visible(one, me)]
    return page.answer(shown, len(every), link=False)


@api.post("/repos/<owner>/<name>/pulls/<int:number>/reviews")
def create_review(owner: str, name: str, number: int) -> Response:
    repo, issue, pull = _pull(owner, name, number)
    me, form = caller().signed_in(), parsed(ReviewForm)
    state = _state(issue, me, form, has_comments=bool(form.comments))
    sha = form.commit_id or pull.head_sha
    with forge().db.transaction():
        pending = _pending(issue, me)
        if form.comments:
            if forge().bare(repo).commit_of(sha) is None:
                raise Refusal(status=500)  # as Gitea 1.22 does
            pending = pending or _insert(issue, me, "PENDING", "", sha, official=False)
            for comment in form.comments:
                _comment_on_line(repo, issue, pull, pending, comment)
        review = _submit(repo, issue, me, pending, state=state, body=form.body, sha=sha)
    return answer(discussion.review(forge(), repo, issue, review))


@api.get("/repos/<owner>/<name>/pulls/<int:number>/reviews/<int:review_id>")
def get_review(owner: str, name: str, number: int, review_id: int) -> Response:
    repo, issue, _ = _pull(owner, name, number)
    return answer(discussion.review(forge(), repo, issue, _review(issue, review_id)))


@api.post("/repos/<owner>/<name>/pulls/<int:number>/reviews/<int:review_id>")
def submit_review(owner: str, name: str, number: int, review_id: int) -> Response:
    """Give a verdict to one's pending review."""
    repo, issue, pull = _pull(owner, name, number)
    me, form = caller().signed_in(), parsed(ReviewForm)
    review = _review(issue, review_id)
    if review.state != "PENDING":
        raise Invalid("only a pending review can be submitted")
    state = _state(issue, me, form, has_comments=bool(_comments(issue, review)))
    if state == "PENDING":
        raise Invalid("review stay pending")
    with forge().db.transaction():
        review = _submit(repo, issue, me, review, state=state, body=form.body, sha=pull.head_sha)
    return answer(discussion.review(forge(), repo, issue, review))


@api.delete("/repos/<owner>/<name>/pulls/<int:number>/reviews/<int:review_id>")
def delete_review(owner: str, name: str, number: int, review_id: int) -> Response:
    _, issue, _ = _pull(owner, name, number)
    me, review = caller().signed_in(), _review(issue, review_id)
    if not me.is_admin and me.id != review.author_id:
        raise Forbidden("%!s(<nil>)")  # Gitea's own slip
    with forge().db.transaction():
        forge().db.run("DELETE FROM comments WHERE review_id = ?", review.id)
        forge().db.run("DELETE FROM reviews WHERE id = ?", review.id)
    return empty()


@api.get("/repos/<owner>/<name>/pulls/<int:number>/reviews/<int:review_id>/comments")
def list_review_comments(owner: str, name: str, number: int, review_id: int) -> Response:
    repo, issue, _ = _pull(owner, name, number)
    found = _comments(issue, _review(issue, review_id))
    return answer([discussion.line_comment(forge(), repo, issue, one) for one in found])


def _state(issue: Issue, me: Account, form: ReviewForm, *, has_comments: bool) -> str:
    """The state that the form asks for; raise `Invalid` where the caller can't have it."""
    has_body = bool(form.body.strip())
    if form.event in VERDICTS and issue.author_id == me.id:
        raise Invalid(f"{VERDICTS[form.event]} your own pull is not allowed")
    if form.event == "COMMENT" and not has_body and not has_comments:
        raise Invalid(f"review event {form.event} requires a body or a comment")
    if form.event not in {"APPROVED", "COMMENT"} and not has_body:
        raise Invalid(f"review event {form.event} requires a body")
    if form.event in VERDICTS and not issue.is_open:
        raise Invalid("can't submit review for a closed or merged PR")
    return form.event if form.event in VERDICTS or form.event == "COMMENT" else "PENDING"


def _submit(
    repo: Repository, issue: Issue, me: Account, pending: Review | None, *, state: str, body: str, sha: str
) -> Review:
    """Make the review, or of a pending one what it is to be; call it inside a transaction."""
    official = state in VERDICTS and forge().access(repo, me) >= Access.WRITE
    if state in VERDICTS:
        forge().db.run(
            "UPDATE reviews SET official = 0, dismissed = 1, updated = ?"
            " WHERE issue_id = ? AND author_id = ? AND state IN ('APPROVED', 'REQUEST_CHANGES')",
            *(time.time(), issue.id, me.id),
        )
    if pending is None:
        review = _insert(issue, me, state, body, sha, official=official)
    else:
        forge().db.run(
            "UPDATE reviews SET state = ?, body = ?, commit_sha = ?, official = ?, updated = ? WHERE id = ?",
            *(state, body, sha, official, time.time(), pending.id),
        )
        review = _review(issue, pending.id)
    timeline.add(forge(), issue, me, "review", body=body, review_id=review.id)
    if state != "PENDING":
        events.reviewed(forge(), repo, forge().issue_by_id(issue.id), me, review)
    return review


def _insert(issue: Issue, me: Account, state: str, body: str, sha: str, *, official: bool) -> Review:
    now = time.time()
    review_id = forge().db.run(
        "INSERT INTO reviews (issue_id, author_id, state, body, commit_sha, official, dismissed, created, updated)"
        " VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
        *(issue.id, me.id, state, body, sha, official, now, now),
    )
    return _review(issue, review_id)


def _comment_on_line(
    repo: Repository, issue: Issue, pull: Pull, review: Review, comment: LineComment
) -> None:
    """What isn't in the diff, or isn't there at all, is taken without a hunk, as Gitea does."""
    bare, old = forge().bare(repo), comment.old_position > 0
    line = comment.old_position if old else max(0, comment.new_position)
    start = merge_base(bare, pull)
    diff = bare.diff(start, pull.head_sha, comment.path) if start and comment.path else ""
    sha = pull.head_sha
    if line and not old:
        reviewed = bare.commit_of(review.commit_sha) or pull.head_sha
        sha = bare.blame(reviewed, comment.path, line) or sha
    made = timeline.add(
        forge(), issue, forge().account(review.author_id), "code", body=comment.body, review_id=review.id
    )
    forge().db.run(
        "UPDATE comments SET path = ?, line = ?, hunk = ?, commit_sha = ? WHERE id = ?",
        *(comment.path, -line if old else line, hunks.around(diff, line, old=old) if line else "", sha),
        made.id,
    )


def _pending(issue: Issue, me: Account) -> Review | None:
    query = "SELECT * FROM reviews WHERE issue_id = ? AND author_id = ? AND state = 'PENDING' ORDER BY id"
    return forge().db.row(Review, query, issue.id, me.id)


def _comments(issue: Issue, review: Review) -> list[Comment]:
    return [one for one in timeline.entries(forge(), issue, kind="code") if one.review_id == review.id]


def _visible(review: Review, me: Account | None) -> bool:
    return review.state != "PENDING" or (me is not None and (me.is_admin or me.id == review.author_id))


def _review(issue: Issue, review_id: int) -> Review:
    found = forge().db.row(Review, "SELECT * FROM reviews WHERE id = ?", review_id)
    if found is None:
        raise NotFound(f"review does not exist [id: {review_id}]", message="GetReviewByID")
    if found.issue_id != issue.id:
        raise NotFound(message="ReviewNotInPR")
    if not _visible(found, caller().account):
        raise NotFound(message="GetReviewByID")
    return found


def _pull(owner: str, name: str, number: int) -> tuple[Repository, Issue, Pull]:
    repo = readable(owner, name, unit=Unit.PULLS)
    return (repo, *named_pull(repo, number))
