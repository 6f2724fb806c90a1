"""GitHub's REST API through PyGithub: connections, retries, and every failure as a `ForgeError`.

PyGithub signs in, encodes, masks and knows GitHub's errors. Its objects aren't used: they ask again for what an answer
lacks and give None for it; here answers are parsed as those of the other forges are. What PyGithub does with one
connection, whose request is kept on the connection between two calls and so is another thread's, is done with one per
request (`_Exchange`).

* Thread-safe; connections are reused. Credentials go to the configured address only: redirects are errors, an
  address out of an answer (`Link`, `Location`) is never followed, cookies aren't kept.
* Only requests that may be repeated are; one that mayn't is sent again only where it never reached GitHub.
* Bounded: attempts, waits, bytes of an answer and the time from sending to its last byte.
* While GitHub limits a credential, nothing is sent with it (`limits`).
* PyGithub is imported when a client is made: it takes 170 ms.
"""

import logging
import re
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from app.forges.github.limits import Limits
from app.forges.github.reply import Limited, Reply, parse, refusal, translated
from app.forges.http import (
    CONNECT_SECONDS,
    IDEMPOTENT,
    MAX_ANSWER_BYTES,
    MAX_ANSWER_SECONDS,
    OnCall,
    repeated,
    unheard,
)
from app.forges.port import ForgeError, ForgeNotFound

if TYPE_CHECKING:
    import requests
    from github.Auth import Auth
    from github.Requester import HTTPSRequestsConnectionClass, Requester

Parsed = TypeVar("Parsed")

_POOL = 32
_MOVED = (
    "; redirects aren't followed: where the repository was renamed or moved, configure its present name,"
    " else the address that GitHub itself uses"
)
_TRANSFERRED = (
    "; the issue was transferred to another repository and is none of this one any more, unless the whole repository"
    " was renamed or moved: then configure its present name"
)
_ISSUE = re.compile(r"/repos/[^/]+/[^/]+/issues/[^?]")
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class _Exchange:
    """One request and its answer, as PyGithub's requester wants its connections: first the one, then the other."""

    def __init__(
        self, session: "requests.Session", origin: str, timeout: tuple[float, float], on_call: OnCall
    ) -> None:
        self._session, self._origin, self._timeout = session, origin, timeout
        self._on_call = on_call
        self.status = 0
        self._headers: Mapping[str, str] = {}
        self._content = b""

    def request(
        self, verb: str, url: str, body: str | None, headers: dict[str, str], _stream: object
    ) -> None:
        self._request = (verb, self._origin + url, body, headers)

    def getresponse(self) -> "_Exchange":
        verb, url, body, headers = self._request
        try:
            with self._session.request(
                verb,
                url,
                data=None if body is None else body.encode(),
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                self.status, self._headers = answer.status_code, answer.headers
                self._content = _read(answer)
        finally:
            self._on_call(verb, self.status)
        if self.status == 202 or 300 <= self.status < 400:  # where PyGithub would ask again, or elsewhere
            raise _elsewhere(self.status, f"{verb} {url}")
        return self

    def getheaders(self) -> list[tuple[str, str]]:
        return list(self._headers.items())

    def read(self) -> str:
        return self._content.decode()


def _elsewhere(status: int, where: str) -> ForgeError:
    """What is wrong where GitHub has it at another address, or not yet."""
    message = f"GitHub answered {status} to {where}"
    if status == 301 and _ISSUE.search(where):
        return ForgeNotFound(message + _TRANSFERRED, status=status)
    return ForgeError(message + ("" if status == 202 else _MOVED), status=status)


def _read(answer: "requests.Response") -> bytes:
    content = bytearray()
    for part in answer.iter_content(2**16):
        content += part
        if len(content) > MAX_ANSWER_BYTES:
            raise ForgeError(
                f"GitHub's answer is larger than {MAX_ANSWER_BYTES // 2**20} MiB and was cut off"
            )
    return bytes(content)


class Client:
    """The API at `base`, an address as `https://api.github.com`.

    Raise `ValueError` where PyGithub isn't installed.
    """

    def __init__(self, base: str, *, timeout_seconds: float, on_call: OnCall | None = None) -> None:
        try:
            import requests
            from github import Auth, Github
            from github.Requester import Requester

            from app.forges.github.deadline import DeadlineAdapter
        except ImportError as error:
            raise ValueError("GitHub needs PyGithub: pip install 'forgehand[github]'") from error
        # At DEBUG it writes bodies to the log: installation tokens and webhook secrets are among them.
        logging.getLogger("github.Requester").setLevel(logging.INFO)
        parts = urlsplit(base)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._timeout = (min(CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self._on_call = on_call or unheard
        self._session = requests.Session()
        self._session.auth = Requester.noopAuth  # nothing out of a .netrc
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        # Compressed answers would only be bounded once they are large.
        self._session.headers["Accept-Encoding"] = "identity"
        adapter = DeadlineAdapter(MAX_ANSWER_SECONDS, pool_connections=1, pool_maxsize=_POOL, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._limits = Limits()
        self._auth = Auth
        self._requester = Github(
            base_url=base, user_agent="forgehand", seconds_between_requests=None, seconds_between_writes=None
        ).requester

    def close(self) -> None:
        self._session.close()
        self._requester.close()

    def app_auth(self, app_id: int, private_key: str) -> "Auth":
        """Signs in as the App itself, with a JWT for each request; raise `ValueError` for a key that can't sign."""
        from jwt import PyJWTError

        try:
            made = self._auth.AppAuth(app_id=app_id, private_key=private_key)
            made.create_jwt()
        # AttributeError is a public key's, which can't sign
        except (ValueError, TypeError, AssertionError, AttributeError, PyJWTError) as error:
            raise ValueError(
                "app_private_key is no RSA private key in PEM, as GitHub gives it out"
            ) from error
        return made

    def token_auth(self, token: str) -> "Auth":
        return self._auth.Token(token=token)

    def get(self, auth: "Auth", kind: type[Parsed], path: str, **query: str | int) -> Parsed:
        return parse(kind, self.send(auth, "GET", path, query=query))

    def send(
        self,
        auth: "Auth",
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        repeatable: bool = False,
    ) -> Reply:
        """Send a request, again where that is right, and give the answer if it is a success."""
        again = repeatable or method in IDEMPOTENT
        return repeated(lambda: self._send_once(auth, method, path, query, body), repeatable=again)

    def _send_once(
        self,
        auth: "Auth",
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
    ) -> Reply:
        where = f"{method} {path}"
        # an App signs each request anew, and there is one App to a client
        credential = auth.token if isinstance(auth, self._auth.Token) else ""
        self._limits.check(credential, where)
        exchange = _Exchange(self._session, self._origin, self._timeout, self._on_call)
        # a requester of its own for each request: it keeps what it saw in itself
        requester: Requester = self._requester.withAuth(auth=auth)
        with translated(where):
            status, headers, content = requester.requestJson(
                verb=method,
                url=path,
                parameters=dict(query or {}),
                headers=dict(_HEADERS),
                input=None if body is None else dict(body),
                # it has what of a connection is used
                cnx=cast("HTTPSRequestsConnectionClass", exchange),
            )
        reply = Reply(request=where, status=status, headers=headers, content=content)
        if not 200 <= status < 300:
            error = refusal(reply, is_rate_limit=requester.isRateLimitError)
            if isinstance(error, Limited):
                self._limits.note(credential, error.wait_seconds)
            raise error
        return reply
