"""Everything that the demo needs, each as its own real process on loopback: forge, Claude or its rehearsal, service.

Nothing is read from the user's `.env` and nothing is left behind: one temporary folder, and processes that end
in order with the `with` block, the runners included.
"""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from app import settings as app_settings
from app import wiring
from app.service import Service
from app.settings import Settings

START_SECONDS = 30.0
ENDPOINT = "demo"
_CREDENTIALS = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "FORGEHAND_CLAUDE_BINARY")


class StageError(Exception):
    """The demo can't be set up; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeAdmin:
    """A forge and one of its administrators."""

    url: str
    login: str
    password: str = field(repr=False)
    kind: str = "gitea"


class Stage:
    """The processes of the demo, from `with` to its end."""

    def __init__(
        self, *, extra_settings: Mapping[str, str] | None = None, forge: ForgeAdmin | None = None
    ) -> None:
        """`extra_settings` are more `FORGEHAND_…` variables for the service; `forge` plays on another forge."""
        self._forge = forge
        self._extra = dict(extra_settings or {})
        self._stack = ExitStack()
        self.claude_is_real = any(os.environ.get(name) for name in _CREDENTIALS)
        self.forge_url = ""
        self.rehearsal_url = ""
        self.service_url = ""
        self.webhook_secret = secrets.token_urlsafe(32)
        self.folder = Path()
        self.settings: Settings | None = None
        self.service: Service | None = None

    def __enter__(self) -> Self:
        with self._stack as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forgehand-demo-")))
            if self._forge is None:
                self._forge = self._embedded_forge()
            self.forge_url = self._forge.url
            if not self.claude_is_real:
                self.rehearsal_url = self._start("app.demo.rehearsal", "--port", "0", "--scenario", "story")
            self.service_url = f"http://127.0.0.1:{_free_port()}"
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def admin(self) -> ForgeAdmin:
        """The forge's administrator; known once entered."""
        if self._forge is None:
            raise StageError("the stage isn't set yet")
        return self._forge

    def _embedded_forge(self) -> ForgeAdmin:
        """Start the embedded forge and make its first account; the password goes through the environment."""
        url = self._start("app.demo.forge", "--data", str(self.folder / "forge"), "--port", "0")
        admin = ForgeAdmin(url=url, login="keeper", password=secrets.token_urlsafe(18))
        argv = [sys.executable, "-m", "app.demo.forge", "--data", str(self.folder / "forge")]
        env = self._environment() | {"FORGE_ADMIN_PASSWORD": admin.password}
        words = ("admin-user", "create", "--username", admin.login, "--admin")
        done = subprocess.run(
            [*argv, *words], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise StageError(f"the embedded forge refused its first account: {done.stderr.strip()}")
        return admin

    def start_service(self, *, bot_token: str, repo: str) -> Settings:
        """Start the service, connected to the forge as the bot."""
        env = self._environment() | self._service_settings(bot_token, repo)
        self.settings = settings = _settings_from(env)
        log_dir = self.folder / "logs"
        log_dir.mkdir(exist_ok=True)
        self.service = self._stack.enter_context(Service(settings, env=env, log_dir=log_dir, cwd=self.folder))
        # entered later, so left earlier: runners say goodbye while the broker still listens
        self._stack.callback(self._end_runners, settings, self.service)
        return settings

    def _end_runners(self, settings: Settings, service: Service) -> None:
        service.children["worker"].stop()  # first, or it would start the next attempt
        launcher = wiring.build(settings, redis_url="redis://unused.invalid").launcher
        launcher.sweep(lambda *_: False)

    def _service_settings(self, bot_token: str, repo: str) -> dict[str, str]:
        forge = f"FORGEHAND_FORGES__{ENDPOINT.upper()}__"
        claude = {name: os.environ[name] for name in _CREDENTIALS if os.environ.get(name)}
        if not self.claude_is_real:
            claude = {"ANTHROPIC_BASE_URL": self.rehearsal_url}
        elif os.environ.get("ANTHROPIC_BASE_URL"):
            claude["ANTHROPIC_BASE_URL"] = os.environ["ANTHROPIC_BASE_URL"]
        return claude | {
            "FORGEHAND_DATA_DIR": str(self.folder / "service"),
            "FORGEHAND_PORT": self.service_url.rpartition(":")[2],
            "FORGEHAND_PUBLIC_URL": self.service_url,
            "FORGEHAND_PAGES_PUBLIC": "true",
            "FORGEHAND_ALLOW_PLAIN_SANDBOX": "true",  # the demo's repository is our own, on any machine
            "FORGEHAND_RECONCILE_SECONDS": "1",
            f"{forge}KIND": self.admin.kind,
            f"{forge}URL": self.forge_url,
            f"{forge}TOKEN": bot_token,
            f"{forge}WEBHOOK_SECRETS": f'["{self.webhook_secret}"]',
            f"{forge}REPOS": f'["{repo}"]',
            **self._extra,
        }

    def _environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
            "PYTHONUNBUFFERED": "1"
        }

    def _start(self, module: str, *words: str) -> str:
        """Start one of our modules; answers the URL that it announces."""
        name = module.rpartition(".")[2]
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            env=self._environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        self._stack.callback(_end, process)
        return _announced(process, name, self.folder / f"{name}.log")


def _announced(process: "subprocess.Popen[bytes]", name: str, log: Path) -> str:
    """The URL of the `READY` line. Raises `StageError` where none comes in time."""
    deadline = threading.Timer(START_SECONDS, process.kill)
    deadline.start()
    try:
        line = process.stdout.readline().decode() if process.stdout else ""
    finally:
        deadline.cancel()
    if not line.startswith("READY "):
        said = log.read_text(errors="replace")[-2_000:]
        raise StageError(f"the {name} didn't start: {said.strip() or 'it gave no reason'}")
    return line.split()[1]


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _settings_from(env: Mapping[str, str]) -> Settings:
    """The settings that a process with this environment would read, and no `.env` of the user's."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        return app_settings.load(env_file=None)
    finally:
        os.environ.clear()
        os.environ.update(before)
