"""Who we are towards GitHub: the owner of a personal access token, or a GitHub App.

An App signs in as itself (a JWT for each request) to ask for installation tokens
(https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app). Each is good for one repository
and the permissions that a job needs, for an hour; a new one is made `MARGIN_SECONDS` before it ends, by one thread
while the others of that repository wait.

What an App does, the account `<slug>[bot]` has done. That is nobody's collaborator: GitHub's permission endpoint
answers 404 for it, so the standing of another App's account is `none`, though `bots` lists its id.
"""

import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, SecretStr

from app.forges.github.client import Client
from app.forges.github.reply import Refused, parse
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, User
from app.forges.rest import Answer, repo_path, segment

if TYPE_CHECKING:
    from github.Auth import Auth

MARGIN_SECONDS = 600.0
"""A token that is given out lasts this long at least: fetching a repository and pushing to it."""
PERMISSIONS: Mapping[str, str] = {
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "statuses": "write",
    "metadata": "read",
}
"""What a job needs. Webhooks are the App's own, so nothing of the repository's administration is among it."""
MAX_TRIED = 5
MAX_LISTED = 10
_TOKEN = re.compile(r"[!-~]+")
_ENOUGH: Mapping[str, frozenset[str]] = {
    "read": frozenset({"read", "write", "admin"}),
    "write": frozenset({"write", "admin"}),
}


class Account(Answer):
    """An account, as far as we care."""

    id: int
    login: str

    def value(self) -> User:
        """As the port has it."""
        return User(id=self.id, login=self.login)


class AppItself(Answer):
    """The App that the key belongs to."""

    slug: str


class Installation(Answer):
    """An App that somebody let into their repositories."""

    id: int
    permissions: dict[str, str]
    events: list[str]
    suspended_at: str | None = None
    html_url: str = ""

    def lacks(self) -> dict[str, str]:
        """Which of `PERMISSIONS` it wasn't given."""
        return {
            name: level
            for name, level in PERMISSIONS.items()
            if self.permissions.get(name, "none") not in _ENOUGH[level]
        }


class _Token(Answer):
    token: SecretStr
    expires_at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    token: str = field(repr=False)
    ends: float
    """Seconds since the epoch."""


class PersonalToken:
    """A personal access token, classic or fine-grained. Raise `ValueError` for what can't be one."""

    def __init__(self, client: Client, token: str) -> None:
        if not _TOKEN.fullmatch(token):  # a header's error would quote it
            raise ValueError("the token is empty or holds signs that no token has: copy it again")
        self._client, self._token = client, SecretStr(token)

    def token(self, _repo: str) -> str:
        """The same for all repositories."""
        return self._token.get_secret_value()

    def forget(self, _repo: str, _token: str) -> bool:
        """That GitHub doesn't take it any more; there is no better one."""
        return False

    def whoami(self) -> User:
        return self._client.get(self._client.token_auth(self.token("")), Account, "/user").value()


class App:
    """A GitHub App with its private key, PEM. Raise `ValueError` for a key that can't be one."""

    def __init__(self, client: Client, app_id: int, private_key: str) -> None:
        self._client = client
        self.auth: Auth = client.app_auth(app_id, private_key)
        self._held: dict[str, _Held] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def itself(self) -> AppItself:
        return self._client.get(self.auth, AppItself, "/app")

    def installation(self, repo: str) -> Installation:
        """Raise `ForgeNotFound` where the App isn't installed on it."""
        return self._client.get(self.auth, Installation, f"{repo_path(repo)}/installation")

    def token(self, repo: str) -> str:
        """A token for `repo` alone that is good for `MARGIN_SECONDS` at least."""
        with self._lock_of(repo):
            held = self._held.get(repo.lower())
            if held is None or held.ends - time.time() < MARGIN_SECONDS:
                held = self._fresh(repo)
                self._held[repo.lower()] = held
            return held.token

    def forget(self, repo: str, token: str) -> bool:
        """That GitHub doesn't take `token` any more, though it should; another thread's new one stays."""
        with self._lock_of(repo):
            held = self._held.get(repo.lower())
            if held is not None and held.token == token:
                del self._held[repo.lower()]
            return True

    def whoami(self) -> User:
        """The account that GitHub shows for what the App does: `<slug>[bot]`.

        It is looked up with any token, as a JWT may not: with one that is held, else with one of an installation.
        """
        path = f"/users/{segment(f'{self.itself().slug}[bot]')}"
        held = max([*self._held.values()], key=lambda one: one.ends, default=None)
        if held is not None and held.ends > time.time():
            try:
                return self._client.get(self._client.token_auth(held.token), Account, path).value()
            except ForgeDenied:
                pass  # its installation was suspended or removed meanwhile; whose repository it is sees that itself
        auth = self._client.token_auth(self._token_of_any_installation())
        return self._client.get(auth, Account, path).value()

    def _lock_of(self, repo: str) -> threading.Lock:
        with self._lock:
            return self._locks[repo.lower()]

    def _fresh(self, repo: str) -> _Held:
        try:
            found = self.installation(repo)
        except ForgeNotFound as error:
            raise ForgeNotFound(
                f"the GitHub App isn't installed on {repo}, or there is no such repository", status=404
            ) from error
        narrowed = {"repositories": [repo.partition("/")[2]], "permissions": dict(PERMISSIONS)}
        try:
            made = self._make(found.id, narrowed)
        except Refused as error:
            missing = ", ".join(f"{name}: {level}" for name, level in found.lacks().items()) or "none known"
            raise ForgeDenied(
                f"the GitHub App's installation on {repo} lacks permissions ({missing}): grant them in the App's"
                " settings, then accept them for the installation",
                status=error.status,
            ) from error
        return _Held(token=made.token.get_secret_value(), ends=made.expires_at.timestamp())

    def _token_of_any_installation(self) -> str:
        """To look at what everybody may see. Some installations are other people's, suspended or on their way out."""
        refused: ForgeError | None = None
        for one in islice(self._alive(), MAX_TRIED):
            try:
                return self._make(one.id, {"permissions": {"metadata": "read"}}).token.get_secret_value()
            except (ForgeDenied, ForgeNotFound, Refused) as error:
                refused = error
        raise ForgeDenied(
            "the GitHub App isn't installed anywhere, or suspended wherever it is: install it on your repositories"
        ) from refused

    def _alive(self) -> Iterator[Installation]:
        """The installations that aren't suspended, on `MAX_LISTED` pages at most."""
        for page in range(1, MAX_LISTED + 1):
            answer = self._client.send(
                self.auth, "GET", "/app/installations", query={"per_page": 100, "page": page}
            )
            found = parse(list[Installation], answer)
            yield from (one for one in found if one.suspended_at is None)
            if not found or not (answer.has_next or answer.last_page > page):
                return

    def _make(self, installation_id: int, narrowed: Mapping[str, object]) -> _Token:
        path = f"/app/installations/{installation_id}/access_tokens"
        # A second one does no harm, so this may be sent again.
        made = parse(_Token, self._client.send(self.auth, "POST", path, body=narrowed, repeatable=True))
        if not _TOKEN.fullmatch(made.token.get_secret_value()):
            raise ForgeError("GitHub made an installation token that can't be one")
        return made
