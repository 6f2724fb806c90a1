"""One forge for the session; every test has a repository of its own, a desk, and plays the runner.

The forge is the embedded one, or the real one that the environment names (see tests/contract/conftest.py).
"""

import dataclasses
import itertools
import json
import os
import subprocess
import time
import uuid

import pytest
import stamina

from app.domain.job import State
from app.jobs.intake import intake
from app.jobs.launch import launch
from app.jobs.publish import publish
from app.jobs.spec import spec_of
from runner.protocol import AgentRun, Result
from tests.support.adapters import KIND, adapter_for, door
from tests.support.desk import make_desk, settings
from tests.support.forge import the_forge
from tests.support.launcher import ScriptedLauncher

BOT_SCOPES = ("write:repository", "write:issue", "read:user")
BARE_ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
GIT_ENV = {
    **BARE_ENV,
    **{
        f"GIT_{who}_{what}": text
        for who in ("AUTHOR", "COMMITTER")
        for what, text in (("NAME", "A"), ("EMAIL", "a@b.c"))
    },
}


class Killed(BaseException):
    """What SIGKILL looks like to the code: no handler of ours takes it."""


class Faulty:
    """A forge in front of a real one. `fail` raises an error from every call, `kill_at` ends at one of them."""

    def __init__(self, real, *, fail=None, kill_at=None, after=False, only=None):
        self._real, self._fail, self._kill_at, self._after, self._only = real, fail, kill_at, after, only
        self.calls = []

    def __getattr__(self, name):
        real = getattr(self._real, name)
        if not callable(real):
            return real

        def call(*args, **kwargs):
            number = len(self.calls)
            self.calls.append(name)
            if self._fail and self._only in {None, name}:
                raise self._fail
            if number == self._kill_at and not self._after:
                raise Killed
            answer = real(*args, **kwargs)
            if number == self._kill_at:
                raise Killed
            return answer

        return call


class Place:
    """A repository with its people, and the service's desk. `owner` may write, `stranger` may not."""

    def __init__(self, server, redis, folder, people):
        self.folder, self.launcher, self.ahead = folder, ScriptedLauncher(), 0.0
        self.owner, self.bot, self.stranger, self.forge = people
        self.repo = self.owner.repo()
        self.owner.invite(self.repo, self.bot.login, "admin")
        self.labels = {name: self.owner.label(self.repo, name) for name in ("agent", "needs-human")}
        self.server, self._redis, self._numbers = server, redis, itertools.count(1)
        self.desk = self.make_desk()

    def make_desk(self, *, repos=("*/*",), bots=(), **changes):
        home = {"url": self.server.url, "token": self.bot.token, "repos": repos, "bots": bots}
        options = settings(self.folder / "data", home=home, **changes)
        return make_desk(
            self._redis,
            options,
            forges={"home": self.forge},
            launcher=self.launcher,
            clock=lambda: time.time() + self.ahead,
        )

    def with_forge(self, forge):
        return dataclasses.replace(self.desk, forges={"home": forge}, hosts={"home": forge})

    # what people do

    def issue(self, title="Say hello", body="Please.", *, by=None):
        return (by or self.owner).issue(self.repo, title, body)

    def label(self, number, *names, by=None):
        """Make these the issue's labels."""
        ids = [self.labels[name] for name in names]
        (by or self.owner).api("PUT", f"/repos/{self.repo}/issues/{number}/labels", {"labels": ids})

    def edit(self, number, **changes):
        self.owner.api("PATCH", f"/repos/{self.repo}/issues/{number}", changes)

    def rules(self, text):
        """Write `.forgehand.yml` on the default branch."""
        self.owner.write(self.repo, ".forgehand.yml", text)

    def pull(self, branch="feature"):
        """A pull request from a new branch."""
        self.owner.write(self.repo, f"{branch}.txt", "x", new_branch=branch)
        return self.owner.pull(self.repo, branch)

    def asked_in_comment(self, number, text, *, by=None):
        """Say it, tell the service, and give the newest job."""
        self.deliver(*self.comment_event(number, self.say(number, text, by=by), by=by))
        return self.jobs()[0]

    def say(self, number, text, *, by=None):
        return (by or self.owner).api("POST", f"/repos/{self.repo}/issues/{number}/comments", {"body": text})[
            "id"
        ]

    # what the forge tells us

    def payload(self, number, by, action, **more):
        return json.dumps(
            {
                "action": action,
                "issue": self.owner.api("GET", f"/repos/{self.repo}/issues/{number}"),
                "repository": self.owner.api("GET", f"/repos/{self.repo}"),
                "sender": (by or self.owner).api("GET", "/user"),
                **more,
            }
        ).encode()

    def label_event(self, number, *, by=None):
        return "issue_label", self.payload(number, by, "label_updated")

    def comment_event(self, number, comment_id, *, by=None):
        comment = self.owner.api("GET", f"/repos/{self.repo}/issues/comments/{comment_id}")
        issue = self.owner.api("GET", f"/repos/{self.repo}/issues/{number}")
        is_pull = issue.get("pull_request") is not None
        return "issue_comment", self.payload(number, by, "created", comment=comment, is_pull=is_pull)

    def deliver(self, event, body, *, desk=None, repo=None):
        """Accept a delivery and handle everything that waits. `repo`: signed with that one's own secret."""
        desk = desk or self.desk
        desk.deliveries.accept(endpoint="home", repo=repo, uuid=uuid.uuid4().hex, event=event, body=body)
        for delivery_id in desk.deliveries.waiting(older_than_seconds=-1):
            intake(desk, delivery_id)

    # the way of a job

    def jobs(self):
        return self.desk.jobs.newest(50)

    def job(self):
        (job,) = self.jobs()
        return job

    def get(self, job):
        return self.desk.jobs.get(job.id)

    def asked(self, title="Say hello"):
        """A queued job, asked for by label."""
        number = self.issue(title)
        self.label(number, "agent")
        self.deliver(*self.label_event(number))
        return self.jobs()[0]

    def launched(self, job=None):
        job = job or self.asked()
        launch(self.desk, job.id)
        job = self.get(job)
        assert job.state == State.LAUNCHING, (job.state, job.error)
        return self.desk.jobs.move(job.id, State.RUNNING, cause="test", attempt=job.attempt)

    def handed_in(self, job=None, files=None, *, commits=1, **result):
        """A job in `publishing`: the runner pushed these files (none removes one) and said so."""
        job = job or self.launched()
        values = {"outcome": "changed", "agent": AgentRun(ok=True, text="I did it.")}
        if files is not None or "head_sha" not in result:
            values["head_sha"] = self.push_work(
                job, {"new.txt": "new\n"} if files is None else files, commits
            )
        changes = {"result": Result(**{**values, **result})}
        return self.desk.jobs.move(
            job.id, State.PUBLISHING, cause="test", attempt=job.attempt, changes=changes
        )

    def push_work(self, job, files, commits=1, gitlink=None):
        work = self.folder / f"work{next(self._numbers)}"
        mirror = str(self.desk.mirror_of(job).path)
        self.git("clone", "-q", "--no-checkout", mirror, str(work), cwd=self.folder)
        self.git("checkout", "-q", "--detach", job.start_sha, cwd=work)
        for name, content in files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            elif isinstance(content, tuple):
                path.symlink_to(content[0])
            else:
                path.write_text(content)
        self.git("add", "-A", "-f", cwd=work)
        if gitlink:
            self.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{gitlink}", cwd=work)
        spec = spec_of(self.desk, self.get(job))  # as the supervisor commits
        who = ("-c", f"user.name={spec.identity.name}", "-c", f"user.email={spec.identity.email}")
        for _ in range(commits):
            message = ("--cleanup=verbatim", "-m", f"{spec.commit_subject}\n")
            self.git(*who, "commit", "-q", "--allow-empty", *message, cwd=work, env=BARE_ENV)
        self.git("push", "-q", mirror, f"+HEAD:{job.quarantine_ref}", cwd=work)
        return self.git("rev-parse", "HEAD", cwd=work)

    def published(self, job=None):
        job = job or self.handed_in()
        publish(self.desk, job.id)
        return self.get(job)

    # what people see

    @staticmethod
    def git(*args, cwd, env=None):
        done = subprocess.run(
            ["git", *args], cwd=cwd, env=env or GIT_ENV, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def branch(self, name):
        """The branch's tip on the forge; none where it isn't there."""
        answer = self.owner.api("GET", f"/repos/{self.repo}/branches/{name.replace('/', '%2F')}", ok=False)
        return answer.json()["commit"]["id"] if answer.status_code == 200 else None

    def pulls(self):
        return self.owner.api("GET", f"/repos/{self.repo}/pulls?state=all")

    def said(self, number, *, by=None):
        """The bot's comments on a thread."""
        login = (by or self.bot).login
        found = self.owner.api("GET", f"/repos/{self.repo}/issues/{number}/comments")
        return [comment["body"] for comment in found if comment["user"]["login"] == login]

    def labels_of(self, number):
        return {
            label["name"] for label in self.owner.api("GET", f"/repos/{self.repo}/issues/{number}")["labels"]
        }

    def audit(self):
        return [fields[b"decision"].decode() for _, fields in self._redis.xrange("forgehand:audit")]


@pytest.fixture(scope="session")
def forge_server(tmp_path_factory):
    with the_forge(tmp_path_factory.mktemp("forge")) as found:
        yield found


@pytest.fixture(scope="session")
def people(forge_server):
    owner, bot, stranger = forge_server.user(), forge_server.user(scopes=BOT_SCOPES), forge_server.user()
    with door(KIND, forge_server) as api_url:
        forge = adapter_for(KIND, forge_server, api_url, bot.token)
        yield owner, bot, stranger, forge
        forge.close()


@pytest.fixture(autouse=True)
def quick_retries():
    """Retries happen, but nobody waits for them."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
def place(forge_server, redis, tmp_path, people):
    return Place(forge_server, redis, tmp_path, people)


@pytest.fixture
def faulty():
    return Faulty


@pytest.fixture
def killed():
    return Killed
