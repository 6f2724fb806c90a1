"""Holds the embedded forge to Gitea 1.22's own API description, and walks every route that it has.

Its refusals are held to a real Gitea in test_forge_like_gitea: the description leaves most of them out.
"""

import re

import httpx
import pytest
from flask import Flask
from werkzeug.routing import MapAdapter

from app.demo.forge.api import api
from tests.app.demo.forge_calls.everything import play
from tests.app.forges.description import Description, specs
from tests.support.forge import PASSWORD, RunningForge

pytestmark = pytest.mark.slow
FIELDS = {"User": {"username"}}
"""What Gitea sends although its description doesn't have it."""
ODD = re.compile(
    r"(timeline|comments)\?.*|timeline, empty|empty: .*|combined\?state=.*|file folder|hook of status|a ghost's issue"
)
"""Calls that Gitea takes, or answers, otherwise than it describes: `null` for an empty list, a folder as a list."""


@pytest.fixture(scope="module")
def answers(forge: RunningForge) -> dict[str, httpx.Response]:
    """What the forge answered to each call, by the call's name."""
    return play(forge).answers


@pytest.fixture(scope="module")
def routes() -> MapAdapter:
    app = Flask(__name__)
    app.register_blueprint(api)
    return app.url_map.bind("forge")


def test_every_route_is_walked(answers: dict[str, httpx.Response], routes: MapAdapter) -> None:
    served = {
        (method, rule.rule)
        for rule in routes.map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    walked = {(one.request.method, _rule(routes, one)) for one in answers.values() if one.is_success}
    by_the_tests_own_helpers = {
        ("POST", "/api/v1/admin/users"), ("POST", "/api/v1/users/<login>/tokens"),
        ("POST", "/api/v1/repos/<owner>/<name>/pulls/<int:number>/merge"),
    }  # fmt: skip
    always_refused = {("GET", "/api/v1/repos/<owner>/<name>/teams")}
    assert served - walked <= by_the_tests_own_helpers | always_refused


def _rule(routes: MapAdapter, answer: httpx.Response) -> str:
    rule, _ = routes.match(answer.request.url.path, method=answer.request.method, return_rule=True)
    return rule.rule


def test_what_succeeds_is_as_gitea_describes_it(answers: dict[str, httpx.Response]) -> None:
    description = Description(specs("gitea-1.22.0.swagger.json.gz"), fields=FIELDS)
    wrong = {}
    for name, answer in answers.items():
        if answer.is_success and not ODD.fullmatch(name):
            try:
                description.check_httpx(answer)
            except AssertionError as error:
                wrong[name] = str(error)
    assert len(answers) > 500
    assert wrong == {}


def test_an_account_and_a_token_are_made_as_gitea_makes_them(forge: RunningForge) -> None:
    description = Description(specs("gitea-1.22.0.swagger.json.gz"), fields=FIELDS)
    form = {
        "username": "spec-user",
        "email": "spec@example.invalid",
        "password": PASSWORD,
        "must_change_password": False,
    }
    made = forge.admin.api("POST", "/admin/users", form, ok=False)
    token = forge.http.post(
        f"{forge.url}/api/v1/users/spec-user/tokens",
        auth=("spec-user", PASSWORD),
        json={"name": "x", "scopes": ["read:user"]},
    )
    assert description.check_httpx(made) == "POST /admin/users"
    assert description.check_httpx(token) == "POST /users/{username}/tokens"
