"""Holds every request that the adapter can make, and every answer of the stand-in, to GitHub's API description.

A public method that isn't walked fails. What GitHub answers beyond its description is a claim; each says where from.
"""

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest

from app.forges.github.adapter import GitHub
from app.forges.port import Connector, Forge, ForgeError
from tests.app.forges.description import Description, specs
from tests.app.forges.github.conftest import KeyPair, Scene
from tests.support.github import Exchange

pytestmark = pytest.mark.slow
REPO = "/repos/{owner}/{repo}"
STATUSES = {
    # https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api: a bad token, a right that is
    # missing, a thing that isn't there or that the token may not see
    "*": {401, 403, 404},
    # a commit that isn't there, "No commit found for SHA": github.com/readthedocs/readthedocs.org/pull/9347
    f"POST {REPO}/statuses/{{sha}}": {422},
    f"GET {REPO}/commits/{{ref}}/status": {422},
}


class Watched:
    """The adapter; notes which of its methods are used."""

    def __init__(self, adapter: GitHub, used: set[str]) -> None:
        self._adapter, self._used = adapter, used

    def __getattr__(self, name: str):
        self._used.add(name)
        return getattr(self._adapter, name)


def described(description: Description, exchanges: list[Exchange]) -> set[str]:
    """The operations; fails at the first exchange that the description doesn't have."""
    return {
        description.check(one.method, one.path, one.query, one.request_body, one.status, one.response_body)
        for one in exchanges
    }


@pytest.fixture(scope="module")
def description() -> Description:
    return Description(specs("github.openapi.json.gz"), statuses=STATUSES)


@pytest.fixture
def used() -> set[str]:
    return set()


@pytest.fixture
def forge(scene: Scene, used: set[str]) -> Iterator[Watched]:
    found = scene.connect()
    yield Watched(found, used)
    found.close()


def walk_issues(scene: Scene, forge: Watched) -> None:
    number = scene.owner.issue(scene.repo, "A <title>", "Two\nlines & ünicode")
    comment = forge.create_comment(scene.repo, number, "hello")
    forge.edit_comment(scene.repo, comment.id, "hello, edited")
    forge.react(scene.repo, number, "eyes")
    forge.react(scene.repo, number, "rocket", comment_id=comment.id)
    forge.add_label(scene.repo, number, "agent")
    forge.issue(scene.repo, number)
    assert forge.labelled(scene.repo, number, "agent", since=0.0) is not None
    forge.remove_label(scene.repo, number, "agent")
    assert forge.labelled(scene.repo, number, "agent") is None
    forge.remove_label(scene.repo, number, "agent")
    assert forge.comments(scene.repo, number, since=0.0) == forge.comments(scene.repo, number)
    assert forge.comment(scene.repo, number, comment.id).body == "hello, edited"
    assert forge.comment(scene.repo, number, 99_999) is None
    with pytest.raises(ForgeError):
        forge.add_label(scene.repo, number, "no such label")
    with pytest.raises(ForgeError):
        forge.issue(scene.repo, 99_999)


def walk_pulls(scene: Scene, forge: Watched) -> None:
    tip = scene.owner.write(scene.repo, "a.txt", "more\n", new_branch="topic")
    find = {"head_branch": "topic", "base_branch": "main"}
    assert forge.find_pull(scene.repo, **find) is None
    made = forge.create_pull(scene.repo, **find, title="Do it", body="Fixes #1", draft=True)
    assert forge.find_pull(scene.repo, **find) == forge.pull(scene.repo, made.number) == made
    forge.edit_pull(scene.repo, made.number, title="Do it well", body="")
    assert forge.issue(scene.repo, made.number).is_pull
    with pytest.raises(ForgeError):
        forge.create_pull(scene.repo, **find, title="Again", body="", draft=False)
    said = {"context": "forgehand/job", "text": "42 %", "url": "https://example.com/job/1"}
    for state in ("pending", "success", "success"):
        forge.set_status(scene.repo, tip, state=state, **said)
    with pytest.raises(ForgeError):
        forge.set_status(scene.repo, "1" * 40, state="success", **said)
    assert forge.read_file(scene.repo, "a.txt", ref="topic", max_bytes=100) == b"more\n"
    assert forge.read_file(scene.repo, "b.txt", ref="topic", max_bytes=100) is None
    assert forge.read_file(scene.repo, "README.md", ref=None, max_bytes=10_000) is not None
    assert not forge.is_protected(scene.repo, "topic")
    rule = {"rule_name": "topic", "enable_push": True}
    scene.owner.api("POST", f"/repos/{scene.repo}/branch_protections", rule)
    assert forge.is_protected(scene.repo, "topic")
    assert not forge.is_protected(scene.repo, "nothing")
    assert forge.git_access(scene.repo).url.endswith(f"/{scene.repo}.git")


def walk_people(scene: Scene, forge: Watched) -> None:
    assert forge.whoami() == scene.account(scene.bot)
    assert forge.repo(scene.repo).default_branch == "main"
    assert forge.standing(scene.repo, scene.account(scene.owner)).permission == "admin"
    with pytest.raises(ForgeError):
        forge.repo("nobody/nothing")


def walk_setting_up(scene: Scene, forge: Watched) -> None:
    assert forge.ensure_label(scene.repo, "needs-human", color="1d76db", text="For people")
    url = "https://forgehand.example.com/webhooks/home"
    for _ in range(2):
        made = forge.ensure_hook(scene.repo, url=url, secret="a-secret")
    scene.owner.hook(scene.repo, url, "another")
    forge.ensure_hook(scene.repo, url=url, secret="a-secret")
    assert len(forge.hooks(scene.repo)) == 1
    forge.test_hook(scene.repo, made.id)
    assert all(one.ok for one in forge.check(scene.repo))
    scene.stand_in.forbidden |= {"issues", "pull_requests", "statuses", "repository_hooks"}
    assert sum(not one.ok for one in forge.check(scene.repo)) == 3


def promised() -> set[str]:
    """The public methods of both contracts."""
    named = (dir(contract) for contract in (Forge, Connector))
    return {name for names in named for name in names if not name.startswith("_")} - {"kind"}


def test_every_exchange_of_the_adapter_is_in_the_description(scene: Scene, forge: Watched, used, description):
    for walk in (walk_people, walk_issues, walk_pulls, walk_setting_up):
        walk(scene, forge)
    operations = described(description, scene.stand_in.exchanges)
    assert promised() <= used
    assert len(operations) >= 29
    public = {name for name in dir(GitHub) if not name.startswith("_")}
    assert public == promised() | {"close", "kind", "name"}


def test_every_exchange_of_an_app_is_in_the_description(app_scene: Scene, keys: KeyPair, description):
    forge = app_scene.connect(app_id=77, private_key=keys.private)
    apps = app_scene.stand_in.apps
    forge.whoami()
    forge.check(app_scene.repo)
    forge.hooks(app_scene.repo)
    with suppress(ForgeError):
        forge.repo("nobody/nothing")
    apps.issued.clear()
    forge.repo(app_scene.repo)
    del apps.permissions["statuses"]
    apps.issued.clear()
    with pytest.raises(ForgeError):
        forge.repo(app_scene.repo)
    forge.close()
    assert described(description, app_scene.stand_in.exchanges) >= {
        "GET /app",
        "GET /app/hook/config",
        "GET /app/installations",
        "GET /users/{username}",
        f"GET {REPO}/installation",
        "POST /app/installations/{installation_id}/access_tokens",
    }


@pytest.mark.parametrize("change", [{"secret_field": 1}, {"number": "3"}, {"user": {"id": 1}}])
def test_the_description_would_notice(scene: Scene, forge: Watched, description, change):
    number = scene.owner.issue(scene.repo)
    forge.issue(scene.repo, number)
    (one,) = scene.stand_in.exchanges
    body = json.dumps(json.loads(one.response_body) | change).encode()
    with pytest.raises(AssertionError):
        description.check(one.method, one.path, one.query, None, 200, body)


def test_the_stand_in_refuses_what_github_refuses(scene: Scene):
    http, url = scene.stand_in.http, f"{scene.stand_in.url}/repos/{scene.repo}"
    number = scene.owner.issue(scene.repo)
    signed = {"Authorization": f"Bearer {scene.bot.token}"}
    assert http.get(url).status_code == 401
    assert http.get(url, headers={"Authorization": f"Bearer {'0' * 40}"}).status_code == 401
    assert http.get(f"{scene.stand_in.url}/app", headers=signed).status_code == 401
    comments = f"{url}/issues/{number}/comments"
    assert http.post(comments, json={"body": "x", "colour": 1}, headers=signed).status_code == 422
    assert http.post(comments, json={}, headers=signed).status_code == 422
    assert http.post(comments, content=b"{", headers=signed).status_code == 400
    for content in ("heart", "tada"):
        reaction = http.post(f"{url}/issues/{number}/reactions", json={"content": content}, headers=signed)
        assert reaction.status_code == {"heart": 201, "tada": 422}[content]
    scene.stand_in.limited.append({"Retry-After": "60"})
    assert [http.get(url, headers=signed).status_code for _ in range(2)] == [403, 200]
