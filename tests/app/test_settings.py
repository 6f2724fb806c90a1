import json
import os

import pytest

from app.settings import BadSettingsError, Settings, load

HOME = {
    "FORGEHAND_FORGES__HOME__URL": "https://forge.example",
    "FORGEHAND_FORGES__HOME__TOKEN": "s3cret-token-of-the-bot",
    "FORGEHAND_FORGES__HOME__WEBHOOK_SECRETS": '["s3cret-of-the-hook"]',
    "FORGEHAND_FORGES__HOME__REPOS": '["ada/*"]',
}


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in os.environ:
        if name.upper().startswith(("FORGEHAND_", "ANTHROPIC_", "CLAUDE_CODE_OAUTH")):
            monkeypatch.delenv(name)


@pytest.fixture
def env(monkeypatch):
    def put(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


def refused(**options):
    with pytest.raises(BadSettingsError) as caught:
        load(**{"env_file": None, **options})
    return str(caught.value)


def test_nothing_set_means_the_defaults():
    settings = load(env_file=None)
    assert (settings.port, settings.forges, settings.draft_pulls) == (8080, {}, True)
    assert settings.anthropic_base_url == "https://api.anthropic.com"


def test_a_forge_from_the_environment(env):
    env(**HOME)
    home = load(env_file=None).forges["home"]
    assert (home.kind, home.url, home.repos) == ("gitea", "https://forge.example", ("ada/*",))
    assert home.webhook_secrets[0].get_secret_value() == "s3cret-of-the-hook"


def test_the_environment_goes_before_the_file(env, tmp_path):
    (tmp_path / ".env").write_text("FORGEHAND_PORT=1111\nFORGEHAND_LABEL=bot\nOTHER=1\n")
    env(FORGEHAND_PORT="2222")
    settings = load(env_file=tmp_path / ".env")
    assert (settings.port, settings.label) == (2222, "bot")


@pytest.mark.parametrize(
    "name", ["FORGEHAND_PROT", "FORGEHAND_FORGE__HOME__URL", "FORGEHAND_", "forgehand_prot"]
)
def test_an_unknown_name_is_an_error_that_names_it(env, tmp_path, name):
    (tmp_path / ".env").write_text(f"{name}=s3cret\n")
    assert refused(env_file=tmp_path / ".env").startswith(f"{name} is no setting")
    env(**{name: "s3cret"})
    message = refused()
    assert message.startswith(f"{name} is no setting")
    assert "s3cret" not in message


def test_what_runners_and_tests_are_told_is_no_setting_of_ours(env):
    env(FORGEHAND_TEST_FORGE="x", FORGEHAND_JOB_TOKEN="x", FORGEHAND_CLAUDE_BINARY="x")
    load(env_file=None)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"FORGEHAND_FORGES__HOME__TOKNE": "s3cret-token"}, "FORGEHAND_FORGES__HOME__TOKNE"),
        ({"FORGEHAND_FORGES__HOME__TOKEN": "s3cret"}, "FORGEHAND_FORGES__HOME__TOKEN"),
        ({"FORGEHAND_FORGES__HOME__WEBHOOK_SECRETS": "[]"}, "set webhook_secrets or repo_secrets"),
        ({"FORGEHAND_FORGES__HOME__WEBHOOK_SECRETS": '[""]'}, "WEBHOOK_SECRETS__0"),
        ({"FORGEHAND_FORGES__HOME__WEBHOOK_SECRETS": '["s3cret"]'}, "WEBHOOK_SECRETS__0"),
        ({"FORGEHAND_FORGES__HOME__WEBHOOK_SECRETS": "s3cret-of-the-hook"}, ""),
        ({"FORGEHAND_FORGES__HOME__REPOS": "[]"}, "FORGEHAND_FORGES__HOME__REPOS"),
        ({"FORGEHAND_FORGES__HOME__KIND": "s3cret"}, "FORGEHAND_FORGES__HOME__KIND"),
        ({"FORGEHAND_FORGES__HOME__URL": "https://bot:s3cret@forge.example"}, "FORGEHAND_FORGES__HOME__URL"),
        ({"FORGEHAND_FORGES__HOME__REPOS": '["s3cret"]'}, "REPOS__0: write owner/name"),
        ({"FORGEHAND_FORGES__HOME__REPOS": '["[a]/b"]'}, "REPOS__0: write owner/name"),
        (
            {"FORGEHAND_FORGES__HOME__REPO_SECRETS": '{"ada":["s3cret-0123"]}'},
            "REPO_SECRETS__ADA: a repository",
        ),
        ({"FORGEHAND_FORGES__HOME__REPO_SECRETS": '{"ada/a":"s3cret-0123"}'}, "should be a valid list"),
        ({"FORGEHAND_FORGES__HOME__REPO_SECRETS": '{"ada/a":[]}'}, "at least 1 item"),
        ({"FORGEHAND_FORGES__HOME__REPO_SECRETS": '{"ada/a":["s3cret"]}'}, "REPO_SECRETS__ADA/A__0"),
        ({"FORGEHAND_FORGES__HOME__REPO_SECRETS": '{"bob/a":["s3cret-0123"]}'}, "which repos doesn't cover"),
        (
            {"FORGEHAND_FORGES__HOME__REPO_SECRETS": '{"ada/a":["s3cret-0123"],"Ada/A":["s3cret-0124"]}'},
            "letter case",
        ),
        ({"FORGEHAND_FORGES__HOME__WEBHOOK_SECRETS": json.dumps(["s3cret-0123"] * 5)}, "at most 4 items"),
        ({"FORGEHAND_FORGES": '{"Home":{"bots":[1]}}'}, "FORGEHAND_FORGES: two names"),
        ({"FORGEHAND_FORGES__HO.ME__URL": "https://x"}, "FORGEHAND_FORGES__HO.ME: a forge's name"),
        ({"FORGEHAND_FORGES__HOME__KIND": "github", "FORGEHAND_FORGES__HOME__APP_ID": "1"}, "set token; or"),
        ({"FORGEHAND_FORGES": "s3cret"}, "forges"),
        ({"FORGEHAND_PORT": "s3cret"}, "FORGEHAND_PORT"),
        ({"FORGEHAND_PORT": "70000"}, "FORGEHAND_PORT"),
        ({"FORGEHAND_JOB_BUDGET_USD": "0"}, "FORGEHAND_JOB_BUDGET_USD"),
        ({"FORGEHAND_BRANCH_PREFIX": "-x/"}, "FORGEHAND_BRANCH_PREFIX"),
        ({"FORGEHAND_PUBLIC_URL": "javascript:alert(1)"}, "FORGEHAND_PUBLIC_URL"),
        ({"ANTHROPIC_BASE_URL": "s3cret"}, "ANTHROPIC_BASE_URL"),
        ({"FORGEHAND_PUBLIC_URL": "http://s3cret?x"}, "FORGEHAND_PUBLIC_URL: an address holds no"),
        ({"FORGEHAND_FORGES__HOME__PUBLIC_URL": "http://[::s3cret"}, "HOME__PUBLIC_URL: write it as"),
        ({"FORGEHAND_FORGES__HOME__TOKEN": "s3cret-token\n"}, "HOME__TOKEN: it has white space"),
        ({"FORGEHAND_FORGES__HOME__WEBHOOK_SECRETS": '["s3cret 0123 "]'}, "WEBHOOK_SECRETS__0: it begins"),
        ({"FORGEHAND_FORGES__HOME__REPO_SECRETS": '{"ada/a":["s3cret\\n0123"]}'}, "ADA/A__0: it begins"),
        ({"FORGEHAND_API_TOKEN": "s3cret token"}, "FORGEHAND_API_TOKEN: it has"),
        ({"ANTHROPIC_API_KEY": "s3cret key"}, "ANTHROPIC_API_KEY: it has"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(env, change, names):
    env(**(HOME | change))
    message = refused()
    assert names in message
    assert "s3cret" not in message


def test_every_problem_is_told_at_once(env):
    env(FORGEHAND_PORT="x", FORGEHAND_MAX_RUNNING="0")
    assert len(refused().splitlines()) == 2


def test_secrets_do_not_print(env):
    env(
        **HOME,
        FORGEHAND_API_TOKEN="s3cret-api",
        FORGEHAND_REDIS_URL="redis://:s3cret@host",
        FORGEHAND_GIT_TOKEN="s3cret-git",
        ANTHROPIC_API_KEY="s3cret-key",
        CLAUDE_CODE_OAUTH_TOKEN="s3cret-oauth",
    )
    settings = load(env_file=None)
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "s3cret" not in shown
    assert json.loads(settings.model_dump_json())["forges"]["home"]["token"] == "**********"


def test_claude_credentials_go_by_both_names(env):
    env(FORGEHAND_ANTHROPIC_API_KEY="second-name")
    assert load(env_file=None).anthropic_api_key.get_secret_value() == "second-name"
    env(ANTHROPIC_API_KEY="first-name")
    assert load(env_file=None).anthropic_api_key.get_secret_value() == "first-name"


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings(_env_file=None).port = 1


def test_where_runners_reach_the_broker(env):
    assert load(env_file=None).runner_broker_url == "http://127.0.0.1:8080/broker"
    env(FORGEHAND_BROKER_URL="http://inside:9000/base/")
    assert load(env_file=None).runner_broker_url == "http://inside:9000/base/broker"


def test_names_of_forges_and_repositories_have_no_letter_case(env):
    whole = {
        "Other": {
            "url": "https://o.example",
            "token": "t" * 8,
            "repos": ["A/b"],
            "repo_secrets": {"A/b": ["s" * 8]},
        }
    }
    env(
        **{name.replace("HOME", "hOmE"): value for name, value in HOME.items()},
        FORGEHAND_FORGES=json.dumps(whole),
    )
    forges = load(env_file=None).forges
    assert set(forges) == {"home", "other"}
    assert forges["other"].secrets_of("a/B")[0].get_secret_value() == "s" * 8
    assert forges["other"].secrets_of("a/c") == forges["other"].secrets_of(None) == ()
    assert forges["home"].covers("ADA/x")
    assert not forges["home"].covers("bob/x")


def test_github_needs_its_library_and_says_which(env, monkeypatch):
    env(**(HOME | {"FORGEHAND_FORGES__HOME__KIND": "github"}))
    assert load(env_file=None).forges["home"].kind == "github"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "pip install 'forgehand[github]'" in refused()


def test_another_file_may_be_named(env, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("FORGEHAND_PORT=1111\n")
    (tmp_path / "other").write_text("FORGEHAND_PORT=2222\n")
    monkeypatch.chdir(tmp_path)
    assert load().port == 1111
    env(FORGEHAND_ENV_FILE="other")
    assert load().port == 2222
    assert load(overlay={"port": 3}).port == 3


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / ".env").write_bytes(b"FORGEHAND_LABEL=\xff\n")
    assert f"{tmp_path}/.env can't be read" in refused(env_file=tmp_path / ".env")
