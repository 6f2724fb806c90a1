"""The forge that the contract suite runs against: the embedded one, or the one that the environment names.

FORGEHAND_TEST_FORGE        its kind: `gitea`, `forgejo`, or `github` for the stand-in in front of the embedded one
FORGEHAND_TEST_FORGE_URL    its address
FORGEHAND_TEST_FORGE_TOKEN  a token of a site administrator, with all scopes

What people do is done in Gitea's API, on whatever stands behind; only what is tested goes through the adapter.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import stamina

from app.forges.port import User
from tests.support.adapters import KIND, Adapter, adapter_for, door
from tests.support.forge import Person, RunningForge, the_forge

SCOPES = ("write:repository", "write:issue", "read:user")


@dataclass(frozen=True)
class Scene:
    """A repository of `owner`, with `bot` as its administrator; `forge` is the adapter with the bot's token."""

    forge: Adapter
    owner: Person
    bot: Person
    repo: str
    connect: Callable[[str], Adapter]

    def branch(self, name: str, text: str = "more\n") -> str:
        """A branch off main with one more commit; give its tip."""
        return self.owner.write(self.repo, f"{name}.txt", text, new_branch=name)

    def new_repo(self, **options: Any) -> str:
        """Another repository of the owner's with the bot as administrator."""
        repo = self.owner.repo(**options)
        self.owner.invite(repo, self.bot.login, "admin")
        return repo


def account(person: Person) -> User:
    """Who that is, as the forge knows them."""
    found = person.api("GET", f"/users/{person.login}")
    return User(id=found["id"], login=found["login"])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    with the_forge(tmp_path_factory.mktemp("forge")) as found:
        yield found


@pytest.fixture(scope="session")
def connect(server: RunningForge) -> Iterator[Callable[[str], Adapter]]:
    opened: list[Adapter] = []
    with door(KIND, server) as api_url:

        def make(token: str) -> Adapter:
            opened.append(adapter_for(KIND, server, api_url, token))
            return opened[-1]

        yield make
        for one in opened:
            one.close()


@pytest.fixture
def quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture(scope="session")
def scene(server: RunningForge, connect: Callable[[str], Adapter]) -> Scene:
    owner, bot = server.user(), server.user(scopes=SCOPES)
    repo = owner.repo()
    owner.invite(repo, bot.login, "admin")
    owner.label(repo, "agent")
    owner.label(repo, "other")
    return Scene(connect(bot.token), owner, bot, repo, connect)
