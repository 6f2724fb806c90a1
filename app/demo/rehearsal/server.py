"""The rehearsal's HTTP side: the Messages API, the request log, and the switch that lets a held step go on.

* `POST /v1/messages`, `POST /v1/messages/count_tokens`: as the real API, streaming where asked
* `GET /rehearsal/requests`: what arrived, credentials included (they are rehearsal credentials; tests look at them)
* `GET /rehearsal/state`: `{"holding": n, "released": bool, "requests": n}`
* `POST /rehearsal/release`: held steps go on, now and later

It listens on loopback only and takes any credential.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

from app.demo.rehearsal import conflicts, steps, wire
from app.demo.rehearsal.scenario import Fail, Hang, Hold, Scenario, Step

MAX_BODY_BYTES = 64 * 1024 * 1024
LOGGED_REQUESTS = 500


class Rehearsal(ThreadingHTTPServer):
    """One scenario on one loopback port."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, scenario: Scenario, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.scenario = scenario
        self.released = threading.Event()
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._log: deque[dict[str, Any]] = deque(maxlen=LOGGED_REQUESTS)
        self._count = 0
        self._holding = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def record(self, path: str, headers: Iterable[tuple[str, str]], body: Any) -> int:
        """Log a request; its number."""
        with self._lock:
            self._count += 1
            entry = {"number": self._count, "path": path, "headers": dict(headers), "body": body}
            self._log.append(entry)
            return self._count

    def requests(self) -> list[dict[str, Any]]:
        """The newest requests, oldest first."""
        with self._lock:
            return list(self._log)

    def state(self) -> dict[str, Any]:
        """What a story needs to know to act at the right moment."""
        with self._lock:
            return {"holding": self._holding, "released": self.released.is_set(), "requests": self._count}

    def pause(self, step: Step) -> None:
        """Do the step's waiting."""
        for action in step:
            if isinstance(action, Hang):
                self.stopping.wait(action.seconds)
            elif isinstance(action, Hold):
                self._hold(action.seconds)

    def _hold(self, seconds: float) -> None:
        with self._lock:
            self._holding += 1
        try:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and not self.stopping.is_set():
                if self.released.wait(0.1):
                    return
        finally:
            with self._lock:
                self._holding -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 600.0

    @property
    def rehearsal(self) -> Rehearsal:
        return cast("Rehearsal", self.server)

    def do_GET(self) -> None:
        match urlsplit(self.path).path:
            case "/rehearsal/requests":
                self._json(HTTPStatus.OK, self.rehearsal.requests())
            case "/rehearsal/state":
                self._json(HTTPStatus.OK, self.rehearsal.state())
            case _:
                self._not_found()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            self._json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, wire.error("request_too_large", "body too large"))
            return
        raw = self.rfile.read(length)
        match urlsplit(self.path).path:
            case "/rehearsal/release":
                self.rehearsal.released.set()
                self._json(HTTPStatus.OK, self.rehearsal.state())
            case "/v1/messages":
                self._model(raw)
            case "/v1/messages/count_tokens":
                request = self._parsed(raw)
                if request is not None:
                    self._json(HTTPStatus.OK, {"input_tokens": wire.tokens(request.get("messages", ""))})
            case _:
                self._not_found()

    def _parsed(self, raw: bytes) -> dict[str, Any] | None:
        try:
            request = json.loads(raw)
        except ValueError:
            request = None
        if isinstance(request, dict) and isinstance(request.get("messages"), list):
            return request
        self._json(
            HTTPStatus.BAD_REQUEST, wire.error("invalid_request_error", "messages: a list is required")
        )
        return None

    def _model(self, raw: bytes) -> None:
        request = self._parsed(raw)
        if request is None:
            return
        number = self.rehearsal.record(self.path, self.headers.items(), request)
        if conflicts.is_conflict_request(request):
            self._message(number, request, conflicts.answer(self.rehearsal.scenario.conflicts, request))
            return
        step = steps.choose(self.rehearsal.scenario, steps.turn(request["messages"]))
        self.rehearsal.pause(step)
        failure = next((action for action in step if isinstance(action, Fail)), None)
        if failure:
            self._json(
                HTTPStatus(failure.status) if failure.status != 529 else 529,
                wire.error(failure.type, failure.message),
            )
        else:
            self._message(number, request, steps.answer(step, request))

    def _message(self, number: int, request: dict[str, Any], content: list[dict[str, Any]]) -> None:
        whole = wire.message(number, request, content or [{"type": "text", "text": "Done."}])
        if not request.get("stream"):
            self._json(HTTPStatus.OK, whole)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("request-id", f"req_rehearsal_{number:06d}")
        self.end_headers()
        for event in wire.events(whole):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _json(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _not_found(self) -> None:
        self._json(HTTPStatus.NOT_FOUND, wire.error("not_found_error", f"no such path: {self.path}"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class names it
        """Quiet: the request log is the log."""
