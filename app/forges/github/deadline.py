"""One deadline for a whole answer: from its first line to its last byte, however steadily it drips.

A time-out of requests is one of silence, so a server that sends a byte now and then holds a thread for ever. Here every
read of the socket is given no more than what is left; so there is no watchdog thread, and nothing is shut down from
elsewhere.
"""

import http.client
import io
import time
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer
    from urllib3 import HTTPConnectionPool


class DeadlineAdapter(HTTPAdapter):
    """Connections whose answers take `seconds` at most, counted from the moment that the request was sent."""

    def __init__(self, seconds: float, **options: Any) -> None:
        self._response = type("_Response", (_Response,), {"seconds": seconds})
        super().__init__(**options)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> "HTTPConnectionPool":
        """The pool as it is, through a proxy or not; only what its connections read with is ours."""
        pool: HTTPConnectionPool = super().get_connection_with_tls_context(*args, **options)
        kind = pool.ConnectionCls
        if getattr(kind, "response_class", None) is not self._response:
            # a thread that comes between only makes the same once more
            pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": self._response})
        return pool


class _Response(http.client.HTTPResponse):
    seconds: float

    def __init__(self, sock: "socket.socket", *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Timed(sock, self.fp, time.monotonic() + self.seconds))


class _Timed(io.RawIOBase):
    """What `plain` reads from `sock`, until `end` on the monotonic clock; raise `TimeoutError` then."""

    def __init__(self, sock: "socket.socket", plain: io.BufferedReader, end: float) -> None:
        self._sock, self._plain, self._end = sock, plain, end
        self._silence = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left if self._silence is None else min(left, self._silence))
        return self._plain.raw.readinto(memoryview(buffer))

    def close(self) -> None:
        self._plain.close()
        super().close()
