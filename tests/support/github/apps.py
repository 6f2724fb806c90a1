"""The stand-in's GitHub App: JWTs verified with its public key, installation tokens that end and are good for one thing.

An installation's token does on the forge what the token of the bot's account there may do.
"""

import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from flask import Flask, Response, request

from tests.support.github import shapes

Json = dict[str, Any]
EVENTS = (
    "issues", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment", "push", "status",
)  # fmt: skip
PERMISSIONS = {
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "statuses": "write",
    "metadata": "read",
}
_BOT_ID = 10_000_000
_REPO_PATH = re.compile(r"/repos/([^/]+)/([^/]+)|/([^/]+)/([^/]+)\.git/")


class Refusal(Exception):
    """An error as GitHub words it."""

    def __init__(
        self, status: int, message: str, detail: str = "", *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.detail, self.headers = status, message, detail, headers or {}

    def body(self) -> Json:
        shown: Json = {"message": self.message, "documentation_url": "https://docs.github.com/rest"}
        if self.status == 422:
            return shown | {
                "errors": [{"code": self.detail or "custom", "message": self.detail or self.message}]
            }
        return shown | {"status": str(self.status)}


@dataclass(frozen=True)
class Issued:
    """An installation token."""

    repos: tuple[str, ...]
    permissions: dict[str, str]
    ends: float


@dataclass
class Apps:
    """One App, installed on `installed`; without a public key there is none."""

    app_id: int = 77
    public_key: str = ""
    slug: str = "forgehand-test"
    bot_token: str = field(default="", repr=False)
    installed: list[str] = field(default_factory=list)
    permissions: dict[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    events: list[str] = field(default_factory=lambda: [*EVENTS])
    hook_type: str = "json"
    suspended: bool = False
    token_seconds: float = 3600
    issued: dict[str, Issued] = field(default_factory=dict)
    count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def upstream_token(self, token: str, path: str) -> str:
        """The forge's token for GitHub's; an installation's must be alive and for the repository."""
        if not token.startswith("ghs_"):
            return token
        found = self.issued.get(token)
        if found is None or found.ends <= time.time():
            raise Refusal(401, "Bad credentials")
        about = _REPO_PATH.match(path)
        if about and found.repos and (about[2] or about[4]).lower() not in found.repos:
            raise Refusal(404, "Not Found")
        if about and not found.repos:
            raise Refusal(403, "Resource not accessible by integration")
        return self.bot_token

    def bot(self, login: str) -> Json | None:
        return {"id": _BOT_ID, "login": login} if login == f"{self.slug}[bot]" else None

    def _signed_in(self) -> None:
        """https://docs.github.com/apps/…/generating-a-json-web-token-jwt-for-a-github-app: at most ten minutes."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            found = jwt.decode(
                token, self.public_key, algorithms=["RS256"], options={"require": ["iat", "exp", "iss"]}
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Refusal(401, "A JSON web token could not be decoded") from error
        if kind != "Bearer" or found["iss"] != str(self.app_id) or found["exp"] - time.time() > 600:
            raise Refusal(401, "Bad credentials")

    def _installation(self, api: str, owner: str) -> Json:
        return {
            "id": 5,
            "account": shapes.user({"id": 1, "login": owner}, api),
            "repository_selection": "selected",
            "access_tokens_url": f"{api}/app/installations/5/access_tokens",
            "repositories_url": f"{api}/installation/repositories",
            "html_url": f"{api}/settings/installations/5",
            "app_id": self.app_id,
            "app_slug": self.slug,
            "target_id": 1,
            "target_type": "User",
            "permissions": self.permissions,
            "events": self.events,
            "created_at": shapes.MOMENT,
            "updated_at": shapes.MOMENT,
            "single_file_name": None,
            "suspended_by": None,
            "suspended_at": shapes.MOMENT if self.suspended else None,
        }

    def _issue(self, form: Json) -> Json:
        wanted = form.get("permissions", self.permissions)
        order = ("read", "write", "admin")
        for name, level in wanted.items():
            given = self.permissions.get(name)
            if given is None or order.index(given) < order.index(level):
                raise Refusal(422, "The permissions requested are not granted to this installation.")
        names = {full.partition("/")[2].lower() for full in self.installed}
        repos = tuple(name.lower() for name in form.get("repositories", ()))
        if not {*repos} <= names:
            raise Refusal(422, "There is at least one repository that does not exist or is not accessible.")
        token, ends = f"ghs_{next(self.count):036}", time.time() + self.token_seconds
        self.issued[token] = Issued(repos, wanted, ends)
        moment = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"token": token, "expires_at": moment, "permissions": wanted}

    def route(
        self, app: Flask, stand_in: Any, answer: Callable[..., Response], body: Callable[..., Json]
    ) -> None:
        """Add the routes of an App that signs in as itself."""

        @app.get("/app")
        def itself() -> Response:
            self._signed_in()
            return answer(
                {
                    "id": self.app_id,
                    "slug": self.slug,
                    "node_id": "A_1",
                    "owner": shapes.user({"id": 1, "login": "owner"}, stand_in.url),
                    "name": "Forgehand test",
                    "description": None,
                    "external_url": "https://example.com",
                    "html_url": "https://example.com/app",
                    "created_at": shapes.MOMENT,
                    "updated_at": shapes.MOMENT,
                    "permissions": self.permissions,
                    "events": self.events,
                }
            )

        @app.get("/app/hook/config")
        def hook() -> Response:
            self._signed_in()
            config = {"url": "https://example.com/webhooks/test", "content_type": self.hook_type}
            return answer(config | {"insecure_ssl": "0", "secret": "********"})

        @app.get("/app/installations")
        def installations() -> Response:
            self._signed_in()
            owners = {full.partition("/")[0] for full in self.installed}
            # In lists the description wants an account that is a person and an enterprise at once; null is described too.
            return answer(
                [self._installation(stand_in.url, owner) | {"account": None} for owner in sorted(owners)]
            )

        @app.get("/repos/<owner>/<name>/installation")
        def installation(owner: str, name: str) -> Response:
            self._signed_in()
            if f"{owner}/{name}".lower() not in {full.lower() for full in self.installed}:
                raise Refusal(404, "Not Found")
            return answer(self._installation(stand_in.url, owner))

        @app.post("/app/installations/<int:number>/access_tokens")
        def access_token(number: int) -> Response:
            self._signed_in()
            form = body("repositories", "repository_ids", "permissions")
            if number != 5:
                raise Refusal(404, "Not Found")
            if self.suspended:
                raise Refusal(403, "This installation has been suspended")
            return answer(self._issue(form), 201)
