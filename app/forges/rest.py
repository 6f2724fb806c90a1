"""One forge's REST API over HTTP: connections, retries, pages, and every failure as a `ForgeError`.

* Thread-safe; connections are reused. Credentials go to the configured address only: redirects are errors, an
  address out of an answer (`Link`, `Location`) is never followed, cookies aren't kept.
* Only requests that may be repeated are; one that mayn't is sent again only where it never reached the forge.
* Answers are parsed into models: what is missing or of another type is a `ForgeError`, what is more is ignored.
* Bounded: attempts, waits, pages, bytes of an answer and the time that reading one may take.
"""

import email.utils
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
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
"""The longest single wait; a forge that asks for more (`Retry-After`, `X-RateLimit-Reset`) ends the attempts."""
CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 32 * 2**20
MAX_ANSWER_SECONDS = 120.0
"""How long the body of one answer may take, however steadily it drips."""
PAGE_SIZE = 50
MAX_PAGES = 200
_IDEMPOTENT = frozenset({"GET", "PUT", "PATCH", "DELETE"})
_COUNT = re.compile(r"[0-9]{1,15}", re.ASCII)

OnCall = Callable[[str, int], None]
"""Told of every HTTP attempt: its method, and the answer's status, 0 where none came."""


class Answer(BaseModel):
    """What a forge sent, as far as we read it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, wholly read."""

    request: str
    """Method and path that it answers."""
    status: int
    headers: httpx.Headers
    content: bytes


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
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise ForgeError("a name with half a character in it is no name that a forge knows") from error


def repo_path(repo: str) -> str:
    """`/repos/owner/name`; raise `ForgeError` for anything that isn't `owner/name`."""
    owner, slash, name = repo.partition("/")
    if not slash or "/" in name:
        raise ForgeError(f"{repo!r} is no repository: write it as owner/name")
    return f"/repos/{segment(owner)}/{segment(name)}"


class Rest:
    """A JSON API under `base`, with `headers` on every request."""

    def __init__(
        self,
        name: str,
        base: str,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float,
        on_call: OnCall | None = None,
    ) -> None:
        self._name = name
        self._base = base
        self._on_call = on_call or _unheard
        self._client = httpx.Client(
            # compressed answers would only be bounded once they are large
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
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
            if _COUNT.fullmatch(total) and seen >= int(total):
                return
        raise ForgeError(f"{self._name} has more than {MAX_PAGES} pages at {path}")

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Reply:
        """Send a request, again where that is right, and give the answer if it is a success."""
        again = repeatable or method in _IDEMPOTENT
        request = self._request(method, path, params=query, json=body, headers=headers)

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
                return self._send_once(request, f"{method} {path}")
        raise ForgeUnavailable(f"{self._name} didn't answer {method} {path}")

    def _request(self, method: str, path: str, **parts: Any) -> httpx.Request:
        try:
            return self._client.build_request(method, self._base + path, **parts)
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise ForgeError(f"{method} {path[:200]} can't be sent: {type(error).__name__}") from error

    def _send_once(self, request: httpx.Request, where: str) -> Reply:
        status = 0
        try:
            answer = self._client.send(request, stream=True)
            try:
                status = answer.status_code
                content = self._read(answer, where)
            finally:
                answer.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _Unavailable(f"{self._name} can't be reached for {where}: {error}", sent=False) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = f"{type(error).__name__} {error}".strip()
            raise _Unavailable(f"{self._name} gave no answer to {where}: {what}") from error
        finally:
            self._on_call(request.method, status)
        reply = Reply(request=where, status=status, headers=answer.headers, content=content)
        if not answer.is_success:
            raise self._refusal(reply)
        return reply

    def _read(self, answer: httpx.Response, where: str) -> bytes:
        content, end = bytearray(), time.monotonic() + MAX_ANSWER_SECONDS
        for part in answer.iter_bytes():
            content += part
            if len(content) > MAX_ANSWER_BYTES:
                limit = MAX_ANSWER_BYTES // 2**20
                raise ForgeError(
                    f"{self._name}'s answer to {where} is larger than {limit} MiB and was cut off"
                )
            if time.monotonic() > end:
                raise _Unavailable(f"{self._name}'s answer to {where} took over {MAX_ANSWER_SECONDS:.0f} s")
        return bytes(content)

    def _refusal(self, reply: Reply) -> ForgeError:
        status = reply.status
        message = f"{self._name} answered {status} to {reply.request}{_words(reply)}"
        if status in {401, 403}:
            return ForgeDenied(message, status=status)
        if status == 404:
            return ForgeNotFound(message, status=status)
        if status == 429 or status >= 500:
            return _Unavailable(message, status=status, retry_after=_wait_asked_for(reply.headers))
        if 300 <= status < 400:
            message += "; redirects aren't followed: configure the address that the forge itself uses"
        return ForgeError(message, status=status)

    def parse(self, kind: type[Parsed], answer: Reply) -> Parsed:
        """The answer's body as `kind`; raise `ForgeError` where it isn't one."""
        try:
            return TypeAdapter(kind).validate_json(answer.content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            raise ForgeError(
                f"{self._name}'s answer to {answer.request} can't be read: {where}: {first['msg']}",
                status=answer.status,
            ) from error


def _unheard(_method: str, _status: int) -> None:
    """Nobody counts."""


def _words(reply: Reply) -> str:
    """What the forge says about its refusal, shortened."""
    try:
        body = json.loads(reply.content)
    except (ValueError, RecursionError):
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, str) or not message:
        return ""
    return ": " + "".join(sign if sign.isprintable() else " " for sign in message[:300])


def _wait_asked_for(headers: httpx.Headers) -> float | None:
    """Seconds that the forge asks to wait; none where it doesn't, or makes no sense.

    `Retry-After` in either form (RFC 9110, 10.2.3); else `X-RateLimit-Reset` in seconds since the epoch, where
    `X-RateLimit-Remaining` is 0.
    """
    value = headers.get("Retry-After", "").strip()
    if _COUNT.fullmatch(value):
        return float(value)
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if not value and headers.get("X-RateLimit-Remaining", "").strip() == "0" and _COUNT.fullmatch(reset):
        return max(0.0, float(reset) - time.time())
    try:
        at = email.utils.parsedate_to_datetime(value)
        return max(0.0, at.timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None
