"""The long-running processes of the service: web, worker, and both with what they need.

Each can be killed at any moment and started again; none keeps anything that isn't in Redis or in Git.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from app.jobs import tasks
from app.jobs.desk import Desk
from app.store import keys
from app.store.tasks import Task, enqueue_once, queue
from app.telemetry import logs
from app.web.factory import create_app

LISTEN_FD = "FORGEHAND_LISTEN_FD"
"""Names the descriptor of a listening socket that a parent left open for us."""
RESTART_SECONDS = 0.5
"""Before a child that died is started again; twice as long each time, while it lives for less than `STEADY_SECONDS`."""
MAX_RESTART_SECONDS = 30.0
STEADY_SECONDS = 60.0
END_SECONDS = 15.0


class _Server(BaseApplication):
    """One gunicorn worker with threads: whatever is shared is in Redis, so more machines may run more of them."""

    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self._app, self._options = app, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app


def serve_web(desk: Desk) -> None:
    """Serve HTTP until SIGTERM or SIGINT: on the socket that `app.service` holds, else on one of our own."""
    settings = desk.settings
    given = os.environ.get(LISTEN_FD)
    options = {
        "bind": f"fd://{given}" if given else f"{settings.host}:{settings.port}",
        "workers": 1,
        "threads": settings.web_threads,
        "worker_class": "gthread",
        "timeout": 120,
        "graceful_timeout": 5,
        "keepalive": 30,
        "loglevel": "error",  # a warning for each malformed request would let anybody fill the disk
        "limit_request_line": 4094,
        "control_socket_disable": True,
    }
    _Server(create_app(desk), options).run()


class TaskWorker(SimpleWorker):
    """An RQ worker that runs our tasks and nothing else, whatever stands in Redis.

    It doesn't fork for each task: connections to forges stay open, and what is known of them is remembered. A task
    that takes the process along is done again by the next one.

    RQ imports functions and callbacks by the names in the job; here only a member of `Task` is taken, with one
    text argument and no callback.
    """

    def perform_job(self, job: RqJob, queue: Any) -> bool:
        if not is_ours(job):
            logs.get().error("foreign_task_refused", task=repr(job.func_name)[:200])
            job.delete()
            return False
        return bool(super().perform_job(job, queue))


def is_ours(job: RqJob) -> bool:
    """Whether a queued job is one of our tasks, exactly as `enqueue` makes them."""
    callbacks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)  # noqa: SLF001 -- RQ has no public way
    plain = not any(callbacks) and job.instance is None and not job.kwargs
    return plain and job.func_name in set(Task) and len(job.args) == 1 and isinstance(job.args[0], str)


def serve_worker(desk: Desk) -> None:
    """Work on tasks until SIGTERM or SIGINT, and see to it that the reconciler runs."""
    tasks.bind(desk)
    threading.Thread(target=_tick, args=(desk,), name="reconcile ticker", daemon=True).start()
    worker = TaskWorker([queue(desk.redis)], connection=desk.redis, serializer=JSONSerializer)
    worker.log.setLevel("WARNING")
    worker.work(logging_level="WARNING")


def _tick(desk: Desk) -> None:
    """Enqueue the reconciler once per period, however many workers there are."""
    period_ms = int(desk.settings.reconcile_seconds * 1000)
    while True:
        try:
            if desk.redis.set(keys.lock("tick"), "1", nx=True, px=period_ms):
                enqueue_once(desk.redis, Task.RECONCILE, "")
        except RedisError as error:
            logs.get().warning("redis_unavailable", cause=type(error).__name__)
        time.sleep(period_ms / 1000 / 2)


class Child:
    """A process of ours that is started again when it dies, until `stop`."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self._pass_fds = pass_fds
        self._argv, self._env, self._cwd, self._log = list(argv), dict(env), cwd, log
        self._stopping = threading.Event()
        self.process = self._start()
        self._watcher = threading.Thread(target=self._watch, name=f"watch {name}", daemon=True)
        self._watcher.start()

    def _start(self) -> "subprocess.Popen[bytes]":
        # a session of its own: Ctrl-C reaches only us, and we end the children in order
        with self._log.open("ab") if self._log else nullcontext() as log:
            return subprocess.Popen(
                self._argv,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self._pass_fds,
            )

    def _watch(self) -> None:
        wait = RESTART_SECONDS
        while True:
            since = time.monotonic()
            self.process.wait()
            # who was killed was able to run; only what can't start is started more and more seldom
            if self.process.returncode < 0 or time.monotonic() - since >= STEADY_SECONDS:
                wait = RESTART_SECONDS
            if self._stopping.wait(wait):
                return
            wait = min(2 * wait, MAX_RESTART_SECONDS)
            logs.get().warning("process_restarted", name=self.name, exit_code=self.process.returncode)
            self.process = self._start()

    def stop(self) -> None:
        """End it, gently first; return when it is gone."""
        self._stopping.set()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        self._watcher.join(END_SECONDS)


def forgehand_argv(*words: str) -> list[str]:
    """The command line that runs a `forgehand` command with this very Python."""
    return [sys.executable, "-m", "app.cli", *words]
