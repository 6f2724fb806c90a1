"""Holds the embedded forge, and what the adapter asks of it, to Gitea 1.22's own API description."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jsonschema
import pytest

from app.forges.gitea.adapter import Gitea
from tests.support.forge import PASSWORD, RunningForge

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "gitea-1.22.0.swagger.json.gz"
pytestmark = pytest.mark.skipif(
    not SPEC.exists(), reason="Gitea's API description isn't beside this checkout"
)

BEYOND = {"User": {"username"}}
"""Fields that Gitea sends although its description doesn't have them."""


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    with gzip.open(SPEC) as file:
        found = json.load(file)
    for name, definition in found["definitions"].items():
        if "properties" in definition:
            definition["properties"] |= {extra: {} for extra in BEYOND.get(name, ())}
            definition["additionalProperties"] = False
    return found


@pytest.fixture(scope="module")
def exchanges(forge: RunningForge) -> list[httpx.Response]:
    """Everything that the adapter and the demo ask, once, and what the forge answers."""
    kept: list[httpx.Response] = []

    def keep(answer: httpx.Response) -> None:
        answer.read()
        kept.append(answer)

    forge.http.event_hooks["response"].append(keep)
    try:
        _walk(forge, keep)
    finally:
        forge.http.event_hooks["response"].remove(keep)
    return kept


def _walk(forge: RunningForge, keep: Any) -> None:
    owner, bot = forge.user(), forge.user()
    repo = owner.repo()
    owner.invite(repo, bot.login, "admin")
    owner.label(repo, "agent")
    adapter = Gitea(forge.url, bot.token)
    adapter._rest._client.event_hooks = {"response": [keep]}
    tip = owner.write(repo, "new.txt", "x\n", new_branch="topic")
    _use_every_method(adapter, owner, repo, tip)
    adapter.close()
    _use_the_rest(owner, bot, repo, tip)


def _use_every_method(adapter: Gitea, owner, repo: str, tip: str) -> None:
    number = owner.issue(repo, "A title", "A body")
    adapter.whoami()
    adapter.repo(repo)
    adapter.permission(repo, owner.login)
    adapter.permission(repo, "nobody-at-all")
    adapter.issue(repo, number)
    comment = adapter.create_comment(repo, number, "hello")
    adapter.comments(repo, number)
    adapter.edit_comment(repo, comment.id, "hello again")
    adapter.react(repo, number, "eyes")
    adapter.react(repo, number, "eyes")
    adapter.react(repo, number, "rocket", comment_id=comment.id)
    adapter.add_label(repo, number, "agent")
    adapter.issue(repo, number)
    adapter.remove_label(repo, number, "agent")
    form = {"head_branch": "topic", "base_branch": "main"}
    pull = adapter.create_pull(repo, **form, title="A pull", body="", draft=True)
    adapter.pull(repo, pull.number)
    adapter.find_pull(repo, **form)
    adapter.edit_pull(repo, pull.number, title="Another", body="text")
    adapter.create_comment(repo, pull.number, "on a pull request")
    adapter.comments(repo, pull.number)
    adapter.issue(repo, pull.number)
    adapter.set_status(repo, tip, state="success", context="c", text="t", url="https://example.com/")


def _use_the_rest(owner, bot, repo: str, tip: str) -> None:
    base = f"/repos/{repo}"
    hook = owner.hook(repo, "http://127.0.0.1:9/x", "secret")
    (issue,) = [one["number"] for one in owner.api("GET", f"{base}/issues?type=issues")]
    (pull,) = [
        one["number"] for one in owner.api("GET", f"{base}/issues?type=pulls&state=all&page=1&limit=1")
    ]
    (comment,) = [one["id"] for one in owner.api("GET", f"{base}/issues/{issue}/comments")]
    label = owner.label(repo, "second")
    readme = owner.api("GET", f"{base}/contents/README.md?ref=main")
    text = base64.b64encode(b"other\n").decode()
    steps: list[tuple[str, str, Any]] = [
        ("GET", "/version", None),
        ("GET", f"/users/{owner.login}", None),
        ("GET", "/users/nobody-at-all", None),
        ("POST", "/user/repos", {"name": repo.split("/")[1]}),
        ("GET", f"{base}/branches", None),
        ("GET", f"{base}/branches/topic", None),
        ("GET", f"{base}/branches/nothing", None),
        ("PUT", f"{base}/contents/README.md", {"content": text, "sha": readme["sha"], "branch": "main"}),
        ("POST", f"{base}/contents/README.md", {"content": text, "branch": "main"}),
        ("GET", f"{base}/issues?state=all&labels=agent&page=1&limit=5", None),
        ("PATCH", f"{base}/issues/{issue}", {"title": "New title", "body": "new", "state": "closed"}),
        ("GET", f"{base}/labels?page=1&limit=1", None),
        ("POST", f"{base}/issues/{issue}/labels", {"labels": [label]}),
        ("GET", f"{base}/issues/{issue}/labels", None),
        ("PUT", f"{base}/issues/{issue}/labels", {"labels": ["second"]}),
        ("DELETE", f"{base}/issues/{issue}/labels/999999", None),
        ("DELETE", f"{base}/issues/{issue}/labels", None),
        ("GET", f"{base}/issues/comments/{comment}", None),
        ("GET", f"{base}/issues/comments/{comment}/reactions", None),
        ("DELETE", f"{base}/issues/comments/{comment}/reactions", {"content": "rocket"}),
        ("GET", f"{base}/issues/{issue}/reactions?page=1", None),
        ("DELETE", f"{base}/issues/{issue}/reactions", {"content": "eyes"}),
        ("DELETE", f"{base}/issues/comments/{comment}", None),
        ("GET", f"{base}/pulls/{pull}.diff", None),
        ("GET", f"{base}/pulls/{pull}/files", None),
        ("GET", f"{base}/pulls/{pull}/commits", None),
        ("GET", f"{base}/pulls/{pull}/merge", None),
        ("POST", f"{base}/pulls/{pull}/merge", {"Do": "merge"}),
        ("PATCH", f"{base}/pulls/{pull}", {"title": "Ready"}),
        ("POST", f"{base}/pulls/{pull}/merge", {"Do": "merge"}),
        ("GET", f"{base}/pulls/{pull}", None),
        ("GET", f"{base}/pulls/{pull}/merge", None),
        ("GET", f"{base}/statuses/{tip}", None),
        ("GET", f"{base}/commits/{tip}/status", None),
        ("GET", f"{base}/hooks", None),
        ("GET", f"{base}/hooks/{hook}", None),
        ("POST", f"{base}/hooks/{hook}/tests", None),
        ("DELETE", f"{base}/hooks/{hook}", None),
        ("DELETE", f"{base}/hooks/{hook}", None),
        ("DELETE", f"{base}/collaborators/{bot.login}", None),
    ]
    for method, path, body in steps:
        owner.api(method, path, body, ok=False)


_PARAMETERS = {"filepath": ".+", "ref": ".+", "branch": ".+", "index": r"\d+", "id": r"\d+"}


def _operation(spec: dict[str, Any], method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The operation for a path; of several that match, the one with the fewest variable parts."""
    found = []
    for template, operations in spec["paths"].items():
        pattern = re.sub(
            r"\\\{(\w+)\\\}", lambda match: _PARAMETERS.get(match[1], "[^/]+"), re.escape(template)
        )
        if method.lower() in operations and re.fullmatch(pattern, path):
            found.append((template.count("{"), template))
    assert found, f"Gitea has no {method} {path}"
    template = min(found)[1]
    return template, spec["paths"][template][method.lower()]


def _check(spec: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> None:
    whole = {**schema, "definitions": spec["definitions"]}
    validator = jsonschema.Draft4Validator(whole, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    errors = [
        f"{list(one.absolute_path)}: {one.message[:200]}"
        for one in validator.iter_errors(_without_null(value))
    ]
    assert not errors, f"{where}: {errors}"


def _without_null(value: Any) -> Any:
    """The description doesn't know null, which Gitea sends for what isn't set."""
    if isinstance(value, dict):
        return {key: _without_null(one) for key, one in value.items() if one is not None}
    return [_without_null(one) for one in value] if isinstance(value, list) else value


def test_the_walk_is_long_enough(exchanges):
    assert len(exchanges) > 80
    assert {200, 201, 204, 404, 405, 409, 422} <= {one.status_code for one in exchanges}


def test_every_request_is_one_that_gitea_knows(spec, exchanges):
    for one in exchanges:
        url = urlsplit(str(one.request.url))
        template, operation = _operation(spec, one.request.method, url.path.removeprefix("/api/v1"))
        where = f"{one.request.method} {template}"
        known = {parameter["name"]: parameter for parameter in operation.get("parameters", [])}
        for name, value in parse_qsl(url.query):
            assert known[name]["in"] == "query", where
            assert value in known[name].get("enum", [value]), where
        body = [parameter for parameter in known.values() if parameter["in"] == "body"]
        if one.request.content:
            schema = json.loads(json.dumps(body[0]["schema"]))
            _check(spec, schema, json.loads(one.request.content), where)


def test_every_answer_is_one_that_gitea_gives(spec, exchanges):
    for one in exchanges:
        path = urlsplit(str(one.request.url)).path.removeprefix("/api/v1")
        template, operation = _operation(spec, one.request.method, path)
        where = f"{one.status_code} for {one.request.method} {template}"
        documented = operation["responses"].get(str(one.status_code))
        assert documented is not None, f"{where}: {one.text[:200]}"
        response = spec["responses"].get(documented.get("$ref", "").rsplit("/", 1)[-1], documented)
        if one.status_code >= 400:
            assert {"message", "url"} <= one.json().keys(), where
        elif "schema" not in response:
            assert not one.content, where
        elif response["schema"].get("type") != "string":
            _check(spec, response["schema"], one.json(), where)


def test_an_account_is_made_as_gitea_makes_it(spec, forge):
    form = {"username": "spec-user", "email": "spec@example.invalid", "password": PASSWORD}
    made = forge.admin.api("POST", "/admin/users", form)
    _check(spec, {"$ref": "#/definitions/CreateUserOption"}, form, "POST /admin/users")
    _check(spec, {"$ref": "#/definitions/User"}, made, "POST /admin/users")
