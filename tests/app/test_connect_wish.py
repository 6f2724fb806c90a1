"""What typed words mean; what is refused is in test_connect.py, as whoever typed it sees it."""

from pathlib import Path

import pytest

from app.connect_wish import ConnectError, Wish, WrongUsageError, checked, credentials, name_of

GITHUB = Wish(kind="GitHub", url="", repo="ada/demo", name=None, env_file=Path(".env"))
HOME = Wish(kind="gitea", url="http://Home:3000/", repo="ada/demo", name=None, env_file=Path(".env"))


def test_github_needs_no_address():
    found = checked(GITHUB)
    assert (found.kind, found.url) == ("github", "https://github.com")


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ({}, "gitea"),
        ({"mine": {"url": "http://home:3000"}}, "mine"),
        ({"mine": {"url": "http://home:3001"}}, "gitea"),
        ({"mine": {"url": "http://[::1"}}, "gitea"),
        ({"gitea": {"token": "12345678"}}, "gitea"),
    ],
)
def test_a_forge_is_known_by_its_address(known, name):
    assert name_of(HOME, known) == name


def test_a_key_is_read_from_its_file_and_the_rest_asked_for(tmp_path):
    (tmp_path / "app.pem").write_text("a key")
    wish = Wish(
        kind="github",
        url="",
        repo="a/b",
        name=None,
        env_file=tmp_path,
        app_id=7,
        app_key_file=tmp_path / "app.pem",
    )
    found = credentials(wish, "X__", {}, lambda _: "a-secret\n")
    assert found == {"APP_ID": "7", "APP_PRIVATE_KEY": "a key", "WEBHOOK_SECRETS": '["a-secret"]'}
    (tmp_path / "app.pem").unlink()
    with pytest.raises(ConnectError, match="key can't be read"):
        credentials(wish, "X__", {}, lambda _: "a-secret\n")


def test_wrong_usage_is_told_apart():
    with pytest.raises(WrongUsageError, match="--repo"):
        checked(Wish(kind="github", url="", repo="demo", name=None, env_file=Path(".env")))
