"""Who is calling, and what that lets them do.

* Credentials are taken as Gitea takes them: `Authorization: token …`, `Bearer …`, or Basic with the password or with
  a token in either field. Wrong credentials are 401, never "anonymous"; a header that brings none of these is none.
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

from app.demo.forge.records import Access, Account, Repository, Token, Unit
from app.demo.forge.refusals import Forbidden, Locked, Moved, NotFound, Refusal, Unauthorized
from app.demo.forge.world import forge

_ISSUE_PATH = re.compile(r"/api/v1/repos/[^/]+/[^/]+/(issues|labels|milestones)(/|$)")
_NEEDED = {
    Access.WRITE: "user should have a permission to write to a repo",
    Access.ADMIN: "user should be an owner or a collaborator with admin write of a repository",
}
CATEGORIES = (
    "activitypub", "admin", "issue", "misc", "notification", "organization", "package", "repository", "user",
)  # fmt: skip
SCOPES = frozenset(
    {"all", "public-only", *(f"{verb}:{category}" for verb in ("read", "write") for category in CATEGORIES)}
)


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


def readable(
    owner: str,
    name: str,
    minimum: Access = Access.READ,
    *,
    unit: Unit | None = None,
    alive: bool = False,
) -> Repository:
    """The repository, where the caller has at least `minimum` access to it.

    `unit` is the part of it that is asked for; `alive` refuses for one that is archived.
    """
    who = caller()
    repo = forge().repository_named(owner, name)
    if repo is None:
        raise _absent(owner, name)
    access = forge().access(repo, who.account)
    if access < Access.READ or (unit is not None and not repo.has(unit)):
        raise NotFound
    if access < minimum:
        who.signed_in()
        raise Forbidden(_NEEDED[minimum])
    if alive and repo.archived is not None:
        who.signed_in()
        raise Locked(f"<Repository {repo.id}:{repo.full_name}> is archived")
    return repo


def _absent(owner: str, name: str) -> Refusal:
    """Gitea tells of an owner who isn't there, and not of a repository."""
    if forge().account_named(owner):
        return NotFound()
    renamed = forge().renamed(owner)
    if renamed and forge().repository_named(renamed.login, name):
        return Moved(request.full_path.rstrip("?").replace(f"/{owner}/", f"/{renamed.login}/", 1))
    return NotFound(f"user redirect does not exist [name: {owner}]", message="GetUserByName")


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
    if not value:
        return Caller()  # a word alone says nothing
    if scheme.lower() not in {"token", "bearer", "basic"}:
        return Caller()
    found = _by_basic(value) if scheme.lower() == "basic" else _by_token(value)
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
