"""The whole service on one machine: Redis where none is given, web and worker, each started again when it dies.

When the file of settings changes and what it says is valid, web and worker are started anew with it; while it isn't,
they go on with what they have. What belongs to this process stays: Redis, `data_dir`, the address that is listened on,
and the environment, which goes before the file.

This process holds the listening socket, and the web processes come and go behind it: forges deliver once, and while no
web process is there, what they send waits in the socket's queue.
"""

import fcntl
import hashlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from app.processes import LISTEN_FD, Child, forgehand_argv
from app.settings import ENV_FILE, Settings
from app.store.connection import EmbeddedRedis
from app.telemetry import logs

LOOK_SECONDS = 1.0
CHECK_SECONDS = 60.0
BACKLOG = 1_024
"""Connections that wait while no web process is there."""
PATIENCE_SECONDS = 3.0
"""A web process that is being started anew is back within that."""
PROCESSES = ("web", "worker")


class ServiceError(Exception):
    """The service can't start; the message says what to do."""


class Service:
    """Runs from `with` to its end. Runners at work outlive it, and are found again by the next one."""

    def __init__(
        self,
        settings: Settings,
        *,
        env: Mapping[str, str] | None = None,
        log_dir: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._settings = settings
        self._cwd = cwd or Path.cwd()
        self._env = dict(os.environ if env is None else env)
        self._log_dir = log_dir
        self._redis: EmbeddedRedis | None = None
        self._socket: socket.socket | None = None
        self._leaving = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watch settings", daemon=True)
        self.redis_url = ""
        """Known once entered."""
        self.children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        data_dir = self._settings.data_dir.absolute()
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._seen = _fingerprint(self._env_file)  # before the children read it
        self._socket = _listening(self._settings.host, self._settings.port)
        if self._settings.redis_url is None:
            self._redis = EmbeddedRedis(data_dir)
            self._redis.start()
            self.redis_url = self._redis.url
        else:
            self.redis_url = self._settings.redis_url.get_secret_value()
        self._env["FORGEHAND_REDIS_URL"] = self.redis_url
        self._env["FORGEHAND_DATA_DIR"] = str(data_dir)
        for name in PROCESSES:
            self._start(name)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._watcher.join()  # nothing is started anew from here on
        for child in reversed(self.children.values()):
            child.stop()
        if self._redis:
            self._redis.stop()
        if self._socket:
            self._socket.close()

    def _start(self, name: str) -> None:
        log = self._log_dir / f"{name}.log" if self._log_dir else None
        env, fds = self._env, tuple[int, ...]()
        if name == "web" and self._socket is not None:
            fds = (self._socket.fileno(),)
            env = env | {LISTEN_FD: str(self._socket.fileno())}
        self.children[name] = Child(name, forgehand_argv(name), env=env, cwd=self._cwd, log=log, pass_fds=fds)

    @property
    def _env_file(self) -> Path:
        return self._cwd / (self._env.get(ENV_FILE) or ".env")

    def _watch(self) -> None:
        while not self._leaving.wait(LOOK_SECONDS):
            now = _fingerprint(self._env_file)
            if now == self._seen:
                continue
            self._seen = now
            if self._is_valid():
                self._take_over()

    def _is_valid(self) -> bool:
        """Whether our children could start with the settings as they are now."""
        try:
            done = subprocess.run(
                forgehand_argv("settings"),
                env=self._env,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=CHECK_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            logs.get().error("settings_not_taken", file=str(self._env_file), cause=type(error).__name__)
            return False
        if done.returncode != 0:
            # names and reasons only: settings never say values in an error
            logs.get().error(
                "settings_not_taken", file=str(self._env_file), cause=done.stderr.strip()[-2_000:]
            )
        return done.returncode == 0

    def _take_over(self) -> None:
        logs.get().info("settings_taken", file=str(self._env_file))
        for name in PROCESSES:  # the web process first: forges wait for it
            if self._leaving.is_set():
                return
            old = self.children[name]
            self._start(name)
            old.stop()  # it ends what it is about


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ServiceError(
            f"{host}:{port} can't be listened on ({error.strerror}). Is another service running? "
            "FORGEHAND_HOST and FORGEHAND_PORT say where to listen."
        ) from error


def _fingerprint(path: Path) -> str:
    """Another text for another content; empty where there is no file, or none that can be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def running_redis_url(settings: Settings) -> str | None:
    """The Redis of the service that runs with these settings; none where none does.

    A private Redis is held by its service as long as that lives; a shared one says nothing, so there its web process
    is asked.
    """
    if settings.redis_url is None:
        data_dir = settings.data_dir.absolute()
        return EmbeddedRedis(data_dir).url if _is_held(data_dir / "redis" / "lock") else None
    url = settings.redis_url.get_secret_value()
    until = time.monotonic() + PATIENCE_SECONDS
    while not web_answers(settings):
        if time.monotonic() > until:
            return None
        time.sleep(0.2)
    return url


def web_answers(settings: Settings) -> bool:
    """Whether the web process of a Forgehand answers, on this machine or at its public address."""
    return any(_is_ours(base, proxies=proxies) for base, proxies in addresses(settings))


def addresses(settings: Settings) -> tuple[tuple[str, bool], ...]:
    """Where the web process may be reached from here, each with whether the environment's proxies lead there."""
    here = f"http://{_reachable(settings.host)}:{settings.port}"
    return ((here, False), (settings.public_url.rstrip("/"), True))


def _is_ours(address: str, *, proxies: bool) -> bool:
    try:
        answer = httpx.get(f"{address}/healthz", timeout=5, trust_env=proxies)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code == 200 and answer.text == "ok\n"


def _reachable(host: str) -> str:
    """Where a server that listens on `host` is reached from this machine."""
    named = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 -- compared, not bound
    return f"[{named}]" if ":" in named and not named.startswith("[") else named


def _is_held(lock: Path) -> bool:
    """Whether a process holds the folder of a private Redis, as `EmbeddedRedis` does."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # there is none, or none that we could use
    return False
