"""A lock between processes, on a file: it ends with its holder, however that ends.

The file stays behind on purpose: removing it would let two processes hold two locks of one name.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_ops.errors import Busy

_POLL_SECONDS = 0.05


@contextmanager
def locked(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock at `path`. Raises `Busy` when another holder doesn't let go in time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + timeout_seconds
        while not _try_lock(fd):
            if time.monotonic() >= deadline:
                raise Busy(f"Another process has been working on {path.stem} for {timeout_seconds:g} seconds")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
