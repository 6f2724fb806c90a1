"""One forge's REST API over HTTP: connections, retries, pages, and every failure as a `ForgeError`.

* Thread-safe; connections are reused. Credentials go to the configured address only: redirects are errors, an
  address out of an answer (`Link`, `Location`) is never followed, cookies aren't kept.
* Only requests that may be repeated are; one that mayn't is sent again only where it never reached the forge.
* Answers are parsed into models: what is missing or of another type is a `ForgeError`, what is more is ignored.
* Bounded: attempts, waits, pages, bytes of an answer and the time that reading one may take.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict

from app.forges.http import (
    CONNECT_SECONDS,
    IDEMPOTENT,
    MAX_ANSWER_BYTES,
    MAX_ANSWER_SECONDS,
    OnCall,
    Unavailable,
    json_of,
    one_line,
    parsed,
    repeated,
    unheard,
    wait_asked_for,
)
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound

Parsed = TypeVar("Parsed")

PAGE_SIZE = 50
MAX_PAGES = 200
MAX_LIST_BYTES = 2 * MAX_ANSWER_BYTES
"""Of all pages of a list together."""
_COUNT = re.compile(r"[0-9]{1,15}", re.ASCII)
_MOVED = "; redirects aren't followed: was the repository renamed or moved? Connect it under its present name"


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
        self._on_call = on_call or unheard
        # what mustn't stand in any message, should the forge give it back to us
        self._secrets = tuple(part for value in headers.values() for part in value.split() if len(part) > 7)
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
        seen, read, last = 0, 0, b""
        for number in range(1, MAX_PAGES + 1):
            answer = self.send("GET", path, query={**query, "page": number, "limit": PAGE_SIZE})
            items = self.parse(list[kind], answer)  # type: ignore[valid-type]  # a list of what was asked for
            read += len(answer.content)
            if read > MAX_LIST_BYTES:
                raise ForgeError(f"{self._name} has too much at {path}: over {MAX_LIST_BYTES // 2**20} MiB")
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
        request = self._request(method, path, params=query, json=body, headers=headers)
        again = repeatable or method in IDEMPOTENT
        return repeated(lambda: self._send_once(request, f"{method} {path}"), repeatable=again)

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
            what = one_line(str(error), hide=self._secrets)
            raise Unavailable(f"{self._name} can't be reached for {where}: {what}", sent=False) from error
        except httpx.LocalProtocolError as error:  # its text may be the header that can't be sent
            raise ForgeError(f"{where} can't be sent: is there a line break in the token?") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = one_line(f"{type(error).__name__} {error}".strip(), hide=self._secrets)
            raise Unavailable(f"{self._name} gave no answer to {where}: {what}") from error
        finally:
            self._on_call(request.method, status)
        reply = Reply(request=where, status=status, headers=answer.headers, content=content)
        if not answer.is_success:
            raise self._refusal(reply)
        return reply

    def _read(self, answer: httpx.Response, where: str) -> bytes:
        if answer.headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
            # a small packed answer may be a huge one, and we asked for none
            raise ForgeError(f"{self._name}'s answer to {where} is packed, which we didn't ask for")
        content, end = bytearray(), time.monotonic() + MAX_ANSWER_SECONDS
        for part in answer.iter_raw():
            content += part
            if len(content) > MAX_ANSWER_BYTES:
                limit = MAX_ANSWER_BYTES // 2**20
                raise ForgeError(
                    f"{self._name}'s answer to {where} is larger than {limit} MiB and was cut off"
                )
            if time.monotonic() > end:
                raise Unavailable(f"{self._name}'s answer to {where} took over {MAX_ANSWER_SECONDS:.0f} s")
        return bytes(content)

    def _refusal(self, reply: Reply) -> ForgeError:
        status = reply.status
        message = f"{self._name} answered {status} to {reply.request}{self._words(reply)}"
        if status in {401, 403}:
            return ForgeDenied(message, status=status)
        if status == 404:
            return ForgeNotFound(message, status=status)
        if status == 429 or status >= 500:
            return Unavailable(message, status=status, retry_after=wait_asked_for(reply.headers))
        if 300 <= status < 400:
            message += _MOVED
        return ForgeError(message, status=status)

    def _words(self, reply: Reply) -> str:
        """What the forge says about its refusal, shortened."""
        message = json_of(reply.content).get("message")
        return f": {one_line(message, hide=self._secrets)}" if isinstance(message, str) and message else ""

    def parse(self, kind: type[Parsed], answer: Reply) -> Parsed:
        """The answer's body as `kind`; raise `ForgeError` where it isn't one."""
        whose = f"{self._name}'s answer to {answer.request}"
        return parsed(kind, answer.content, whose=whose, status=answer.status)
