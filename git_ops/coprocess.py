"""A git that keeps running and answers one question after the other.

* Starting a process costs more than most answers; a rebase asks hundreds of times.
* Every wait is bounded. A process that dies, stalls or is left in the middle of an answer is ended, and whoever
  asked gets the same typed error that a single run would have given.
* Questions and answers can be of any size: both pipes are served at once.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from types import TracebackType
from typing import IO, Self

from git_ops.errors import GitError, OutputTooLarge
from git_ops.waiting import wait

_CHUNK = 1 << 16
_STDERR_BYTES = 64 * 1024
_PATIENCE_SECONDS = 2.0
"""For a process to end by itself once its input has ended."""

Start = Callable[[IO[bytes]], subprocess.Popen[bytes]]
"""Starts the process with the file given as its stderr."""
Failure = Callable[[int | None, bytes], GitError]
"""The error for an exit code (none: it took too long) and what stderr holds."""


class Coprocess:
    """One running git. A context manager: it is ended on the way out."""

    def __init__(self, start: Start, failure: Failure, *, timeout_seconds: float) -> None:
        self._failure = failure
        self._timeout_seconds = timeout_seconds
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the process, closed in `end`
        self._buffer = bytearray()
        try:
            self._process = start(self._stderr)
        except BaseException:
            self._stderr.close()
            raise
        self._stdin, self._stdout = _both(self._process)
        self._selector = selectors.DefaultSelector()
        for pipe in (self._stdin, self._stdout):
            os.set_blocking(pipe.fileno(), False)
        self._selector.register(self._stdout, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(kill=kind is not None)

    def tell(self, data: bytes) -> None:
        """Send bytes. What is answered meanwhile is kept for `line` and `exactly`."""
        deadline = time.monotonic() + self._timeout_seconds
        unsent = memoryview(data)
        self._selector.register(self._stdin, selectors.EVENT_WRITE)
        try:
            while unsent:
                for key, _events in self._ready(deadline):
                    if key.fileobj is self._stdout:
                        self._receive()
                    else:
                        unsent = self._send(unsent)
        finally:
            self._selector.unregister(self._stdin)

    def line(self, *, max_bytes: int = 1 << 20) -> bytes:
        """The next line of the answer, without its newline."""
        deadline, seen = time.monotonic() + self._timeout_seconds, 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if seen > max_bytes:
                raise OutputTooLarge(f"git answered with a line of more than {max_bytes} bytes")
            self._wait(deadline)
        return self._take(end + 1)[:-1]

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes of the answer."""
        deadline = time.monotonic() + self._timeout_seconds
        while len(self._buffer) < count:
            self._wait(deadline)
        return self._take(count)

    def complaint(self) -> bytes:
        """What it has printed to stderr so far, the last 64 KiB of it."""
        size = os.fstat(self._stderr.fileno()).st_size
        return os.pread(self._stderr.fileno(), _STDERR_BYTES, max(0, size - _STDERR_BYTES))

    def end(self, *, kill: bool = False) -> None:
        """End it. Whatever was answered completely has been done by then."""
        self._selector.close()
        if not kill:
            self._close_stdin()
            with contextlib.suppress(TimeoutError):
                wait(self._process, _PATIENCE_SECONDS)
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it may end between the two lines
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close_stdin()
        self._stdout.close()
        self._stderr.close()

    def _close_stdin(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()

    def _wait(self, deadline: float) -> None:
        for _ in self._ready(deadline):
            self._receive()

    def _ready(self, deadline: float) -> list[tuple[selectors.SelectorKey, int]]:
        if not (ready := self._selector.select(max(0.0, deadline - time.monotonic()))):
            raise self._failure(None, self.complaint())
        return ready

    def _receive(self) -> None:
        chunk = os.read(self._stdout.fileno(), _CHUNK)
        if not chunk:
            raise self._died()
        self._buffer += chunk

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(self._stdin.fileno(), unsent[:_CHUNK]) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError as e:
            raise self._died() from e

    def _died(self) -> GitError:
        try:
            code = wait(self._process, _PATIENCE_SECONDS)
        except TimeoutError:
            return self._failure(None, self.complaint())
        return self._failure(code, self.complaint())

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


class Coprocesses:
    """A set of them, each started when it is first needed and kept until the set is closed."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Coprocess] = {}
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def using(self, key: Hashable, start: Callable[[], Coprocess]) -> Iterator[Coprocess]:
        """The one of that key, for one question and its answer. After an error it isn't used again."""
        with self._lock:
            one = self._kept.pop(key, None) or start()
            try:
                yield one
            except BaseException:
                one.end(kill=True)
                raise
            self._kept[key] = one

    def close(self) -> None:
        """End all."""
        with self._lock:
            while self._kept:
                self._kept.popitem()[1].end()


def _both(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("a coprocess is started with pipes")
    return process.stdin, process.stdout
