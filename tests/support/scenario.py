"""What people do on a forge of Gitea's family: each act once, and the deliveries that it makes.

`Scenario(server, receiver).play()` gives them by the name of the act. How many there are is the same everywhere but for
what `Habits` says. `rarities` adds acts that the embedded forge has no routes for.
"""

import re
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from tests.support.deliveries import SECRET, URL, Delivery
from tests.support.forge import Person, Receiver, RunningForge

EVENTS = ("issues", "pull_request", "push", "create", "delete", "status")
TITLE = "<i>Größe</i> 🌱 & „Zeichen“ \u2028"
TEXT = f"@agent <b>please</b>\r\n\r\n<!-- hidden -->\t“quotes” \\ 👩‍💻 \u202eback\u202c\r\n{'long ' * 400}"
EDITED = "the words of somebody else <&>"


@dataclass(frozen=True)
class Habits:
    """What one version tells its webhooks and another doesn't."""

    name: str
    """Kind and version, as the kept deliveries' folder is called."""
    statuses: bool
    """Commit statuses: Gitea from 1.23 on. Forgejo (10) has no such event."""
    edited_text: bool
    """That a thread's text was edited by way of the API: not so in Forgejo 7.0, which tells of titles alone."""

    @classmethod
    def of(cls, version: str) -> Self:
        """From what `/version` says: Forgejo names the Gitea that it is compatible with behind a plus."""
        major, minor = map(int, re.match(r"(\d+)\.(\d+)", version).groups())
        if "+gitea" in version:
            return cls(f"forgejo-{major}", statuses=False, edited_text=major > 7)
        return cls(f"gitea-{major}.{minor}", statuses=(major, minor) >= (1, 23), edited_text=True)


class Scenario:
    """Three people, one repository, one webhook. Each act waits for what it causes, so that nothing is mixed up."""

    def __init__(self, server: RunningForge, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver
        self.owner: Person = server.user()
        self.bot: Person = server.user(scopes=("write:repository", "write:issue", "read:user"))
        self.odd: Person = server.user(f"O.dd-{uuid.uuid4().hex[:6]}_x")
        self.repo = self.owner.repo("garden")
        self.base = f"/repos/{self.repo}"
        self.leaving = ""
        self.habits = Habits.of(self.owner.api("GET", "/version")["version"])
        self.found: dict[str, Delivery] = {}
        self.owner.invite(self.repo, self.bot.login, "admin")
        self.label, self.other = (
            self.owner.label(self.repo, "agent"),
            self.owner.label(self.repo, "good/first: 🌱"),
        )
        self.hook = self.owner.hook(self.repo, receiver.url, SECRET, EVENTS)

    def play(self) -> dict[str, Delivery]:
        """Every act's deliveries: `<act>`, and `<act>-2`, `<act>-3` where it makes several, sorted by kind."""
        self._issue()
        self._comments("issue-comment", f"{self.base}/issues/1")
        self._pull()
        self._reviews()
        self._ended_pull()
        self._branches()
        return self.found

    def rarities(self) -> dict[str, Delivery]:
        """What the embedded forge can't do: a ghost's issue, and branches and tags made by themselves."""
        self._ghost()
        base, owner = self.base, self.owner
        branch, tag = {"new_branch_name": "from-api", "old_branch_name": "main"}, {"tag_name": "v1"}
        self._after("branch-made", lambda: owner.api("POST", f"{base}/branches", branch), 2)
        self._after("tag-made", lambda: owner.api("POST", f"{base}/tags", tag), 2)
        self._after("tag-deleted", lambda: owner.api("DELETE", f"{base}/tags/v1"), 2)
        self._after("branch-deleted-by-git", lambda: self._git_push(":from-api"))
        return self.found

    def names(self) -> dict[str, str]:
        """What tells where this was played, and what stands in its place in kept deliveries."""
        people = {self.owner.login: "ada", self.bot.login: "robot", self.odd.login: "O.dd-one_x"}
        if self.leaving:
            people[self.leaving] = "eve"
        addresses = {
            self.server.url: URL,
            "@example.invalid": "@example.com",
            "@noreply.localhost": "@example.com",
            "@noreply.127.0.0.1": "@example.com",
            "git@localhost:": "git@forge.example.com:",
            "git@127.0.0.1:": "git@forge.example.com:",
        }
        return people | addresses

    def _after(self, name: str, act: Callable[[], Any], count: int = 1) -> Any:
        """Act, and keep the `count` deliveries that follow; the forge may send them in any order."""
        before = len(self.receiver.calls)
        answer = act()
        calls = self.receiver.wait(before + count)[before:]
        assert len(calls) == count, f"{name}: {[Delivery.of(call).kind for call in calls]}"
        for number, one in enumerate(sorted(map(Delivery.of, calls), key=lambda one: one.kind), 1):
            self.found[name if number == 1 else f"{name}-{number}"] = one
        return answer

    def _issue(self) -> None:
        base, owner, bot, odd = f"{self.base}/issues", self.owner, self.bot, self.odd
        edits = int(self.habits.edited_text)
        form, label, issue = (
            {"title": "A title", "body": "<b>Two</b>\nlines & ünicode"},
            self.label,
            f"{base}/1",
        )
        self._after("issue-opened", lambda: owner.api("POST", base, form))
        self._after("issue-labelled", lambda: owner.api("POST", f"{issue}/labels", {"labels": [label]}))
        self._after("issue-unlabelled-by-bot", lambda: bot.api("DELETE", f"{issue}/labels/{label}"))
        both = {"labels": [label, self.other]}
        self._after("issue-labelled-by-bot", lambda: bot.api("POST", f"{issue}/labels", both))
        self._after("issue-relabelled", lambda: owner.api("PUT", f"{issue}/labels", {"labels": [self.other]}))
        self._after("issue-labels-cleared", lambda: owner.api("DELETE", f"{issue}/labels"))
        self._after("issue-edited", lambda: owner.api("PATCH", issue, {"title": "Another"}))
        self._after("issue-edited-by-bot", lambda: bot.api("PATCH", issue, {"body": EDITED}), edits)
        self._after("issue-closed", lambda: owner.api("PATCH", issue, {"state": "closed"}))
        self._after("issue-reopened", lambda: owner.api("PATCH", issue, {"state": "open"}))
        self._after("issue-opened-with-label", lambda: owner.api("POST", base, form | both), 2)
        self._after("odd-issue-opened", lambda: odd.api("POST", base, {"title": TITLE, "body": TEXT}))
        self._after("odd-issue-labelled", lambda: owner.api("POST", f"{base}/3/labels", {"labels": [label]}))
        self._after("odd-comment-created", lambda: odd.api("POST", f"{base}/3/comments", {"body": TEXT}))

    def _comments(self, name: str, thread: str) -> None:
        owner, bot, said, path = (
            self.owner,
            self.bot,
            {"body": "@agent <please>"},
            f"{self.base}/issues/comments",
        )
        comment = self._after(f"{name}-created", lambda: owner.api("POST", f"{thread}/comments", said))["id"]
        self._after(f"{name}-edited", lambda: owner.api("PATCH", f"{path}/{comment}", {"body": "@agent go"}))
        self._after(f"{name}-edited-by-bot", lambda: bot.api("PATCH", f"{path}/{comment}", {"body": EDITED}))
        self._after(f"{name}-deleted", lambda: owner.api("DELETE", f"{path}/{comment}"))

    def _pull(self) -> None:
        owner, repo, bot, edits = self.owner, self.repo, self.bot, int(self.habits.edited_text)
        self._after("branch-pushed", lambda: owner.write(repo, "a.txt", "1\n", new_branch="topic"), 2)
        number = self._after("pull-opened", lambda: owner.pull(repo, "topic", body="Fixes #1"))
        self.pull, self.thread = f"{self.base}/pulls/{number}", f"{self.base}/issues/{number}"
        labels = f"{self.thread}/labels"
        self._comments("pull-comment", self.thread)
        self._after("pull-labelled", lambda: owner.api("POST", labels, {"labels": [self.label]}))
        self._after("pull-labels-cleared", lambda: owner.api("DELETE", labels))
        self._after("pull-synchronized", lambda: owner.write(repo, "a.txt", "2\n", branch="topic"), 2)
        self._after("pull-edited", lambda: owner.api("PATCH", self.pull, {"title": "A better change"}))
        self._after(
            "pull-edited-by-bot", lambda: bot.api("PATCH", self.pull, {"body": f"Fixes #1 {EDITED}"}), edits
        )

    def _reviews(self) -> None:
        def review(name: str, event: str, body: str, line: str = "") -> None:
            comments = [{"path": "a.txt", "body": line, "new_position": 1}] if line else []
            form = {"event": event, "body": body, "comments": comments}
            self._after(f"review-{name}", lambda: self.bot.api("POST", f"{self.pull}/reviews", form))

        review("on-a-line", "COMMENT", "", "@agent why?")
        review("commented", "COMMENT", "Two\r\nthings 🌱")
        review("commented-and-on-a-line", "COMMENT", "@agent look", "here")
        review("changes-requested", "REQUEST_CHANGES", "<b>No</b>", "this line")
        review("approved", "APPROVED", "")

    def _ended_pull(self) -> None:
        owner, repo = self.owner, self.repo
        self._after("pull-closed", lambda: owner.api("PATCH", self.pull, {"state": "closed"}))
        self._after("pull-reopened", lambda: owner.api("PATCH", self.pull, {"state": "open"}))
        self._after("pull-merged", lambda: owner.merge(repo, int(self.pull.rpartition("/")[2])), 3)
        form = {"title": "Labelled at once", "head": "second", "base": "main", "labels": [self.label]}
        self._after("second-branch-pushed", lambda: owner.write(repo, "b.txt", "1\n", new_branch="second"), 2)
        self._after("pull-opened-with-label", lambda: owner.api("POST", f"{self.base}/pulls", form), 2)

    def _branches(self) -> None:
        owner, base = self.owner, self.base
        tip = self._after("main-pushed", lambda: owner.write(self.repo, "c.txt", "1\n"))
        status = {
            "state": "failure",
            "context": "ci/test 🌱",
            "description": "1 failed",
            "target_url": "https://ci.example.com/7",
        }
        self._after(
            "status-set",
            lambda: owner.api("POST", f"{base}/statuses/{tip}", status),
            int(self.habits.statuses),
        )
        self._after("branch-deleted", lambda: owner.api("DELETE", f"{base}/branches/topic"))
        self._after("hook-tested", lambda: owner.api("POST", f"{base}/hooks/{self.hook}/tests"))

    def _git_push(self, refspec: str) -> None:
        url = self.owner.git_url(self.repo)
        subprocess.run(["git", "push", "--quiet", url, refspec], check=True, capture_output=True)

    def _ghost(self) -> None:
        """Somebody opens an issue and goes; what they wrote stays."""
        base, leaving = f"{self.base}/issues", self.server.user()
        self.leaving = leaving.login
        form = {"title": "So long", "body": "@agent and thanks"}
        issue = self._after("leaving-issue-opened", lambda: leaving.api("POST", base, form))["number"]
        self.server.admin.api("DELETE", f"/admin/users/{leaving.login}")
        label = {"labels": [self.label]}
        self._after("ghost-issue-labelled", lambda: self.owner.api("POST", f"{base}/{issue}/labels", label))
