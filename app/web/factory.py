"""The web process: webhooks, API, pages and the runners' broker on one Flask application."""

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, InternalServerError

from app.jobs.desk import Desk
from app.telemetry import logs
from app.web import api, broker, ui, webhooks
from app.web.auth import for_people


def create_app(desk: Desk) -> Flask:
    """Build the application; nothing is started and nothing is read from the environment here."""
    app = Flask(__name__)
    # each door has its own limit and reads its own body; this one catches what has no door
    app.config["MAX_CONTENT_LENGTH"] = None
    for part in (webhooks, broker, api, ui):
        app.register_blueprint(part.blueprint(desk))
    _add_probes(app, desk)
    app.register_error_handler(RedisError, _store_is_away)
    app.register_error_handler(Exception, _crashed)
    return app


def _add_probes(app: Flask, desk: Desk) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        """Answer as long as the process serves requests."""
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        """Answer only while Redis does."""
        desk.redis.ping()
        return Response("ok\n", mimetype="text/plain")

    @app.get("/metrics")
    @for_people(desk)
    def metrics() -> Response:
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _store_is_away(error: Exception) -> Response:
    logs.get().error("redis_unavailable", cause=type(error).__name__)
    sentence = "the store can't be reached right now; try again\n"
    return Response(sentence, 503, {"Retry-After": "2"}, mimetype="text/plain")


def _crashed(error: Exception) -> HTTPException | Response:
    if isinstance(error, HTTPException):
        return error
    logs.get().exception("request_crashed")
    return InternalServerError(description="This is a mistake of ours; the operator's log tells more.")
