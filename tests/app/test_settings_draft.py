import json

import pytest

from app.settings import BadSettingsError
from app.settings_draft import Draft, forges_as_written, refuse_shadowed

WRITTEN = {
    "FORGEHAND_FORGES": '{"Home": {"url": "https://a", "repos": ["a/b"]}, "other": {"kind": "github"}}',
    "FORGEHAND_FORGES__HOME__TOKEN": "12345678",
    "FORGEHAND_FORGES__HOME__REPOS": '["c/d"]',
    "FORGEHAND_FORGES__MY_OWN__URL": "https://b",
    "FORGEHAND_LABEL": "x",
}


def test_forges_are_found_however_they_are_written():
    assert forges_as_written(WRITTEN) == {
        "home": {"url": "https://a", "repos": ["c/d"], "token": "12345678"},
        "other": {"kind": "github"},
        "my_own": {"url": "https://b"},
    }


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FORGEHAND_FORGES", "[", "no JSON table"),
        ("FORGEHAND_FORGES", "[]", "no JSON table"),
        ("FORGEHAND_FORGES__HOME__REPOS", "a/b", "no JSON list"),
        ("FORGEHAND_FORGES__HOME__REPO_SECRETS", "[]", "no JSON table"),
    ],
)
def test_what_is_no_json_is_named(name, value, says):
    with pytest.raises(BadSettingsError, match=f"{name} is {says}"):
        forges_as_written({name: value})


@pytest.mark.parametrize(
    ("repos", "then"),
    [
        ([], ["ada/demo"]),
        (["ada/*"], ["ada/*"]),
        (["Ada/DEMO"], ["Ada/DEMO"]),
        (["ada/d"], ["ada/d", "ada/demo"]),
    ],
)
def test_a_repository_gets_on_the_list_once(repos, then):
    assert Draft({"repos": repos}).repos_with("ada/demo") == then


@pytest.mark.parametrize(
    ("present", "rotate", "then"),
    [
        ({}, False, {"ada/demo": ["fresh"]}),
        ({}, True, {"ada/demo": ["fresh"]}),
        ({"x/y": ["z"]}, False, {"x/y": ["z"], "ada/demo": ["fresh"]}),
        ({"Ada/Demo": ["old"]}, False, {"Ada/Demo": ["old"]}),
        ({"Ada/Demo": ["old"]}, True, {"Ada/Demo": ["fresh", "old"]}),
        ({"ada/demo": ["new", "old"]}, True, {"ada/demo": ["new", "old"]}),  # that rotation isn't over
        ({"ada/demo": ["fresh"]}, True, {"ada/demo": ["fresh"]}),  # asked again after it was written
    ],
)
def test_a_secret_is_added_and_none_is_lost(present, rotate, then):
    before = json.dumps(present)
    assert Draft({"repo_secrets": present}).secrets_with("ada/demo", "fresh", rotate=rotate) == then
    assert json.dumps(present) == before


def test_what_the_environment_would_hide_is_refused(monkeypatch):
    monkeypatch.setenv("forgehand_label", "one")
    refuse_shadowed({"FORGEHAND_LABEL": "one", "FORGEHAND_MENTION": "x"})
    with pytest.raises(BadSettingsError, match="FORGEHAND_LABEL is set in the environment"):
        refuse_shadowed({"FORGEHAND_LABEL": "two"})
