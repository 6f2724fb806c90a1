"""What every forge adapter promises, asked of a real forge over HTTP."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import pytest

from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, ForgeUnavailable
from tests.contract.conftest import Scene

pytestmark = pytest.mark.slow
Seen = TypeVar("Seen")


def eventually(look: Callable[[], Seen], good: Callable[[Seen], bool]) -> Seen:
    """What is seen once it is as it should be; a real forge does some things in its own time."""
    end = time.monotonic() + 20
    while not good(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_who_we_are(scene: Scene):
    assert scene.forge.whoami().login == scene.bot.login


def test_a_repository(scene: Scene):
    found = scene.forge.repo(scene.repo)
    assert (found.full_name, found.default_branch, found.private) == (scene.repo, "main", False)


def test_a_repository_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.repo(f"{scene.owner.login}/nothing")


@pytest.mark.parametrize("name", ["", "one", "a/b/c", "../x", "a/..", "./b"])
def test_a_name_that_is_no_repository(scene: Scene, name: str):
    with pytest.raises(ForgeError):
        scene.forge.repo(name)


@pytest.mark.parametrize("granted", ["read", "write", "admin"])
@pytest.mark.parametrize("options", [{"private": False}, {"private": True}])
def test_the_permission_of_a_collaborator(server, scene: Scene, granted: str, options):
    repo = scene.owner.repo(**options)
    guest = server.user()
    scene.owner.invite(repo, scene.bot.login, "admin")
    scene.owner.invite(repo, guest.login, granted)
    assert scene.forge.permission(repo, guest.login) == granted


def test_the_permission_of_everybody_else(server, scene: Scene):
    hidden = scene.owner.repo(private=True)
    scene.owner.invite(hidden, scene.bot.login, "admin")
    stranger = server.user()
    assert scene.forge.permission(scene.repo, scene.owner.login) == "admin"
    assert scene.forge.permission(scene.repo, scene.owner.login.upper()) == "admin"
    assert scene.forge.permission(scene.repo, stranger.login) == "read"
    assert scene.forge.permission(hidden, stranger.login) == "none"
    assert scene.forge.permission(hidden, "nobody-of-that-name") == "none"


def test_a_permission_that_was_taken_back(server, scene: Scene):
    hidden, guest = scene.owner.repo(private=True), server.user()
    scene.owner.invite(hidden, scene.bot.login, "admin")
    scene.owner.invite(hidden, guest.login, "write")
    assert scene.forge.permission(hidden, guest.login) == "write"
    scene.owner.api("DELETE", f"/repos/{hidden}/collaborators/{guest.login}")
    assert scene.forge.permission(hidden, guest.login) == "none"


@pytest.mark.parametrize("login", ["x[bot]", "X[BOT]", "a b", "a/b", "ö", "a%2fb", "a?x=1", "a#b"])
def test_no_name_gives_a_permission_by_its_looks(scene: Scene, login: str):
    with suppress(ForgeError):  # as good: an error is no right
        assert scene.forge.permission(scene.repo, login) == "none"


@pytest.mark.parametrize("login", ["", ".", ".."])
def test_a_login_that_would_be_another_path(scene: Scene, login: str):
    with pytest.raises(ForgeError):
        scene.forge.permission(scene.repo, login)


def test_the_permission_in_a_repository_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.permission(f"{scene.owner.login}/nothing", scene.owner.login)


def test_a_bot_without_the_right_to_ask_gets_an_error(server, scene: Scene):
    writer = server.user()
    scene.owner.invite(scene.repo, writer.login, "write")
    forge = scene.connect(writer.token)
    for login in (scene.owner.login, writer.login):
        with pytest.raises(ForgeDenied):
            forge.permission(scene.repo, login)


def test_a_token_that_is_none(scene: Scene):
    with pytest.raises(ForgeDenied):
        scene.connect("0" * 40).permission(scene.repo, scene.owner.login)


def test_a_token_without_the_scope(server, scene: Scene):
    poor = server.user(scopes=("read:user",))
    with pytest.raises(ForgeDenied):
        scene.connect(poor.token).issue(scene.repo, 1)


def test_an_issue(scene: Scene):
    number = scene.owner.issue(scene.repo, "A <title>", "Two\nlines & ünicode")
    found = scene.forge.issue(scene.repo, number)
    assert (found.number, found.title, found.body) == (number, "A <title>", "Two\nlines & ünicode")
    assert (found.author.login, found.labels, found.is_open, found.is_pull) == (
        scene.owner.login,
        frozenset(),
        True,
        False,
    )
    assert found.url.endswith(f"/{scene.repo}/issues/{number}")


def test_an_issue_without_text_that_is_closed(scene: Scene):
    number = scene.owner.issue(scene.repo)
    scene.owner.api("PATCH", f"/repos/{scene.repo}/issues/{number}", {"state": "closed"})
    found = scene.forge.issue(scene.repo, number)
    assert (found.body, found.is_open) == ("", False)


def test_an_issue_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.issue(scene.repo, 99999)


def test_comments_are_made_edited_and_listed(scene: Scene):
    number = scene.owner.issue(scene.repo)
    assert scene.forge.comments(scene.repo, number) == []
    first = scene.forge.create_comment(scene.repo, number, "one <!-- marker -->")
    scene.owner.api("POST", f"/repos/{scene.repo}/issues/{number}/comments", {"body": "two"})
    for _ in range(2):
        scene.forge.edit_comment(scene.repo, first.id, "one, edited")
    found = scene.forge.comments(scene.repo, number)
    assert [(one.body, one.author.login) for one in found] == [
        ("one, edited", scene.bot.login),
        ("two", scene.owner.login),
    ]
    assert found[0] == replace(first, body="one, edited")
    assert f"/{scene.repo}/issues/{number}#" in first.url


def test_many_comments_come_complete_and_in_order(scene: Scene):
    number = scene.owner.issue(scene.repo)
    for count in range(55):
        scene.owner.api("POST", f"/repos/{scene.repo}/issues/{number}/comments", {"body": f"no {count}"})
    assert [one.body for one in scene.forge.comments(scene.repo, number)] == [f"no {n}" for n in range(55)]


def test_a_comment_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.edit_comment(scene.repo, 99999999, "x")


def test_reacting_twice_is_once(scene: Scene):
    number = scene.owner.issue(scene.repo)
    comment = scene.forge.create_comment(scene.repo, number, "hello")
    for _ in range(2):
        scene.forge.react(scene.repo, number, "eyes")
        scene.forge.react(scene.repo, number, "rocket", comment_id=comment.id)
    issue = scene.owner.api("GET", f"/repos/{scene.repo}/issues/{number}/reactions")
    on_comment = scene.owner.api("GET", f"/repos/{scene.repo}/issues/comments/{comment.id}/reactions")
    assert [one["content"] for one in issue] == ["eyes"]
    assert [one["content"] for one in on_comment] == ["rocket"]


@pytest.mark.parametrize("reaction", ["eyes", "+1", "-1", "confused", "rocket"])
def test_every_reaction_of_the_port_is_known(scene: Scene, reaction):
    number = scene.owner.issue(scene.repo)
    scene.forge.react(scene.repo, number, reaction)
    (found,) = scene.owner.api("GET", f"/repos/{scene.repo}/issues/{number}/reactions")
    assert found["content"] == reaction


def test_labels_go_on_and_off_and_twice_is_once(scene: Scene):
    number = scene.owner.issue(scene.repo)
    for _ in range(2):
        scene.forge.add_label(scene.repo, number, "agent")
    scene.forge.add_label(scene.repo, number, "other")
    assert scene.forge.issue(scene.repo, number).labels == {"agent", "other"}
    for _ in range(2):
        scene.forge.remove_label(scene.repo, number, "agent")
    assert scene.forge.issue(scene.repo, number).labels == {"other"}


def test_a_label_that_the_repository_lacks(scene: Scene):
    number = scene.owner.issue(scene.repo)
    scene.forge.remove_label(scene.repo, number, "no such label")
    with pytest.raises(ForgeNotFound):
        scene.forge.add_label(scene.repo, number, "no such label")


def test_a_label_on_a_later_page(scene: Scene):
    repo = scene.owner.repo()
    scene.owner.invite(repo, scene.bot.login, "write")
    for count in range(60):
        scene.owner.label(repo, f"label {count:02}")
    number = scene.owner.issue(repo)
    scene.forge.add_label(repo, number, "label 59")
    assert scene.forge.issue(repo, number).labels == {"label 59"}


def test_a_pull_request(scene: Scene):
    tip = scene.branch("feature-a")
    find = {"head_branch": "feature-a", "base_branch": "main"}
    assert scene.forge.find_pull(scene.repo, **find) is None
    made = scene.forge.create_pull(scene.repo, **find, title="Do it", body="Fixes #1", draft=False)
    assert (made.title, made.body, made.draft, made.is_open) == ("Do it", "Fixes #1", False, True)
    assert (made.head_branch, made.head_sha, made.base_branch) == ("feature-a", tip, "main")
    assert (made.head_repo, made.author.login) == (scene.repo, scene.bot.login)
    assert made.url.endswith(f"/{scene.repo}/pulls/{made.number}")
    assert scene.forge.find_pull(scene.repo, **find) == made
    assert scene.forge.pull(scene.repo, made.number) == made
    assert scene.forge.issue(scene.repo, made.number).is_pull
    assert scene.forge.find_pull(scene.repo, head_branch="feature-a", base_branch="other") is None


def test_a_second_pull_request_for_the_same_branches(scene: Scene):
    scene.branch("feature-b")
    form = {"head_branch": "feature-b", "base_branch": "main", "title": "x", "body": "", "draft": False}
    scene.forge.create_pull(scene.repo, **form)
    with pytest.raises(ForgeError):
        scene.forge.create_pull(scene.repo, **form)


def test_a_pull_request_from_a_branch_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeError):
        scene.forge.create_pull(
            scene.repo, head_branch="no-such", base_branch="main", title="x", body="", draft=False
        )


def test_a_closed_pull_request_is_not_found(scene: Scene):
    scene.branch("feature-c")
    find = {"head_branch": "feature-c", "base_branch": "main"}
    made = scene.forge.create_pull(scene.repo, **find, title="x", body="", draft=False)
    scene.owner.api("PATCH", f"/repos/{scene.repo}/pulls/{made.number}", {"state": "closed"})
    assert scene.forge.find_pull(scene.repo, **find) is None
    assert not scene.forge.pull(scene.repo, made.number).is_open


def test_a_draft_stays_one_when_its_title_changes(scene: Scene):
    scene.branch("feature-d")
    made = scene.forge.create_pull(
        scene.repo, head_branch="feature-d", base_branch="main", title="Later", body="a", draft=True
    )
    assert (made.title, made.draft) == ("Later", True)
    for _ in range(2):
        scene.forge.edit_pull(scene.repo, made.number, title="Much later")
    found = scene.forge.pull(scene.repo, made.number)
    assert (found.title, found.body, found.draft) == ("Much later", "a", True)


def test_editing_a_pull_request(scene: Scene):
    scene.branch("feature-e")
    made = scene.forge.create_pull(
        scene.repo, head_branch="feature-e", base_branch="main", title="One", body="a", draft=False
    )
    scene.forge.edit_pull(scene.repo, made.number)
    scene.forge.edit_pull(scene.repo, made.number, body="b")
    scene.forge.edit_pull(scene.repo, made.number, title="Two")
    assert scene.forge.pull(scene.repo, made.number) == replace(made, title="Two", body="b")


def test_an_issue_is_no_pull_request(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.pull(scene.repo, scene.owner.issue(scene.repo))


def test_the_newest_status_of_a_context_counts(scene: Scene):
    tip = scene.branch("feature-f")
    set_status = {"context": "forgehand/job", "text": "42 %", "url": "https://example.com/job/1"}
    scene.forge.set_status(scene.repo, tip, state="pending", **set_status)
    for _ in range(2):
        scene.forge.set_status(scene.repo, tip, state="success", **set_status)
    found = scene.owner.api("GET", f"/repos/{scene.repo}/commits/{tip}/status")
    assert (found["state"], [one["context"] for one in found["statuses"]]) == ("success", ["forgehand/job"])


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("sha", ["1" * 40, "no-such"])
def test_a_status_for_a_commit_that_is_not_there(scene: Scene, sha: str):
    with pytest.raises(ForgeNotFound):
        scene.forge.set_status(
            scene.repo, sha, state="success", context="c", text="t", url="https://x.example"
        )


def test_what_a_stranger_may_not_do(server, scene: Scene):
    number, tip = scene.owner.issue(scene.repo), scene.branch("feature-g")
    comment = scene.forge.create_comment(scene.repo, number, "the bot's")
    forge = scene.connect(server.user().token)
    with pytest.raises(ForgeDenied):
        forge.add_label(scene.repo, number, "agent")
    with pytest.raises(ForgeDenied):
        forge.edit_comment(scene.repo, comment.id, "theirs")
    with pytest.raises(ForgeDenied):
        forge.set_status(scene.repo, tip, state="success", context="c", text="t", url="https://x.example")


@pytest.mark.parametrize("by", ["api", "git"])
def test_a_pull_request_whose_branch_goes_is_closed(scene: Scene, by: str, tmp_path):
    branch = f"feature-h-{by}"
    tip = scene.branch(branch)
    number = scene.owner.pull(scene.repo, branch)
    if by == "api":
        scene.owner.api("DELETE", f"/repos/{scene.repo}/branches/{branch}")
    else:
        for command in (["init", "-q", "."], ["push", "-q", scene.owner.git_url(scene.repo), f":{branch}"]):
            subprocess.run(["git", *command], check=True, cwd=tmp_path)
    found = eventually(lambda: scene.forge.pull(scene.repo, number), lambda pull: not pull.is_open)
    assert (found.head_branch, found.head_sha) == (f"refs/pull/{number}/head", tip)


def test_a_merge_closes_the_issue_that_it_fixes(scene: Scene):
    number, other = scene.owner.issue(scene.repo), scene.owner.issue(scene.repo)
    scene.branch("feature-i")
    pull = scene.owner.pull(scene.repo, "feature-i", body=f"See #{other}\n\nFixes #{number}")
    scene.owner.merge(scene.repo, pull)
    found = eventually(lambda: scene.forge.issue(scene.repo, number), lambda issue: not issue.is_open)
    assert not found.is_open
    assert scene.forge.issue(scene.repo, other).is_open
    assert not scene.forge.pull(scene.repo, pull).is_open


def test_git_reaches_the_repository_with_what_git_access_gives(scene: Scene, tmp_path):
    access = scene.forge.git_access(scene.repo)
    assert scene.bot.token not in access.url
    assert access.header is not None
    assert access.header.startswith("Authorization: ")
    environment = {
        **os.environ,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{access.url}.extraHeader",
        "GIT_CONFIG_VALUE_0": access.header,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    hidden = scene.owner.repo(private=True)
    scene.owner.invite(hidden, scene.bot.login, "write")
    for repo in (scene.repo, hidden):
        found = scene.forge.git_access(repo)
        environment["GIT_CONFIG_KEY_0"] = f"http.{found.url}.extraHeader"
        folder = tmp_path / repo.replace("/", "-")
        subprocess.run(["git", "clone", "-q", found.url, folder], env=environment, check=True)
        subprocess.run(
            ["git", "-C", folder, "push", "-q", "origin", "HEAD:by-bot"], env=environment, check=True
        )
        assert scene.owner.api("GET", f"/repos/{repo}/branches/by-bot")["name"] == "by-bot"


def test_a_forge_that_nobody_answers_for(scene: Scene, quick_retries):
    forge = type(scene.forge)("http://127.0.0.1:9", "x")
    try:
        with pytest.raises(ForgeUnavailable):
            forge.permission(scene.repo, scene.owner.login)
    finally:
        forge.close()
