"""Issues: list, open, read, edit, close."""

from typing import Literal

from flask import Response, request
from pydantic import Field

from app.demo.forge import events, timeline, views
from app.demo.forge.api.http import Body, Page, Text, answer, api, parsed
from app.demo.forge.api.labels import known_labels
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Issue, Repository, Unit
from app.demo.forge.refusals import Forbidden, Refusal, Silent
from app.demo.forge.world import forge

MAX_TITLE = 255


class NewIssue(Body):
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    body: Text = ""
    labels: tuple[int, ...] | None = None


class IssueEdit(Body):
    """What to change; what is none stays."""

    title: str | None = Field(default=None, max_length=MAX_TITLE)
    body: str | None = None
    state: Literal["open", "closed"] | None = None


@api.get("/repos/<owner>/<name>/issues")
def list_issues(owner: str, name: str) -> Response:
    repo, page = readable(owner, name, unit=Unit.EITHER), Page()
    state, kind = request.args.get("state", "open"), request.args.get("type", "")
    wanted = {word for word in request.args.get("labels", "").split(",") if word}
    found = [
        issue
        for issue in forge().db.rows(
            Issue, "SELECT * FROM issues WHERE repo_id = ? ORDER BY number DESC", repo.id
        )
        if state in ("all", "open" if issue.is_open else "closed")
        and kind in ("", "pulls" if issue.is_pull else "issues")
        and repo.has(Unit.PULLS if issue.is_pull else Unit.ISSUES)
        and wanted <= {label.name for label in forge().labels(issue)}
    ]
    return page.answer([views.issue(forge(), repo, issue) for issue in page.of(found)], len(found))


@api.post("/repos/<owner>/<name>/issues")
def create_issue(owner: str, name: str) -> Response:
    repo, me = readable(owner, name, unit=Unit.EITHER, alive=True), caller().signed_in()
    form = parsed(NewIssue)
    if not repo.has_issues:
        raise Forbidden("user should have specific read permission or be a repo admin or a site admin")
    with forge().db.transaction():
        issue = forge().add_issue(repo, me, form.title, form.body, is_pull=False)
        put_first_labels(repo, me, issue, form.labels)
        events.issue_changed(forge(), repo, issue, me, "opened")
        tell_first_labels(repo, me, issue)
    return answer(views.issue(forge(), repo, issue), 201)


def put_first_labels(repo: Repository, me: Account, issue: Issue, wanted: tuple[int, ...] | None) -> None:
    """What those who may write put on while they open it; those of others are left out."""
    if wanted and forge().access(repo, me) >= Access.WRITE:
        label_ids = sorted(label.id for label in known_labels(repo, wanted))
        forge().put_labels(issue, label_ids)
        timeline.labelled(forge(), issue, me, on=label_ids)


def tell_first_labels(repo: Repository, me: Account, issue: Issue) -> None:
    """An event of its own, after that of the opening."""
    if forge().labels(issue):
        events.issue_changed(forge(), repo, issue, me, "label_updated")


@api.get("/repos/<owner>/<name>/issues/<int:number>")
def get_issue(owner: str, name: str, number: int) -> Response:
    repo = readable(owner, name, unit=Unit.EITHER)
    return answer(views.issue(forge(), repo, forge().issue(repo, number)))


@api.patch("/repos/<owner>/<name>/issues/<int:number>")
def edit_issue(owner: str, name: str, number: int) -> Response:
    repo, me = readable(owner, name, unit=Unit.EITHER), caller().signed_in()
    issue = edited(repo, me, forge().issue(repo, number), parsed(IssueEdit))
    return answer(views.issue(forge(), repo, issue), 201)


def edited(repo: Repository, me: Account, issue: Issue, form: IssueEdit) -> Issue:
    """Apply an edit by the author or a writer; each change that is one is an event of its own."""
    if issue.author_id != me.id and forge().access(repo, me) < Access.WRITE:
        raise Silent(403)
    with forge().db.transaction():
        if form.title and form.title != issue.title:
            forge().db.run("UPDATE issues SET title = ? WHERE id = ?", form.title, issue.id)
            timeline.add(forge(), issue, me, "change_title", titles=(issue.title, form.title))
            _tell(repo, me, issue, "edited", title=issue.title)
        if form.body is not None and form.body != issue.body:
            forge().db.run("UPDATE issues SET body = ? WHERE id = ?", form.body, issue.id)
            _tell(repo, me, issue, "edited", body=issue.body)
        if form.state and (form.state == "open") != issue.is_open:
            _set_state(repo, me, issue, is_open=form.state == "open")
    return forge().issue_by_id(issue.id)


def _set_state(repo: Repository, me: Account, issue: Issue, *, is_open: bool) -> None:
    if issue.is_pull and forge().pull(issue).merged is not None:
        raise Refusal("cannot change state of this pull request, it was already merged", status=412)
    forge().set_open(issue, is_open=is_open)
    timeline.add(forge(), issue, me, "reopen" if is_open else "close")
    _tell(repo, me, issue, "reopened" if is_open else "closed")


def _tell(repo: Repository, me: Account, issue: Issue, action: str, **old: str) -> None:
    forge().touch(issue)
    changes = {field: {"from": value} for field, value in old.items()}
    events.issue_changed(forge(), repo, forge().issue_by_id(issue.id), me, action, changes=changes)
