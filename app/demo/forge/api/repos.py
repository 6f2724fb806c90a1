"""Repositories, branches and collaborators."""

import re
import time

from flask import Response
from pydantic import Field

from app.demo.forge import pushes, views
from app.demo.forge.api.http import Body, Page, Text, answer, api, empty, parsed
from app.demo.forge.api.protections import is_protected
from app.demo.forge.bare import Person, is_branch_name
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Repository
from app.demo.forge.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal
from app.demo.forge.views import Json
from app.demo.forge.world import forge

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_GRANTS = {"read": Access.READ, "write": Access.WRITE, "admin": Access.ADMIN}


class NewRepository(Body):
    name: str = Field(min_length=1, max_length=100)
    private: bool = False
    description: Text = ""
    default_branch: str = "main"
    auto_init: bool = False


class RepositoryEdit(Body):
    """What to change; what is none stays."""

    description: str | None = None
    private: bool | None = None
    archived: bool | None = None
    has_issues: bool | None = None
    has_pull_requests: bool | None = None
    default_branch: str | None = None


class NewCollaborator(Body):
    permission: Text = ""


@api.post("/user/repos")
def create_repo() -> Response:
    me, form = caller().signed_in(), parsed(NewRepository)
    _check_name(form.name)
    branch = form.default_branch or "main"
    if not is_branch_name(branch):
        raise Invalid(f"branch name {branch!r} is invalid")
    with forge().db.transaction():
        if forge().repository_named(me.login, form.name):
            raise Conflict("The repository with the same name already exists.")
        repo_id = forge().db.run(
            "INSERT INTO repositories (owner_id, name, private, default_branch, description, created)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(me.id, form.name, form.private, branch, form.description, time.time()),
        )
        repo = forge().repository(repo_id)
        forge().bare(repo).create(branch)
        if form.auto_init:
            _first_commit(repo, me, branch)
    return answer(views.repository(forge(), repo, me), 201)


def _check_name(name: str) -> None:
    """Raise `Invalid` for what can't be a repository's name, in the words of Gitea's three checks."""
    if not _NAME.fullmatch(name):
        raise Invalid("[Name]: AlphaDashDot")
    if name in {".", "..", "-"}:
        raise Invalid(f"name is reserved [name: {name}]")
    for ending in (".git", ".wiki", ".rss", ".atom"):
        if name.endswith(ending):
            raise Invalid(f"name pattern is not allowed [pattern: *{ending}]")


def _first_commit(repo: Repository, who: Account, branch: str) -> None:
    bare = forge().bare(repo)
    text = f"# {repo.name}\n\n{repo.description}".rstrip() + "\n"
    person = Person(name=who.full_name or who.login, email=who.email)
    commit = bare.write_commit(
        bare.tree_with(None, "README.md", text.encode()), (), "Initial commit\n", person
    )
    bare.move(f"refs/heads/{branch}", commit, "0" * 40)


@api.get("/repos/<owner>/<name>")
def get_repo(owner: str, name: str) -> Response:
    return answer(views.repository(forge(), readable(owner, name), caller().account))


@api.patch("/repos/<owner>/<name>")
def edit_repo(owner: str, name: str) -> Response:
    """A default branch that isn't there is passed over, as in Gitea. Another name isn't served."""
    repo, form = readable(owner, name, Access.ADMIN), parsed(RepositoryEdit)
    branch = form.default_branch if form.default_branch in forge().bare(repo).heads() else None
    archived = repo.archived
    if form.archived is not None:
        archived = (repo.archived or time.time()) if form.archived else None
    forge().db.run(
        "UPDATE repositories SET description = COALESCE(?, description), private = COALESCE(?, private),"
        " has_issues = COALESCE(?, has_issues), has_pulls = COALESCE(?, has_pulls),"
        " default_branch = COALESCE(?, default_branch), archived = ? WHERE id = ?",
        *(form.description, form.private, form.has_issues, form.has_pull_requests, branch, archived, repo.id),
    )
    if branch:
        forge().bare(repo).git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    return answer(views.repository(forge(), forge().repository(repo.id), caller().account))


@api.get("/repos/<owner>/<name>/branches")
def list_branches(owner: str, name: str) -> Response:
    repo, page = readable(owner, name), Page()
    heads = sorted(forge().bare(repo).heads().items())
    if not heads:
        return page.answer(None, 0)
    return page.answer([_branch(repo, branch, sha) for branch, sha in page.of(heads)], len(heads))


@api.get("/repos/<owner>/<name>/branches/<path:branch>")
def get_branch(owner: str, name: str, branch: str) -> Response:
    repo = readable(owner, name)
    sha = forge().bare(repo).heads().get(branch)
    if sha is None:
        raise NotFound(f"branch does not exist [name: {branch}]")
    return answer(_branch(repo, branch, sha))


@api.delete("/repos/<owner>/<name>/branches/<path:branch>")
def delete_branch(owner: str, name: str, branch: str) -> Response:
    repo, me = readable(owner, name, Access.WRITE, alive=True), caller().signed_in()
    bare = forge().bare(repo)
    if branch == repo.default_branch:
        raise Forbidden("can not delete default branch")
    if is_protected(repo, branch):
        raise Forbidden("branch protected")
    with forge().writing(repo):
        before = bare.refs()
        tip = before.get(f"refs/heads/{branch}")
        if tip is None:
            known = "SELECT COUNT(*) FROM gone_branches WHERE repo_id = ? AND ref = ?"
            if forge().db.count(known, repo.id, f"refs/heads/{branch}"):
                return empty()
            raise Refusal(status=500)  # as Gitea 1.22 does
        bare.git("update-ref", "-d", "--end-of-options", f"refs/heads/{branch}", tip)
        pushes.settle(forge(), repo, me, before, bare.refs())
    return empty()


@api.get("/repos/<owner>/<name>/git/commits/<path:ref>")
def get_commit(owner: str, name: str, ref: str) -> Response:
    repo = readable(owner, name)
    sha = forge().bare(repo).find_commit(ref)
    if sha is None:
        raise NotFound(message=ref)
    return answer(views.commit(forge(), repo, forge().bare(repo).log(sha, limit=1)[0]))


def _branch(repo: Repository, branch: str, sha: str) -> Json:
    (commit,) = forge().bare(repo).log(sha, limit=1)
    access, protected = forge().access(repo, caller().account), is_protected(repo, branch)
    may_push = access >= Access.WRITE
    return {
        "name": branch,
        "commit": views.branch_commit(forge(), repo, commit),
        "protected": protected,
        "required_approvals": 0,
        "enable_status_check": False,
        "status_check_contexts": None if protected else [],
        "user_can_push": may_push,
        "user_can_merge": may_push,
        "effective_branch_protection_name": branch if protected and access >= Access.ADMIN else "",
    }


@api.get("/repos/<owner>/<name>/teams")
def list_teams(owner: str, name: str) -> Response:
    """Here are persons only, no organisations."""
    readable(owner, name)
    caller().signed_in()
    raise Refusal("repo is not owned by an organization", status=405)


@api.get("/repos/<owner>/<name>/collaborators")
def list_collaborators(owner: str, name: str) -> Response:
    repo, page = readable(owner, name), Page()
    caller().signed_in()
    query = "SELECT a.* FROM accounts a JOIN collaborators c ON c.account_id = a.id WHERE c.repo_id = ? ORDER BY a.id"
    found = forge().db.rows(Account, query, repo.id)
    return page.answer([views.user(forge(), one) for one in page.of(found)], len(found), link=False)


@api.get("/repos/<owner>/<name>/collaborators/<login>")
def is_collaborator(owner: str, name: str, login: str) -> Response:
    repo = readable(owner, name)
    caller().signed_in()
    query = "SELECT COUNT(*) FROM collaborators WHERE repo_id = ? AND account_id = ?"
    if not forge().db.count(query, repo.id, _collaborator(login).id):
        raise NotFound
    return empty()


@api.put("/repos/<owner>/<name>/collaborators/<login>")
def add_collaborator(owner: str, name: str, login: str) -> Response:
    """A permission that Gitea doesn't know counts as `write`, as none does."""
    repo, form = readable(owner, name, Access.ADMIN), parsed(NewCollaborator)
    account = _collaborator(login)
    access = _GRANTS.get(form.permission, Access.WRITE)
    forge().db.run(
        "INSERT INTO collaborators (repo_id, account_id, access) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET access = excluded.access",
        *(repo.id, account.id, access.value),
    )
    return empty()


@api.delete("/repos/<owner>/<name>/collaborators/<login>")
def remove_collaborator(owner: str, name: str, login: str) -> Response:
    repo, account = readable(owner, name, Access.ADMIN), _collaborator(login)
    forge().db.run("DELETE FROM collaborators WHERE repo_id = ? AND account_id = ?", repo.id, account.id)
    return empty()


def _collaborator(login: str) -> Account:
    account = forge().account_named(login)
    if account is None:
        raise Invalid(f"user does not exist [uid: 0, name: {login}]")
    return account


@api.get("/repos/<owner>/<name>/collaborators/<login>/permission")
def get_permission(owner: str, name: str, login: str) -> Response:
    """For repository administrators. Gitea 1.22 promises others an answer about themselves, and refuses it."""
    repo, me = readable(owner, name), caller().signed_in()
    if forge().access(repo, me) < Access.ADMIN:
        raise Forbidden(
            "Only admins can query all permissions, repo admins can query all repo permissions,"
            " collaborators can query only their own"
        )
    account = forge().account_named(login)
    if account is None:
        raise Refusal(f"user does not exist [uid: 0, name: {login}]", status=404)
    return answer(views.permission(forge(), repo, account))
