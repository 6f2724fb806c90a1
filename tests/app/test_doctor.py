"""What `doctor` finds wrong, one thing at a time; tests/e2e/test_connect.py sees it find nothing."""

import json
import os

import pytest

from app.doctor import examine, is_ok
from tests.support.connect import BOT_SCOPES, Another, Operator
from tests.support.forge import running_forge

HEAD = "FORGEHAND_FORGES__HOME__"


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in os.environ:
        if name.upper().startswith("FORGEHAND_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "no-real-key")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    with running_forge(tmp_path_factory.mktemp("forge")) as found:
        yield found


@pytest.fixture
def operator(tmp_path):
    return Operator(folder=tmp_path)


@pytest.fixture
def place(forge, operator):
    """A repository with its bot, and settings that name them; no webhook yet."""
    owner, bot = forge.user(), forge.user(scopes=BOT_SCOPES)
    repo = owner.repo()
    owner.invite(repo, bot.login, "admin")
    write(operator, forge, bot, REPOS=[repo], REPO_SECRETS={repo: ["a-secret-of-it"]})
    return owner, bot, repo


def write(operator, forge, bot, **tables):
    lines = [f"FORGEHAND_PORT={operator.port}", f"FORGEHAND_PUBLIC_URL={operator.url}"]
    lines += [f"{HEAD}URL={forge.url}", f"{HEAD}TOKEN={bot.token}"]
    lines += [f"{HEAD}{name}={json.dumps(table)}" for name, table in tables.items()]
    operator.env_file.write_text("\n".join(lines) + "\n")
    operator.env_file.chmod(0o600)


def hook(owner, repo, operator, secret="a-secret-of-it", tail=None, **changes):
    url = f"{operator.url}/webhooks/home{f'/{repo}' if tail is None else tail}"
    events = [
        "issues",
        "issue_comment",
        "pull_request",
        "pull_request_comment",
        "pull_request_review",
        "push",
    ]
    config = {"url": url, "content_type": "json", "secret": secret}
    form = {"type": "gitea", "config": config, "events": events, "active": True}
    owner.api("POST", f"/repos/{repo}/hooks", form | changes)


def wrong(operator):
    """What is wrong, as one text; every one of it says what to do."""
    seen = []
    sections = examine(operator.env_file, say=seen.append)
    assert seen == sections
    found = [one for section in sections for one in section.findings if not one.ok]
    assert is_ok(sections) == (not found)
    assert all(one.remedy for one in found)
    return "\n".join(f"{one.what}: {one.remedy}" for one in found)


def test_nothing_is_connected_yet(operator, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    text = wrong(operator)
    assert "a forge is connected: connect one: forgehand connect" in text
    assert "Claude has a credential: put ANTHROPIC_API_KEY" in text


def test_others_can_read_the_secrets(operator, place):
    operator.env_file.chmod(0o644)
    assert "it holds secrets: chmod g-w,o= " in wrong(operator)
    operator.env_file.chmod(0o640)
    assert "it holds secrets" not in wrong(operator)


def test_settings_that_cannot_be_read_end_it(operator):
    operator.env_file.write_text("FORGEHAND_LABLE=s3cret\n")
    text = wrong(operator)
    assert "FORGEHAND_LABLE is no setting" in text
    assert "s3cret" not in text


def test_a_key_that_is_none(operator, place, tmp_path):
    with operator.env_file.open("a") as file:
        file.write("FORGEHAND_FORGES__APP__KIND=github\nFORGEHAND_FORGES__APP__URL=http://127.0.0.1:9\n")
        file.write(
            'FORGEHAND_FORGES__APP__APP_ID=1\nFORGEHAND_FORGES__APP__APP_PRIVATE_KEY="s3cret, no key"\n'
        )
        file.write(
            'FORGEHAND_FORGES__APP__REPOS=["a/b"]\nFORGEHAND_FORGES__APP__WEBHOOK_SECRETS=["0123456789"]\n'
        )
    hook(place[0], place[2], operator)
    text = wrong(operator)
    assert "a test delivery arrives: FORGEHAND_FORGES__APP: " in text
    assert "s3cret" not in text


def test_the_forge_does_not_answer(operator, forge, place):
    text = operator.env_file.read_text().replace(forge.url, "http://127.0.0.1:9")
    operator.env_file.write_text(text)
    assert "the forge answers: Gitea can't be reached" in wrong(operator)


def test_the_forge_cannot_call_us(operator, forge, place):
    text = operator.env_file.read_text().replace(operator.url, "http://0.0.0.0:1")
    operator.env_file.write_text(text)
    assert "no address that anybody can call" in wrong(operator)


def test_the_token_is_no_good(operator, place):
    _, bot, _ = place
    operator.env_file.write_text(operator.env_file.read_text().replace(bot.token, "x" * 40))
    assert "the token is valid: " in wrong(operator)


def test_there_is_no_webhook(operator, place):
    assert "none calls it: run forgehand connect gitea" in wrong(operator)


def test_the_webhook_is_off(operator, place):
    owner, _, repo = place
    hook(owner, repo, operator, active=False)
    assert "it is active: run forgehand connect" in wrong(operator)


def test_two_webhooks_call_it(operator, place):
    owner, _, repo = place
    hook(owner, repo, operator)
    hook(owner, repo, operator)
    assert "2 webhooks call it" in wrong(operator)


def test_the_webhook_tells_too_little(operator, place):
    owner, _, repo = place
    hook(owner, repo, operator, events=["push"])
    assert "it sends every event that Forgehand handles" in wrong(operator)


def test_a_webhook_that_calls_where_we_were_before(operator, place, forge):
    owner, _, repo = place
    text = operator.env_file.read_text()
    hook(owner, repo, operator)
    operator.env_file.write_text(text.replace(f"URL={operator.url}", "URL=http://localhost:1/new"))
    found = wrong(operator)
    assert f"one sends all that happens in {repo} to {operator.url}/webhooks/home/{repo}" in found
    assert f"remove it at {forge.url}/{repo}/settings/hooks" in found


def test_a_service_whose_data_is_elsewhere(operator, place, tmp_path):
    with Another(operator.port):
        found = wrong(operator)
    assert f"its data isn't in {tmp_path}/.forgehand: run this in the directory" in found


def test_the_webhook_has_another_secret(operator, place, monkeypatch):
    owner, _, repo = place
    hook(owner, repo, operator, secret="some-other-secret")
    monkeypatch.setattr("app.reach.Ear.trial.__kwdefaults__", {"waits": (1.0,)}, raising=False)
    assert "a test delivery arrives: no test delivery arrived" in wrong(operator)


def test_a_webhook_for_the_whole_forge_is_looked_at_too(operator, forge, place):
    owner, bot, repo = place
    write(operator, forge, bot, REPOS=[repo, "all/*"], WEBHOOK_SECRETS=["one-for-all"])
    hook(owner, repo, operator, secret="one-for-all", tail="")
    sections = examine(operator.env_file)
    assert not [
        one
        for section in sections
        for one in section.findings
        if "a test delivery" in one.what and not one.ok
    ]
    assert sections[-1].title == "home: all/*"
    assert "can't be listed" in sections[-1].findings[0].what


def test_a_folder_that_cannot_be_used(operator, place, tmp_path):
    (tmp_path / "file").write_text("")
    with operator.env_file.open("a") as file:
        file.write(f"FORGEHAND_DATA_DIR={tmp_path}/file/data\n")
    text = wrong(operator)
    assert "can be written" in text
