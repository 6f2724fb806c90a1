"""Pull requests, commit statuses and webhooks."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, request

from tests.support.github import shapes
from tests.support.github.apps import Refusal
from tests.support.github.http import answer, body_of, listed, page_of, repo_path
from tests.support.github.standin import StandIn

Json = dict[str, Any]
WIP = "WIP: "
_STATUS_TEXT = 140


def draft_of(title: str) -> tuple[str, bool]:
    return (title.removeprefix(WIP), True) if title.startswith(WIP) else (title, False)


def _pulls(app: Flask, stand_in: StandIn) -> None:
    api, url = stand_in.upstream, stand_in.url

    def shown(found: Json, make: Callable[..., Json] = shapes.pull) -> Json:
        title, draft = draft_of(found["title"])
        return make(found, url, title, draft=draft)

    @app.get("/repos/<owner>/<name>/pulls")
    def pulls(owner: str, name: str) -> Response:
        head, base = request.args.get("head", ""), request.args.get("base", "")
        found = [
            shown(one, shapes.pull_in_list)
            for one in stand_in.every(
                f"{repo_path(owner, name)}/pulls", state=request.args.get("state", "open")
            )
        ]
        return listed(
            [
                one
                for one in found
                if (":" not in head or one["head"]["label"].lower() == head.lower())
                and (not base or one["base"]["ref"] == base)
            ]
        )

    @app.post("/repos/<owner>/<name>/pulls")
    def make_pull(owner: str, name: str) -> Response:
        stand_in.needs("pull_requests")
        form = body_of("body", "draft", "maintainer_can_modify", needed=("title", "head", "base"))
        draft = form.pop("draft", False)
        if draft and not stand_in.has_drafts:
            raise Refusal(422, "Draft pull requests are not supported in this repository.")
        title = WIP + form["title"] if draft else form["title"]
        try:
            found = api("POST", f"{repo_path(owner, name)}/pulls", form | {"title": title}).json()
        except Refusal as error:
            if error.status != 404:
                raise
            api("GET", repo_path(owner, name))
            raise Refusal(422, "Validation Failed", "invalid") from error  # no such branch
        return answer(shown(found), 201)

    @app.get("/repos/<owner>/<name>/pulls/<int:number>")
    def pull(owner: str, name: str, number: int) -> Response:
        return answer(shown(api("GET", f"{repo_path(owner, name)}/pulls/{number}").json()))

    @app.patch("/repos/<owner>/<name>/pulls/<int:number>")
    def edit_pull(owner: str, name: str, number: int) -> Response:
        stand_in.needs("pull_requests")
        form, path = body_of("title", "body", "state", "base"), f"{repo_path(owner, name)}/pulls/{number}"
        if "title" in form and draft_of(api("GET", path).json()["title"])[1]:
            form["title"] = WIP + form["title"]
        return answer(shown(api("PATCH", path, form).json()))


def _statuses(app: Flask, stand_in: StandIn) -> None:
    api, url = stand_in.upstream, stand_in.url

    def commit(repo: str, sha: str) -> str:
        """GitHub says 422 where others say 404."""
        api("GET", repo)
        try:
            return api("GET", f"{repo}/git/commits/{quote(sha, safe='')}").json()["sha"]
        except Refusal as error:
            raise Refusal(422, f"No commit found for SHA: {sha}") from error

    @app.post("/repos/<owner>/<name>/statuses/<sha>")
    def make_status(owner: str, name: str, sha: str) -> Response:
        stand_in.needs("statuses")
        repo = repo_path(owner, name)
        form = body_of("target_url", "description", "context", needed=("state",))
        if len(form.get("description") or "") > _STATUS_TEXT:
            raise Refusal(422, "Validation Failed", "description is too long (maximum is 140 characters)")
        found = api("POST", f"{repo}/statuses/{commit(repo, sha)}", form).json()
        return answer(shapes.status(found, url), 201)

    @app.get("/repos/<owner>/<name>/commits/<sha>/status")
    def combined(owner: str, name: str, sha: str) -> Response:
        repo = repo_path(owner, name)
        full = commit(repo, sha)
        newest: dict[str, Json] = {}
        for one in stand_in.every(f"{repo}/statuses/{full}"):
            if one["id"] > newest.get(one["context"], {"id": 0})["id"]:
                newest[one["context"]] = one
        found = list(newest.values())
        about = api("GET", repo).json()
        return answer(shapes.combined(full, page_of(found)[0], len(found), about, url))


def _hooks(app: Flask, stand_in: StandIn) -> None:
    """Gitea gives a webhook's secret only when it is made: changing one makes another under the same id."""
    api = stand_in.upstream

    def shown(found: Json, repo: str) -> Json:
        ids = {theirs: ours for ours, theirs in stand_in.hook_ids.items()}
        asked, made = stand_in.hook_events.get(found["id"], (found["events"], found["events"]))
        events = asked if sorted(made) == sorted(found["events"]) else found["events"]
        hook = shapes.hook(found, ids.get(found["id"], found["id"]), events, stand_in.url, repo)
        hook["config"]["content_type"] = found["config"]["content_type"]
        return hook

    def theirs(hook_id: int) -> int:
        return stand_in.hook_ids.get(hook_id, hook_id)

    def make(owner: str, name: str, form: Json) -> Json:
        config = {key: form["config"][key] for key in ("url", "content_type", "secret")}
        wanted = {"type": "gitea", "config": config, "events": form["events"], "active": form["active"]}
        found: Json = api("POST", f"{repo_path(owner, name)}/hooks", wanted).json()
        stand_in.hook_events[found["id"]] = form["events"], found["events"]
        return found

    @app.get("/repos/<owner>/<name>/hooks")
    def hooks(owner: str, name: str) -> Response:
        found = stand_in.every(f"{repo_path(owner, name)}/hooks")
        return listed([shown(one, f"{owner}/{name}") for one in sorted(found, key=lambda one: one["id"])])

    @app.post("/repos/<owner>/<name>/hooks")
    def new_hook(owner: str, name: str) -> Response:
        stand_in.needs("repository_hooks")
        form = body_of("name", "config", "events", "active")
        if form.get("name", "web") != "web":
            raise Refusal(422, "Validation Failed", "invalid")
        return answer(shown(make(owner, name, form), f"{owner}/{name}"), 201)

    @app.patch("/repos/<owner>/<name>/hooks/<int:hook_id>")
    def edit_hook(owner: str, name: str, hook_id: int) -> Response:
        stand_in.needs("repository_hooks")
        form = body_of("config", "events", "add_events", "remove_events", "active")
        old = api("GET", f"{repo_path(owner, name)}/hooks/{theirs(hook_id)}").json()
        made = make(owner, name, form)
        api("DELETE", f"{repo_path(owner, name)}/hooks/{old['id']}")
        stand_in.hook_ids[hook_id] = made["id"]
        return answer(shown(made, f"{owner}/{name}"))

    @app.delete("/repos/<owner>/<name>/hooks/<int:hook_id>")
    def no_hook(owner: str, name: str, hook_id: int) -> Response:
        stand_in.needs("repository_hooks")
        api("DELETE", f"{repo_path(owner, name)}/hooks/{theirs(hook_id)}")
        return Response(status=204)

    @app.post("/repos/<owner>/<name>/hooks/<int:hook_id>/pings")
    def ping(owner: str, name: str, hook_id: int) -> Response:
        api("POST", f"{repo_path(owner, name)}/hooks/{theirs(hook_id)}/tests")
        return Response(status=204)


def route(app: Flask, stand_in: StandIn) -> None:
    """Add these routes."""
    for group in (_pulls, _statuses, _hooks):
        group(app, stand_in)
