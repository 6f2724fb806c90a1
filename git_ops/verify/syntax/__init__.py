"""What the grammar of a file's language says about it: errors, definitions, names in use.

* Asked of a process of its own (`worker.py`) that is bounded in time and memory. One that crashes or hangs is
  replaced, and the text that did it counts as unknown: `Unreadable`.
* One worker per process that asks, started at the first question; a fork doesn't share its parent's.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import selectors
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal

from git_ops.verify.syntax.languages import language_of

MAX_BYTES = 1024 * 1024
SECONDS = 10.0
"""For a text of `MAX_BYTES`; a shorter one gets less, but time enough for a start."""
_LEAST = 0.4
_REMEMBERED = 256
_CHUNK = 1 << 16
_SCRIPT = Path(__file__).with_name("worker.py")


class Unreadable(Exception):
    """The text can't be parsed within bounds; the message says why, for people. Never leaves `git_ops.verify`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A function, type, constant or variable. Rows count from 0, both inclusive."""

    name: str
    kind: Literal["function", "signature", "type", "constant", "variable"]
    member: bool
    """Inside another definition, or with a receiver."""
    first: int
    last: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One file as its grammar sees it."""

    errors: int
    """Places that make no sense to the grammar."""
    first_error: int | None
    """Its row, from 0."""
    problem: str | None
    """What the format's own parser (Python, JSON, TOML, YAML) says against it."""
    definitions: tuple[Definition, ...]
    repeats: Mapping[str, int]
    """What is defined, imported or keyed more than once in one and the same place, and how often."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A name in code, comments and strings left out."""

    name: str
    row: int
    column: int
    """Bytes before it in its line."""
    role: Literal["use", "import", "binding", "key"]


def outline(path: str, content: bytes) -> Outline | None:
    """The outline of a file; none where its language isn't known. Raises `Unreadable`."""
    language = language_of(path)
    found = None if language is None else _outline(language, _Content(content))
    if isinstance(found, str):
        raise Unreadable(found)
    return found


def occurrences(path: str, content: bytes, names: Collection[str]) -> tuple[Occurrence, ...] | None:
    """Where names stand in code; none where the language isn't known. Raises `Unreadable`."""
    language = language_of(path)
    if language is None:
        return None
    answer = _ask({"language": language, "names": sorted(names)}, content)
    return (
        None
        if answer is None
        else tuple(
            Occurrence(name=name, row=row, column=column, role=role)
            for name, row, column, role in answer["occurrences"]
        )
    )


class _Content:
    """Bytes that are compared by a hash, so that remembering an answer doesn't hold on to the text."""

    def __init__(self, content: bytes) -> None:
        self.key = hashlib.sha256(content).digest()
        self.read: list[bytes] = [content]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@functools.lru_cache(maxsize=_REMEMBERED)
def _outline(language: str, content: _Content) -> Outline | str | None:
    """A text is why there is no outline: what took too long once isn't tried again for the next gate."""
    try:
        answer = _ask({"language": language}, content.read.pop())
    except Unreadable as e:
        return str(e)
    if answer is None:
        return None
    found = tuple(
        Definition(name=name, kind=kind, member=member, first=first, last=last)
        for name, kind, member, first, last in answer.pop("definitions")
    )
    return Outline(definitions=found, **answer)


def _ask(request: dict[str, Any], content: bytes) -> dict[str, Any] | None:
    if len(content) > MAX_BYTES:
        raise Unreadable(f"it has more than {MAX_BYTES // 2**20} MiB")
    seconds = SECONDS * max(_LEAST, len(content) / MAX_BYTES)
    with _lock:
        worker = _current()
        try:
            return worker.ask(request, content, time.monotonic() + seconds)
        except (TimeoutError, OSError, EOFError) as e:
            worker.end()
            took = isinstance(e, TimeoutError)
            raise Unreadable("parsing it takes too long" if took else "parsing it fails") from e


class _Worker:
    """One child process and the frames that go to and fro."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._child = subprocess.Popen(
            (sys.executable, "-I", str(_SCRIPT)),
            env={"LC_ALL": "C.UTF-8"},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.end = weakref.finalize(self, _end, self._child, os.getpid())

    @property
    def usable(self) -> bool:
        return self.pid == os.getpid() and self._child.poll() is None

    def ask(self, request: dict[str, Any], content: bytes, deadline: float) -> dict[str, Any] | None:
        header = json.dumps(request).encode()
        self._send(struct.pack(">II", len(header), len(content)) + header + content, deadline)
        (size,) = struct.unpack(">I", self._receive(4, deadline))
        answer: dict[str, Any] | None = json.loads(self._receive(size, deadline))
        return answer

    def _send(self, data: bytes, deadline: float) -> None:
        unsent, pipe = memoryview(data), _fd(self._child.stdin)
        for _ in _ready(pipe, selectors.EVENT_WRITE, deadline):
            unsent = unsent[os.write(pipe, unsent[:_CHUNK]) :]
            if not unsent:
                return

    def _receive(self, size: int, deadline: float) -> bytes:
        got, pipe = bytearray(), _fd(self._child.stdout)
        for _ in _ready(pipe, selectors.EVENT_READ, deadline):
            if not (chunk := os.read(pipe, size - len(got))):
                break
            got += chunk
            if len(got) == size:
                return bytes(got)
        raise EOFError


def _fd(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise EOFError
    os.set_blocking(pipe.fileno(), False)
    return pipe.fileno()


def _ready(pipe: int, event: int, deadline: float) -> Iterator[None]:
    """Each time the pipe can be used. Raises TimeoutError."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, event)
        while selector.select(max(0.0, deadline - time.monotonic())):
            yield
    raise TimeoutError


def _end(child: subprocess.Popen[bytes], owner: int) -> None:
    """Close our ends; end the child too, unless it is our parent's."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if owner == os.getpid():
        child.kill()
        child.wait()


_lock = threading.Lock()
_worker: _Worker | None = None


def _current() -> _Worker:
    global _worker  # noqa: PLW0603  # one process for all questions is the point
    if _worker is None or not _worker.usable:
        if _worker is not None:
            _worker.end()
        _worker = _Worker()
    return _worker


def _forget_after_fork() -> None:
    global _lock  # noqa: PLW0603  # it may be held by a thread that the child doesn't have
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
