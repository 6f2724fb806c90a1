"""What came back from GitHub, or didn't: read answers, and every failure as one of the port's errors.

Nothing that requests, urllib3 or PyGithub raise gets past `translated`, and no message tells of credentials.
"""

import http.client
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from app.forges.http import Unavailable, json_of, one_line, parsed, wait_asked_for
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound

Parsed = TypeVar("Parsed")

_LAST_PAGE = re.compile(r'<[^>]*[?&]page=([0-9]{1,9})(?:&[^>]*)?>; rel="last"', re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, wholly read."""

    request: str
    """Method and path that it answers."""
    status: int
    headers: Mapping[str, str]
    """Names are lower-case."""
    content: str

    @property
    def last_page(self) -> int:
        """Number of a list's last page, as the `Link` header says it."""
        found = _LAST_PAGE.search(self.headers.get("link", ""))
        return int(found[1]) if found else 1


class Refused(ForgeError):
    """422: GitHub understood and won't."""


class translated:  # noqa: N801 - reads as the statement that it is
    """Turns what requests, urllib3 and PyGithub raise into the port's errors. No message tells of credentials."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from github import GithubException
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        if isinstance(error, Unavailable | ForgeError) or error is None:
            return
        what = f"{type(error).__name__}"
        if isinstance(error, RequestException | HTTPError | http.client.HTTPException | OSError):
            sent = not _never_sent(error)
            raise Unavailable(f"GitHub gave no answer to {self._where}: {what}", sent=sent) from error
        if isinstance(error, GithubException | ValueError | ArithmeticError | RuntimeError):
            raise ForgeError(f"GitHub's answer to {self._where} can't be read: {what}") from error


def _never_sent(error: BaseException) -> bool:
    """Whether the request can't have reached GitHub: no connection came about."""
    from requests.exceptions import ConnectTimeout
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(error, ConnectTimeout) or isinstance(reason, NewConnectionError)


def parse(kind: type[Parsed], answer: Reply) -> Parsed:
    """The answer's body as `kind`; raise `ForgeError` where it isn't one."""
    return parsed(kind, answer.content, whose=f"GitHub's answer to {answer.request}", status=answer.status)


def refusal(reply: Reply, *, is_rate_limit: Callable[[str], bool]) -> ForgeError:
    status, words = reply.status, _words(reply)
    message = f"GitHub answered {status} to {reply.request}" + (f": {words}" if words else "")
    wait = wait_asked_for(reply.headers)
    limited = status == 403 and (wait is not None or is_rate_limit(words))
    if limited or status == 429 or status >= 500:
        # Without a time GitHub wants a minute at least after 403 and 429, which is longer than we wait.
        later = float("inf") if wait is None and status < 500 else wait
        return Unavailable(message, status=status, retry_after=later)
    if status in {401, 403}:
        accepted = reply.headers.get("x-accepted-github-permissions", "")
        hint = f" (it takes the permission {accepted[:200]})" if accepted and status == 403 else ""
        return ForgeDenied(message + hint, status=status)
    if status == 404:
        return ForgeNotFound(message, status=status)
    return (Refused if status == 422 else ForgeError)(message, status=status)


def _words(reply: Reply) -> str:
    """What GitHub says about its refusal, with the first of its single errors, on one line and shortened."""
    body = json_of(reply.content)
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    detail = first.get("message") or first.get("code") if isinstance(first, dict) else first
    said = [part for part in (body.get("message"), detail) if isinstance(part, str) and part]
    return one_line(": ".join(said))
