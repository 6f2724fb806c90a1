"""What `connect` refuses before it asks anybody anything; tests/e2e/test_connect.py plays it through."""

import json
import os

import pytest

from app.connect import connect
from app.connect_wish import ConnectError, Wish
from app.settings_file import read
from tests.support.connect import BOT_SCOPES, Another, Operator, free_port
from tests.support.forge import running_forge

TOKEN = "s3cret-token-of-the-bot"


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in os.environ:
        if name.upper().startswith("FORGEHAND_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env_file(tmp_path):
    return tmp_path / ".env"


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    with running_forge(tmp_path_factory.mktemp("forge")) as found:
        yield found


def wish(env_file, **changes):
    values = {
        "kind": "gitea",
        "url": "http://127.0.0.1:9",
        "repo": "ada/demo",
        "name": None,
        "env_file": env_file,
    }
    return Wish(**(values | changes))


def refused(env_file, *, typed=TOKEN, **changes):
    before = env_file.read_bytes() if env_file.exists() else None
    with pytest.raises(ConnectError) as caught:
        connect(wish(env_file, **changes), ask_secret=lambda _: typed)
    assert (env_file.read_bytes() if env_file.exists() else None) == before
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url": "ftp://x"}, "--url: write it as https://host"),
        ({"kind": "svn"}, "say which forge: connect gitea|forgejo|github"),
        ({"url": ""}, "say which forge"),
        ({"url": "https://bot:s3cret@x"}, "--url: an address holds no credentials"),
        ({"url": "http://[::1"}, "--url: write it as https://host"),
        ({"public_url": "http://127.0.0.1:99999"}, "--public-url: its port"),
        ({"typed": "s3cret token"}, "FORGEHAND_FORGES__GITEA__TOKEN: it has white space"),
        ({"repo": "demo"}, "--repo: a repository is written as owner/name"),
        ({"repo": "ada/*"}, "--repo: a repository"),
        ({"repo": "../demo/x"}, "--repo: a repository"),
        ({"name": "my forge"}, "--name: a forge's name"),
        ({"name": "a__b"}, "--name: a forge's name"),
        ({"public_url": "forgehand.example.org"}, "--public-url: write it as"),
        ({"url": "https://git.example.org"}, "own loopback"),
        ({"typed": " \n"}, "there is no token: set FORGEHAND_FORGES__GITEA__TOKEN"),
        ({"typed": "short"}, "FORGEHAND_FORGES__GITEA__TOKEN: Value should have at least 8"),
        ({"app_id": 1}, "a GitHub App needs both"),
        ({}, "can't be reached"),
    ],
)
def test_one_clear_sentence_and_nothing_written(env_file, changes, says):
    assert says in refused(env_file, **changes)


@pytest.mark.parametrize(
    ("written", "changes", "says"),
    [
        ("FORGEHAND_FORGES__HOME__URL=https://other.example\n", {"name": "home"}, "home is another forge"),
        ("FORGEHAND_FORGES__GITEA__URL=https://other.example\n", {}, "give this one a name"),
        (
            "FORGEHAND_FORGES__A__URL=http://127.0.0.1:9/\nFORGEHAND_FORGES__A__KIND=forgejo\n",
            {},
            "as a forgejo",
        ),
        ("FORGEHAND_FORGES__GITEA__URL=http://s3cret@[::1\n", {}, "or its address can't be read"),
        ("FORGEHAND_FORGES__GITEA__REPOS=ada/demo\n", {}, "REPOS is no JSON list"),
        ("FORGEHAND_PROT=1\n", {}, "FORGEHAND_PROT is no setting"),
        ("FORGEHAND_PORT=x\n", {}, "FORGEHAND_PORT"),
    ],
)
def test_what_is_written_already_is_taken_seriously(env_file, written, changes, says):
    env_file.write_text(written)
    assert says in refused(env_file, **changes)


def test_what_the_environment_would_hide_is_not_written(env_file, monkeypatch):
    monkeypatch.setenv("FORGEHAND_FORGES__GITEA__REPOS", '["ada/other"]')
    assert "FORGEHAND_FORGES__GITEA__REPOS is set in the environment" in refused(env_file)


def test_a_token_that_is_written_is_not_asked_for(env_file):
    env_file.write_text(
        f"FORGEHAND_FORGES__HOME__TOKEN={TOKEN}\nFORGEHAND_FORGES__HOME__URL=http://127.0.0.1:9\n"
    )
    with pytest.raises(ConnectError, match="can't be reached"):  # and it knows the forge by its address
        connect(wish(env_file), ask_secret=lambda _: pytest.fail("it asked"))


@pytest.mark.parametrize(
    ("scopes", "right", "says"),
    [
        (("write:issue", "read:user"), "admin", "write:repository"),
        (("write:repository", "read:user"), "admin", "write:issue"),
        (("write:repository", "write:issue", "read:user"), "write", "administrator"),
    ],
)
def test_what_is_missing_is_said_and_nothing_done(forge, env_file, scopes, right, says):
    owner, bot = forge.user(), forge.user(scopes=scopes)
    repo = owner.repo()
    owner.invite(repo, bot.login, right)
    seen = []
    outcome = connect(
        wish(env_file, url=forge.url, repo=repo), ask_secret=lambda _: bot.token, say=seen.append
    )
    assert not outcome.ok
    assert tuple(seen) == outcome.findings
    wrong = [f"{one.what} {one.remedy}" for one in outcome.findings if not one.ok]
    assert any(says in one for one in wrong), wrong
    assert not env_file.exists()
    assert owner.api("GET", f"/repos/{repo}/hooks") == []
    assert owner.api("GET", f"/repos/{repo}/labels") == []


def test_a_port_that_is_taken_is_named_and_the_next_run_goes_on(forge, env_file, monkeypatch):
    owner, bot = forge.user(), forge.user(scopes=("write:repository", "write:issue", "read:user"))
    repo = owner.repo()
    owner.invite(repo, bot.login, "admin")
    port = forge.url.rpartition(":")[2]
    env_file.write_text(f"FORGEHAND_PORT={port}\nFORGEHAND_PUBLIC_URL={forge.url}\n")
    with pytest.raises(ConnectError, match=f"none can at 127.0.0.1:{port}"):
        connect(wish(env_file, url=forge.url, repo=repo), ask_secret=lambda _: bot.token)
    table = json.loads(read(env_file)["FORGEHAND_FORGES__GITEA__REPO_SECRETS"])
    assert owner.api("GET", f"/repos/{repo}/hooks") == []
    with pytest.raises(ConnectError, match="none can at"):
        connect(wish(env_file, url=forge.url, repo=repo), ask_secret=lambda _: pytest.fail("it asked"))
    assert json.loads(read(env_file)["FORGEHAND_FORGES__GITEA__REPO_SECRETS"]) == table


@pytest.mark.parametrize(
    "words", [("svn", "--url", "https://x"), ("gitea", "--url", "http://[::1"), ("gitea",)]
)
def test_what_cannot_be_meant_ends_with_2_and_one_document(tmp_path, words):
    answer = Operator(folder=tmp_path).run("connect", *words, "--repo", "ada/demo", "--json")
    assert answer.code == 2
    assert answer.json["ok"] is False
    assert answer.json["error"] in answer.err
    assert "Traceback" not in answer.err


@pytest.fixture
def place(forge, env_file):
    """A repository and its bot; the file says where the service is."""
    owner, bot = forge.user(), forge.user(scopes=BOT_SCOPES)
    repo = owner.repo()
    owner.invite(repo, bot.login, "admin")
    port = free_port()
    env_file.write_text(f"FORGEHAND_PORT={port}\nFORGEHAND_PUBLIC_URL=http://127.0.0.1:{port}\n")
    return owner, bot, repo, port


def test_a_token_that_was_revoked_is_replaced(forge, env_file, place, monkeypatch):
    _, bot, repo, _ = place
    head = "FORGEHAND_FORGES__GITEA__"
    with env_file.open("a") as file:
        file.write(f"{head}URL={forge.url}\n{head}TOKEN={'x' * 40}\n")
    asked = []

    def ask(answer):
        return lambda what: asked.append(what) or answer

    with pytest.raises(ConnectError, match=f"is refused by the forge .* {head}TOKEN"):
        connect(wish(env_file, url=forge.url, repo=repo), ask_secret=ask(""))
    outcome = connect(wish(env_file, url=forge.url, repo=repo), ask_secret=ask(bot.token + "\n"))
    assert outcome.ok, outcome
    assert "refused by the forge: another one is needed" in outcome.findings[0].what
    assert read(env_file)[f"{head}TOKEN"] == bot.token
    assert asked == [f"Another token of the bot's account at {forge.url}"] * 2
    # the environment's can't be replaced in the file
    monkeypatch.setenv(f"{head}TOKEN", "y" * 40)
    outcome = connect(wish(env_file, url=forge.url, repo=repo), ask_secret=ask(bot.token))
    assert [one.what for one in outcome.findings if not one.ok] == ["the token is valid"]
    assert len(asked) == 2


def test_a_webhook_at_the_address_before_is_named(forge, env_file, place):
    owner, bot, repo, _ = place
    config = {
        "url": f"http://u:s3cret@old.example/webhooks/gitea/{repo.upper()}?s3cret",
        "content_type": "json",
    }
    owner.api(
        "POST",
        f"/repos/{repo}/hooks",
        {"type": "gitea", "config": config, "events": ["push"], "active": True},
    )
    outcome = connect(wish(env_file, url=forge.url, repo=repo), ask_secret=lambda _: bot.token)
    (wrong,) = [one for one in outcome.findings if not one.ok]
    assert f"to http://old.example/webhooks/gitea/{repo.upper()}: remove it at" in wrong.remedy
    assert outcome.heard is not None
    assert not outcome.ok


def test_a_service_whose_data_is_elsewhere_is_told_apart(forge, env_file, place, tmp_path):
    _, bot, repo, port = place
    with Another(port), pytest.raises(ConnectError, match=f"its data isn't in {tmp_path}/.forgehand"):
        connect(wish(env_file, url=forge.url, repo=repo), ask_secret=lambda _: bot.token)
