"""Until when GitHub takes nothing more from a credential, so that nothing is sent to it meanwhile.

Who goes on while limited may be shut out:
https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately

* Thread-safe. Bounded: `MAX_HELD` credentials, `MAX_SECONDS` each; then GitHub is asked again.
* Credentials are held as digests.
"""

import hashlib
import math
import threading
import time

from app.forges.http import Unavailable

UNTOLD_SECONDS = 60.0
"""How long where GitHub gives no time."""
MAX_SECONDS = 3_600.0
MAX_HELD = 1_000


class Limits:
    """One GitHub's rate limits as it told of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[bytes, float] = {}

    def note(self, credential: str, seconds: float) -> None:
        """That GitHub takes nothing more for so long; infinity is that it didn't say how long."""
        now, held = time.monotonic(), min(seconds, MAX_SECONDS) if math.isfinite(seconds) else UNTOLD_SECONDS
        with self._lock:
            ends = {key: end for key, end in self._ends.items() if end > now}
            key = _key(credential)
            ends[key] = max(now + held, ends.get(key, now))
            while len(ends) > MAX_HELD:
                del ends[min(ends, key=ends.__getitem__)]
            self._ends = ends

    def check(self, credential: str, where: str) -> None:
        """Raise `Unavailable` while the limit lasts."""
        with self._lock:
            left = self._ends.get(_key(credential), 0.0) - time.monotonic()
        if left > 0:
            message = f"{where} isn't sent: GitHub's rate limit lasts for another {math.ceil(left)} s"
            raise Unavailable(message, sent=False, retry_after=left)


def _key(credential: str) -> bytes:
    return hashlib.sha256(credential.encode()).digest()
