"""Git over HTTP, passed on to the forge behind: GitHub has it at another address than its API, the stand-in at the same."""

import base64
import binascii

from flask import Flask, Response, request

from tests.support.github.apps import Refusal
from tests.support.github.standin import StandIn

_PASSED_ON = ("Content-Type", "Content-Encoding", "Accept", "Git-Protocol")


def route(app: Flask, stand_in: StandIn) -> None:
    """Add the route."""

    @app.route("/<owner>/<name>.git/<path:path>", methods=["GET", "POST"])
    def git(owner: str, name: str, path: str) -> Response:
        headers = {key: request.headers[key] for key in _PASSED_ON if key in request.headers}
        sent = stand_in.http.request(
            request.method,
            f"{stand_in.forge_url}/{owner}/{name}.git/{path}",
            params=request.args.to_dict(),
            content=request.get_data(),
            headers=headers,
            auth=("x-access-token", stand_in.apps.upstream_token(_password(), request.path)),
        )
        kept = {key: sent.headers[key] for key in ("Content-Type", "Cache-Control") if key in sent.headers}
        return Response(sent.content, sent.status_code, kept)


def _password() -> str:
    """GitHub takes a token as the password of `x-access-token`."""
    kind, _, basic = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(basic, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user, password = "", ""
    if kind != "Basic" or user != "x-access-token" or not password:
        raise Refusal(401, "Requires authentication")
    return password
