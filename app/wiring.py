"""Builds the desk from the settings: the only file that names concrete adapters."""

import hashlib
from collections.abc import Mapping

from app.forges.gitea import payloads as gitea_payloads
from app.forges.gitea.adapter import Gitea
from app.forges.port import Dialect, Forge, GitHost
from app.jobs.desk import Desk
from app.launchers.local import LocalLauncher
from app.settings import ForgeSettings, Settings
from app.store.attempts import Attempts
from app.store.connection import connect
from app.store.deliveries import Deliveries
from app.store.jobs import Jobs

DIALECTS: Mapping[str, Dialect] = {"gitea": gitea_payloads.DIALECT}


def build(settings: Settings, *, redis_url: str, hosts: Mapping[str, GitHost] | None = None) -> Desk:
    """Put the service together. `hosts` are Git hosts beside the forges of the settings."""
    redis = connect(redis_url)
    jobs = Jobs(redis)
    forges = {name: _forge(one) for name, one in settings.forges.items()}
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
        dialects=DIALECTS,
        launcher=LocalLauncher(settings.data_dir, installation=installation),
    )


def _forge(settings: ForgeSettings) -> Forge:
    assert settings.token is not None  # noqa: S101 -- the settings see to it
    return Gitea(settings.url, settings.token, public_url=settings.public_url)
