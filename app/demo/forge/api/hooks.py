"""A repository's webhooks. The secret goes in and never comes out."""

import time

from flask import Response, request
from pydantic import Field

from app.demo.forge import events, views
from app.demo.forge.api.http import Body, Page, Text, answer, api, empty, parsed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Hook, Repository
from app.demo.forge.refusals import Invalid, NotFound, Refusal
from app.demo.forge.world import forge

KINDS = frozenset({"gitea", "gogs"})
"""The types of webhook that are served: those that get Gitea's own payloads."""
CONTENT_TYPES = frozenset({"json", "form"})


class NewHook(Body):
    type: str = Field(min_length=1)
    config: dict[str, str]
    events: tuple[str, ...] | None = None
    active: bool = False
    authorization_header: Text = ""
    branch_filter: Text = ""


class HookEdit(Body):
    """What to change. Gitea sets the events to `push` where none are named, and never changes the secret."""

    config: dict[str, str] | None = None
    events: tuple[str, ...] | None = None
    active: bool | None = None
    authorization_header: Text = ""
    branch_filter: Text = ""


@api.get("/repos/<owner>/<name>/hooks")
def list_hooks(owner: str, name: str) -> Response:
    repo, page = readable(owner, name, Access.ADMIN), Page()
    found = forge().db.rows(Hook, "SELECT * FROM hooks WHERE repo_id = ? ORDER BY id", repo.id)
    return page.answer([views.hook(one) for one in page.of(found)], len(found), link=False)


@api.post("/repos/<owner>/<name>/hooks")
def create_hook(owner: str, name: str) -> Response:
    repo, form = readable(owner, name, Access.ADMIN), parsed(NewHook)
    if form.type not in KINDS:
        raise Invalid(f"Invalid hook type: {form.type}")
    for option in ("url", "content_type"):
        if option not in form.config:
            raise Invalid(f"Missing config option: {option}")
    _check_content_type(form.config)
    now = time.time()
    hook_id = forge().db.run(
        "INSERT INTO hooks (repo_id, kind, url, content_type, authorization, branch_filter, secret, events, active,"
        " created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(repo.id, form.type, form.config["url"], form.config["content_type"], form.authorization_header),
        form.branch_filter,
        *(form.config.get("secret", ""), _events(form.events), form.active, now, now),
    )
    return answer(views.hook(_hook(repo, hook_id)), 201)


@api.patch("/repos/<owner>/<name>/hooks/<int:hook_id>")
def edit_hook(owner: str, name: str, hook_id: int) -> Response:
    repo, form = readable(owner, name, Access.ADMIN), parsed(HookEdit)
    hook, config = _hook(repo, hook_id), form.config or {}
    _check_content_type(config)
    forge().db.run(
        "UPDATE hooks SET url = ?, content_type = ?, authorization = ?, branch_filter = ?, events = ?,"
        " active = ?, updated = ? WHERE id = ?",
        *(
            config.get("url", hook.url),
            config.get("content_type", hook.content_type),
            form.authorization_header,
            form.branch_filter,
        ),
        *(_events(form.events), hook.active if form.active is None else form.active, time.time(), hook.id),
    )
    return answer(views.hook(_hook(repo, hook_id)))


def _check_content_type(config: dict[str, str]) -> None:
    if config.get("content_type", "json") not in CONTENT_TYPES:
        raise Invalid("Invalid content type")


def _events(asked: tuple[str, ...] | None) -> str:
    return ",".join(events.expand(list(asked or ())))


@api.get("/repos/<owner>/<name>/hooks/<int:hook_id>")
def get_hook(owner: str, name: str, hook_id: int) -> Response:
    return answer(views.hook(_hook(readable(owner, name, Access.ADMIN), hook_id)))


@api.delete("/repos/<owner>/<name>/hooks/<int:hook_id>")
def delete_hook(owner: str, name: str, hook_id: int) -> Response:
    repo = readable(owner, name, Access.ADMIN)
    forge().db.run("DELETE FROM hooks WHERE id = ?", _hook(repo, hook_id).id)
    return empty()


@api.post("/repos/<owner>/<name>/hooks/<int:hook_id>/tests")
def check_hook(owner: str, name: str, hook_id: int) -> Response:
    repo = readable(owner, name, Access.ADMIN)
    bare, ref = forge().bare(repo), request.args.get("ref", "").strip()
    if not bare.heads():
        raise Refusal(status=500)  # as Gitea 1.22 does
    tip = bare.find_commit(ref or repo.default_branch)
    if tip is None:
        raise NotFound
    with forge().db.transaction():
        hook, told = _hook(repo, hook_id), ref or f"refs/heads/{repo.default_branch}"
        events.tested(forge(), repo, caller().signed_in(), hook, ref=told, tip=tip)
    return empty()


def _hook(repo: Repository, hook_id: int) -> Hook:
    found = forge().db.row(Hook, "SELECT * FROM hooks WHERE id = ? AND repo_id = ?", hook_id, repo.id)
    if found is None:
        raise NotFound
    return found
