"""A repository's webhooks. The secret goes in and never comes out."""

import time
from typing import Literal

from flask import Response
from pydantic import Field

from app.demo.forge import events, views
from app.demo.forge.api.http import Body, Page, Text, answer, api, empty, parsed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Hook, Repository
from app.demo.forge.refusals import NotFound
from app.demo.forge.world import forge


class HookConfig(Body):
    url: str
    content_type: Literal["json"]
    secret: Text = ""


class NewHook(Body):
    type: Literal["gitea"]
    config: HookConfig
    events: tuple[str, ...] = Field(default=())
    active: bool = False


@api.get("/repos/<owner>/<name>/hooks")
def list_hooks(owner: str, name: str) -> Response:
    repo, page = readable(owner, name, Access.ADMIN), Page()
    found = forge().db.rows(Hook, "SELECT * FROM hooks WHERE repo_id = ? ORDER BY id", repo.id)
    return page.answer([views.hook(one) for one in page.of(found)], len(found), link=False)


@api.post("/repos/<owner>/<name>/hooks")
def create_hook(owner: str, name: str) -> Response:
    repo, form = readable(owner, name, Access.ADMIN), parsed(NewHook)
    wanted = events.expand(list(form.events))
    hook_id = forge().db.run(
        "INSERT INTO hooks (repo_id, url, secret, events, active, created) VALUES (?, ?, ?, ?, ?, ?)",
        *(repo.id, form.config.url, form.config.secret, ",".join(wanted), form.active, time.time()),
    )
    return answer(views.hook(_hook(repo, hook_id)), 201)


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
    with forge().db.transaction():
        events.tested(forge(), repo, caller().signed_in(), _hook(repo, hook_id))
    return empty()


def _hook(repo: Repository, hook_id: int) -> Hook:
    found = forge().db.row(Hook, "SELECT * FROM hooks WHERE id = ? AND repo_id = ?", hook_id, repo.id)
    if found is None:
        raise NotFound
    return found
