"""Who may come in: runners by job token, people and scripts by the API token. Everything fails closed."""

import hmac
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from app.domain.job import Job
from app.jobs.desk import Desk
from app.store.attempts import Attempts

P = ParamSpec("P")


def bearer() -> str:
    """The bearer token of this request; empty where there is none."""
    given = request.authorization
    return (given.token or "") if given is not None and given.type == "bearer" else ""


def job_of_runner(attempts: Attempts) -> Job:
    """The job that the calling runner works on; 401 for everybody else."""
    token = bearer()
    job = attempts.authenticate(token) if token else None
    if job is None:
        abort(Response("this token is not, or no longer, good for any attempt\n", 401, mimetype="text/plain"))
    return job


def for_people(desk: Desk) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let only holders of the API token in (bearer, or the password of HTTP Basic), unless pages are public."""
    settings = desk.settings

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if not settings.pages_public:
                _check(settings.api_token.get_secret_value() if settings.api_token else "")
            return view(*args, **kwargs)

        return guarded

    return decorate


def _check(expected: str) -> None:
    given = request.authorization
    password = (given.password or "") if given is not None and given.type == "basic" else bearer()
    if expected and hmac.compare_digest(password.encode(), expected.encode()):
        return
    sentence = (
        "the API token is wrong\n" if expected else "no FORGEHAND_API_TOKEN is set, so nobody may come in\n"
    )
    headers = {"WWW-Authenticate": 'Basic realm="Forgehand", charset="UTF-8"'}
    abort(Response(sentence, 401, headers, mimetype="text/plain"))
