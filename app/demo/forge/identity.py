"""Who is calling, and what that lets them do.

* Credentials are taken as Gitea takes them: `Authorization: token …`, `Bearer …`, or Basic with the password or with
  a token in either field. Wrong credentials are 401, never "anonymous".
* A token may do what its scopes say and no more; a password may do all that the account may.
* A repository that the caller may not read is 404, as if it weren't there.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from flask import g, request
from werkzeug.security import check_password_hash

from app.demo.forge.records import Access, Account, Repository, Token
from app.demo.forge.refusals import Forbidden, NotFound, Unauthorized
from app.demo.forge.world import forge

_ISSUE_PATH = re.compile(r"/api/v1/repos/[^/]+/[^/]+/(issues|labels)(/|$)")
CATEGORIES = (
    "activitypub", "admin", "issue", "misc", "notification", "organization", "package", "repository", "user",
)  # fmt: skip
SCOPES = frozenset({"all", *(f"{verb}:{category}" for verb in ("read", "write") for category in CATEGORIES)})


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent the request. `scopes` is none for a password, which has no limits of its own."""

    account: Account | None = None
    scopes: frozenset[str] | None = None

    def signed_in(self) -> Account:
        if self.account is None:
            raise Unauthorized("token is required")
        return self.account

    def need(self, verb: str, category: str) -> None:
        """Raise `Forbidden` where a token lacks `verb:category`; `write` includes `read`."""
        if self.scopes is None or "all" in self.scopes:
            return
        wanted = {f"write:{category}", f"{verb}:{category}"}
        if not wanted & self.scopes:
            raise Forbidden(f"token does not have at least one of required scope(s): [{verb}:{category}]")


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def caller() -> Caller:
    """The caller of the present request, worked out once."""
    if "caller" not in g:
        g.caller = _authenticate(request.headers.get("Authorization", ""))
    found = g.caller
    return found if isinstance(found, Caller) else Caller()


def check_scopes() -> None:
    """Before every API request: the password is the account's own, and the token's scopes cover the path."""
    account = caller().account
    if account and account.must_change_password:
        raise Forbidden("You must change your password. Change it at: /user/change_password")
    verb = "read" if request.method in {"GET", "HEAD"} else "write"
    for category in _categories(request.path):
        caller().need(verb, category)


def readable(owner: str, name: str, minimum: Access = Access.READ) -> Repository:
    """The repository, where the caller has at least `minimum` access to it."""
    who = caller()
    repo = forge().repository_named(owner, name)
    if repo is None or forge().access(repo, who.account) < Access.READ:
        raise NotFound
    if forge().access(repo, who.account) < minimum:
        who.signed_in()
        raise Forbidden(f"user should have {minimum.name.lower()} access to the repository")
    return repo


def _categories(path: str) -> tuple[str, ...]:
    if path.startswith("/api/v1/admin/"):
        return ("admin",)
    if path == "/api/v1/user/repos":
        return ("user", "repository")
    if path.startswith("/api/v1/user"):
        return ("user",)
    if path.startswith("/api/v1/repos/"):
        return ("issue",) if _ISSUE_PATH.match(path) else ("repository",)
    return ()


def _authenticate(header: str) -> Caller:
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    if not header:
        return Caller()
    found = None
    if scheme.lower() in {"token", "bearer"}:
        found = _by_token(value)
    elif scheme.lower() == "basic":
        found = _by_basic(value)
    if found is None:
        raise Unauthorized("invalid username, password or token")
    return found


def _by_token(value: str) -> Caller | None:
    token = forge().db.row(Token, "SELECT * FROM tokens WHERE sha256 = ?", hash_token(value))
    return Caller(forge().account(token.account_id), frozenset(token.scopes.split(","))) if token else None


def _by_basic(value: str) -> Caller | None:
    try:
        login, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    by_token = _by_token(login if password in {"", "x-oauth-basic"} else password)
    if by_token:
        return by_token
    account = forge().account_named(login)
    if account and check_password_hash(account.password_hash, password):
        return Caller(account)
    return None
