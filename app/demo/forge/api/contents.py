"""Reading a repository's files and committing one file, as people do in the web editor."""

import base64
import binascii
import string
from typing import Any

from flask import Response, request
from pydantic import BaseModel, Field

from app.demo.forge import pushes, views
from app.demo.forge.api.http import Body, Text, answer, api, parsed
from app.demo.forge.bare import ZERO, Bare, Entry, GitFailed, Person, is_branch_name
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Repository
from app.demo.forge.refusals import Invalid, NotFound, Refusal
from app.demo.forge.views import Json
from app.demo.forge.world import forge

_BASE64 = frozenset(string.ascii_letters + string.digits + "+/=")


class Identity(BaseModel):
    name: str = ""
    email: str = ""


class FileForm(Body):
    content: str
    message: Text = ""
    branch: Text = ""
    new_branch: Text = ""
    author: Identity = Field(default_factory=Identity)


class FileEdit(FileForm):
    sha: str = Field(min_length=1)


@api.get("/repos/<owner>/<name>/contents", defaults={"path": ""})
@api.get("/repos/<owner>/<name>/contents/<path:path>")
def get_contents(owner: str, name: str, path: str) -> Response:
    repo = readable(owner, name)
    bare, ref = forge().bare(repo), request.args.get("ref") or repo.default_branch
    commit = bare.find_commit(ref)
    if commit is None and not bare.heads():
        return answer([])  # an empty repository is an empty folder, whatever is asked for
    if commit is None:
        raise _missing(ref, "")
    if not path:
        return answer([_entry(repo, ref, entry) for entry in bare.entries(commit)])
    entry = bare.entry(commit, path)
    if entry is None:
        raise _nothing_at(bare, commit, path)
    if entry.kind == "tree":
        return answer([_entry(repo, ref, child) for child in bare.entries(commit, path)])
    return answer(_file(repo, ref, entry))


def _missing(object_id: str, path: str) -> NotFound:
    detail = f"object does not exist [id: {object_id}, rel_path: {path}]"
    return NotFound(detail, message="GetContentsOrList")


def _nothing_at(bare: Bare, commit: str, path: str) -> NotFound:
    """Names the first part of the path that isn't there, or the file that is no folder."""
    parts = path.split("/")
    for depth in range(1, len(parts)):
        entry = bare.entry(commit, "/".join(parts[:depth]))
        if entry is None:
            return _missing("", "/".join(parts[:depth]))
        if entry.kind != "tree":
            return _missing(entry.sha, "")
    return _missing("", path)


@api.post("/repos/<owner>/<name>/contents/<path:path>")
def create_file(owner: str, name: str, path: str) -> Response:
    form = parsed(FileForm)
    return answer(_write(readable(owner, name, Access.WRITE, alive=True), path, form), 201)


@api.put("/repos/<owner>/<name>/contents/<path:path>")
def update_file(owner: str, name: str, path: str) -> Response:
    form = parsed(FileEdit)
    return answer(_write(readable(owner, name, Access.WRITE, alive=True), path, form, sha=form.sha))


def _write(repo: Repository, path: str, form: FileForm, *, sha: str = "") -> Json:
    """One commit with one changed file, a new one without `sha`; a stale one is refused: nothing is lost unseen."""
    _check_path(path)
    me, bare = caller().signed_in(), forge().bare(repo)
    branch, target = form.branch or repo.default_branch, form.new_branch or form.branch or repo.default_branch
    if not is_branch_name(branch) or not is_branch_name(target):
        raise Invalid("branch name is invalid")
    with forge().writing(repo):
        before, heads = bare.refs(), bare.heads()
        tip = heads.get(branch)
        if tip is None and heads:
            raise Refusal(f"branch does not exist [name: {branch}]", status=404)
        if target != branch and target in heads:
            raise Invalid(f"branch already exists [name: {target}]")
        _check_present(bare.entry(tip, path) if tip else None, path, sha)
        tree = _new_tree(bare, tip, path, form)
        message = form.message or f"{'Update' if sha else 'Add'} {path}"
        commit = bare.write_commit(tree, (tip,) if tip else (), message.rstrip() + "\n", _person(me, form))
        bare.move(f"refs/heads/{target}", commit, tip if tip and target == branch else ZERO)
        pushes.settle(forge(), repo, me, before, bare.refs())
    entry = bare.entry(commit, path)
    return {
        "content": _file(repo, target, entry) if entry else None,
        "commit": _file_commit(repo, bare, commit),
        "verification": views.UNSIGNED,
    }


def _new_tree(bare: Bare, tip: str | None, path: str, form: FileForm) -> str:
    try:
        content = base64.b64decode(form.content, validate=True)
    except (binascii.Error, ValueError) as error:
        wrong = next((at for at, sign in enumerate(form.content) if sign not in _BASE64), len(form.content))
        raise Invalid(f"illegal base64 data at input byte {wrong}") from error
    try:
        return bare.tree_with(tip, path, content)
    except GitFailed as error:
        raise Invalid(f"path {path!r} can't be written: {error}") from error


def _check_path(path: str) -> None:
    parts = path.split("/")
    if any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts) or "\0" in path:
        raise Invalid(f"path contains a malformed path component [path: {path}]")


def _check_present(present: Entry | None, path: str, sha: str) -> None:
    if present and not sha:
        raise Invalid(f"repository file already exists [path: {path}]")
    if sha and present is None:
        raise Refusal(status=500)  # as Gitea 1.22 does
    if present and present.sha != sha:
        raise Invalid(f"sha does not match [given: {sha}, expected: {present.sha}]")


def _person(me: Account, form: FileForm) -> Person:
    return Person(name=form.author.name or me.full_name or me.login, email=form.author.email or me.email)


def _file_commit(repo: Repository, bare: Bare, sha: str) -> Json:
    (commit,) = bare.log(sha, limit=1)
    shown = views.commit(forge(), repo, commit)
    inner = shown["commit"]
    return {
        "url": shown["url"],
        "sha": sha,
        "created": shown["created"],
        "html_url": shown["html_url"],
        "author": inner["author"],
        "committer": inner["committer"],
        "parents": shown["parents"],
        "message": commit.message,
        "tree": inner["tree"],
    }


def _entry(repo: Repository, ref: str, entry: Entry) -> Json:
    kinds = {"tree": "dir", "commit": "submodule"}
    kind = "symlink" if entry.mode == "120000" else kinds.get(entry.kind, "file")
    url = f"{forge().url}/api/v1/repos/{repo.full_name}/contents/{entry.path}?ref={ref}"
    page = f"{forge().url}/{repo.full_name}/src/branch/{ref}/{entry.path}"
    is_blob = entry.kind == "blob"
    git_url = f"{forge().url}/api/v1/repos/{repo.full_name}/git/{entry.kind}s/{entry.sha}"
    return {
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "last_commit_sha": forge().bare(repo).find_commit(ref) or "",
        "type": kind,
        "size": 0,
        "encoding": None,
        "content": None,
        "target": None,
        "url": url,
        "html_url": page,
        "git_url": git_url,
        "download_url": f"{forge().url}/{repo.full_name}/raw/branch/{ref}/{entry.path}" if is_blob else None,
        "submodule_git_url": None,
        "_links": {"self": url, "git": git_url, "html": page},
    }


def _file(repo: Repository, ref: str, entry: Entry) -> Json:
    shown: dict[str, Any] = _entry(repo, ref, entry)
    if entry.kind != "blob":
        return shown
    content = forge().bare(repo).blob(entry.sha)
    return {
        **shown,
        "size": len(content),
        "encoding": "base64",
        "content": base64.b64encode(content).decode(),
    }
