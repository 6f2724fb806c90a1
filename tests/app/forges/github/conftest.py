"""A GitHub that says what a test tells it to, and the stand-in in front of the embedded forge."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.forges.github.adapter import GitHub
from app.forges.port import User
from tests.support.forge import Person, RunningForge, running_forge
from tests.support.github import StandIn, serving

TOKEN = "hush-hush-token"


@pytest.fixture
def github(script) -> Iterator[GitHub]:
    found = GitHub("https://github.example.com", TOKEN, api_url=script.url, timeout_seconds=0.5)
    yield found
    found.close()


@dataclass(frozen=True)
class KeyPair:
    private: str
    public: str


@pytest.fixture(scope="session")
def keys() -> KeyPair:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = made.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(private.decode(), public.decode())


@dataclass(frozen=True)
class Scene:
    """A repository of `owner` with `bot` as its administrator, behind the stand-in."""

    server: RunningForge
    stand_in: StandIn
    owner: Person
    bot: Person
    repo: str

    def connect(self, token: str | None = None, **options) -> GitHub:
        if token is None and "app_id" not in options:
            token = self.bot.token
        return GitHub(self.stand_in.url, token, api_url=self.stand_in.url, **options)

    def account(self, person: Person) -> User:
        found = person.api("GET", "/user")
        return User(id=found["id"], login=found["login"])


@pytest.fixture(scope="session")
def forge_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    with running_forge(tmp_path_factory.mktemp("forge")) as found:
        yield found


@pytest.fixture
def scene(forge_server: RunningForge) -> Iterator[Scene]:
    owner, bot = forge_server.user(), forge_server.user()
    repo = owner.repo()
    owner.invite(repo, bot.login, "admin")
    owner.label(repo, "agent")
    with serving(StandIn(forge_server.url)) as stand_in:
        yield Scene(forge_server, stand_in, owner, bot, repo)


@pytest.fixture
def app_scene(scene: Scene, keys: KeyPair) -> Scene:
    """The same with an App that is installed on the repository."""
    scene.stand_in.apps.public_key = keys.public
    scene.stand_in.apps.bot_token = scene.bot.token
    scene.stand_in.apps.installed.append(scene.repo)
    return scene
