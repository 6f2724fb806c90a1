"""Setting up: what is missing is named, with what to do; webhooks are made once and mended."""

import json

import pytest

from app.forges.github.connect import EVENTS
from app.forges.port import Finding, ForgeDenied, ForgeError, ForgeNotFound, ForgeUnavailable
from tests.app.forges.conftest import Reply
from tests.app.forges.github.conftest import KeyPair, Scene

pytestmark = pytest.mark.slow
URL = "https://forgehand.example.com/webhooks/home"


@pytest.fixture
def forge(scene: Scene):
    found = scene.connect()
    yield found
    found.close()


@pytest.fixture
def app(app_scene: Scene, keys: KeyPair):
    found = app_scene.connect(app_id=77, private_key=keys.private)
    yield found
    found.close()


def missing(found: list[Finding]) -> list[str]:
    return [one.what for one in found if not one.ok]


def remedy(found: list[Finding], what: str) -> str:
    (one,) = [one for one in found if one.what == what]
    assert not one.ok
    return one.remedy


def test_nothing_is_missing(scene: Scene, forge):
    found = forge.check(scene.repo)
    assert missing(found) == []
    assert [one.remedy for one in found] == [""] * len(found)
    assert len(found) > 10


def test_a_repository_that_has_another_name_by_now(app_scene: Scene, forge, app):
    owner = app_scene.owner
    form = {"new_username": f"{owner.login}-new"}
    owner.forge.admin.api("POST", f"/admin/users/{owner.login}/rename", form)
    for adapter in (forge, app):
        found, what = adapter.check(app_scene.repo), f"{app_scene.repo} is there"
        assert missing(found) == [what]
        assert remedy(found, what) == "it was renamed or moved: connect its present name"


def test_a_check_changes_nothing(scene: Scene, forge):
    number = scene.owner.issue(scene.repo)
    places = ("", "/labels", "/hooks", "/pulls", "/branches", f"/issues/{number}/timeline")
    before = [scene.owner.api("GET", f"/repos/{scene.repo}{place}") for place in places]
    forge.check(scene.repo)
    assert [scene.owner.api("GET", f"/repos/{scene.repo}{place}") for place in places] == before
    sent = [one for one in scene.stand_in.exchanges if one.method != "GET"]
    assert {one.status for one in sent} <= {404, 422}  # nothing that was written to was there
    assert len(sent) == 4


def test_a_token_that_is_none(scene: Scene):
    forge = scene.connect("0" * 40)
    found = forge.check(scene.repo)
    assert missing(found) == ["the token is valid"]
    assert "/settings/tokens" in remedy(found, "the token is valid")
    forge.close()


@pytest.mark.parametrize(
    ("permission", "name"),
    [("issues", "Issues"), ("pull_requests", "Pull requests"), ("statuses", "Commit statuses")],
)
def test_each_permission_that_a_fine_grained_token_lacks_is_named(scene: Scene, forge, permission, name):
    scene.stand_in.forbidden.add(permission)
    found = forge.check(scene.repo)
    assert missing(found) == [f"the token may write {name}"]
    told = remedy(found, f"the token may write {name}")
    assert f"{name}: Read and write" in told
    assert f"{permission}=write" in told  # as GitHub itself says


def test_a_token_without_the_right_to_webhooks(scene: Scene, forge):
    """Working doesn't take it; who has to make or change one is told what to do."""
    scene.owner.hook(scene.repo, URL, "old-secret", events=("push",))
    scene.stand_in.forbidden.add("repository_hooks")
    found = forge.check(scene.repo)
    assert missing(found) == []
    assert told_of_webhooks(found).startswith("it may not set webhooks: not needed unless")
    (hook,) = forge.hooks(scene.repo)
    for url in (URL, f"{URL}/other"):
        with pytest.raises(ForgeDenied, match="only the owner may"):
            forge.ensure_hook(scene.repo, url=url, secret="sesame-open")
    assert forge.hooks(scene.repo) == [hook]


def told_of_webhooks(found: list[Finding]) -> str:
    (one,) = [one.what for one in found if "set webhooks" in one.what]
    return one


def test_a_bot_with_the_role_write_is_enough_to_work(scene: Scene):
    writer = scene.server.user()
    scene.owner.invite(scene.repo, writer.login, "write")
    forge = scene.connect(writer.token)
    found = forge.check(scene.repo)
    # what the forge behind the stand-in answers to administrators alone; GitHub does to all who may push
    assert {*missing(found)} <= {"it may ask what others may do"}
    told = told_of_webhooks(found)
    assert "on a personal account's repository only the owner may" in told
    assert "use a GitHub App, or have the owner set the webhook by hand" in told
    for ask in (
        lambda: forge.hooks(scene.repo),
        lambda: forge.ensure_hook(scene.repo, url=URL, secret="sesame-open"),
    ):
        with pytest.raises(ForgeDenied, match="use a GitHub App") as caught:
            ask()
        assert "sesame" not in str(caught.value)
    forge.close()


def test_in_an_organisation_the_bot_can_be_made_an_administrator(github, script):
    owner = {"id": 1, "login": "o", "type": "Organization"}
    state = {"full_name": "o/r", "default_branch": "main", "private": False, "owner": owner}
    state |= {"archived": False, "has_issues": True}
    for status in (403, 404):
        script.replies = [Reply.of({"message": "no"}, status), Reply.of(state)]
        with pytest.raises(ForgeDenied, match="make the bot's account an administrator"):
            github.hooks("o/r")


def test_webhooks_of_no_repository_and_of_no_token(github, script):
    script.replies = [Reply.of({"message": "Not Found"}, 404)]
    with pytest.raises(ForgeNotFound):
        github.hooks("o/r")
    script.replies = [Reply.of({"message": "Bad credentials"}, 401)]
    with pytest.raises(ForgeDenied, match="Bad credentials") as caught:
        github.hooks("o/r")
    assert caught.value.status == 401
    assert "administrator" not in str(caught.value)


@pytest.mark.parametrize(
    ("scopes", "private", "lacking"),
    [
        ("repo", False, []),
        ("repo, read:user", True, []),
        ("public_repo", False, []),
        ("public_repo", True, ["the token has the scope repo"]),
        ("", False, ["the token has the scope public_repo"]),
        ("repo:status, repo_deployment", True, ["the token has the scope repo"]),
    ],
)
def test_the_scopes_of_a_classic_token(scene: Scene, forge, scopes, private, lacking):
    repo = scene.owner.repo(private=private)
    scene.owner.invite(repo, scene.bot.login, "admin")
    scene.stand_in.scopes = scopes
    assert missing(forge.check(repo)) == lacking


def test_a_repository_that_is_not_there(scene: Scene, forge):
    name = f"{scene.owner.login}/nothing"
    found = forge.check(name)
    assert missing(found) == [f"{name} is there"]
    assert "select it where the token is fine-grained" in found[-1].remedy


def test_an_account_that_may_only_read(scene: Scene):
    reader = scene.server.user()
    scene.owner.invite(scene.repo, reader.login, "read")
    forge = scene.connect(reader.token)
    lacking = ["the bot may write to it", "it may ask what others may do"]
    assert missing(forge.check(scene.repo)) == lacking
    forge.close()


def test_a_token_of_the_owners_own(scene: Scene):
    forge = scene.connect(scene.owner.token)
    assert missing(forge.check(scene.repo)) == ["the token isn't the owner's own"]
    forge.close()


def test_a_repository_without_a_commit(scene: Scene, forge):
    name = scene.owner.repo(auto_init=False)
    scene.owner.invite(name, scene.bot.login, "admin")
    assert missing(forge.check(name)) == ["it has a commit"]


def test_a_github_that_fails_is_an_error_and_no_finding(scene: Scene, forge):
    scene.stand_in.limited += [{"Retry-After": "3600"}]
    with pytest.raises(ForgeUnavailable):
        forge.check(scene.repo)


def test_a_label_is_made_once_in_any_letter_case(scene: Scene, forge):
    assert forge.ensure_label(scene.repo, "needs-human", color="1d76db", text="x" * 200)
    assert not forge.ensure_label(scene.repo, "Needs-Human", color="ffffff", text="")
    assert not forge.ensure_label(scene.repo, "AGENT", color="ffffff", text="")
    made = [
        one for one in scene.owner.api("GET", f"/repos/{scene.repo}/labels") if one["name"] == "needs-human"
    ]
    assert [(one["color"], one["description"]) for one in made] == [("1d76db", "x" * 100)]


def test_a_webhook_is_made_once_and_keeps_its_id(scene: Scene, forge):
    first = forge.ensure_hook(scene.repo, url=URL, secret="first-secret")
    second = forge.ensure_hook(scene.repo, url=URL, secret="second-secret")
    assert first == second
    assert (first.url, first.active, first.complete) == (URL, True, True)
    assert forge.hooks(scene.repo) == [first]
    bodies = [
        json.loads(one.request_body) for one in scene.stand_in.exchanges if one.method in {"POST", "PATCH"}
    ]
    wanted = {"url": URL, "content_type": "json", "insecure_ssl": "0"}
    assert bodies == [
        {"name": "web", "active": True, "events": [*EVENTS], "config": wanted | {"secret": "first-secret"}},
        {"active": True, "events": [*EVENTS], "config": wanted | {"secret": "second-secret"}},
    ]


def test_of_several_webhooks_one_is_kept_and_others_are_left_alone(scene: Scene, forge):
    for url in (URL, URL, f"{URL}/other"):
        scene.owner.hook(scene.repo, url, "old-secret", events=("push",))
    made = forge.ensure_hook(scene.repo, url=URL, secret="new-secret")
    found = forge.hooks(scene.repo)
    assert sorted(one.url for one in found) == [URL, f"{URL}/other"]
    assert made in found
    assert made.complete


HOOK = {"id": 4, "active": True, "events": [*EVENTS], "config": {"url": URL, "content_type": "json"}}


@pytest.mark.parametrize(
    ("change", "complete"),
    [
        ({}, True),
        ({"events": ["*"]}, True),
        ({"events": [*EVENTS, "fork"]}, True),
        ({"events": [*EVENTS[1:]]}, False),
        ({"config": {"url": URL, "content_type": "form"}}, False),
        ({"config": {"url": URL}}, False),
        ({"config": {}}, False),
    ],
)
def test_what_a_complete_webhook_is(github, script, change, complete):
    script.replies = [Reply.of([HOOK | change])]
    (found,) = github.hooks("o/r")
    assert (found.id, found.complete) == (4, complete)


def test_a_webhook_that_is_gone_meanwhile(github, script):
    script.replies = [Reply.of([HOOK, HOOK | {"id": 5}]), Reply.of(HOOK), Reply.of({}, 404)]
    assert github.ensure_hook("o/r", url=URL, secret="s").id == 4
    assert [(one.method, one.path.partition("?")[0]) for one in script.seen] == [
        ("GET", "/repos/o/r/hooks"),
        ("PATCH", "/repos/o/r/hooks/4"),
        ("DELETE", "/repos/o/r/hooks/5"),
    ]


def test_a_ping(github, script):
    script.replies = [Reply(204)]
    github.test_hook("o/r", 4)
    assert (script.seen[0].method, script.seen[0].path) == ("POST", "/repos/o/r/hooks/4/pings")


# --- an App


def test_nothing_is_missing_of_an_app(app_scene: Scene, app):
    assert missing(app.check(app_scene.repo)) == []


@pytest.mark.parametrize("lacking", ["contents", "issues", "pull_requests", "statuses", "metadata"])
def test_each_permission_that_an_app_lacks_is_named(app_scene: Scene, app, lacking):
    level = app_scene.stand_in.apps.permissions.pop(lacking)
    (what,) = missing(app.check(app_scene.repo))
    assert what == f"the App has the permission {lacking}: {level}"
    app_scene.stand_in.apps.permissions[lacking] = "read"
    assert missing(app.check(app_scene.repo)) == ([what] if level == "write" else [])


def test_an_app_that_is_not_installed_there(app_scene: Scene, app):
    other = app_scene.owner.repo()
    found = app.check(other)
    assert missing(found) == [f"the App is installed on {other}"]
    assert "/apps/forgehand-test/installations/new" in found[-1].remedy


def test_an_app_that_is_suspended(app_scene: Scene, app):
    app_scene.stand_in.apps.suspended = True
    assert missing(app.check(app_scene.repo)) == [f"the App is installed on {app_scene.repo}"]


def test_an_apps_key_that_is_anothers(app_scene: Scene, keys: KeyPair):
    forge = app_scene.connect(app_id=78, private_key=keys.private)
    assert missing(forge.check(app_scene.repo)) == ["app_private_key is the key of the App app_id"]
    forge.close()


@pytest.mark.parametrize("spoil", ["events", "type"])
def test_an_apps_own_webhook_is_told_of_and_never_changed(app_scene: Scene, app, spoil):
    (hook,) = app.hooks(app_scene.repo)
    assert (hook.url, hook.complete) == ("https://example.com/webhooks/test", True)
    if spoil == "events":
        app_scene.stand_in.apps.events.remove("push")
    else:
        app_scene.stand_in.apps.hook_type = "form"
    assert not app.hooks(app_scene.repo)[0].complete
    told = remedy(app.check(app_scene.repo), "the App's own webhook sends what we handle")
    assert "content type to JSON" in told
    assert ("missing: push" in told) is (spoil == "events")
    with pytest.raises(ForgeError, match="the App's own") as caught:
        app.ensure_hook(app_scene.repo, url=URL, secret="sesame-open")
    assert URL in str(caught.value)
    assert "sesame" not in str(caught.value)
    with pytest.raises(ForgeError, match="redeliver"):
        app.test_hook(app_scene.repo, hook.id)


def test_no_label_without_the_right(scene: Scene):
    forge = scene.connect(scene.server.user().token)
    with pytest.raises(ForgeDenied):
        forge.ensure_label(scene.repo, "new", color="1d76db", text="")
    forge.close()
