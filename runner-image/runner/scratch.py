"""The attempt's folder: made for it, private, and gone afterwards whatever is in it."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

MAX_SOCKET_PATH = 100
"""Bytes; the kernel takes 108, and the client's own limit isn't known."""


@contextlib.contextmanager
def scratch_folder(parent: str | None) -> Iterator[Path]:
    """A new private folder in `parent` (or where temporary files go), removed at the end."""
    if parent:
        Path(parent).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="forgehand-", dir=parent or None)).resolve()
    try:
        yield folder
    finally:
        remove_tree(folder)


@contextlib.contextmanager
def door_folder(scratch: Path) -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket: in the scratch, or else where temporary files go."""
    door = scratch / "door"
    if len(os.fsencode(door / "api")) <= MAX_SOCKET_PATH:
        door.mkdir(mode=0o700, exist_ok=True)  # one run after the other uses it
        yield door
        return
    with tempfile.TemporaryDirectory(prefix="fh-", dir="/tmp") as short:
        yield Path(short)


def remove_tree(folder: Path) -> None:
    """Remove a tree that someone hostile may have written: however deep, closed folders opened, links not followed.

    Never raises. The system's own commands, because Python's recurse with the depth of the tree.
    """
    for argv in (["chmod", "-R", "u+rwX", "--", str(folder)], ["rm", "-rf", "--", str(folder)]):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
