"""The whole service on one machine: Redis where none is given, web and worker, each started again when it dies.

When the file of settings changes and what it says can be worked with, web and worker are started anew with it; while
it can't, or the file is gone or empty, they go on with what they have, also where one of them dies: each reads a copy
that this process keeps, in memory, of the settings that were taken. What belongs to this process stays: Redis,
`data_dir`, the address that is listened on, and the environment, which goes before the file.

This process holds the listening socket, and the web processes come and go behind it: forges deliver once, and while no
web process is there, what they send waits in the socket's queue.
"""

import fcntl
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

LOOK_SECONDS = 0.5
"""A file counts as changed once two looks in a row have found the same: some editors write in parts."""
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
        self._copy = -1
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
        self._taken = self._seen = _content(self._env_file)
        self._copy = _in_memory(self._taken or b"")
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
        if self._copy >= 0:
            os.close(self._copy)

    def _start(self, name: str) -> None:
        log = self._log_dir / f"{name}.log" if self._log_dir else None
        env = self._env | {ENV_FILE: _path_of(self._copy)}
        fds: tuple[int, ...] = (self._copy,)
        if name == "web" and self._socket is not None:
            fds += (self._socket.fileno(),)
            env[LISTEN_FD] = str(self._socket.fileno())
        self.children[name] = Child(name, forgehand_argv(name), env=env, cwd=self._cwd, log=log, pass_fds=fds)

    @property
    def _env_file(self) -> Path:
        return self._cwd / (self._env.get(ENV_FILE) or ".env")

    def _watch(self) -> None:
        before = self._seen
        while not self._leaving.wait(LOOK_SECONDS):
            now = _content(self._env_file)
            if now == before and now != self._seen:
                self._seen = now
                self._judge(now)
            before = now

    def _judge(self, content: bytes | None) -> None:
        """Take over what the file has by now, where that can be worked with."""
        if content == self._taken:
            return  # it was something else for a while
        if content is None or not content.strip():
            cause = (
                "it is gone, empty or unreadable; the settings before stay, until the service is restarted"
            )
            logs.get().error("settings_not_taken", file=str(self._env_file), cause=cause)
            return
        copy = _in_memory(content)
        if not self._is_valid(copy):
            os.close(copy)
            return
        old, self._copy, self._taken = self._copy, copy, content
        self._take_over()
        if not self._leaving.is_set():  # else a child that isn't ended yet may still need it
            os.close(old)

    def _is_valid(self, copy: int) -> bool:
        """Whether our children could start with these settings."""
        try:
            done = subprocess.run(
                forgehand_argv("settings", "--check"),
                env=self._env | {ENV_FILE: _path_of(copy)},
                cwd=self._cwd,
                pass_fds=(copy,),
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


def _content(path: Path) -> bytes | None:
    """What is in the file; none where there is none, or none that can be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def _in_memory(content: bytes) -> int:
    """A descriptor of a nameless file with this content; only children that it is passed to can read it."""
    handle = os.memfd_create("settings", os.MFD_CLOEXEC)
    with os.fdopen(handle, "wb", closefd=False) as file:
        file.write(content)
    return handle


def _path_of(descriptor: int) -> str:
    """By this name, the process that has it opens it anew, at its beginning (proc(5))."""
    return f"/proc/self/fd/{descriptor}"


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
