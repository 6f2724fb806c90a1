"""The sandbox's only way out: HTTP on a unix socket, forwarded to the broker's Claude path.

* Only `POST /v1/messages` and `POST /v1/messages/count_tokens` exist; everything else is 404.
* What the client sends as credentials never travels on: only the headers of an allow-list do, and the job token
  is added here. The token is never on the sandbox's side of the socket.
* Answers are streamed as they come. An answer that breaks off upstream is broken off here too, so that the client
  sees the loss and can retry.
* Where the broker can't be connected to, nothing was sent yet, so it is tried again for a while; then the client
  gets an `overloaded_error`, which it knows how to retry.
"""

import contextlib
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urlsplit

import httpx

PATHS = frozenset({"/v1/messages", "/v1/messages/count_tokens"})
REQUEST_HEADERS = frozenset({"accept", "content-type", "user-agent", "x-app"})
REQUEST_PREFIXES = ("anthropic-", "x-stainless-", "x-claude-code-")
RESPONSE_HEADERS = frozenset(
    {"content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry"}
)
RESPONSE_PREFIXES = ("anthropic-",)
MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_CONCURRENT = 16
READ_TIMEOUT_SECONDS = 900.0
CLIENT_TIMEOUT_SECONDS = 300.0
OVERLOADED = 529


class Forwarder(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves `path` until closed. Use as a context manager; the socket file is made and removed by it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, path: Path, broker_url: str, token: str, *, patience_seconds: float = 120.0) -> None:
        super().__init__(str(path), _Handler)
        self.path = path
        self.broker_url = broker_url.rstrip("/")
        self.patience_seconds = patience_seconds
        self.closing = threading.Event()
        self.slots = threading.BoundedSemaphore(MAX_CONCURRENT)
        self.client = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(READ_TIMEOUT_SECONDS, connect=10.0),
            limits=httpx.Limits(max_connections=MAX_CONCURRENT),
            follow_redirects=False,
            trust_env=False,
        )
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="forwarder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        self.client.close()
        self.path.unlink(missing_ok=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; the agent's own errors show in its events."""

    @contextlib.contextmanager
    def upstream(self, target: str, headers: dict[str, str], body: bytes) -> Iterator[httpx.Response]:
        """Ask the broker, trying to connect for as long as patience lasts. Raises `httpx.HTTPError`."""
        deadline = time.monotonic() + self.patience_seconds
        pause = 0.1
        while True:
            try:
                request = self.client.build_request(
                    "POST", self.broker_url + target, headers=headers, content=body
                )
                response = self.client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if time.monotonic() + pause > deadline or self.closing.wait(pause):
                    raise
                pause = min(pause * 2, 5.0)
            else:
                with contextlib.closing(response):
                    yield response
                return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = CLIENT_TIMEOUT_SECONDS

    @property
    def forwarder(self) -> Forwarder:
        return cast("Forwarder", self.server)

    def do_POST(self) -> None:
        target = urlsplit(self.path)
        if target.scheme or target.netloc or target.path not in PATHS:
            self._refuse(
                HTTPStatus.NOT_FOUND, "not_found_error", "Only the Messages API is reachable from here."
            )
            return
        body = self._body()
        if body is None:
            return
        if not self.forwarder.slots.acquire(blocking=False):
            self._refuse(OVERLOADED, "overloaded_error", f"More than {MAX_CONCURRENT} requests at once.")
            return
        try:
            self._forward(target.path + ("?beta=true" if target.query == "beta=true" else ""), body)
        finally:
            self.forwarder.slots.release()

    def do_GET(self) -> None:
        self._refuse(HTTPStatus.NOT_FOUND, "not_found_error", "Only the Messages API is reachable from here.")

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "invalid_request_error", "Send a Content-Length.")
            return None
        if int(length) > MAX_BODY_BYTES:
            text = f"The request is larger than {MAX_BODY_BYTES} bytes."
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request_too_large", text)
            return None
        return self.rfile.read(int(length))

    def _forward(self, target: str, body: bytes) -> None:
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() in REQUEST_HEADERS or name.lower().startswith(REQUEST_PREFIXES)
        }
        answered = False
        try:
            with self.forwarder.upstream(target, headers, body) as response:
                answered = True
                self._answer(response)
        except httpx.HTTPError as error:
            self.close_connection = True
            if not answered:
                self._refuse(
                    OVERLOADED, "overloaded_error", f"The service can't be reached ({type(error).__name__})."
                )

    def _answer(self, response: httpx.Response) -> None:
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if name in RESPONSE_HEADERS or name.startswith(RESPONSE_PREFIXES):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in response.iter_raw():
            if chunk:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, kind: str, text: str) -> None:
        """An error as the Messages API words it; the connection ends, for its body may be unread."""
        self.close_connection = True
        body = json.dumps({"type": "error", "error": {"type": kind, "message": text}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """A unix socket has no peer address."""
        return "sandbox"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class names it
        """Quiet: the broker logs the requests."""
