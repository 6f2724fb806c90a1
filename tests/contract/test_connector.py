"""What setting up and checking a connection promises, asked of a real forge over HTTP."""

import json
import uuid
from collections.abc import Iterator

import pytest

from app.domain.signature import is_signed
from app.forges.port import Finding, ForgeDenied, ForgeError, ForgeNotFound
from tests.contract.conftest import KIND, SCOPES, Scene
from tests.support.forge import Receiver

pytestmark = pytest.mark.slow
URL = "http://127.0.0.1:9/webhooks/test"


def missing(found: list[Finding]) -> list[str]:
    return [one.what for one in found if not one.ok]


def raw_hooks(scene: Scene, repo: str) -> list[dict]:
    return scene.owner.api("GET", f"/repos/{repo}/hooks")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture
def repo(scene: Scene) -> str:
    return scene.new_repo()


def test_nothing_is_missing_and_nothing_is_changed(scene: Scene, repo: str):
    before = scene.owner.api("GET", f"/repos/{repo}")
    found = scene.forge.check(repo)
    assert missing(found) == []
    assert all(one.remedy == "" for one in found)
    assert len(found) > 10
    assert len({one.what for one in found}) == len(found)
    assert scene.owner.api("GET", f"/repos/{repo}") == before


def test_a_token_that_is_none(scene: Scene, repo: str):
    found = scene.connect("0" * 40).check(repo)
    assert missing(found) == ["the token is valid"]
    assert "make a token" in found[-1].remedy
    assert "0" * 40 not in repr(found)


@pytest.mark.skipif(KIND == "github", reason="GitHub's tokens have scopes of another kind")
@pytest.mark.parametrize("lacking", SCOPES)
def test_each_scope_that_is_missing_is_named(server, scene: Scene, repo: str, lacking: str):
    poor = server.user(scopes=tuple(one for one in SCOPES if one != lacking))
    scene.owner.invite(repo, poor.login, "admin")
    found = scene.connect(poor.token).check(repo)
    (scope,) = [one for one in found if not one.ok and one.what.startswith("the token has the scope")]
    assert scope.what == f"the token has the scope {lacking}"
    assert all(one in scope.remedy for one in SCOPES)


@pytest.mark.skipif(KIND == "github", reason="GitHub's tokens have scopes of another kind")
def test_a_scope_for_reading_is_not_enough(server, scene: Scene, repo: str):
    poor = server.user(scopes=("read:repository", "read:issue", "read:user"))
    scene.owner.invite(repo, poor.login, "admin")
    found = missing(scene.connect(poor.token).check(repo))
    assert [one for one in found if "scope" in one] == [
        "the token has the scope write:issue",
        "the token has the scope write:repository",
    ]
    assert "Git over HTTP takes the token" in found


def test_a_repository_that_is_not_there(scene: Scene):
    name = f"{scene.owner.login}/nothing"
    found = scene.forge.check(name)
    assert missing(found) == [f"{name} is there"]
    assert "administrator" in found[-1].remedy


def test_a_repository_that_the_bot_may_not_see(scene: Scene):
    name = scene.owner.repo(private=True)
    assert missing(scene.forge.check(name)) == [f"{name} is there"]


def test_a_repository_that_has_another_name_by_now(server, scene: Scene):
    old, new = server.user(), f"user-{uuid.uuid4().hex[:8]}"
    repo = old.repo()
    old.invite(repo, scene.bot.login, "admin")
    server.admin.api("POST", f"/admin/users/{old.login}/rename", {"new_username": new})
    found = scene.forge.check(repo)
    assert missing(found) == [f"{repo} is there"]
    assert found[-1].remedy == "it was renamed or moved: connect its present name"
    assert missing(scene.forge.check(f"{new}/{repo.partition('/')[2]}")) == []


@pytest.mark.skipif(KIND == "github", reason="there the right to write is enough for most of it")
@pytest.mark.parametrize("granted", ["read", "write"])
def test_a_bot_that_is_no_administrator(server, scene: Scene, repo: str, granted: str):
    poor = server.user(scopes=SCOPES)
    scene.owner.invite(repo, poor.login, granted)
    found = scene.connect(poor.token).check(repo)
    lacking = ["the bot is an administrator of it", "it may ask what others may do", "it may set webhooks"]
    assert missing(found) == lacking
    assert all(one.remedy for one in found if not one.ok)


def test_a_repository_that_is_archived(scene: Scene, repo: str):
    scene.owner.api("PATCH", f"/repos/{repo}", {"archived": True})
    assert "it isn't archived" in missing(scene.forge.check(repo))


def test_a_repository_without_a_commit(scene: Scene):
    name = scene.new_repo(auto_init=False)
    assert missing(scene.forge.check(name)) == ["it has a commit"]


@pytest.mark.parametrize(
    ("option", "what"),
    [("has_issues", "its issues are kept here"), ("has_pull_requests", "it takes pull requests")],
)
@pytest.mark.skipif(
    KIND == "github", reason="the forge behind the stand-in is asked for what GitHub has no word for"
)
def test_a_part_that_is_switched_off(scene: Scene, repo: str, option: str, what: str):
    scene.owner.api("PATCH", f"/repos/{repo}", {option: False})
    assert missing(scene.forge.check(repo)) == [what]


def test_a_token_of_the_owners_own(scene: Scene):
    found = scene.connect(scene.owner.token).check(scene.repo)
    assert missing(found) == ["the token isn't the owner's own"]


def test_a_label_is_made_once(scene: Scene, repo: str):
    assert scene.forge.ensure_label(repo, "agent", color="1d76db", text="Work for the agent")
    assert not scene.forge.ensure_label(repo, "agent", color="ffffff", text="Another")
    assert not scene.forge.ensure_label(repo, "AGENT", color="ffffff", text="Another")
    (found,) = scene.owner.api("GET", f"/repos/{repo}/labels")
    assert (found["name"], found["color"], found["description"]) == ("agent", "1d76db", "Work for the agent")


def test_no_label_without_the_right(server, scene: Scene, repo: str):
    reader = server.user()
    with pytest.raises(ForgeDenied):
        scene.connect(reader.token).ensure_label(repo, "agent", color="1d76db", text="")


def test_a_webhook_is_made_once(scene: Scene, repo: str):
    assert scene.forge.hooks(repo) == []
    for _ in range(2):
        made = scene.forge.ensure_hook(repo, url=URL, secret="first-secret")
        assert (made.url, made.active, made.complete) == (URL, True, True)
        assert scene.forge.hooks(repo) == [made]


def test_of_several_webhooks_one_is_kept_and_others_are_left_alone(scene: Scene, repo: str):
    for url in (URL, URL, f"{URL}/other"):
        scene.owner.hook(repo, url, "old-secret", events=("push",))
    assert [one.complete for one in scene.forge.hooks(repo)] == [False, False, False]
    made = scene.forge.ensure_hook(repo, url=URL, secret="new-secret")
    found = scene.forge.hooks(repo)
    assert sorted(one.url for one in found) == [URL, f"{URL}/other"]
    assert made in found
    assert made.complete


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        *([] if KIND == "github" else [{"branch_filter": "release/*"}]),  # GitHub knows none
        {"config": {"content_type": "form"}},
        {"events": ["issues"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_webhook_that_somebody_spoilt_is_mended(scene: Scene, repo: str, change):
    made = scene.forge.ensure_hook(repo, url=URL, secret="a-secret")
    events = raw_hooks(scene, repo)[0]["events"]
    form = {"active": True, "branch_filter": "", "events": events} | change
    scene.owner.api("PATCH", f"/repos/{repo}/hooks/{made.id}", form)
    (spoilt,) = scene.forge.hooks(repo)
    assert not (spoilt.active and spoilt.complete)
    mended = scene.forge.ensure_hook(repo, url=URL, secret="a-secret")
    assert mended.active
    assert mended.complete
    assert scene.forge.hooks(repo) == [mended]


def test_the_test_delivery_arrives_with_the_newest_secret(scene: Scene, repo: str, receiver: Receiver):
    for count, secret in enumerate(("first-secret", "second-secret"), start=1):
        made = scene.forge.ensure_hook(repo, url=receiver.url, secret=secret)
        scene.forge.test_hook(repo, made.id)
        *_, call = receiver.wait(count)
        assert json.loads(call.body)["repository"]["full_name"] == repo
        assert is_signed(call.headers["x-hub-signature-256"].removeprefix("sha256="), call.body, [secret])
    assert len(receiver.calls) == 2


def test_a_webhook_that_is_not_there(scene: Scene, repo: str):
    with pytest.raises(ForgeNotFound):
        scene.forge.test_hook(repo, 99999999)


def test_no_webhook_without_the_right(server, scene: Scene, repo: str):
    writer = server.user()
    scene.owner.invite(repo, writer.login, "write")
    forge = scene.connect(writer.token)
    with pytest.raises(ForgeError):
        forge.hooks(repo)
    with pytest.raises(ForgeError):
        forge.ensure_hook(repo, url=URL, secret="a-secret")
    assert raw_hooks(scene, repo) == []
