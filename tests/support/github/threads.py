"""Accounts, repositories, issues, comments and labels."""

from typing import Any
from urllib.parse import quote

from flask import Flask, Response, request

from tests.support.github import shapes
from tests.support.github.apps import Refusal
from tests.support.github.http import answer, body_of, listed, repo_path
from tests.support.github.standin import StandIn

Json = dict[str, Any]
REACTIONS = frozenset({"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"})


def _accounts(app: Flask, stand_in: StandIn) -> None:
    @app.get("/user")
    def me() -> Response:
        return answer(shapes.public_user(stand_in.upstream("GET", "/user").json(), stand_in.url))

    @app.get("/users/<login>")
    def account(login: str) -> Response:
        found = stand_in.apps.bot(login) or stand_in.upstream("GET", f"/users/{quote(login, safe='')}").json()
        return answer(shapes.public_user(found, stand_in.url))


def _repos(app: Flask, stand_in: StandIn) -> None:
    api = stand_in.upstream

    @app.get("/repos/<owner>/<name>")
    def repo(owner: str, name: str) -> Response:
        return answer(shapes.full_repo(api("GET", repo_path(owner, name)).json(), stand_in.url))

    @app.get("/repos/<owner>/<name>/branches")
    def branches(owner: str, name: str) -> Response:
        found = stand_in.every(f"{repo_path(owner, name)}/branches")
        return listed(
            [
                {
                    "name": one["name"],
                    "protected": False,
                    "commit": {"sha": one["commit"]["id"], "url": stand_in.url},
                }
                for one in found
            ]
        )

    @app.get("/repos/<owner>/<name>/branches/<path:branch>")
    def branch(owner: str, name: str, branch: str) -> Response:
        found = api("GET", f"{repo_path(owner, name)}/branches/{quote(branch)}").json()
        return answer(shapes.branch(found, stand_in.url, f"{owner}/{name}"))

    @app.get("/repos/<owner>/<name>/collaborators/<path:login>/permission")
    def permission(owner: str, name: str, login: str) -> Response:
        path = f"{repo_path(owner, name)}/collaborators/{quote(login, safe='')}/permission"
        return answer(shapes.permission(api("GET", path).json(), stand_in.url))

    @app.get("/repos/<owner>/<name>/contents/<path:path>")
    def contents(owner: str, name: str, path: str) -> Response:
        query = {key: value for key, value in request.args.items() if key == "ref"}
        found = api("GET", f"{repo_path(owner, name)}/contents/{quote(path)}", **query).json()
        if isinstance(found, list) or found["type"] != "file":
            return answer([] if isinstance(found, list) else {"type": found["type"]})
        return answer(shapes.file(found))


def _issues(app: Flask, stand_in: StandIn) -> None:
    api, url = stand_in.upstream, stand_in.url

    @app.get("/repos/<owner>/<name>/issues/<int:number>")
    def issue(owner: str, name: str, number: int) -> Response:
        found = api("GET", f"{repo_path(owner, name)}/issues/{number}").json()
        return answer(shapes.issue(found, url, f"{owner}/{name}"))

    @app.patch("/repos/<owner>/<name>/issues/<int:number>")
    def edit_issue(owner: str, name: str, number: int) -> Response:
        stand_in.needs("issues")
        form = body_of("title", "body", "state")
        found = api("PATCH", f"{repo_path(owner, name)}/issues/{number}", form).json()
        return answer(shapes.issue(found, url, f"{owner}/{name}"))

    @app.get("/repos/<owner>/<name>/issues/<int:number>/events")
    def events(owner: str, name: str, number: int) -> Response:
        api("GET", f"{repo_path(owner, name)}/issues/{number}")
        found = stand_in.every(f"{repo_path(owner, name)}/issues/{number}/timeline")
        shown = [one for one in found if one["type"] == "label" and one["label"]]
        return listed([shapes.label_event(one, url, f"{owner}/{name}") for one in shown])

    @app.get("/repos/<owner>/<name>/issues/<int:number>/comments")
    def comments(owner: str, name: str, number: int) -> Response:
        api("GET", f"{repo_path(owner, name)}/issues/{number}")
        query = {key: value for key, value in request.args.items() if key == "since"}
        found = api("GET", f"{repo_path(owner, name)}/issues/{number}/comments", **query).json()
        return listed([shapes.comment(one, url, f"{owner}/{name}") for one in found])

    @app.post("/repos/<owner>/<name>/issues/<int:number>/comments")
    def comment_on(owner: str, name: str, number: int) -> Response:
        stand_in.needs("issues")
        form = body_of(needed=("body",))
        found = api("POST", f"{repo_path(owner, name)}/issues/{number}/comments", form).json()
        return answer(shapes.comment(found, url, f"{owner}/{name}"), 201)

    @app.route("/repos/<owner>/<name>/issues/comments/<int:comment_id>", methods=["GET", "PATCH"])
    def comment(owner: str, name: str, comment_id: int) -> Response:
        form = body_of(needed=("body",)) if request.method == "PATCH" else None
        sent = api(request.method, f"{repo_path(owner, name)}/issues/comments/{comment_id}", form)
        if sent.status_code == 204:  # the forge's way to say that it is something else
            raise Refusal(404, "Not Found")
        return answer(shapes.comment(sent.json(), url, f"{owner}/{name}"))

    @app.post("/repos/<owner>/<name>/issues/<int:number>/reactions", defaults={"comment": ""})
    @app.post("/repos/<owner>/<name>/issues/<comment>/<int:number>/reactions")
    def react(owner: str, name: str, comment: str, number: int) -> Response:
        stand_in.needs("issues")
        form = body_of(needed=("content",))
        if form["content"] not in REACTIONS:
            raise Refusal(422, "Validation Failed", "invalid")
        where = f"{repo_path(owner, name)}/issues/{comment + '/' if comment else ''}{number}/reactions"
        sent = api("POST", where, form)
        return answer(shapes.reaction(sent.json(), url), sent.status_code)


def _known(stand_in: StandIn, repo: str, label: str) -> Json:
    for one in stand_in.every(f"{repo}/labels"):
        if one["name"].lower() == label.lower():
            return one
    raise Refusal(404, "Not Found")


def _known_or_made(stand_in: StandIn, repo: str, label: str) -> Json:
    """As GitHub: what isn't there is made."""
    try:
        return _known(stand_in, repo, label)
    except Refusal:
        form = {"name": label, "color": "#ededed"}
        made: Json = stand_in.upstream("POST", f"{repo}/labels", form).json()
        return made


def _labels(app: Flask, stand_in: StandIn) -> None:
    api, url = stand_in.upstream, stand_in.url

    @app.get("/repos/<owner>/<name>/labels/<path:label>")
    def label(owner: str, name: str, label: str) -> Response:
        return answer(shapes.label(_known(stand_in, repo_path(owner, name), label), url))

    @app.post("/repos/<owner>/<name>/labels")
    def make_label(owner: str, name: str) -> Response:
        form = body_of("color", "description", needed=("name",))
        if len(form.get("description", "")) > 100 or form["color"].startswith("#"):
            raise Refusal(422, "Validation Failed", "invalid")
        found = api("POST", f"{repo_path(owner, name)}/labels", form | {"color": f"#{form['color']}"}).json()
        return answer(shapes.label(found, url), 201)


def _labels_of_issues(app: Flask, stand_in: StandIn) -> None:
    api, url = stand_in.upstream, stand_in.url

    @app.post("/repos/<owner>/<name>/issues/<int:number>/labels")
    def put_on(owner: str, name: str, number: int) -> Response:
        stand_in.needs("issues")
        repo = repo_path(owner, name)
        wanted = [
            _known_or_made(stand_in, repo, label)["id"] for label in body_of(needed=("labels",))["labels"]
        ]
        found = api("POST", f"{repo}/issues/{number}/labels", {"labels": wanted}).json()
        return answer([shapes.label(one, url) for one in found])

    @app.delete("/repos/<owner>/<name>/issues/<int:number>/labels/<path:label>")
    def take_off(owner: str, name: str, number: int, label: str) -> Response:
        stand_in.needs("issues")
        path = f"{repo_path(owner, name)}/issues/{number}/labels"
        on = api("GET", path).json() or []
        found = [one["id"] for one in on if one["name"].lower() == label.lower()]
        if not found:
            raise Refusal(404, "Label does not exist")
        api("DELETE", f"{path}/{found[0]}")
        return answer([shapes.label(one, url) for one in on if one["id"] != found[0]])


def route(app: Flask, stand_in: StandIn) -> None:
    """Add these routes."""
    for group in (_accounts, _repos, _issues, _labels, _labels_of_issues):
        group(app, stand_in)
