"""The forge that the contract suite runs against: the embedded one, or the one that the environment names.

FORGEHAND_TEST_FORGE        its kind, `gitea`
FORGEHAND_TEST_FORGE_URL    its address
FORGEHAND_TEST_FORGE_TOKEN  a token of a site administrator, with all scopes
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import stamina

from app.forges.gitea.adapter import Gitea
from app.forges.port import Forge
from tests.support.forge import Person, RunningForge, running_forge

ADAPTERS: dict[str, Callable[[str, str], Gitea]] = {"gitea": Gitea}


@dataclass(frozen=True)
class Scene:
    """A repository of `owner`, with `bot` as its administrator; `forge` is the adapter with the bot's token."""

    forge: Forge
    owner: Person
    bot: Person
    repo: str
    connect: Callable[[str], Forge]

    def branch(self, name: str, text: str = "more\n") -> str:
        """A branch off main with one more commit; give its tip."""
        return self.owner.write(self.repo, f"{name}.txt", text, new_branch=name)


def external() -> RunningForge:
    url, token = os.environ["FORGEHAND_TEST_FORGE_URL"], os.environ["FORGEHAND_TEST_FORGE_TOKEN"]
    forge = RunningForge(data=Path(), url=url.rstrip("/"))
    forge.admin = Person(forge, "", token)
    return forge


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    if "FORGEHAND_TEST_FORGE_URL" in os.environ:
        found = external()
        yield found
        found.http.close()
        return
    with running_forge(tmp_path_factory.mktemp("forge")) as found:
        yield found


@pytest.fixture(scope="session")
def connect(server: RunningForge) -> Iterator[Callable[[str], Forge]]:
    adapter = ADAPTERS[os.environ.get("FORGEHAND_TEST_FORGE", "gitea")]
    opened: list[Gitea] = []

    def make(token: str) -> Forge:
        opened.append(adapter(server.url, token))
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
def scene(server: RunningForge, connect: Callable[[str], Forge]) -> Scene:
    owner, bot = server.user(), server.user(scopes=("write:repository", "write:issue", "read:user"))
    repo = owner.repo()
    owner.invite(repo, bot.login, "admin")
    owner.label(repo, "agent")
    owner.label(repo, "other")
    return Scene(connect(bot.token), owner, bot, repo, connect)
