"""Who we are towards GitHub: an App's tokens are narrow, fresh, made once and told to nobody."""

import base64
import re
import threading

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.forges.github import auth
from app.forges.github.adapter import GitHub
from app.forges.github.auth import PERMISSIONS
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, ForgeUnavailable
from git_ops.errors import GitError
from git_ops.process import Git, HeaderAuth
from tests.app.forges.conftest import Reply, Seen
from tests.app.forges.github.conftest import KeyPair, Scene

pytestmark = pytest.mark.slow


@pytest.fixture
def app(app_scene: Scene, keys: KeyPair):
    found = app_scene.connect(app_id=77, private_key=keys.private)
    yield found
    found.close()


def tokens_made(scene: Scene) -> int:
    return sum(one.path.endswith("/access_tokens") for one in scene.stand_in.exchanges)


def password(access) -> str:
    return base64.b64decode(access.header.rpartition(" ")[2]).decode().removeprefix("x-access-token:")


def test_an_app_works_on_its_repository(app_scene: Scene, app):
    number = app_scene.owner.issue(app_scene.repo, "Hello")
    assert app.issue(app_scene.repo, number).title == "Hello"
    assert app.create_comment(app_scene.repo, number, "Hi").body == "Hi"
    assert app.standing(app_scene.repo, app_scene.account(app_scene.owner)).permission == "admin"


def test_a_token_is_narrowed_and_used_again(app_scene: Scene, app):
    for _ in range(3):
        app.repo(app_scene.repo)
        app.repo(app_scene.repo.upper())
    (issued,) = app_scene.stand_in.apps.issued.values()
    assert issued.repos == (app_scene.repo.partition("/")[2],)
    assert issued.permissions == PERMISSIONS
    assert "administration" not in issued.permissions


def test_git_clones_and_pushes_with_an_apps_token(app_scene: Scene, app, tmp_path):
    other = app_scene.owner.repo()
    access = app.git_access(app_scene.repo)
    git = Git(auth=HeaderAuth(access.url, access.header))
    git.run("clone", "--quiet", "--bare", "--", access.url, str(tmp_path / "clone"))
    clone = Git(tmp_path / "clone", auth=HeaderAuth(access.url, access.header))
    clone.run("push", "--quiet", "--", access.url, "HEAD:refs/heads/by-app")
    assert app_scene.owner.api("GET", f"/repos/{app_scene.repo}/branches/by-app")["name"] == "by-app"
    elsewhere = access.url.replace(app_scene.repo, other)
    with pytest.raises(GitError):
        Git(auth=HeaderAuth(elsewhere, access.header)).run("ls-remote", "--", elsewhere)


def test_each_repository_has_a_token_of_its_own(app_scene: Scene, app):
    other = app_scene.owner.repo()
    app_scene.owner.invite(other, app_scene.bot.login, "write")
    app_scene.stand_in.apps.installed.append(other)
    first, second = app.git_access(app_scene.repo), app.git_access(other)
    assert password(first) != password(second)
    issued = app_scene.stand_in.apps.issued
    assert [issued[password(one)].repos[0] for one in (first, second)] == [
        app_scene.repo.partition("/")[2],
        other.partition("/")[2],
    ]


def test_s30_a_token_is_made_anew_before_it_ends(app_scene: Scene, app):
    """What is given out lasts for a fetch and a push at least."""
    app_scene.stand_in.apps.token_seconds = auth.MARGIN_SECONDS - 5
    short = {password(app.git_access(app_scene.repo)) for _ in range(3)}
    app_scene.stand_in.apps.token_seconds = auth.MARGIN_SECONDS + 60
    long = {password(app.git_access(app_scene.repo)) for _ in range(3)}
    assert (len(short), len(long), tokens_made(app_scene)) == (3, 1, 4)


def test_s30_many_threads_make_one_token(app_scene: Scene, app):
    start, found = threading.Barrier(12), []

    def work():
        start.wait()
        found.append(password(app.git_access(app_scene.repo)))

    threads = [threading.Thread(target=work) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 12
    assert len(set(found)) == 1
    assert tokens_made(app_scene) == 1


def test_s30_a_token_that_ended_early_is_replaced_once(app_scene: Scene, app):
    app.repo(app_scene.repo)
    app_scene.stand_in.apps.issued.clear()
    assert app.repo(app_scene.repo).full_name == app_scene.repo
    assert tokens_made(app_scene) == 2
    app_scene.stand_in.apps.token_seconds = -1  # GitHub takes none of them
    app_scene.stand_in.apps.issued.clear()
    with pytest.raises(ForgeDenied):
        app.repo(app_scene.repo)
    assert tokens_made(app_scene) == 3


def test_what_a_dead_token_refused_was_not_done_twice(app_scene: Scene, app):
    number = app_scene.owner.issue(app_scene.repo)
    app.repo(app_scene.repo)
    app_scene.stand_in.apps.issued.clear()
    app.create_comment(app_scene.repo, number, "once")
    assert [one.body for one in app.comments(app_scene.repo, number)] == ["once"]


def test_a_personal_token_that_is_refused_is_not_tried_again(scene: Scene):
    forge = scene.connect("0" * 40)
    with pytest.raises(ForgeDenied):
        forge.repo(scene.repo)
    assert len(scene.stand_in.exchanges) == 1
    forge.close()


def test_where_the_app_is_not_installed(app_scene: Scene, app):
    with pytest.raises(ForgeNotFound, match="isn't installed on"):
        app.repo(app_scene.owner.repo())
    assert tokens_made(app_scene) == 0


@pytest.mark.parametrize("lacking", sorted(PERMISSIONS))
def test_a_permission_that_was_not_granted_is_named(app_scene: Scene, app, lacking):
    del app_scene.stand_in.apps.permissions[lacking]
    with pytest.raises(ForgeDenied, match=f"{lacking}: {PERMISSIONS[lacking]}"):
        app.repo(app_scene.repo)


def test_an_installation_that_is_suspended(app_scene: Scene, app):
    app_scene.stand_in.apps.suspended = True
    with pytest.raises(ForgeDenied, match="suspended"):
        app.repo(app_scene.repo)


def test_another_apps_key(app_scene: Scene, keys: KeyPair):
    forge = app_scene.connect(app_id=78, private_key=keys.private)
    with pytest.raises(ForgeDenied):
        forge.repo(app_scene.repo)
    forge.close()


def test_the_apps_own_account(app_scene: Scene, app):
    found = app.whoami()
    assert (found.id, found.login) == (10_000_000, "forgehand-test[bot]")
    (issued,) = app_scene.stand_in.apps.issued.values()
    assert (issued.repos, issued.permissions) == ((), {"metadata": "read"})


def test_the_apps_own_account_is_looked_up_with_a_token_that_is_held(app_scene: Scene, app):
    app.repo(app_scene.repo)
    assert app.whoami().login == "forgehand-test[bot]"
    assert tokens_made(app_scene) == 1


def test_a_held_token_that_is_dead_is_no_reason_not_to_know_ourselves(app_scene: Scene, app):
    app.repo(app_scene.repo)
    app_scene.stand_in.apps.issued.clear()
    assert app.whoami().login == "forgehand-test[bot]"
    assert tokens_made(app_scene) == 2


def installation(number: int, suspended: str | None = None) -> dict[str, object]:
    return {"id": number, "permissions": {}, "events": [], "suspended_at": suspended, "html_url": ""}


class Installed:
    """A GitHub with many installations of an App, page by page; `works` is the only one that gives a token."""

    def __init__(self, *pages: list[dict[str, object]], works: int) -> None:
        self.pages, self.works, self.tried = pages, works, []

    def __call__(self, seen: Seen) -> Reply:
        path, _, query = seen.path.partition("?")
        if path == "/app":
            return Reply.of({"slug": "fh"})
        if path == "/app/installations":
            page = int(re.search(r"(?:^|&)page=([0-9]+)", query)[1])
            more = {"Link": f'<x?page={page + 1}>; rel="next"'} if page < len(self.pages) else {}
            return Reply.of(self.pages[page - 1], **more)
        if path == "/users/fh%5Bbot%5D":
            return Reply.of({"id": 9, "login": "fh[bot]"})
        self.tried.append(int(path.split("/")[3]))
        if self.tried[-1] == self.works:
            return Reply.of({"token": "ghs_x", "expires_at": "2099-01-01T00:00:00Z"}, 201)
        return Reply.of({"message": "This installation has been suspended"}, 403)


@pytest.fixture
def of_many(script, keys: KeyPair):
    found = GitHub("https://x.example", api_url=script.url, app_id=7, private_key=keys.private)
    yield found
    found.close()


def test_installations_of_others_that_are_suspended_are_passed_by(script, of_many):
    gone = installation(1, "2026-01-01T00:00:00Z")
    found = Installed([gone] * 100, [gone, installation(2), installation(3)], works=3)
    script.replies = [found]
    assert of_many.whoami().login == "fh[bot]"
    assert found.tried == [2, 3]


def test_not_every_installation_is_tried(script, of_many):
    found = Installed([installation(number) for number in range(1, 100)], works=99)
    script.replies = [found]
    with pytest.raises(ForgeDenied, match="suspended wherever it is"):
        of_many.whoami()
    assert found.tried == [*range(1, auth.MAX_TRIED + 1)]


def test_lists_of_installations_have_an_end(script, of_many):
    gone = installation(1, "2026-01-01T00:00:00Z")
    script.replies = [Installed(*[[gone]] * 50, works=0)]
    with pytest.raises(ForgeDenied, match="suspended wherever it is"):
        of_many.whoami()
    assert len(script.seen) == auth.MAX_LISTED + 1


@pytest.mark.parametrize("kind", ["public", "elliptic"])
def test_a_key_that_cannot_sign(keys: KeyPair, kind):
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = keys.public if kind == "public" else other.decode()
    with pytest.raises(ValueError, match="no RSA private key in PEM"):
        GitHub("https://x.example", app_id=7, private_key=key)


def test_an_app_that_is_installed_nowhere(app_scene: Scene, app):
    app_scene.stand_in.apps.installed.clear()
    with pytest.raises(ForgeDenied, match="isn't installed anywhere"):
        app.whoami()


def test_a_refresh_that_fails_is_tried_by_the_next(app_scene: Scene, app):
    app_scene.stand_in.limited += [{"Retry-After": "0"}] * 3
    with pytest.raises(ForgeUnavailable):
        app.repo(app_scene.repo)
    assert app.repo(app_scene.repo).full_name == app_scene.repo


def test_no_secret_is_in_an_error_a_log_or_a_picture(app_scene: Scene, app, keys: KeyPair, caplog):
    caplog.set_level("DEBUG")
    app.repo(app_scene.repo)
    with pytest.raises(ForgeError) as caught:
        app.issue(app_scene.repo, 99_999)
    pictures = repr(vars(app)) + repr(vars(app._credentials)) + str(caught.value) + caplog.text
    for secret in (*app_scene.stand_in.apps.issued, keys.private.splitlines()[1], "eyJ"):
        assert secret not in pictures
