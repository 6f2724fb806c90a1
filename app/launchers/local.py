"""Runners as plain processes on this machine: no Docker needed, for demos and for trusted repositories.

The runner is told apart by a label in its command line, which names installation, job and attempt; so it is
found again by looking, whoever started it. Its environment is built from nothing. What isolation the sandbox
gets inside is the runner's business (`runner.sandbox`).
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from app.launchers.port import LaunchError, Order, Sight
from runner.scratch import remove_tree

GRACE_SECONDS = 10.0
"""How long a runner may take to end its sandbox and say goodbye."""
LOG_BYTES = 16_384
_PASSED_ON = ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "FORGEHAND_CLAUDE_BINARY")
_ARGV = (sys.executable, "-m", "runner", "--label")
_NAMESPACED_PIDS = re.compile(r"^NSpid:(.*)$", re.MULTILINE)
"""One number per PID namespace that the process is in, from ours inwards (proc(5))."""
_OURS = re.compile(r"(?P<installation>[0-9A-Za-z-]{1,64})/[0-9a-z]{1,64}/[0-9]{1,9}")


class LocalLauncher:
    """See `app.launchers.port.Launcher`. `installation` keeps two services on one machine apart."""

    def __init__(self, data_dir: Path, *, installation: str) -> None:
        self._runs = data_dir.absolute() / "runs"
        self._installation = installation

    def start(self, order: Order) -> None:
        if self.observe(order.job_id, order.attempt) == "running":
            return
        folder = self._folder(order.job_id, order.attempt)
        try:
            (folder / "scratch").mkdir(parents=True, exist_ok=True, mode=0o700)
            with (folder / "runner.log").open("ab") as log:
                subprocess.Popen(
                    [*_ARGV, self._label(order.job_id, order.attempt)],
                    env=self._environment(order, folder / "scratch"),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # it outlives the worker that starts it
                )
        except OSError as error:
            raise LaunchError(f"the runner didn't start: {error}") from error

    def observe(self, job_id: str, attempt: int) -> Sight:
        label = self._label(job_id, attempt)
        return "running" if any(found == label for found, _ in self._runners()) else "absent"

    def stop(self, job_id: str, attempt: int) -> None:
        label = self._label(job_id, attempt)
        for found, process in self._runners():
            if found == label:
                _end(process)

    def logs(self, job_id: str, attempt: int) -> str:
        try:
            with (self._folder(job_id, attempt) / "runner.log").open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - LOG_BYTES))
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def sweep(self, wanted: Callable[[str, int], bool]) -> list[tuple[str, int]]:
        ended = []
        for label, process in self._runners():
            _, job_id, attempt = label.split("/")
            if not wanted(job_id, int(attempt)):
                _end(process)
                ended.append((job_id, int(attempt)))
        self._tidy_up(wanted)
        return ended

    def _tidy_up(self, wanted: Callable[[str, int], bool]) -> None:
        """Remove the scratch folders that killed runners left behind; their logs stay."""
        running = {label for label, _ in self._runners()}
        for scratch in self._runs.glob("*-*/scratch"):
            job_id, _, attempt = scratch.parent.name.rpartition("-")
            if self._label(job_id, int(attempt)) not in running and not wanted(job_id, int(attempt)):
                remove_tree(scratch)

    def _label(self, job_id: str, attempt: int) -> str:
        return f"{self._installation}/{job_id}/{attempt}"

    def _folder(self, job_id: str, attempt: int) -> Path:
        return self._runs / f"{job_id}-{attempt}"

    def _environment(self, order: Order, scratch: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return kept | {
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "PYTHONUNBUFFERED": "1",
            "FORGEHAND_SCRATCH": str(scratch),
            "FORGEHAND_BROKER_URL": order.broker_url,
            "FORGEHAND_JOB_TOKEN": str(order.token),
        }

    def _runners(self) -> Iterator[tuple[str, psutil.Process]]:
        """Every live runner of this installation with its label."""
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                label = _OURS.fullmatch(_label_of(process))
                if label and label["installation"] == self._installation:
                    yield label.group(), process


def _label_of(process: psutil.Process) -> str:
    """The label in a runner's command line; empty where it is no runner of ours.

    An agent can give its processes any command line, so it must be our Python, under our uid, and not in a
    PID namespace of its own, as everything in a sandbox is.
    """
    argv = process.cmdline()
    if len(argv) != len(_ARGV) + 1 or tuple(argv[:-1]) != _ARGV or process.uids().real != os.getuid():
        return ""
    # the runner's memory and namespaces are closed to us unless we are root; its status is not
    found = _NAMESPACED_PIDS.search(Path(f"/proc/{process.pid}/status").read_text())
    if found is None or len(found[1].split()) != 1:
        return ""
    return argv[-1] if process.status() != psutil.STATUS_ZOMBIE else ""


def _end(runner: psutil.Process) -> None:
    """Ask the runner to end; after the grace time end it and every process it left behind."""
    with suppress(psutil.NoSuchProcess):
        family = runner.children(recursive=True)
        runner.terminate()
        _, alive = psutil.wait_procs([runner], timeout=GRACE_SECONDS)
        for process in [*alive, *family]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs([runner, *family], timeout=GRACE_SECONDS)
