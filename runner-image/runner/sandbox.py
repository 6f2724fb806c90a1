"""Run one command where it can do no harm: no network, no secret, no file but the workspace and the system's.

Three levels, the best that this machine allows, found out by trying:

1. `bwrap`       bubblewrap, where it is installed and works
2. `namespaces`  the same by our own system calls (`namespaces.py`)
3. `plain`       a child process with a scrubbed environment: no border against files, processes or network

At every level: the environment is built from nothing, output is read with limits, and when the command ends, runs
out of time or is cancelled, or when this process dies, everything that it started is ended (`warden.py`).
One `Sandbox` runs one command at a time.
"""

import contextlib
import functools
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Literal

import psutil

from runner.errors import SandboxBroken
from runner.warden import CANT_START, CANT_START_MARK, Plan

Level = Literal["bwrap", "namespaces", "plain"]
Source = Literal["out", "err"]
OnLine = Callable[[Source, str], None]

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
ETC = (
    *(
        "passwd",
        "group",
        "nsswitch.conf",
        "ld.so.conf",
        "ld.so.conf.d",
        "ld.so.cache",
        "localtime",
        "timezone",
    ),
    *(
        "hosts",
        "host.conf",
        "protocols",
        "services",
        "mime.types",
        "os-release",
        "debian_version",
        "alternatives",
    ),
    *("ssl/certs", "ssl/openssl.cnf", "ca-certificates", "ca-certificates.conf", "pki/tls", "pki/ca-trust"),
    *("terminfo", "inputrc", "bash.bashrc", "profile", "login.defs", "fonts", "perl", "shells"),
)
"""What of /etc programs need. Everything else, keys and other services' settings above all, isn't there."""

BOOTSTRAP = "import sys; sys.path.append(sys.argv.pop(1)); from runner.warden import main; sys.exit(main())"
MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_OUTPUT_BYTES = 512 * 1024 * 1024
TAIL_CHARACTERS = 16_000
CHUNK_BYTES = 65_536
POLL_SECONDS = 0.1
END_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command ended. `exit_code` is 128 + n after signal n."""

    exit_code: int
    timed_out: bool
    cancelled: bool
    flooded: bool
    """It wrote more than `MAX_OUTPUT_BYTES` and was ended for it."""
    seconds: float
    tail: str
    """The last of what it wrote, both streams as they came."""


def scrubbed_environment(home: Path, tmp: Path) -> dict[str, str]:
    """All that a sandboxed command finds in its environment, whatever ours is."""
    path = ["/usr/local/bin", "/usr/bin", "/bin", str(Path(sys.base_prefix) / "bin")]
    return {
        "PATH": ":".join(dict.fromkeys(path)),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TMPDIR": str(tmp),
    }


class Sandbox:
    """A workspace, and the place to run commands in it.

    `scratch` gets the sandbox's own `home`, `tmp` and `root` folders; what else is in there stays hidden from
    level 2 up. `readonly` names files and folders that the commands may see besides the system's.
    """

    def __init__(
        self, workspace: Path, scratch: Path, *, readonly: Sequence[Path] = (), level: Level | None = None
    ) -> None:
        self.workspace = workspace.resolve()
        base = scratch.resolve()
        self.home, self.tmp, self._root = base / "home", base / "tmp", base / "root"
        for folder in (self.workspace, self.home, self.tmp, self._root):
            folder.mkdir(parents=True, exist_ok=True)
        self._readonly = [*_system_paths(), *(path.resolve() for path in readonly)]
        self.level = level or best_level()

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
        timeout_seconds: float,
        cancel: threading.Event | None = None,
    ) -> Finished:
        """Run to the end, or until the time is up or `cancel` is set. `SandboxBroken` where it can't start."""
        leash_read, leash_write = os.pipe2(os.O_CLOEXEC)
        with contextlib.ExitStack() as stack:
            leash = stack.enter_context(os.fdopen(leash_write, "wb", buffering=0))
            held = stack.enter_context(os.fdopen(leash_read, "rb", buffering=0))
            given = stack.enter_context(_as_file(stdin))
            process = subprocess.Popen(
                _warden_argv(self._plan(argv, held.fileno())),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env={**scrubbed_environment(self.home, self.tmp), **(env or {})},
                pass_fds=(held.fileno(),),
                start_new_session=True,
            )
            stack.enter_context(process)
            stack.callback(_end, process, leash)
            held.close()
            finished = _Watch(process, leash, on_line).until_end(timeout_seconds, cancel or threading.Event())
        if finished.exit_code == CANT_START and CANT_START_MARK in finished.tail:
            why = finished.tail.rpartition(CANT_START_MARK)[2].strip()
            raise SandboxBroken(f"The sandbox ({self.level}) could not start {argv[0]}: {why}.")
        return finished

    def _plan(self, argv: Sequence[str], leash: int) -> Plan:
        plan = Plan(
            level=self.level,
            argv=list(argv),
            cwd=self.workspace,
            root=self._root,
            readonly=self._readonly,
            writable=[self.workspace, self.home, self.tmp],
            leash=leash,
        )
        return _through_bwrap(plan) if self.level == "bwrap" else plan


def _system_paths() -> list[Path]:
    etc = [Path("/etc") / name for name in ETC]
    python = Path(sys.base_prefix).resolve()
    named = [*(Path(path) for path in SYSTEM), *etc]
    if not python.is_relative_to("/usr"):
        named.append(python)
    return [path for path in named if path.exists() or path.is_symlink()]


def _warden_argv(plan: Plan) -> list[str]:
    package_home = str(Path(__file__).resolve().parent.parent)
    return [
        sys.executable,
        "-I",
        "-S",
        "-B",
        "-c",
        BOOTSTRAP,
        package_home,
        json.dumps(asdict(plan), default=str),
    ]


def _through_bwrap(plan: Plan) -> Plan:
    program = shutil.which("bwrap") or "bwrap"  # found by our PATH, not by the sandbox's
    argv = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    argv += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"]  # noqa: S108 — the sandbox's own
    for name in ("/proc/sys", "/proc/sysrq-trigger"):
        # bubblewrap leaves them to the user id, and root without any capability can still set core_pattern.
        argv += ["--ro-bind-try", name, name]
    binds = {**dict.fromkeys(plan.readonly, "--ro-bind"), **dict.fromkeys(plan.writable, "--bind")}
    for path in sorted(binds, key=lambda path: len(path.parts)):
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        else:
            argv += [binds[path], str(path), str(path)]
    argv += ["--remount-ro", "/", "--chdir", str(plan.cwd), "--", *plan.argv]
    return Plan(
        **{
            **{name: getattr(plan, name) for name in plan.__dataclass_fields__},
            "argv": argv,
            "cwd": Path("/"),
        }
    )


@functools.cache
def best_level() -> Level:
    """The best level that really runs a command here. Tried once per process."""
    tries: list[Level] = ["bwrap", "namespaces"] if shutil.which("bwrap") else ["namespaces"]
    for level in tries:
        if works(level):
            return level
    return "plain"


def works(level: Level) -> bool:
    """Whether this kernel lets us have that level."""
    with tempfile.TemporaryDirectory(prefix="forgehand-probe-") as folder:
        sandbox = Sandbox(Path(folder) / "workspace", Path(folder), level=level)
        try:
            return sandbox.run(["true"], timeout_seconds=20).exit_code == 0
        except SandboxBroken:
            return False


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[IO[bytes]]:
    """Input as an unnamed file: no pipe to fill, so no deadlock however long it is."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def _end(process: subprocess.Popen[bytes], leash: IO[bytes]) -> None:
    """Let go of the leash, so that the warden ends everything; end the warden too if it doesn't."""
    leash.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        for victim in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        process.wait(END_SECONDS)


@dataclass(slots=True)
class _Stream:
    source: Source
    buffer: bytearray = field(default_factory=bytearray)
    skipping: bool = False
    """Inside a line that is longer than anybody wants to know."""


class _Watch:
    """Reads a process's output until it ends or has to be ended."""

    def __init__(self, process: subprocess.Popen[bytes], leash: IO[bytes], on_line: OnLine | None) -> None:
        self._process = process
        self._leash = leash
        self._on_line = on_line
        self._tail = ""
        self._bytes = 0

    def until_end(self, timeout_seconds: float, cancel: threading.Event) -> Finished:
        started = time.monotonic()
        deadline = started + timeout_seconds
        timed_out = cancelled = flooded = False
        with selectors.DefaultSelector() as selector:
            streams: tuple[tuple[IO[bytes] | None, Source], ...] = (
                (self._process.stdout, "out"),
                (self._process.stderr, "err"),
            )
            for pipe, source in streams:
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
                    selector.register(pipe, selectors.EVENT_READ, _Stream(source))
            while selector.get_map():
                self._read_once(selector)
                timed_out = time.monotonic() >= deadline
                cancelled = cancel.is_set()
                flooded = self._bytes > MAX_OUTPUT_BYTES
                if timed_out or cancelled or flooded:
                    break
        _end(self._process, self._leash)
        code = self._process.returncode
        return Finished(
            exit_code=code if code >= 0 else 128 - code,
            timed_out=timed_out,
            cancelled=cancelled and not timed_out,
            flooded=flooded,
            seconds=time.monotonic() - started,
            tail=self._tail,
        )

    def _read_once(self, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(POLL_SECONDS):
            chunk = os.read(key.fd, CHUNK_BYTES)
            if chunk:
                self._take(key.data, chunk)
            else:
                selector.unregister(key.fileobj)
                self._line(key.data, bytes(key.data.buffer))

    def _take(self, stream: _Stream, chunk: bytes) -> None:
        self._bytes += len(chunk)
        self._tail = (self._tail + chunk.decode("utf-8", "replace"))[-TAIL_CHARACTERS:]
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            whole = bytes(stream.buffer) + line
            stream.buffer.clear()
            if stream.skipping:
                stream.skipping = False
            else:
                self._line(stream, whole)
        if not stream.skipping:
            stream.buffer += rest
            if len(stream.buffer) > MAX_LINE_BYTES:
                stream.buffer.clear()
                stream.skipping = True

    def _line(self, stream: _Stream, line: bytes) -> None:
        if self._on_line and line:
            self._on_line(stream.source, line.decode("utf-8", "replace"))
