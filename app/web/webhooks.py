"""`POST /webhooks/<endpoint>`: check, accept in one atomic step, answer; nothing is parsed here.

What is refused leaves a log line and a metric, nothing else. The order matters: size before reading, type
before the signature is computed, signature before anything is believed.
"""

import re

from flask import Blueprint, Response, request

from app.domain.signature import is_signed
from app.forges.port import Dialect
from app.jobs.desk import Desk
from app.telemetry import logs, metrics

_UUID = re.compile(r"[0-9A-Za-z-]{1,64}")
_EVENT = re.compile(r"[a-z_]{1,64}")


def blueprint(desk: Desk) -> Blueprint:
    """The one route that forges call."""
    door = Blueprint("webhooks", __name__)
    limit = desk.settings.max_delivery_mib * 1024 * 1024

    @door.post("/webhooks/<endpoint>")
    def receive(endpoint: str) -> Response:
        forge = desk.settings.forges.get(endpoint)
        if forge is None:
            return _answer("unknown", "unknown_endpoint", 404, "no forge is configured under this name")
        if (request.content_length or 0) > limit:
            return _answer(endpoint, "too_large", 413, f"a delivery may have {limit} bytes")
        if request.mimetype != "application/json":
            return _answer(endpoint, "not_json", 415, "set the webhook's content type to application/json")
        body = request.stream.read(limit + 1)
        if len(body) > limit:
            return _answer(endpoint, "too_large", 413, f"a delivery may have {limit} bytes")
        dialect = desk.dialects[forge.kind]
        secrets = [secret.get_secret_value() for secret in forge.webhook_secrets]
        if not is_signed(dialect.signature(dict(request.headers)), body, secrets):
            return _answer(endpoint, "bad_signature", 401, "the signature is missing or wrong")
        return _accept(endpoint, dialect, body)

    def _accept(endpoint: str, dialect: Dialect, body: bytes) -> Response:
        headers = dict(request.headers)
        event, uuid = dialect.event_name(headers), dialect.delivery_id(headers)
        if not _EVENT.fullmatch(event):
            return _answer(endpoint, "no_event", 400, "the delivery doesn't name its event")
        new = desk.deliveries.accept(
            endpoint=endpoint, uuid=uuid if _UUID.fullmatch(uuid) else "", event=event, body=body
        )
        if not new:
            return _answer(endpoint, "duplicate", 200, "accepted before")
        return _answer(endpoint, "accepted", 202, "accepted")

    return door


def _answer(endpoint: str, result: str, status: int, sentence: str) -> Response:
    metrics.DELIVERIES.labels(endpoint=endpoint, result=result).inc()
    logs.get().info("delivery", endpoint=endpoint, result=result, status=status)
    return Response(sentence + "\n", status, mimetype="text/plain")
