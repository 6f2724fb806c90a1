"""Builds the desk from the settings: the only file that names concrete adapters.

Each is imported where it is configured: GitHub's needs a library that the others don't.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

from app.forges.port import Connector, Dialect, Forge, ForgeError, GitHost
from app.jobs.desk import Desk
from app.launchers.local import LocalLauncher
from app.settings import PREFIX, BadSettingsError, ForgeSettings, Settings
from app.store.attempts import Attempts
from app.store.connection import connect
from app.store.deliveries import Deliveries
from app.store.jobs import Jobs
from app.telemetry import metrics


class Adapter(Forge, Connector, Protocol):
    """All that we ever do with a forge: work on it, and set it up."""

    def close(self) -> None:
        """Close the connections; the adapter can't be used any more."""


def build(settings: Settings, *, redis_url: str, hosts: Mapping[str, GitHost] | None = None) -> Desk:
    """Put the service together. `hosts` are Git hosts beside the forges of the settings. Raises as `check` does."""
    redis = connect(redis_url)
    jobs = Jobs(redis)
    forges = _forges(settings)
    # two services on one machine must not sweep each other's runners
    installation = hashlib.sha256(str(settings.data_dir.absolute()).encode()).hexdigest()[:12]
    return Desk(
        settings=settings,
        redis=redis,
        jobs=jobs,
        attempts=Attempts(redis, jobs),
        deliveries=Deliveries(redis, memory_days=settings.delivery_memory_days),
        forges=forges,
        hosts={**forges, **(hosts or {})},
        dialects={one.kind: dialect(one.kind) for one in settings.forges.values()},
        launcher=LocalLauncher(settings.data_dir, installation=installation),
    )


def check(settings: Settings) -> None:
    """Raise `BadSettingsError` where one of the forges has no adapter that could work with it; none is called."""
    for forge in _forges(settings).values():
        forge.close()


def _forges(settings: Settings) -> dict[str, Adapter]:
    found = {}
    for name, one in settings.forges.items():
        try:
            found[name] = adapter(name, one)
        except (ForgeError, ValueError) as error:
            raise BadSettingsError(f"{PREFIX}FORGES__{name.upper()}: {error}") from error
    return found


def adapter(name: str, settings: ForgeSettings) -> Adapter:
    """The adapter of one forge; `name` is the operator's, for the metrics."""
    on_call = _counter(name)
    if settings.kind == "github":
        from app.forges.github.adapter import GitHub

        return GitHub(
            settings.url,
            settings.token,
            app_id=settings.app_id,
            private_key=settings.app_private_key,
            public_url=settings.public_url,
            on_call=on_call,
        )
    assert settings.token is not None  # noqa: S101 -- the settings see to it
    if settings.kind == "forgejo":
        from app.forges.forgejo.adapter import Forgejo

        return Forgejo(settings.url, settings.token, public_url=settings.public_url, on_call=on_call)
    from app.forges.gitea.adapter import Gitea

    return Gitea(settings.url, settings.token, public_url=settings.public_url, on_call=on_call)


def dialect(kind: str) -> Dialect:
    """What deliveries of one kind of forge look like."""
    if kind == "github":
        from app.forges.github import payloads as github_payloads

        return github_payloads.DIALECT
    if kind == "forgejo":
        from app.forges.forgejo import payloads as forgejo_payloads

        return forgejo_payloads.DIALECT
    from app.forges.gitea import payloads as gitea_payloads

    return gitea_payloads.DIALECT


def _counter(forge: str) -> Callable[[str, int], None]:
    def count(method: str, status: int) -> None:
        outcome = f"{status // 100}xx" if status else "no_answer"
        metrics.FORGE_REQUESTS.labels(forge=forge, method=method, outcome=outcome).inc()

    return count
