"""What a forge tells its webhooks when people do what people do: each act once, and the deliveries that it makes.

`Scenario(server, receiver).play()` gives them by the name of the act. `scrubbed` makes one fit to be kept beside the
tests, with no account, address or hash of where it was recorded, and signed again. `encoded` writes JSON as Gitea does.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forge import Call, Person, Receiver, RunningForge

SECRET = "a secret of this hook"
EVENTS = ("issues", "pull_request", "push", "create", "delete")
KEPT = Path(__file__).parents[1] / "app" / "forges" / "deliveries" / "gitea-1.22"
REPEATED = frozenset({
    "issue-labelled-by-bot", "issue-opened-with-label-2", "issue-reopened", "pull-comment-edited",
    "pull-comment-deleted", "pull-reopened", "pull-merged", "pull-merged-3",
})  # fmt: skip
"""Acts whose deliveries look like those of another act: they aren't kept."""
_HEADERS = re.compile(r"x-(gitea|gogs|github|hub)-.*|content-type")
_ESCAPES = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


@dataclass(frozen=True)
class Delivery:
    """One webhook call. Header names are lower-case; only those that forges of this family send are kept."""

    headers: dict[str, str]
    raw: bytes

    @classmethod
    def of(cls, call: Call) -> "Delivery":
        return cls(
            {name: value for name, value in call.headers.items() if _HEADERS.fullmatch(name)}, call.body
        )

    @classmethod
    def kept(cls, path: Path) -> "Delivery":
        found = json.loads(path.read_text())
        return cls(found["headers"], encoded(found["body"]))

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)

    @property
    def kind(self) -> str:
        """Event type, and the action or the ref."""
        body = self.body
        return f"{self.headers['x-gitea-event-type']} {body.get('action') or body['ref']}"

    def keep(self, path: Path) -> None:
        lines = (f"{json.dumps(key)}: {_compact(value)}" for key, value in self.body.items())
        body = ",\n  ".join(lines)
        path.write_text(f'{{"headers": {_compact(self.headers)},\n "body": {{\n  {body}}}}}\n')


def encoded(body: Any) -> bytes:
    return json.dumps(body, indent=2, ensure_ascii=False).translate(_ESCAPES).encode()


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Scenario:
    """Two people, one repository, one webhook. Each act waits for what it causes, so that nothing is mixed up."""

    def __init__(self, server: RunningForge, receiver: Receiver) -> None:
        self.owner: Person = server.user()
        self.bot: Person = server.user(scopes=("write:repository", "write:issue", "read:user"))
        self.repo = self.owner.repo("garden")
        self.server, self.receiver = server, receiver
        self.found: dict[str, Delivery] = {}
        self.owner.invite(self.repo, self.bot.login, "admin")
        self.label = self.owner.label(self.repo, "agent")
        self.hook = self.owner.hook(self.repo, receiver.url, SECRET, EVENTS)

    def play(self) -> dict[str, Delivery]:
        """Every act's deliveries: `<act>`, and `<act>-2`, `<act>-3` where it makes several, sorted by kind."""
        thread = self._issue()
        self._comment("issue-comment", thread)
        self._pull()
        self._branches()
        return self.found

    def _after(self, name: str, act: Callable[[], Any], count: int = 1) -> Any:
        """Act, and keep the `count` deliveries that follow; the forge may send them in any order."""
        before = len(self.receiver.calls)
        answer = act()
        calls = self.receiver.wait(before + count)[before:]
        for number, one in enumerate(sorted(map(Delivery.of, calls), key=lambda one: one.kind), 1):
            self.found[name if number == 1 else f"{name}-{number}"] = one
        return answer

    def _issue(self) -> str:
        base, owner, bot = f"/repos/{self.repo}/issues", self.owner, self.bot
        form = {"title": "A title", "body": "<b>Two</b>\nlines & ünicode"}
        labels = {"labels": [self.label]}
        issue = f"{base}/{self._after('issue-opened', lambda: owner.api('POST', base, form))['number']}"
        self._after("issue-labelled", lambda: owner.api("POST", f"{issue}/labels", labels))
        self._after("issue-unlabelled-by-bot", lambda: bot.api("DELETE", f"{issue}/labels/{self.label}"))
        self._after("issue-labelled-by-bot", lambda: bot.api("POST", f"{issue}/labels", labels))
        self._after("issue-labels-cleared", lambda: owner.api("DELETE", f"{issue}/labels"))
        self._after("issue-edited", lambda: owner.api("PATCH", issue, {"title": "Another"}))
        self._after("issue-closed", lambda: owner.api("PATCH", issue, {"state": "closed"}))
        self._after("issue-reopened", lambda: owner.api("PATCH", issue, {"state": "open"}))
        self._after("issue-opened-with-label", lambda: owner.api("POST", base, form | labels), 2)
        return issue

    def _comment(self, name: str, thread: str) -> None:
        owner, said, path = self.owner, {"body": "@agent <please>"}, f"/repos/{self.repo}/issues/comments"
        comment = self._after(f"{name}-created", lambda: owner.api("POST", f"{thread}/comments", said))["id"]
        self._after(f"{name}-edited", lambda: owner.api("PATCH", f"{path}/{comment}", {"body": "@agent go"}))
        self._after(f"{name}-deleted", lambda: owner.api("DELETE", f"{path}/{comment}"))

    def _pull(self) -> None:
        owner, repo, labels = self.owner, self.repo, {"labels": [self.label]}
        self._after("branch-pushed", lambda: owner.write(repo, "a.txt", "1\n", new_branch="topic"), 2)
        number = self._after("pull-opened", lambda: owner.pull(repo, "topic", body="Fixes #1"))
        pull, thread = f"/repos/{repo}/pulls/{number}", f"/repos/{repo}/issues/{number}"
        self._comment("pull-comment", thread)
        self._after("pull-labelled", lambda: owner.api("POST", f"{thread}/labels", labels))
        self._after("pull-synchronized", lambda: owner.write(repo, "a.txt", "2\n", branch="topic"), 2)
        self._after("pull-edited", lambda: owner.api("PATCH", pull, {"title": "A better change"}))
        self._after("pull-closed", lambda: owner.api("PATCH", pull, {"state": "closed"}))
        self._after("pull-reopened", lambda: owner.api("PATCH", pull, {"state": "open"}))
        self._after("pull-merged", lambda: owner.merge(repo, number), 3)

    def _branches(self) -> None:
        owner, base = self.owner, f"/repos/{self.repo}"
        self._after("branch-deleted", lambda: owner.api("DELETE", f"{base}/branches/topic"))
        self._after("hook-tested", lambda: owner.api("POST", f"{base}/hooks/{self.hook}/tests"))


def scrubbed(found: dict[str, Delivery], scene: Scenario) -> dict[str, Delivery]:
    """The same deliveries as if they came from `https://forge.example.com`, with people of no particular name."""
    names = {
        scene.owner.login: "ada",
        scene.bot.login: "robot",
        scene.server.url: "https://forge.example.com",
        "@example.invalid": "@example.com",
        "@noreply.localhost": "@example.com",
        "git@localhost:": "git@forge.example.com:",
    }
    hashes: dict[str, str] = {}

    def neutral(match: re.Match[str]) -> str:
        return hashes.setdefault(match[0], hashlib.sha1(str(len(hashes)).encode()).hexdigest())

    def scrub(one: Delivery, number: int) -> Delivery:
        text = one.raw.decode()
        for name, instead in names.items():
            text = text.replace(name, instead)
        text = re.sub(r"(?<=/avatars/)[0-9a-f]+", "0" * 32, text)
        raw = re.sub(r"\b[0-9a-f]{40}\b", neutral, text).encode()
        uuid = f"00000000-0000-4000-8000-{number:012}"
        return Delivery(_signed({**one.headers}, raw, uuid), raw)

    return {name: scrub(one, number) for number, (name, one) in enumerate(found.items(), 1)}


def _signed(headers: dict[str, str], raw: bytes, uuid: str) -> dict[str, str]:
    sha1, sha256 = (hmac.digest(SECRET.encode(), raw, kind).hex() for kind in ("sha1", "sha256"))
    signatures = {
        "x-gitea-signature": sha256,
        "x-gogs-signature": sha256,
        "x-hub-signature": f"sha1={sha1}",
        "x-hub-signature-256": f"sha256={sha256}",
    }
    return headers | signatures | {name: uuid for name in headers if name.endswith("-delivery")}
