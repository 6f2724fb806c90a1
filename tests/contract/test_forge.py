"""What every forge adapter promises, asked of a real forge over HTTP."""

import os
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import pytest

from app.forges.port import (
    UNTITLED,
    ForgeDenied,
    ForgeError,
    ForgeNotFound,
    ForgeUnavailable,
    Standing,
    Unreadable,
    User,
)
from tests.contract.conftest import KIND, Scene, account, adapter_for

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
def test_the_standing_of_a_collaborator(server, scene: Scene, granted: str, options):
    repo, guest = scene.new_repo(**options), server.user()
    scene.owner.invite(repo, guest.login, granted)
    assert scene.forge.standing(repo, account(guest)) == Standing(permission=granted, is_bot=False)


def test_the_standing_of_everybody_else(server, scene: Scene):
    hidden, stranger, owner = scene.new_repo(private=True), account(server.user()), account(scene.owner)
    assert scene.forge.standing(scene.repo, owner).permission == "admin"
    assert scene.forge.standing(scene.repo, replace(owner, login=owner.login.upper())).permission == "admin"
    assert scene.forge.standing(scene.repo, stranger).permission == "read"
    assert scene.forge.standing(hidden, stranger).permission == "none"
    assert scene.forge.standing(hidden, User(id=10**9, login="nobody-of-that-name")).permission == "none"


def test_a_permission_that_was_taken_back(server, scene: Scene):
    hidden, guest = scene.new_repo(private=True), server.user()
    scene.owner.invite(hidden, guest.login, "write")
    assert scene.forge.standing(hidden, account(guest)).permission == "write"
    scene.owner.api("DELETE", f"/repos/{hidden}/collaborators/{guest.login}")
    assert scene.forge.standing(hidden, account(guest)).permission == "none"


def test_a_name_that_is_another_accounts_by_now_gives_none_of_its_rights(server, scene: Scene):
    owner, stranger = account(scene.owner), account(server.user())
    assert scene.forge.standing(scene.repo, replace(owner, id=stranger.id)).permission == "none"
    assert scene.forge.standing(scene.repo, replace(stranger, id=owner.id)).permission == "none"


@pytest.mark.parametrize("number", [0, -1, -2])
@pytest.mark.parametrize("name", ["Ghost", "gitea-actions", "the owner"])
def test_the_forges_own_accounts_may_nothing(scene: Scene, number: int, name: str):
    login = scene.owner.login if name == "the owner" else name
    found = scene.forge.standing(scene.repo, User(id=number, login=login))
    assert found.permission == "none"


def test_an_account_that_was_deleted_may_nothing(server, scene: Scene):
    leaver = server.user()
    scene.owner.invite(scene.repo, leaver.login, "admin")
    who = account(leaver)
    assert scene.forge.standing(scene.repo, who).permission == "admin"
    server.admin.api("DELETE", f"/admin/users/{leaver.login}")
    assert scene.forge.standing(scene.repo, who).permission == "none"


@pytest.mark.parametrize("login", ["x[bot]", "X[BOT]", "a b", "a/b", "ö", "a%2fb", "a?x=1", "a#b", "a" * 300])
def test_no_name_gives_a_permission_by_its_looks(scene: Scene, login: str):
    with suppress(ForgeError):  # as good: an error is no right
        assert scene.forge.standing(scene.repo, User(id=1, login=login)).permission == "none"


@pytest.mark.parametrize("login", ["", ".", "..", "\ud800"])
def test_a_login_that_is_none(scene: Scene, login: str):
    with pytest.raises(ForgeError):
        scene.forge.standing(scene.repo, User(id=1, login=login))


def test_the_standing_in_a_repository_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.standing(f"{scene.owner.login}/nothing", account(scene.owner))


def test_a_bot_without_the_right_to_ask_gets_an_error_that_says_what_to_do(server, scene: Scene):
    writer = server.user()
    scene.owner.invite(scene.repo, writer.login, "write")
    forge = scene.connect(writer.token)
    with pytest.raises(ForgeDenied, match=f"administrator of {scene.repo}"):
        forge.standing(scene.repo, account(scene.owner))
    with suppress(ForgeDenied):  # newer ones answer about oneself
        assert forge.standing(scene.repo, account(writer)).permission == "write"


def test_a_token_that_is_none(scene: Scene):
    with pytest.raises(ForgeDenied):
        scene.connect("0" * 40).standing(scene.repo, account(scene.owner))


def test_a_token_without_the_scope(server, scene: Scene):
    poor = server.user(scopes=("read:user",))
    with pytest.raises(ForgeDenied):
        scene.connect(poor.token).issue(scene.repo, 1)


def test_a_file(scene: Scene):
    repo = scene.new_repo()
    first = scene.owner.write(repo, "folder/a file & more.txt", "Zwölf\r\n")
    scene.owner.write(repo, "folder/a file & more.txt", "dreizehn", branch="main")
    scene.owner.write(repo, "empty", "")

    def read(path: str, ref: str | None = "main", size: int = 100) -> bytes | None:
        return scene.forge.read_file(repo, path, ref=ref, max_bytes=size)

    assert read("folder/a file & more.txt") == read("folder/a file & more.txt", None) == b"dreizehn"
    assert read("folder/a file & more.txt", first) == "Zwölf\r\n".encode()
    assert read("empty", size=0) == b""
    assert read("folder/nothing") is None
    assert read("folder/nothing", None) is None
    assert read("README.md/below") is None
    with pytest.raises(Unreadable):
        read("folder/a file & more.txt", size=7)
    with pytest.raises(Unreadable):
        read("folder")


def test_a_file_of_the_default_branch_whatever_that_is_called(scene: Scene):
    repo = scene.new_repo(default_branch="trunk")
    assert scene.forge.read_file(repo, "README.md", ref=None, max_bytes=10_000) is not None
    assert scene.forge.read_file(repo, "README.md", ref="main", max_bytes=10_000) is None


@pytest.mark.parametrize("branch", ["main", "release/1.0"])
def test_a_branch_that_a_rule_protects(scene: Scene, branch: str):
    repo = scene.new_repo()
    scene.owner.write(repo, "x.txt", "x", new_branch="release/1.0")
    assert not scene.forge.is_protected(repo, branch)
    rule = {"rule_name": branch, "branch_name": branch, "enable_push": True}
    scene.owner.api("POST", f"/repos/{repo}/branch_protections", rule)
    assert scene.forge.is_protected(repo, branch)
    assert not scene.forge.is_protected(repo, "main" if branch != "main" else "release/1.0")


@pytest.mark.parametrize("branch", ["nothing", "nothing/at all", "main/x", "a?b=c", "ö", "-"])
def test_a_branch_that_is_not_there_is_not_protected(scene: Scene, branch: str):
    assert not scene.forge.is_protected(scene.repo, branch)


@pytest.mark.parametrize("branch", ["", "a/../main", "."])
def test_a_branch_that_can_be_none(scene: Scene, branch: str):
    with pytest.raises(ForgeError):
        scene.forge.is_protected(scene.repo, branch)


def test_a_branch_of_a_repository_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.is_protected(f"{scene.owner.login}/nothing", "main")


@pytest.mark.parametrize("path", ["", "/", "../x", "a/../../x", "a//b", "."])
def test_a_path_that_is_none(scene: Scene, path: str):
    with pytest.raises(ForgeError):
        scene.forge.read_file(scene.repo, path, ref="main", max_bytes=100)


def test_a_file_of_a_commit_or_repository_that_is_not_there(scene: Scene):
    assert scene.forge.read_file(scene.repo, "README.md", ref="1" * 40, max_bytes=10_000) is None
    with pytest.raises(ForgeNotFound):
        scene.forge.read_file(f"{scene.owner.login}/nothing", "README.md", ref="main", max_bytes=100)


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


@pytest.mark.skipif(KIND == "github", reason="there a draft isn't made by its title")
@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("WIP: [wip] wip:x", "x"),
        ("WIP:", UNTITLED),
        (" [WIP] WIP: ", UNTITLED),
        ("", UNTITLED),
        ("x WIP:", "x WIP:"),
    ],
)
def test_a_pull_request_is_a_draft_only_where_that_is_asked_for(scene: Scene, title: str, shown: str):
    branch = f"feature-j-{uuid.uuid4().hex[:8]}"
    scene.branch(branch)
    form = {"head_branch": branch, "base_branch": "main", "title": title, "body": ""}
    made = scene.forge.create_pull(scene.repo, **form, draft=False)
    assert (made.title, made.draft) == (shown, False)
    scene.forge.edit_pull(scene.repo, made.number, title=title)
    assert scene.forge.pull(scene.repo, made.number).draft is False


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


def test_the_newest_status_of_a_context_counts_and_the_same_is_sent_once(scene: Scene):
    tip = scene.branch("feature-f")
    set_status = {"context": "forgehand/job", "text": "42 %", "url": "https://example.com/job/1"}
    seen = []
    for state in ("pending", "pending", "success", "success", "pending", "failure", "error"):
        scene.forge.set_status(scene.repo, tip, state=state, **set_status)
        found = scene.owner.api("GET", f"/repos/{scene.repo}/commits/{tip}/status")["statuses"]
        assert [(one["status"], one["context"]) for one in found] == [(state, "forgehand/job")]
        seen.append(len(scene.owner.api("GET", f"/repos/{scene.repo}/commits/{tip}/statuses")))
    assert seen == [1, 1, 2, 2, 3, 4, 5]
    scene.forge.set_status(scene.repo, tip, state="error", **{**set_status, "text": "43 %"})
    scene.forge.set_status(scene.repo, tip, state="error", **{**set_status, "context": "forgehand/tests"})
    assert len(scene.owner.api("GET", f"/repos/{scene.repo}/commits/{tip}/statuses")) == 7


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
    left = branch if KIND == "github" else f"refs/pull/{number}/head"
    assert (found.head_branch, found.head_sha) == (left, tip)


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


def test_a_forge_that_nobody_answers_for(server, scene: Scene, quick_retries):
    nowhere = replace(server, url="http://127.0.0.1:9")
    forge = adapter_for(KIND, nowhere, nowhere.url, "x" * 40)
    try:
        with pytest.raises(ForgeUnavailable):
            forge.standing(scene.repo, account(scene.owner))
    finally:
        forge.close()
