"""A launcher whose runners a test plays itself: `app.launchers.port.Launcher`, with nothing behind it but a set.

launcher.start(order)          what the service does
launcher.token("job1")         what the runner would have been given
launcher.vanish("job1")        the runner dies without a word
launcher.refuse = "no room"    from now on starting fails with this sentence
"""

import threading
from collections.abc import Callable

from app.launchers.port import LaunchError, Order, Sight


class ScriptedLauncher:
    """See `app.launchers.port.Launcher`. What was asked of it is in `orders` and `stopped`, in order."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.stopped: list[tuple[str, int]] = []
        self.refuse: str | None = None
        self._running: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def start(self, order: Order) -> None:
        with self._lock:
            if self.refuse is not None:
                raise LaunchError(self.refuse)
            if (order.job_id, order.attempt) not in self._running:
                self.orders.append(order)
                self._running.add((order.job_id, order.attempt))

    def observe(self, job_id: str, attempt: int) -> Sight:
        with self._lock:
            return "running" if (job_id, attempt) in self._running else "absent"

    def stop(self, job_id: str, attempt: int) -> None:
        with self._lock:
            self.stopped.append((job_id, attempt))
            self._running.discard((job_id, attempt))

    def logs(self, job_id: str, attempt: int) -> str:
        return f"the scripted runner {job_id}/{attempt}"

    def sweep(self, wanted: Callable[[str, int], bool]) -> list[tuple[str, int]]:
        with self._lock:
            seen = sorted(self._running)
        unwanted = [runner for runner in seen if not wanted(*runner)]
        for runner in unwanted:
            self.stop(*runner)
        return unwanted

    def vanish(self, job_id: str) -> None:
        """End the job's runners as a crash does: nobody is told."""
        with self._lock:
            self._running = {runner for runner in self._running if runner[0] != job_id}

    def token(self, job_id: str) -> str:
        """What the newest runner of this job was given."""
        return next(str(order.token) for order in reversed(self.orders) if order.job_id == job_id)
