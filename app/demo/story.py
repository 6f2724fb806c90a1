"""The story of the demo: what people do, and what must then be true on the forge.

Every step ends with a look from outside, at refs, diffs and comments: the service is never asked whether it
succeeded. With a real Claude the wording may differ, so what counts is what the code does, not how it reads.
"""

import json
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.demo import greeter
from app.demo.people import Person
from app.demo.stage import ENDPOINT, Stage
from runner.sandbox import Sandbox

JOB_SECONDS = {False: 90.0, True: 900.0}
"""How long a job may take, without and with a real model."""
EXPECTED_PATHS = ("greeter.py", "test_greeter.py")
ENDED = ("refused", "succeeded", "no_changes", "failed", "cancelled", "timed_out")


class StoryError(Exception):
    """Something that must be true is not; the message says what."""


@dataclass(slots=True)
class Step:
    """One step as it was played."""

    title: str
    seconds: float = 0.0
    ok: bool = False
    link: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Story:
    """Plays the steps in order; `on_step` hears of each when it starts and when it has ended."""

    def __init__(self, stage: Stage, on_step: Callable[[Step], None], *, suffix: str = "") -> None:
        """`suffix` is added to all names, for a forge where they may be taken."""
        self.owner, self.reviewer, self.bot = (name + suffix for name in ("maria", "jonas", "forgehand"))
        self.repo = f"{self.owner}/{greeter.REPO_NAME}"
        self._stage = stage
        self._on_step = on_step
        self.steps: list[Step] = []
        self.label_to_eyes_seconds: float | None = None
        self.label_to_model_seconds: float | None = None
        self.people: dict[str, Person] = {}
        self._issue = self._pull = 0

    def play(self) -> None:
        """Play it to the end. Raises at the first step that isn't true."""
        for title, act in (
            (f"{self.owner}'s repository, the webhook, and the service", self._set_up),
            (f"{self.owner} opens an issue and labels it `agent`", self._label),
            ("Claude edits; meanwhile a colleague merges a change to the same line", self._collide),
            ("The conflict is resolved, both intents kept, and a pull request is there", self._first_pull),
            (f"{self.reviewer} asks for a change in a comment: the same branch is updated", self._comment),
            ("main moves on; `@agent rebase` brings the pull request up to date", self._rebase),
        ):
            step = Step(title=title)
            self.steps.append(step)
            self._on_step(step)
            began = time.monotonic()
            try:
                act(step)
                step.ok = True
            finally:
                step.seconds = time.monotonic() - began
                self._on_step(step)

    def _set_up(self, step: Step) -> None:
        stage = self._stage
        admin = Person(login=stage.admin.login, password=stage.admin.password, forge_url=stage.forge_url)
        for login in (self.owner, self.reviewer, self.bot):
            word = secrets.token_urlsafe(18)
            account = {"username": login, "password": word, "email": f"{login}@example.org"}
            admin.call("POST", "/admin/users", account | {"must_change_password": False})
            self.people[login] = Person(login=login, password=word, forge_url=stage.forge_url)
        owner = self.people[self.owner]
        owner.call(
            "POST", "/user/repos", {"name": greeter.REPO_NAME, "auto_init": True, "default_branch": "main"}
        )
        owner.call("PUT", f"/repos/{self.repo}/collaborators/{self.reviewer}", {"permission": "write"})
        # the right to ask the forge for other people's permissions belongs to administrators of the repository
        owner.call("PUT", f"/repos/{self.repo}/collaborators/{self.bot}", {"permission": "admin"})
        for name, color in (("agent", "#1d76db"), ("needs-human", "#d93f0b")):
            owner.call("POST", f"/repos/{self.repo}/labels", {"name": name, "color": color})
        owner.commit(self.repo, "main", greeter.FILES, "A greeter")
        token = self.people[self.bot].call(
            "POST",
            f"/users/{self.bot}/tokens",
            {"name": "service", "scopes": ["write:repository", "write:issue", "read:user"]},
        )
        stage.start_service(bot_token=token["sha1"], repo=self.repo)
        self._wait("the service to answer", self._is_ready)
        config = {
            "url": f"{stage.service_url}/webhooks/{ENDPOINT}",
            "content_type": "json",
            "secret": stage.webhook_secret,
        }
        events = ["issues", "issue_label", "issue_comment", "pull_request", "pull_request_comment", "push"]
        hook = {"type": stage.admin.kind, "config": config, "events": events, "active": True}
        owner.call("POST", f"/repos/{self.repo}/hooks", hook)
        step.link = f"{stage.forge_url}/{self.repo}"

    def _label(self, step: Step) -> None:
        owner = self.people[self.owner]
        issue = owner.call(
            "POST", f"/repos/{self.repo}/issues", {"title": greeter.ISSUE_TITLE, "body": greeter.ISSUE_BODY}
        )
        self._issue = issue["number"]
        labels = owner.call("GET", f"/repos/{self.repo}/labels")
        agent = next(label["id"] for label in labels if label["name"] == "agent")
        owner.call("POST", f"/repos/{self.repo}/issues/{self._issue}/labels", {"labels": [agent]})
        labelled = time.monotonic()
        self._wait("an eyes reaction", lambda: self._reactions(self._issue))
        self.label_to_eyes_seconds = time.monotonic() - labelled
        comment = self._wait("a progress comment", lambda: next(iter(self._bot_comments(self._issue)), None))
        step.link = comment["html_url"]

    def _collide(self, step: Step) -> None:
        job = self._wait(
            "the agent to edit", lambda: self._job(self._issue, lambda job: job["phase"] == "edit")
        )
        tip = self.people[self.reviewer].commit(
            self.repo, "main", greeter.MAIN_COLLIDES, greeter.MAIN_COLLIDES_SUBJECT
        )
        if self._stage.rehearsal_url:
            httpx.post(f"{self._stage.rehearsal_url}/rehearsal/release", timeout=10, trust_env=False)
        step.link = f"{self._stage.forge_url}/{self.repo}"
        step.facts = {"job": job["id"], "main": tip}

    def _first_pull(self, step: Step) -> None:
        job = self._ended(lambda: self._job(self._issue))
        self.label_to_model_seconds = job["first_model_request_at"] - job["created_at"]
        pull = self._the_pull()
        self._pull = pull["number"]
        _must(f"Fixes #{self._issue}" in pull["body"], "the pull request doesn't say which issue it fixes")
        _must(
            pull["head"]["sha"] == job["report"]["head_sha"],
            "the comment speaks of another commit than the branch has",
        )
        facts = self._look_at(pull, {"Ada": "Good day, Ada!"}, argument="ending")
        rebase = job["result"]["rebase"]
        _must(rebase["outcome"] == "resolved", f"no conflict was met: the rebase was {rebase['outcome']}")
        facts["conflicts"] = [
            f"{c['path']} ({c['kind']}, settled by {c['resolver']})" for c in rebase["conflicts"]
        ]
        comments = self._bot_comments(self._issue)
        _must(len(comments) == 1, f"there are {len(comments)} comments of the bot instead of one")
        _must("finished" in comments[0]["body"], "the comment doesn't tell that the job has finished")
        issue = self.people[self.owner].call("GET", f"/repos/{self.repo}/issues/{self._issue}")
        _must(not issue["labels"], "the trigger label is still on")
        step.link, step.facts = pull["html_url"], facts

    def _comment(self, step: Step) -> None:
        before = self._the_pull()["head"]["sha"]
        said = self._say(greeter.COMMENT)
        self._ended(lambda: self._job_of_comment(said))
        pull = self._the_pull()
        _must(pull["number"] == self._pull, "a second pull request appeared")
        _must(pull["head"]["sha"] != before, "the branch didn't move")
        step.facts = self._look_at(pull, {"Ada": "Good day, Ada!"}, argument="punctuation")
        step.link = pull["html_url"]

    def _rebase(self, step: Step) -> None:
        before = self._the_pull()
        files = dict(greeter.MAIN_HARMLESS)
        tip = self.people[self.owner].commit(self.repo, "main", files, greeter.MAIN_HARMLESS_SUBJECT)
        said = self._say("@agent rebase")
        job = self._ended(lambda: self._job_of_comment(said))
        pull = self._the_pull()
        _must(pull["head"]["sha"] != before["head"]["sha"], "the branch didn't move")
        facts = self._look_at(pull, {"Ada": "Good day, Ada!"}, argument="punctuation")
        _must(facts["main"] == tip, "the pull request isn't on top of main")
        facts["runner"] = (
            "none needed" if "launching" not in [s["state"] for s in job["timeline"]] else "used"
        )
        step.link, step.facts = pull["html_url"], facts

    def _look_at(self, pull: dict[str, Any], greetings: dict[str, str], *, argument: str) -> dict[str, Any]:
        """Clone the pull request's branch from the forge, and see for ourselves."""
        with tempfile.TemporaryDirectory(prefix="forgehand-look-") as folder:
            workspace, tip = self.people[self.owner].checkout(self.repo, pull["head"]["ref"], Path(folder))
            _must(tip == pull["head"]["sha"], "the branch and the pull request disagree")
            git = workspace.git
            main = git.text("rev-parse", "refs/heads/main")
            _must(git.text("merge-base", main, tip) == main, "the branch isn't on top of main")
            text = "".join(path.read_text() for path in workspace.work_tree.glob("*.py"))
            _must(not any(mark in text for mark in ("<<<<<<<", ">>>>>>>")), "conflict markers were committed")
            changed = git.text("diff", "--name-only", main, tip).split()
            _must(changed == list(EXPECTED_PATHS), f"other files were changed than asked for: {changed}")
            self._run(workspace.work_tree, Path(folder), greetings, argument)
            stat = git.text("diff", "--shortstat", main, tip).strip()
        return {"head": tip, "main": main, "diff": stat, "tests": "passed"}

    def _run(self, tree: Path, folder: Path, greetings: dict[str, str], argument: str) -> None:
        """Run the branch's tests and ask its code, in a sandbox: a model wrote it."""
        scratch = folder / "scratch"
        scratch.mkdir()
        python = "python3"
        asks = [f"assert greet({who!r}) == {said!r}" for who, said in greetings.items()]
        asks += [
            f"assert greet({who!r}, {argument}='?') == {said[:-1] + '?'!r}" for who, said in greetings.items()
        ]
        sandbox = Sandbox(tree, scratch)
        for argv in (
            [python, "-m", "unittest", "-q"],
            [python, "-c", "from greeter import greet; " + "; ".join(asks)],
        ):
            done = sandbox.run(argv, timeout_seconds=60)
            _must(done.exit_code == 0, f"on the branch `{' '.join(argv[:3])} …` fails: {done.tail[-600:]}")

    def _say(self, text: str) -> int:
        said = self.people[self.reviewer].call(
            "POST", f"/repos/{self.repo}/issues/{self._pull}/comments", {"body": text}
        )
        return int(said["id"])

    def _the_pull(self) -> dict[str, Any]:
        pulls = self.people[self.owner].call("GET", f"/repos/{self.repo}/pulls?state=all")
        _must(len(pulls) == 1, f"there are {len(pulls)} pull requests instead of one")
        pull: dict[str, Any] = pulls[0]
        return pull

    def _bot_comments(self, number: int) -> list[dict[str, Any]]:
        comments = self.people[self.owner].call("GET", f"/repos/{self.repo}/issues/{number}/comments")
        return [comment for comment in comments if comment["user"]["login"] == self.bot]

    def _reactions(self, number: int) -> bool:
        found = self.people[self.owner].call("GET", f"/repos/{self.repo}/issues/{number}/reactions") or []
        return any(one["content"] == "eyes" and one["user"]["login"] == self.bot for one in found)

    def _job(
        self, number: int, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any] | None:
        return next((job for job in self._jobs() if job["number"] == number and wanted(job)), None)

    def _job_of_comment(self, comment_id: int) -> dict[str, Any] | None:
        return next((job for job in self._jobs() if job["trigger_comment_id"] == comment_id), None)

    def _jobs(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self._stage.service_url}/api/jobs", timeout=10, trust_env=False)
        jobs: list[dict[str, Any]] = answer.raise_for_status().json()["jobs"]
        return jobs

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self._stage.service_url}/readyz", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _ended(self, find: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        """The job once it has ended and the thread says so. Raises `StoryError` where it didn't succeed."""

        def look() -> dict[str, Any] | None:
            job = find()
            return (
                job
                if job and job["state"] in ENDED and (job["shown"] or "").startswith(job["state"])
                else None
            )

        job: dict[str, Any] = self._wait("the job to end", look, JOB_SECONDS[self._stage.claude_is_real])
        _must(job["state"] == "succeeded", f"the job ended as {job['state']}: {job['error']}")
        return job

    def _wait(self, what: str, look: Callable[[], Any], seconds: float = 30.0) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = look()
            if found:
                return found
            time.sleep(0.05)
        raise StoryError(f"waited {seconds:.0f} s in vain for {what}")


def _must(true: bool, otherwise: str) -> None:  # noqa: FBT001 -- reads like the sentence it is
    if not true:
        raise StoryError(otherwise)


def as_json(story: Story, *, real: bool, error: str | None) -> str:
    """The story as one JSON document."""
    steps = [
        {"title": s.title, "ok": s.ok, "seconds": round(s.seconds, 3), "link": s.link, "facts": s.facts}
        for s in story.steps
    ]
    document = {
        "ok": error is None,
        "error": error,
        "claude": "real" if real else "rehearsal",
        "python": sys.version.split()[0],
        "label_to_eyes_reaction_seconds": story.label_to_eyes_seconds,
        "label_to_first_model_request_seconds": story.label_to_model_seconds,
        "steps": steps,
    }
    return json.dumps(document, indent=2)
