"""The process between the supervisor and the sandbox: it starts one command and outlives none of its children.

Started by `sandbox.py` with a plan as JSON; standard library only. The supervisor holds the write end of a pipe
that the warden reads: whatever ends the supervisor, `kill -9` included, closes the pipe, and the warden ends
everything. Orphans of the sandbox come to the warden (it is their subreaper), so a new session or a double fork
doesn't hide a process from it.

Exit code: the command's, 128 + n after signal n, or `CANT_START` with one line on stderr.
"""

import json
import os
import resource
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from runner import namespaces

CANT_START = 121
CANT_START_MARK = "forgehand-warden: "
PR_SET_CHILD_SUBREAPER = 36
LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 8 * 1024**3,
    resource.RLIMIT_NOFILE: 8192,
}
MAX_PROCESSES = 4096
"""Only counted by the kernel for other users than root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to start, and in what. `level` is `namespaces`, `bwrap` or `plain`."""

    level: str
    argv: list[str]
    cwd: Path
    root: Path
    """An empty folder to build the new root on."""
    readonly: list[Path]
    writable: list[Path]
    leash: int
    """The descriptor whose end of file means that the supervisor is gone."""


def parse(text: str) -> Plan:
    """The plan as `sandbox.py` wrote it."""
    raw: dict[str, Any] = json.loads(text)
    return Plan(
        level=raw["level"],
        argv=raw["argv"],
        cwd=Path(raw["cwd"]),
        root=Path(raw["root"]),
        readonly=[Path(path) for path in raw["readonly"]],
        writable=[Path(path) for path in raw["writable"]],
        leash=raw["leash"],
    )


def main() -> int:
    """Run the plan; see the module's docstring for the exit code."""
    plan = parse(sys.argv[1])
    os.set_inheritable(plan.leash, False)
    namespaces.prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the leash ends us, not a stray signal
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    parent = os.getpid()
    try:
        if plan.level == "namespaces":
            namespaces.enter_processes()
        child = os.fork()
    except OSError as error:
        return _cant_start(error)
    if child == 0:
        _first_process(plan, parent)
    code = _watch(child, plan.leash, wake)
    _end_everything()
    return code


def _cant_start(error: OSError) -> int:
    os.write(2, f"{CANT_START_MARK}{error}\n".encode())
    return CANT_START


def _watch(child: int, leash: int, wake: int) -> int:
    """Wait until the child ends or the leash is let go; reap what else comes by."""
    while True:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return CANT_START
            if pid == 0:
                break
            if pid == child:
                return _exit_code(status)
        ready, _, _ = select.select([leash, wake], [], [])
        if wake in ready:
            os.read(wake, 512)
        if leash in ready:
            return 128 + signal.SIGKILL


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _end_everything() -> None:
    """Kill all descendants until there are none: whoever forks meanwhile is found in the next round."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for pid in _descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _descendants(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # it ended while we looked
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found: list[int] = []
    level = [root]
    while level:
        level = [pid for pid, parent in parents.items() if parent in level]
        found += level
    return found


def _first_process(plan: Plan, parent: int) -> NoReturn:
    """The child's side: prepare, become the command. In a process namespace this is process 1."""
    try:
        namespaces.prctl(namespaces.PR_SET_PDEATHSIG, signal.SIGKILL)
        if plan.level == "namespaces":
            namespaces.enter_rest()
            namespaces.loopback_up()
            namespaces.build_root(plan.root, readonly=plan.readonly, writable=plan.writable, cwd=plan.cwd)
            _as_init()
        elif os.getppid() != parent:
            os._exit(CANT_START)  # the warden died before we asked to die with it
        _become(plan)
    except OSError as error:
        os._exit(_cant_start(error))
    os._exit(CANT_START)


def _as_init() -> None:
    """Fork once more: process 1 has duties (reaping) that no command knows of. Returns in the child only."""
    os.setsid()
    child = os.fork()
    if child == 0:
        return
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            os._exit(_exit_code(status))


def _become(plan: Plan) -> None:
    os.closerange(3, 256)
    os.setsid()
    os.chdir(plan.cwd)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    for limit, value in LIMITS.items():
        _, hard = resource.getrlimit(limit)
        top = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (top, top))
    if os.getuid() != 0:
        resource.setrlimit(resource.RLIMIT_NPROC, (MAX_PROCESSES, MAX_PROCESSES))
    if plan.level != "bwrap":  # which needs what it drops itself
        namespaces.drop_privileges()
    os.execvpe(plan.argv[0], plan.argv, os.environ)  # noqa: S606 — no shell is the point
