"""What the tests of the service share: settings without a file, jobs in any state, a desk from chosen parts."""

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.domain.job import Job, Requester, State, Step
from app.forges.gitea import payloads as gitea_payloads
from app.forges.port import Forge, GitAccess, GitHost, User
from app.jobs.desk import Desk
from app.launchers.port import Launcher
from app.settings import Settings
from app.store.attempts import Attempts
from app.store.connection import Redis
from app.store.deliveries import Deliveries
from app.store.jobs import Jobs
from runner.protocol import Task
from tests.support.launcher import ScriptedLauncher

API_TOKEN = "api-token-0123456789"
SECRET, OLD_SECRET = "webhook-secret-1", "webhook-secret-0"
FORGE_TOKEN = "forge-token-0123456789"
API_KEY = "sk-ant-the-real-key"
OID = "a" * 40
_ids = itertools.count(1)


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings with one forge called `home`; nothing comes from the environment or a file."""
    home = {
        "url": "http://127.0.0.1:9",
        "token": FORGE_TOKEN,
        "webhook_secrets": (SECRET, OLD_SECRET),
        "repos": ("*/*",),
    }
    values: dict[str, Any] = {
        "data_dir": folder,
        "api_token": API_TOKEN,
        "forges": {"home": home | changes.pop("home", {})},
        "FORGEHAND_ANTHROPIC_API_KEY": API_KEY,
        "FORGEHAND_ANTHROPIC_BASE_URL": changes.pop("anthropic_base_url", "http://127.0.0.1:9"),
        "model_edit": "claude-haiku-4-5",
        "lease_seconds": 5,
        "reconcile_seconds": 1,
    }
    return Settings(_env_file=None, **{**values, **changes})


def make_job(**changes: Any) -> Job:
    """A job that was received just now, with an id of its own. `walk` moves it on."""
    now = time.time()
    values: dict[str, Any] = {
        "id": f"job{next(_ids):08d}",
        "forge": "home",
        "repo": "ada/demo",
        "kind": "code",
        "number": 1,
        "is_pull": False,
        "requester": Requester(id=7, login="ada"),
        "task": Task(title="Say hello", body="Please.", author="ada", number=1),
        "target_branch": "main",
        "branch": "forgehand/issue-1",
        "created_at": now,
        "state": State.RECEIVED,
        "timeline": (Step(at=now, state=State.RECEIVED, cause="test", attempt=0),),
    }
    return Job(**{**values, **changes})


WAY = (State.QUEUED, State.LAUNCHING, State.RUNNING, State.PUBLISHING, State.SUCCEEDED)


def walk(job: Job, to: State, **changes: Any) -> Job:
    """The job moved along the straight way to `to`, as attempt 1 from the launch on."""
    for state in WAY[: WAY.index(to) + 1]:
        extra = {"attempt": 1} if state == State.LAUNCHING else {}
        job = job.moved(state, cause="test", at=time.time(), **extra)
    return job.model_copy(update=changes)


class FolderHost:
    """A Git host of one repository on this disk: `app.forges.port.GitHost`."""

    def __init__(self, bare: Path) -> None:
        self._url = f"file://{bare}"

    def whoami(self) -> User:
        return User(id=99, login="forgehand-bot")

    def git_access(self, repo: str) -> GitAccess:
        return GitAccess(url=self._url, header=None, protocols=("file",))


def make_desk(
    redis: Redis,
    options: Settings,
    *,
    forges: Mapping[str, Forge] | None = None,
    hosts: Mapping[str, GitHost] | None = None,
    launcher: Launcher | None = None,
    clock: Any = time.time,
) -> Desk:
    """A desk as `app.wiring` builds it, with the parts that a test brings."""
    jobs = Jobs(redis)
    return Desk(
        settings=options,
        redis=redis,
        jobs=jobs,
        attempts=Attempts(redis, jobs),
        deliveries=Deliveries(redis, memory_days=options.delivery_memory_days),
        forges=forges or {},
        hosts={**(forges or {}), **(hosts or {})},
        dialects={"gitea": gitea_payloads.DIALECT},
        launcher=launcher or ScriptedLauncher(),
        clock=clock,
    )
