"""The adapter under test: of the kind that FORGEHAND_TEST_FORGE names, in front of whatever server there is."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from app.forges.forgejo.adapter import Forgejo
from app.forges.gitea.adapter import Gitea
from app.forges.port import Connector, Forge
from tests.support.forge import RunningForge

KIND = os.environ.get("FORGEHAND_TEST_FORGE", "gitea")


class Adapter(Forge, Connector, Protocol):
    """Both contracts, which one object fulfils."""

    def close(self) -> None: ...


def door(kind: str, server: RunningForge) -> AbstractContextManager[str]:
    """The API's address as the adapter is to see it."""
    if kind == "github":
        from tests.support.github import standing_in

        return standing_in(server.url)
    return nullcontext(server.url)


def adapter_for(kind: str, server: RunningForge, api_url: str, token: str) -> Adapter:
    """The only place that names adapters."""
    if kind == "github":
        from app.forges.github.adapter import GitHub

        return GitHub(server.url, token, api_url=api_url)
    return {"gitea": Gitea, "forgejo": Forgejo}[kind](api_url, token)
