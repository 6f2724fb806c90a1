"""What came back from GitHub, or didn't: read answers, and every failure as one of the port's errors.

Nothing that requests, urllib3 or PyGithub raise gets past `translated`, and no message tells of credentials.
"""

import http.client
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from app.forges.http import Unavailable, json_of, one_line, parsed, wait_asked_for
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound

Parsed = TypeVar("Parsed")

_TOO_QUICK = "submitted too quickly"
_NEXT_PAGE = re.compile(r'>; rel="next"')
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
        """Number of a list's last page as the `Link` header says it; 1 where it doesn't: ask `has_next` too."""
        found = _LAST_PAGE.search(self.headers.get("link", ""))
        return int(found[1]) if found else 1

    @property
    def has_next(self) -> bool:
        """Whether there is a page after this one. Long lists tell of it without telling of a last one."""
        return _NEXT_PAGE.search(self.headers.get("link", "")) is not None


class Refused(ForgeError):
    """422: GitHub understood and won't."""


class Limited(Unavailable):
    """403 or 429: GitHub takes nothing more from this credential for `wait_seconds`, infinity where it says no time."""

    def __init__(self, message: str, *, status: int, wait_seconds: float) -> None:
        super().__init__(message, status=status, retry_after=wait_seconds)
        self.wait_seconds = wait_seconds


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
    if status == 429 or (status == 403 and (wait is not None or is_rate_limit(words))):
        # Without a time GitHub wants a minute at least, which is longer than we wait.
        return Limited(message, status=status, wait_seconds=math.inf if wait is None else wait)
    if status >= 500:
        return Unavailable(message, status=status, retry_after=wait)
    if status == 422 and _is_too_quick(reply, words):
        return Unavailable(message, status=status, retry_after=math.inf)
    if status in {401, 403}:
        accepted = reply.headers.get("x-accepted-github-permissions", "")
        hint = f" (it takes the permission {accepted[:200]})" if accepted and status == 403 else ""
        return ForgeDenied(message + hint, status=status)
    if status in {404, 410}:  # 410: an issue that was deleted, or issues that are switched off
        return ForgeNotFound(message, status=status)
    return (Refused if status == 422 else ForgeError)(message, status=status)


def _is_too_quick(reply: Reply, words: str) -> bool:
    """Whether 422 is no judgement of what was sent: too much was written in too short a time."""
    codes = [one.get("code") for one in _errors(json_of(reply.content)) if isinstance(one, dict)]
    return _TOO_QUICK in words.lower() or "abuse" in codes


def _errors(body: dict[str, object]) -> list[object]:
    found = body.get("errors")
    return found[:20] if isinstance(found, list) else []


def _words(reply: Reply) -> str:
    """What GitHub says about its refusal, with the first of its single errors, on one line and shortened."""
    body = json_of(reply.content)
    first = next(iter(_errors(body)), None)
    detail = first.get("message") or first.get("code") if isinstance(first, dict) else first
    said = [part for part in (body.get("message"), detail) if isinstance(part, str) and part]
    return one_line(": ".join(said))
