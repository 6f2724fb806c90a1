"""What every use-case works with, put together by `app.wiring`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.domain.job import Job
from app.forges.port import Dialect, Forge, GitHost
from app.launchers.port import Launcher
from app.settings import Settings
from app.store.attempts import Attempts
from app.store.connection import Redis
from app.store.deliveries import Deliveries
from app.store.jobs import Jobs
from git_ops import HeaderAuth, Mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Settings, stores, forges and launcher. Safe to share between threads."""

    settings: Settings
    redis: Redis
    jobs: Jobs
    attempts: Attempts
    deliveries: Deliveries
    forges: Mapping[str, Forge]
    hosts: Mapping[str, GitHost]
    """The forges, and whatever else holds repositories without threads to talk in (`forgehand run`)."""
    dialects: Mapping[str, Dialect]
    """By the forge's kind: what its deliveries look like."""
    launcher: Launcher
    clock: Callable[[], float] = time.time

    def forge_of(self, job: Job) -> Forge:
        """The forge that the job came from."""
        return self.forges[job.forge]

    def job_url(self, job: Job) -> str:
        """The job's page."""
        return f"{self.settings.public_url.rstrip('/')}/jobs/{job.id}"

    def mirror_of(self, job: Job) -> Mirror:
        """The mirror of the job's repository; made if it isn't there, not fetched."""
        access = self.hosts[job.forge].git_access(job.repo)
        path = mirror_path(self.settings.data_dir, job.forge, job.repo)
        path.parent.mkdir(parents=True, exist_ok=True)
        auth = HeaderAuth(access.url, access.header) if access.header else None
        mirror = Mirror(path, access.url, auth=auth, allow_protocols=access.protocols)
        mirror.ensure()
        return mirror


def mirror_path(data_dir: Path, forge: str, repo: str) -> Path:
    """Where the mirror of a repository lives. `repo` has been validated as `owner/name`."""
    owner, _, name = repo.partition("/")
    return data_dir.absolute() / "mirrors" / forge / owner.lower() / f"{name.lower()}.git"
