"""One forge's REST API over HTTP: connections, retries, pages, and every failure as a `ForgeError`.

* Thread-safe; connections are reused. Credentials go to the configured address only: redirects are errors.
* Only requests that may be repeated are; one that mayn't is sent again only where it never reached the forge.
* Answers are parsed into models: what is missing or of another type is a `ForgeError`, what is more is ignored.
"""

import email.utils
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import stamina
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, ForgeUnavailable

Parsed = TypeVar("Parsed")

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.2
MAX_WAIT_SECONDS = 20.0
"""The longest single wait; a `Retry-After` beyond it ends the attempts."""
PAGE_SIZE = 50
MAX_PAGES = 200
_IDEMPOTENT = frozenset({"GET", "PUT", "PATCH", "DELETE"})


class Answer(BaseModel):
    """What a forge sent, as far as we read it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Unavailable(ForgeUnavailable):
    """With what the retry has to know."""

    def __init__(
        self, message: str, *, status: int | None = None, sent: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.sent = sent
        self.retry_after = retry_after


def checked_base(url: str) -> str:
    """A forge's address without a trailing slash; raise `ValueError` for one that isn't plain http(s)."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is not a forge's address: write it as https://forge.example.com")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a forge's address holds no credentials, query or fragment")
    return url.rstrip("/")


def segment(text: str) -> str:
    """One part of a path; raise `ForgeError` for what would be read as another path."""
    if text in {"", ".", ".."}:
        raise ForgeError(f"{text!r} is no name that a forge knows")
    return quote(text, safe="")


def repo_path(repo: str) -> str:
    """`/repos/owner/name`; raise `ForgeError` for anything that isn't `owner/name`."""
    owner, slash, name = repo.partition("/")
    if not slash or "/" in name:
        raise ForgeError(f"{repo!r} is no repository: write it as owner/name")
    return f"/repos/{segment(owner)}/{segment(name)}"


class Rest:
    """A JSON API under `base`, with `headers` on every request."""

    def __init__(self, name: str, base: str, headers: Mapping[str, str], *, timeout_seconds: float) -> None:
        self._name = name
        self._base = base
        self._client = httpx.Client(
            headers={"Accept": "application/json", **headers}, timeout=timeout_seconds, follow_redirects=False
        )

    def close(self) -> None:
        self._client.close()

    def get(self, kind: type[Parsed], path: str, **query: str | int) -> Parsed:
        return self.parse(kind, self.send("GET", path, query=query))

    def write(
        self, kind: type[Parsed], method: str, path: str, body: Mapping[str, Any], *, repeatable: bool = False
    ) -> Parsed:
        return self.parse(kind, self.send(method, path, body=body, repeatable=repeatable))

    def pages(self, kind: type[Parsed], path: str, **query: str | int) -> Iterator[Parsed]:
        """All items of a paged list. Ends at the announced total, at an empty page, or at one that brings nothing new.

        Raise `ForgeError` after `MAX_PAGES`, rather than to take a part for the whole.
        """
        seen, last = 0, b""
        for number in range(1, MAX_PAGES + 1):
            answer = self.send("GET", path, query={**query, "page": number, "limit": PAGE_SIZE})
            items = self.parse(list[kind], answer)  # type: ignore[valid-type]  # a list of what was asked for
            if not items or answer.content == last:  # a list without pages gives the same again and again
                return
            yield from items
            seen, last = seen + len(items), answer.content
            total = answer.headers.get("X-Total-Count", "")
            if total.isdigit() and seen >= int(total):
                return
        raise ForgeError(f"{self._name} has more than {MAX_PAGES} pages at {path}")

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        repeatable: bool = False,
    ) -> httpx.Response:
        """Send a request, again where that is right, and give the answer if it is a success."""
        again = repeatable or method in _IDEMPOTENT

        def decide(error: Exception) -> bool | float:
            if not isinstance(error, _Unavailable) or (error.sent and not again):
                return False
            if error.retry_after is None:
                return True
            return error.retry_after if error.retry_after <= MAX_WAIT_SECONDS else False

        for attempt in stamina.retry_context(
            on=decide,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_max=MAX_WAIT_SECONDS,
        ):
            with attempt:
                return self._send_once(method, path, query, body)
        raise ForgeUnavailable(f"{self._name} didn't answer {method} {path}")

    def _send_once(
        self, method: str, path: str, query: Mapping[str, str | int] | None, body: Mapping[str, Any] | None
    ) -> httpx.Response:
        where = f"{method} {path}"
        try:
            answer = self._client.request(method, self._base + path, params=query, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _Unavailable(f"{self._name} can't be reached for {where}: {error}", sent=False) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = f"{type(error).__name__} {error}".strip()
            raise _Unavailable(f"{self._name} gave no answer to {where}: {what}") from error
        if not answer.is_success:
            raise self._refusal(where, answer)
        return answer

    def _refusal(self, where: str, answer: httpx.Response) -> ForgeError:
        status = answer.status_code
        message = f"{self._name} answered {status} to {where}{_words(answer)}"
        if status in {401, 403}:
            return ForgeDenied(message, status=status)
        if status == 404:
            return ForgeNotFound(message, status=status)
        if status == 429 or status >= 500:
            return _Unavailable(message, status=status, retry_after=_retry_after(answer))
        if answer.is_redirect:
            message += "; redirects aren't followed: configure the address that the forge itself uses"
        return ForgeError(message, status=status)

    def parse(self, kind: type[Parsed], answer: httpx.Response) -> Parsed:
        """The answer's body as `kind`; raise `ForgeError` where it isn't one."""
        try:
            return TypeAdapter(kind).validate_json(answer.content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            raise ForgeError(
                f"{self._name}'s answer to {answer.request.method} {answer.request.url.path}"
                f" can't be read: {where}: {first['msg']}",
                status=answer.status_code,
            ) from error


def _words(answer: httpx.Response) -> str:
    """What the forge says about its refusal, shortened."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    return f": {message[:300]}" if isinstance(message, str) and message else ""


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds to wait, from either form of the header; none where there is none that makes sense."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - time.time())
