"""The stand-in as a server: GitHub's REST API, done on the forge behind it with the caller's own token.

Strict where GitHub is: no token is 401, an unknown field of a body 422, a label goes by its name in any letter case, a
page holds a hundred at most. Every exchange is kept, to be held to GitHub's API description.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.github import git, pulls, threads
from tests.support.github.apps import Refusal
from tests.support.github.http import answer, bearer, body_of
from tests.support.github.standin import Exchange, StandIn


def make_app(stand_in: StandIn) -> Flask:
    """The application; its routes are in groups, one function each."""
    app = Flask("github-stand-in")
    app.url_map.strict_slashes = False

    @app.before_request
    def _before() -> None:
        if stand_in.limited:
            raise Refusal(403, "API rate limit exceeded", headers=stand_in.limited.pop(0))
        if not request.path.startswith("/app") and ".git/" not in request.path:
            stand_in.apps.upstream_token(bearer(), request.path)

    @app.errorhandler(Refusal)
    def _refused(error: Refusal) -> Response:
        return answer(error.body(), error.status, error.headers)

    @app.errorhandler(404)
    def _unrouted(_error: Exception) -> Response:
        return answer(Refusal(404, "Not Found").body(), 404)

    @app.after_request
    def _keep(found: Response) -> Response:
        if stand_in.scopes is not None:
            found.headers["X-OAuth-Scopes"] = stand_in.scopes
        if ".git/" in request.path:
            return found
        stand_in.exchanges.append(
            Exchange(
                request.method,
                request.environ["RAW_URI"].partition("?")[0],
                list(request.args.items(multi=True)),
                request.get_data() or None,
                found.status_code,
                found.get_data(),
                request.headers.get("Authorization", ""),
            )
        )
        return found

    threads.route(app, stand_in)
    pulls.route(app, stand_in)
    git.route(app, stand_in)
    stand_in.apps.route(app, stand_in, answer, body_of)
    return app


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """The stand-in on a port of its own on loopback."""
    server = make_server("127.0.0.1", 0, Flask("not yet"), threaded=True, request_handler=_Quiet)
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    server.app = make_app(stand_in)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        stand_in.http.close()


@contextmanager
def standing_in(forge_url: str) -> Iterator[str]:
    """The address to use as `api_url`, in front of the forge at `forge_url`."""
    with serving(StandIn(forge_url.rstrip("/"))) as found:
        yield found.url
