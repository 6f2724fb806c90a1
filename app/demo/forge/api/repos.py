"""Repositories, branches and collaborators."""

import time
from typing import Literal

from flask import Response
from pydantic import Field

from app.demo.forge import accounts, pushes, views
from app.demo.forge.api.http import Body, Page, Text, answer, api, empty, parsed
from app.demo.forge.bare import Person, is_branch_name
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Repository
from app.demo.forge.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal
from app.demo.forge.views import Json
from app.demo.forge.world import forge


class NewRepository(Body):
    name: str = Field(max_length=100)
    private: bool = False
    description: Text = ""
    default_branch: str = "main"
    auto_init: bool = False


class NewCollaborator(Body):
    permission: Literal["read", "write", "admin"] = "write"


@api.post("/user/repos")
def create_repo() -> Response:
    me, form = caller().signed_in(), parsed(NewRepository)
    if not accounts.is_name(form.name) or form.name.endswith(".git"):
        raise Invalid(f"repository name {form.name!r} is invalid")
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


@api.get("/repos/<owner>/<name>/branches")
def list_branches(owner: str, name: str) -> Response:
    repo, page = readable(owner, name), Page()
    heads = sorted(forge().bare(repo).heads().items())
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
    repo, me = readable(owner, name, Access.WRITE), caller().signed_in()
    bare = forge().bare(repo)
    if branch == repo.default_branch:
        raise Forbidden("can not delete default branch")
    with forge().writing(repo):
        before = bare.refs()
        tip = before.get(f"refs/heads/{branch}")
        if tip is None:
            raise Refusal(status=500)  # as Gitea 1.22 does
        bare.git("update-ref", "-d", "--end-of-options", f"refs/heads/{branch}", tip)
        pushes.settle(forge(), repo, me, before, bare.refs())
    return empty()


@api.get("/repos/<owner>/<name>/git/commits/<path:ref>")
def get_commit(owner: str, name: str, ref: str) -> Response:
    repo = readable(owner, name)
    sha = forge().bare(repo).find_commit(ref)
    if sha is None:
        raise NotFound
    return answer(views.commit(forge(), repo, forge().bare(repo).log(sha, limit=1)[0]))


def _branch(repo: Repository, branch: str, sha: str) -> Json:
    (commit,) = forge().bare(repo).log(sha, limit=1)
    may_push = forge().access(repo, caller().account) >= Access.WRITE
    return {
        "name": branch,
        "commit": views.branch_commit(forge(), repo, commit),
        "protected": False,
        "required_approvals": 0,
        "enable_status_check": False,
        "status_check_contexts": [],
        "user_can_push": may_push,
        "user_can_merge": may_push,
        "effective_branch_protection_name": "",
    }


@api.put("/repos/<owner>/<name>/collaborators/<login>")
def add_collaborator(owner: str, name: str, login: str) -> Response:
    repo = readable(owner, name, Access.ADMIN)
    account, form = _collaborator(login), parsed(NewCollaborator)
    forge().db.run(
        "INSERT OR REPLACE INTO collaborators (repo_id, account_id, access) VALUES (?, ?, ?)",
        *(repo.id, account.id, Access[form.permission.upper()].value),
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
