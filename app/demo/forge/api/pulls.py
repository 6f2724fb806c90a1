"""Pull requests between branches of one repository. Forks are not served."""

import time
from typing import Literal

from flask import Response, request
from pydantic import Field

from app.demo.forge import events, pushes, timeline, views
from app.demo.forge.api.http import Body, Page, Text, answer, api, empty, parsed
from app.demo.forge.api.issues import MAX_TITLE, IssueEdit, edited, put_first_labels, tell_first_labels
from app.demo.forge.bare import Bare, Commit, Person
from app.demo.forge.closing import close_what_is_fixed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Issue, Pull, Repository, Unit
from app.demo.forge.refusals import Conflict, Invalid, NotFound, Refusal
from app.demo.forge.world import forge


class NewPull(Body):
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    head: str
    base: str
    body: Text = ""
    labels: tuple[int, ...] | None = None


class PullEdit(IssueEdit):
    base: Text = ""


class Merge(Body):
    how: Literal["merge", "squash"] = Field(alias="Do")
    title: Text = Field(default="", alias="MergeTitleField")
    message: Text = Field(default="", alias="MergeMessageField")
    head_commit_id: Text = ""


@api.get("/repos/<owner>/<name>/pulls")
def list_pulls(owner: str, name: str) -> Response:
    repo, page = readable(owner, name, unit=Unit.PULLS), Page()
    if not forge().bare(repo).heads():
        raise NotFound
    state = request.args.get("state", "open")
    newest = "SELECT * FROM issues WHERE repo_id = ? AND is_pull ORDER BY number DESC"
    every = forge().db.rows(Issue, newest, repo.id)
    found = [one for one in every if state in ("all", "open" if one.is_open else "closed")]
    shown = [views.pull(forge(), repo, one, caller().account) for one in page.of(found)]
    return page.answer(shown, len(found))


@api.post("/repos/<owner>/<name>/pulls")
def create_pull(owner: str, name: str) -> Response:
    repo, me = readable(owner, name, unit=Unit.PULLS, alive=True), caller().signed_in()
    form = parsed(NewPull)
    heads = forge().bare(repo).heads()
    head = form.head.removeprefix(f"{repo.owner}:")
    if form.base not in heads:
        raise NotFound(message="BaseNotExist")
    if head not in heads:
        raise NotFound
    if head == form.base:
        raise Invalid("Invalid PullRequest: There are no changes between the head and the base")
    with forge().db.transaction():
        _refuse_second(repo, head, form.base)
        issue = forge().add_issue(repo, me, form.title, form.body, is_pull=True)
        forge().db.run(
            "INSERT INTO pulls (issue_id, head_branch, base_branch, head_sha, base_sha) VALUES (?, ?, ?, ?, ?)",
            *(issue.id, head, form.base, heads[head], heads[form.base]),
        )
        forge().bare(repo).git(
            "update-ref", "--end-of-options", f"refs/pull/{issue.number}/head", heads[head]
        )
        put_first_labels(repo, me, issue, form.labels)
        new = commits_of(forge().bare(repo), forge().pull(issue))
        if new:
            timeline.pushed(forge(), issue, me, [commit.sha for commit in reversed(new)])
        events.issue_changed(forge(), repo, issue, me, "opened")
        tell_first_labels(repo, me, issue)
    return answer(views.pull(forge(), repo, issue, me), 201)


def _refuse_second(repo: Repository, head: str, base: str) -> None:
    """Raise `Conflict` where an open pull request goes from this branch into that one already."""
    query = (
        "SELECT i.* FROM issues i JOIN pulls p ON i.id = p.issue_id"
        " WHERE i.repo_id = ? AND i.is_open AND p.head_branch = ? AND p.base_branch = ?"
    )
    present = forge().db.row(Issue, query, repo.id, head, base)
    if present:
        raise Conflict(
            f"pull request already exists for these targets [id: {present.id}, issue_id: {present.number},"
            f" head_repo_id: {repo.id}, base_repo_id: {repo.id}, head_branch: {head}, base_branch: {base}]"
        )


@api.get("/repos/<owner>/<name>/pulls/<int:number>")
def get_pull(owner: str, name: str, number: int) -> Response:
    repo, issue, _ = found_pull(owner, name, number)
    return answer(views.pull(forge(), repo, issue, caller().account))


@api.patch("/repos/<owner>/<name>/pulls/<int:number>")
def edit_pull(owner: str, name: str, number: int) -> Response:
    repo, issue, _ = found_pull(owner, name, number)
    me, form = caller().signed_in(), parsed(PullEdit)
    with forge().db.transaction():
        issue = edited(repo, me, issue, form)
        if form.base:
            _retarget(repo, me, issue, form.base)
    return answer(views.pull(forge(), repo, issue, me), 201)


def _retarget(repo: Repository, me: Account, issue: Issue, base: str) -> None:
    pull, heads = forge().pull(issue), forge().bare(repo).heads()
    if pull.merged is not None or base == pull.base_branch:
        return
    if base not in heads:
        raise Refusal(f"new base '{base}' not exist", status=404)
    if not issue.is_open:
        raise Invalid(f"issue is closed [id: {issue.id}, repo_id: {repo.id}, index: {issue.number}]")
    if forge().bare(repo).merge_base(heads[base], pull.head_sha) == pull.head_sha:
        raise Refusal(status=500)  # nothing would be left of it; as Gitea 1.22 does
    _refuse_second(repo, pull.head_branch, base)
    change = "UPDATE pulls SET base_branch = ?, base_sha = ? WHERE issue_id = ?"
    forge().db.run(change, base, heads[base], issue.id)
    timeline.add(forge(), issue, me, "change_target_branch", refs=(pull.base_branch, base))
    changes = {"ref": {"from": pull.base_branch}}
    events.issue_changed(forge(), repo, forge().issue_by_id(issue.id), me, "edited", changes=changes)


@api.get("/repos/<owner>/<name>/pulls/<int:number>.diff")
def get_diff(owner: str, name: str, number: int) -> Response:
    repo, _, pull = found_pull(owner, name, number)
    return Response(diff_of(forge().bare(repo), pull), mimetype="text/plain")


@api.get("/repos/<owner>/<name>/pulls/<int:number>/files")
def list_files(owner: str, name: str, number: int) -> Response:
    repo, _, pull = found_pull(owner, name, number)
    page, bare = Page(), forge().bare(repo)
    start = merge_base(bare, pull)
    found = bare.changes(start, pull.head_sha) if start else []
    shown = [views.changed_file(forge(), repo, pull.head_sha, change) for change in page.of(found)]
    return page.answer(shown, len(found))


@api.get("/repos/<owner>/<name>/pulls/<int:number>/commits")
def list_commits(owner: str, name: str, number: int) -> Response:
    repo, _, pull = found_pull(owner, name, number)
    page, found = Page(), commits_of(forge().bare(repo), pull)
    return page.answer([views.commit(forge(), repo, commit) for commit in page.of(found)], len(found))


@api.get("/repos/<owner>/<name>/pulls/<int:number>/merge")
def is_merged(owner: str, name: str, number: int) -> Response:
    _, _, pull = found_pull(owner, name, number)
    if pull.merged is None:
        raise NotFound
    return empty()


@api.post("/repos/<owner>/<name>/pulls/<int:number>/merge")
def merge_pull(owner: str, name: str, number: int) -> Response:
    repo = readable(owner, name, unit=Unit.PULLS, alive=True)
    me, form = caller().signed_in(), parsed(Merge)
    issue, pull = named_pull(repo, number)
    if forge().access(repo, me) < Access.WRITE:
        raise Refusal("User not allowed to merge PR", status=405)
    if pull.merged is not None:
        raise Refusal(status=405)
    if not issue.is_open:
        raise NotFound
    if views.is_draft(issue.title):
        raise Refusal("Work in progress PRs cannot be merged", status=405)
    if form.head_commit_id and form.head_commit_id != pull.head_sha:
        raise Conflict("head out of date")
    with forge().writing(repo):
        before = forge().bare(repo).refs()
        _merge(repo, me, issue, pull, form)
        pushes.settle(forge(), repo, me, before, forge().bare(repo).refs())
    return empty(200)


def _merge(repo: Repository, me: Account, issue: Issue, pull: Pull, form: Merge) -> None:
    """Move the base branch, then close the pull request; a crash between leaves it open with nothing to merge."""
    bare = forge().bare(repo)
    base = bare.commit_of(f"refs/heads/{pull.base_branch}")
    tree = bare.merged_tree(base, pull.head_sha) if base else None
    if base is None or tree is None:
        raise Refusal("Please try again later", status=405)
    title = (
        form.title
        or f"Merge pull request '{issue.title}' (#{issue.number}) from {pull.head_branch} into {pull.base_branch}"
    )
    message = f"{title}\n\n{form.message}".strip() + "\n"
    parents = (base, pull.head_sha) if form.how == "merge" else (base,)
    sha = bare.write_commit(tree, parents, message, Person(name=me.full_name or me.login, email=me.email))
    bare.move(f"refs/heads/{pull.base_branch}", sha, base)
    with forge().db.transaction():
        forge().db.run(
            "UPDATE pulls SET merged_sha = ?, merged_by = ?, merged = ?, base_sha = ? WHERE issue_id = ?",
            *(sha, me.id, time.time(), base, issue.id),
        )
        forge().set_open(issue, is_open=False)
        timeline.add(forge(), issue, me, "merge_pull")
        close_what_is_fixed(forge(), repo, me, f"{issue.title}\n{issue.body}", sha)
        events.issue_changed(forge(), repo, forge().issue_by_id(issue.id), me, "closed")


def found_pull(owner: str, name: str, number: int) -> tuple[Repository, Issue, Pull]:
    repo = readable(owner, name, unit=Unit.PULLS)
    issue = forge().issue(repo, number)
    if not issue.is_pull:
        raise NotFound
    return repo, issue, forge().pull(issue)


def named_pull(repo: Repository, number: int) -> tuple[Issue, Pull]:
    """Where Gitea says what it looked for when there is none."""
    try:
        issue = forge().issue(repo, number)
        return issue, forge().pull(issue)
    except NotFound as error:
        gone = (
            "pull request does not exist [id: 0, issue_id: 0, head_repo_id: 0,"
            f" base_repo_id: {repo.id}, head_branch: , base_branch: ]"
        )
        raise NotFound(gone, message="GetPullRequestByIndex") from error


def merge_base(bare: Bare, pull: Pull) -> str | None:
    """Where the two sides parted; for a merged one, where they had parted when it was merged."""
    base = pull.base_sha if pull.merged else bare.commit_of(f"refs/heads/{pull.base_branch}")
    return bare.merge_base(base or pull.base_sha, pull.head_sha)


def diff_of(bare: Bare, pull: Pull) -> str:
    start = merge_base(bare, pull)
    return bare.diff(start, pull.head_sha) if start else ""


def commits_of(bare: Bare, pull: Pull) -> list[Commit]:
    start = merge_base(bare, pull)
    return bare.log(pull.head_sha, *([f"^{start}"] if start else []))
