"""The stand-in's state: the forge behind it, what a test wants GitHub to be like, and what was said."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from flask import request

from tests.support.github.apps import Apps, Refusal
from tests.support.github.http import bearer

Json = dict[str, Any]


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as they were on the wire."""

    method: str
    path: str
    query: list[tuple[str, str]]
    request_body: bytes | None
    status: int
    response_body: bytes
    token: str = field(repr=False)


@dataclass
class StandIn:
    """A running stand-in. What a test wants GitHub to be like is set here."""

    forge_url: str
    url: str = ""
    apps: Apps = field(default_factory=Apps)
    exchanges: list[Exchange] = field(default_factory=list)
    scopes: str | None = None
    """Of a classic token; none: all tokens are fine-grained."""
    forbidden: set[str] = field(default_factory=set)
    """Permissions that fine-grained tokens lack, `issues`."""
    limited: list[dict[str, str]] = field(default_factory=list)
    """The headers of a rate limit's refusal, for each of the next requests."""
    has_drafts: bool = True
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))
    hook_ids: dict[int, int] = field(default_factory=dict)
    """Our id → the forge's, where the forge can't change a webhook without making another."""
    hook_events: dict[int, tuple[list[str], list[str]]] = field(default_factory=dict)
    """The forge's id → the events that were asked for, and what the forge made of them."""

    def upstream(self, method: str, path: str, body: Json | None = None, **query: Any) -> httpx.Response:
        """The forge's answer to the caller; a refusal is GitHub's."""
        token = self.apps.upstream_token(bearer(), request.path)
        answer = self.http.request(
            method,
            f"{self.forge_url}/api/v1{path}",
            params=query,
            json=body,
            headers={"Authorization": f"token {token}"},
        )
        if answer.status_code == 401:
            raise Refusal(401, "Bad credentials")
        if answer.status_code == 403:
            raise Refusal(403, "Resource not accessible by personal access token")
        if answer.is_redirect:
            raise Refusal(301, "Moved Permanently")
        if answer.status_code in {404, 410}:
            raise Refusal(404, "Not Found")
        if answer.status_code in {400, 409, 422}:
            raise Refusal(422, "Validation Failed", answer.text[:200])
        if not answer.is_success:
            raise Refusal(500, "Server Error")
        return answer

    def every(self, path: str, **query: Any) -> list[Json]:
        """All pages of one of the forge's lists."""
        found: list[Json] = []
        for page in range(1, 1000):
            part = self.upstream("GET", path, page=page, limit=50, **query).json() or []
            if not part or part[0] in found:
                return found
            found += part
        raise AssertionError(path)

    def needs(self, permission: str) -> None:
        """Fine-grained tokens are refused before anything is looked for."""
        if permission in self.forbidden:
            raise Refusal(
                403,
                "Resource not accessible by personal access token",
                headers={"X-Accepted-GitHub-Permissions": f"{permission}=write"},
            )
