"""What can end an attempt from outside: its deadline, and an interrupt. Both are asked between any two steps."""

import threading
import time

from runner.errors import OutOfTime, RunnerError


class Interrupt:
    """The first reason to stop early, set from any thread; later reasons are ignored."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._reason: RunnerError | None = None
        self._lock = threading.Lock()

    def trigger(self, reason: RunnerError) -> None:
        """Stop, and say why."""
        with self._lock:
            self._reason = self._reason or reason
        self.event.set()

    def check(self) -> None:
        """Raise the reason where there is one."""
        if self._reason:
            raise self._reason


class Deadline:
    """A point of time by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, more than zero; `OutOfTime` where there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise OutOfTime(out_of_time(self.seconds))
        return left


def out_of_time(seconds: float) -> str:
    """The sentence for people."""
    return (
        f"The attempt used up its {seconds:.0f} seconds; raise `timeout_seconds` for this repository "
        "or ask for less at once."
    )
