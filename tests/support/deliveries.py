"""What a forge tells its webhooks when people do what people do: each act once, and the delivery that it made.

`Scenario(server).play()` gives a delivery for each name in `ACTS`; `shape` says what two forges must agree on.
`scrubbed` makes one fit to be kept beside the tests: no account, address, e-mail or hash of the machine it ran on.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.forge import Call, Person, Receiver, RunningForge

SECRET = "a secret of this hook"
EVENTS = ("issues", "pull_request", "push", "create", "delete")
HEADERS = re.compile(r"x-(gitea|gogs|github|hub|forgejo)-.*|content-type")
_HASH = re.compile(r"[0-9a-f]{40}")
_AVATAR = re.compile(r"(?<=/avatars/)[0-9a-f]+")


@dataclass(frozen=True)
class Delivery:
    """One webhook call; `body` is parsed, `raw` is what was signed."""

    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes

    @classmethod
    def of(cls, call: Call) -> "Delivery":
        headers = {name: value for name, value in call.headers.items() if HEADERS.fullmatch(name)}
        return cls(headers, json.loads(call.body), call.body)

    @property
    def kind(self) -> str:
        """Event type and action, or the ref where there is no action."""
        what = self.body.get("action") or self.body["ref"].removeprefix("refs/heads/")
        return f"{self.headers['x-gitea-event-type']}/{what}"


class Scenario:
    """Two people, one repository, one webhook. Each step waits for what it causes, so that the order is known."""

    def __init__(self, server: RunningForge, receiver: Receiver) -> None:
        self.owner: Person = server.user()
        self.bot: Person = server.user(scopes=("write:repository", "write:issue", "read:user"))
        self.repo = self.owner.repo()
        self.server, self.receiver = server, receiver
        self.found: dict[str, list[Delivery]] = {}
        self.owner.invite(self.repo, self.bot.login, "admin")
        self.label = self.owner.label(self.repo, "agent")
        self.hook = self.owner.hook(self.repo, receiver.url, SECRET, EVENTS)

    def play(self) -> dict[str, Delivery]:
        """Every act's delivery by the act's name: `<act>`, or `<act>-2` where it makes several."""
        self._issue()
        self._issue_comments()
        self._pull()
        self._branches()
        self._act("hook-tested", 1, self.owner, "POST", f"/repos/{self.repo}/hooks/{self.hook}/tests")
        return {
            name if number == 1 else f"{name}-{number}": one
            for name, several in self.found.items()
            for number, one in enumerate(several, 1)
        }

    def _do(self, name: str, count: int, act: Callable[[], Any]) -> Any:
        """Act, and keep the `count` deliveries that follow; several come in any order, so they are sorted."""
        before = len(self.receiver.calls)
        answer = act()
        calls = self.receiver.wait(before + count)[before:]
        self.found[name] = sorted(map(Delivery.of, calls), key=lambda one: one.kind)
        return answer

    def _act(self, name: str, count: int, who: Person, method: str, path: str, body: Any = None) -> Any:
        return self._do(name, count, lambda: who.api(method, path, body))

    def _issue(self) -> None:
        base = f"/repos/{self.repo}/issues"
        form = {"title": "A title", "body": "<b>Two</b>\nlines & ünicode"}
        number = self._act("issue-opened", 1, self.owner, "POST", base, form)["number"]
        self.issue = f"{base}/{number}"
        labels = {"labels": [self.label]}
        self._act("issue-labelled", 1, self.owner, "POST", f"{self.issue}/labels", labels)
        self._act("issue-unlabelled-by-bot", 1, self.bot, "DELETE", f"{self.issue}/labels/{self.label}")
        self._act("issue-labelled-by-bot", 1, self.bot, "POST", f"{self.issue}/labels", labels)
        self._act("issue-labels-cleared", 1, self.owner, "DELETE", f"{self.issue}/labels")
        self._act("issue-title-edited", 1, self.owner, "PATCH", self.issue, {"title": "Another"})
        self._act("issue-body-edited", 1, self.owner, "PATCH", self.issue, {"body": "Another"})
        self._act("issue-closed", 1, self.owner, "PATCH", self.issue, {"state": "closed"})
        self._act("issue-reopened", 1, self.owner, "PATCH", self.issue, {"state": "open"})
        self._act("issue-opened-with-label", 2, self.owner, "POST", base, form | labels)

    def _issue_comments(self) -> None:
        self._comments("issue-comment", self.issue)

    def _comments(self, name: str, thread: str) -> None:
        said = {"body": "@agent <please>"}
        comment = self._act(f"{name}-created", 1, self.owner, "POST", f"{thread}/comments", said)["id"]
        path = f"/repos/{self.repo}/issues/comments/{comment}"
        self._act(f"{name}-edited", 1, self.owner, "PATCH", path, {"body": "@agent go"})
        self._act(f"{name}-deleted", 1, self.owner, "DELETE", path)

    def _pull(self) -> None:
        write = self.owner.write
        self._do("branch-pushed", 2, lambda: write(self.repo, "a.txt", "1\n", new_branch="topic"))
        form = {"head": "topic", "base": "main", "title": "A change", "body": "Fixes #1"}
        number = self._act("pull-opened", 1, self.owner, "POST", f"/repos/{self.repo}/pulls", form)["number"]
        pull, thread = f"/repos/{self.repo}/pulls/{number}", f"/repos/{self.repo}/issues/{number}"
        self._comments("pull-comment", thread)
        self._act("pull-labelled", 1, self.owner, "POST", f"{thread}/labels", {"labels": [self.label]})
        self._act("pull-unlabelled", 1, self.owner, "DELETE", f"{thread}/labels/{self.label}")
        self._do("pull-synchronized", 2, lambda: write(self.repo, "a.txt", "2\n", branch="topic"))
        self._act("pull-edited", 1, self.owner, "PATCH", pull, {"title": "A better change"})
        self._act("pull-closed", 1, self.owner, "PATCH", pull, {"state": "closed"})
        self._act("pull-reopened", 1, self.owner, "PATCH", pull, {"state": "open"})
        self._do("pull-merged", 3, lambda: self.owner.merge(self.repo, number))

    def _branches(self) -> None:
        self._do("default-branch-pushed", 1, lambda: self.owner.write(self.repo, "b.txt", "1\n"))
        self._act("branch-deleted", 1, self.owner, "DELETE", f"/repos/{self.repo}/branches/topic")
