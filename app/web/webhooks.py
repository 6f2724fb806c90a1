"""Webhooks: check, accept in one atomic step, answer; nothing is parsed here.

`POST /webhooks/<name>` is signed with one of the forge's own secrets and may tell of any repository on its list;
`POST /webhooks/<name>/<owner>/<repo>` is signed with one of that repository's and may tell of that one alone: the scope
is kept with the delivery. Which header is read comes from the configured kind, never from the request.

What is refused leaves a metric and, as long as there aren't too many, a log line. The order matters: the address first,
then the type, size before reading, signature before anything is believed.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, request

from app.domain.signature import is_signed
from app.forges.port import Dialect
from app.jobs.desk import Desk
from app.settings import ForgeSettings
from app.store.deliveries import secret_id
from app.telemetry import logs, metrics

_UUID = re.compile(r"[0-9A-Za-z-]{1,64}")
_EVENT = re.compile(r"[a-z_]{1,64}")
NO_EVENT = 400
"""The status of what is signed and doesn't say what it is about."""
LINES_PER_MINUTE = 10
"""Of one kind of refusal at one endpoint: anybody can cause them, and nobody shall fill the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where a delivery came in: all values are the operator's, not the caller's."""

    endpoint: str
    repo: str | None
    secrets: tuple[str, ...]
    dialect: Dialect


def blueprint(desk: Desk) -> Blueprint:
    """The two addresses that forges call."""
    routes = Blueprint("webhooks", __name__)
    door = _Door(desk)

    @routes.post("/webhooks/<endpoint>")
    def of_forge(endpoint: str) -> Response:
        return door.receive(endpoint, None)

    @routes.post("/webhooks/<endpoint>/<owner>/<name>")
    def of_repository(endpoint: str, owner: str, name: str) -> Response:
        return door.receive(endpoint, f"{owner}/{name}".lower())

    return routes


class _Door:
    """One request on its way in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._limit = desk.settings.max_delivery_mib * 1024 * 1024
        self._answer = _Answers()

    def receive(self, endpoint: str, repo: str | None) -> Response:
        scope = _scope(self._desk, self._desk.settings.forges.get(endpoint), endpoint, repo)
        if scope is None:  # the same for what isn't there and for what isn't connected
            sentence = "no webhook is configured under this address"
            return self._answer("unknown", "unknown_endpoint", 404, sentence)
        if request.mimetype != "application/json":
            sentence = "set the webhook's content type to application/json"
            return self._answer(endpoint, "not_json", 415, sentence)
        body = self._body()
        if body is None:
            return self._answer(endpoint, "too_large", 413, f"a delivery may have {self._limit} bytes")
        claimed = scope.dialect.signature(dict(request.headers))
        signed_with = next((one for one in scope.secrets if is_signed(claimed, body, [one])), None)
        if signed_with is None:
            return self._answer(endpoint, "bad_signature", 401, "the signature is missing or wrong")
        return self._accept(scope, body, signed_with)

    def _body(self) -> bytes | None:
        """What was sent; none where it is, or says that it is, too much."""
        if (request.content_length or 0) > self._limit:
            return None
        body = request.stream.read(self._limit + 1)
        return body if len(body) <= self._limit else None

    def _accept(self, scope: Scope, body: bytes, signed_with: str) -> Response:
        headers = dict(request.headers)
        event, uuid = scope.dialect.event_name(headers), scope.dialect.delivery_id(headers)
        if not _EVENT.fullmatch(event):
            return self._answer(scope.endpoint, "no_event", NO_EVENT, "the delivery doesn't name its event")
        new = self._desk.deliveries.accept(
            endpoint=scope.endpoint,
            repo=scope.repo,
            uuid=uuid if _UUID.fullmatch(uuid) else "",
            event=event,
            body=body,
            signed_with=secret_id(signed_with),
        )
        if not new:
            return self._answer(scope.endpoint, "duplicate", 200, "accepted before")
        return self._answer(scope.endpoint, "accepted", 202, "accepted")


def _scope(desk: Desk, forge: ForgeSettings | None, endpoint: str, repo: str | None) -> Scope | None:
    """What is configured under the address; none where nothing is."""
    secrets = forge.secrets_of(repo) if forge else ()
    if forge is None or not secrets:
        return None
    return Scope(
        endpoint=endpoint,
        repo=repo,
        secrets=tuple(secret.get_secret_value() for secret in secrets),
        dialect=desk.dialects[forge.kind],
    )


class _Answers:
    """Answers, counts and logs. Endpoints and results are few: names from the settings, and our own words."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = 0
        self._refused: dict[tuple[str, str], int] = {}

    def __call__(self, endpoint: str, result: str, status: int, sentence: str) -> Response:
        metrics.DELIVERIES.labels(endpoint=endpoint, result=result).inc()
        if status < 400 or self._is_worth_a_line(endpoint, result):
            logs.get().info("delivery", endpoint=endpoint, result=result, status=status)
        return Response(sentence + "\n", status, mimetype="text/plain")

    def _is_worth_a_line(self, endpoint: str, result: str) -> bool:
        """Count a refusal; the first ones of a minute are logged, and in the next one how many were not."""
        with self._lock:
            minute = int(self._clock() // 60)
            if minute != self._minute:
                self._tell_of_the_rest()
                self._minute = minute
            count = self._refused[endpoint, result] = self._refused.get((endpoint, result), 0) + 1
        return count <= LINES_PER_MINUTE

    def _tell_of_the_rest(self) -> None:
        for (endpoint, result), count in self._refused.items():
            if count > LINES_PER_MINUTE:
                logs.get().warning(
                    "deliveries_refused", endpoint=endpoint, result=result, unlogged=count - LINES_PER_MINUTE
                )
        self._refused.clear()
