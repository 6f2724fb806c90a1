"""Waiting for a process of ours to end, without sleeping past its end.

`Popen.wait` with a time-out looks, sleeps, and looks again; most processes here run for less than such a sleep. The
kernel can tell at once (pidfd_open(2), Linux 5.3); where it can't be asked, `Popen.wait` it is.
"""

import contextlib
import os
import select
import subprocess


def wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """The exit code, as soon as there is one. Raises TimeoutError after `seconds`."""
    if (code := process.poll()) is not None:
        return code
    with contextlib.suppress(OSError):
        ended = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(ended, select.POLLIN)
            poll.poll(max(0.0, seconds) * 1000)
        finally:
            os.close(ended)
        seconds = 0
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired as e:
        raise TimeoutError from e
