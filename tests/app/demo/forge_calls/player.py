"""Makes calls of a forge and keeps each answer by the name of its call, without what differs from server to server."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.forge import Person, RunningForge


@dataclass
class Player:
    """Plays the calls against one forge and keeps what it answered, by the name of the call."""

    server: RunningForge
    found: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    def person(self, name: str, **options: Any) -> Person:
        made = self.server.user(**options)
        self.names[made.login] = name
        return made

    def call(self, name: str, who: Person, method: str, path: str, body: Any = None) -> Any:
        answer = who.api(method, path, body, ok=False)
        assert name not in self.found, f"two calls are named {name!r}"
        self.found[name], self.answers[name] = self.seen(answer), answer
        try:
            return answer.json()
        except ValueError:
            return None

    def seen(self, answer: httpx.Response) -> tuple[int, Any, Any]:
        """Status, shape (of a refusal the words), and the headers that page through a list."""
        try:
            body = answer.json() if answer.content else ""
        except ValueError:
            body = answer.text
        told = body if answer.status_code >= 300 else shape(body)
        text = json.dumps([told, answer.headers.get("Link"), answer.headers.get("X-Total-Count")])
        return answer.status_code, *self._neutral(text)

    def _neutral(self, text: str) -> tuple[Any, Any]:
        for login, name in self.names.items():
            text = text.replace(login, f"<{name}>").replace(login.upper(), f"<{name}>")
        text = text.replace(self.server.url, "<url>")
        text = re.sub(r"\b[0-9a-f]{40}\b", "<sha>", text)
        text = re.sub(
            r"\b((?:repo_|issue_|head_repo_|base_repo_|u)?id: |Repository |labels/|hooks/)\d+",
            r"\1<id>",
            text,
        )
        told, *paging = json.loads(text)
        return told, paging


def shape(value: Any) -> Any:
    """Names and types of everything in it, in order; of a list what its first item is."""
    if isinstance(value, dict):
        return [[name, shape(one)] for name, one in value.items()]
    if isinstance(value, list):
        return [len(value), *[shape(one) for one in value[:1]]]
    return type(value).__name__
