"""Leases: at most one task works on a job, and a killed one lets go by itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis.exceptions import LockError, RedisError

from app.store import keys
from app.store.connection import Redis

LEASE_WAIT_SECONDS = 5.0
"""How long a task waits for the one before it on the same job, before it leaves it to the reconciler."""


class BusyError(Exception):
    """Somebody else holds the lease; what they do is the same or goes first."""


@contextmanager
def lease(redis: Redis, name: str, *, seconds: float, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lease `name`, renewed while the block runs; gone `seconds` after its holder was killed.

    Raises `BusyError` where it isn't free within `wait_seconds`.
    """
    lock = redis.lock(keys.lock(name), timeout=seconds, thread_local=False)
    if not lock.acquire(blocking=wait_seconds > 0, blocking_timeout=wait_seconds or None):
        raise BusyError(f"{name} is being worked on")
    over = threading.Event()

    def renew() -> None:
        while not over.wait(seconds / 3):
            try:
                lock.reacquire()
            except LockError:
                return
            except RedisError:
                continue  # it may be back before the lease is over

    renewer = threading.Thread(target=renew, name=f"lease {name}", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        over.set()
        renewer.join()
        # it may have run out: the compare-and-set of the job is what protects, the lease only saves work
        with suppress(LockError, RedisError):
            lock.release()
