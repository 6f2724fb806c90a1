"""Whoever is killed with SIGKILL, and whenever: the same pull request, once, and a thread that tells the truth."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import httpx
import psutil
import pytest

from app import wiring
from app.demo import greeter
from app.demo.people import Person
from app.demo.stage import Stage
from app.demo.story import Step, Story
from app.domain.job import Job, State
from app.jobs.desk import Desk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

END_SECONDS = 60


@dataclass(frozen=True)
class World:
    stage: Stage
    desk: Desk
    owner: Person
    repo: str
    bot: str

    def ask(self) -> int:
        """Open an issue, label it, and give its number."""
        issue = {"title": greeter.ISSUE_TITLE, "body": greeter.ISSUE_BODY}
        number = self.owner.call("POST", f"/repos/{self.repo}/issues", issue)["number"]
        labels = self.owner.call("GET", f"/repos/{self.repo}/labels")
        agent = next(label["id"] for label in labels if label["name"] == "agent")
        self.owner.call("POST", f"/repos/{self.repo}/issues/{number}/labels", {"labels": [agent]})
        return number

    def job(self, number: int) -> Job | None:
        return next((job for job in self.desk.jobs.newest(5) if job.number == number), None)

    def end(self, number: int) -> Job:
        until = time.monotonic() + END_SECONDS
        while time.monotonic() < until:
            job = self.job(number)
            if job and job.ended and (job.shown or "").startswith(job.state):
                return job
            time.sleep(0.05)
        raise AssertionError(f"the job hung: {self.job(number)}\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(log.read_text()[-3000:] for log in self.stage.folder.glob("**/*.log"))

    def kill(self, victim: str) -> None:
        if victim == "runner":
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    if process.cmdline()[1:3] == ["-m", "runner"] and str(self.stage.folder) in process.cwd():
                        process.kill()
            return
        # the worker's horse has a process group of its own; the runner, its child too, must survive
        with suppress(psutil.NoSuchProcess):
            child = psutil.Process(self.stage.service.children[victim].process.pid)
            for process in [child, *child.children(recursive=True)]:
                with suppress(psutil.Error):
                    if "app.cli" in process.cmdline():
                        process.kill()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    fast = {
        "FORGEHAND_LEASE_SECONDS": "2",
        "FORGEHAND_RECONCILE_SECONDS": "0.5",
        "FORGEHAND_LOST_AFTER_SECONDS": "20",
    }
    with Stage(extra_settings=fast) as stage:
        story = Story(stage, lambda _: None)
        story._set_up(Step(title="set-up"))
        httpx.post(f"{stage.rehearsal_url}/rehearsal/release", timeout=10).raise_for_status()
        desk = wiring.build(stage.settings, redis_url=stage.service.redis_url)
        owner = story.people[story.owner]
        yield World(stage=stage, desk=desk, owner=owner, repo=story.repo, bot=story.bot)
        desk.redis.close()


def assert_told_truly(world: World, job: Job) -> None:
    """One comment, which says what is; and where the job succeeded exactly the one pull request that belongs to it."""
    comments = world.owner.call("GET", f"/repos/{world.repo}/issues/{job.number}/comments")
    own = [c for c in comments if c["user"]["login"] == world.bot]
    assert len(own) == 1, own
    pulls = [
        p
        for p in world.owner.call("GET", f"/repos/{world.repo}/pulls?state=all&limit=50")
        if p["head"]["ref"] == job.branch
    ]
    if job.state == State.SUCCEEDED:
        assert len(pulls) == 1
        assert pulls[0]["head"]["sha"] == job.report.head_sha
        assert f"Fixes #{job.number}" in pulls[0]["body"]
        assert "finished" in own[0]["body"]
        commits = world.owner.call("GET", f"/repos/{world.repo}/pulls/{pulls[0]['number']}/commits")
        assert len(commits) == 1
    else:
        assert job.state == State.FAILED
        assert job.error
        assert "could not do this" in own[0]["body"]
        assert not pulls


MOMENTS: dict[str, Callable[[Job], bool]] = {
    "queued": lambda job: job.state == State.QUEUED,
    "launching": lambda job: job.state == State.LAUNCHING,
    "running": lambda job: job.state == State.RUNNING and job.phase in {None, "clone"},
    "running-edit": lambda job: job.phase == "edit",
    "running-late": lambda job: job.phase in {"rebase", "verify", "push"} and job.state == State.RUNNING,
    "publishing": lambda job: job.state == State.PUBLISHING,
    "succeeded": lambda job: job.state == State.SUCCEEDED,
}
VICTIMS = {
    "worker": list(MOMENTS),
    "web": list(MOMENTS),
    "runner": ["launching", "running", "running-edit", "running-late"],
}


@pytest.mark.parametrize(("victim", "moment"), [(v, m) for v, moments in VICTIMS.items() for m in moments])
def test_killed_at_each_state(world: World, victim: str, moment: str) -> None:
    for _ in range(5):  # a moment may pass between two looks; then another issue is asked for
        number = world.ask()
        if _await(world, number, MOMENTS[moment]):
            world.kill(victim)
            job = world.end(number)
            assert_told_truly(world, job)
            assert job.state == State.SUCCEEDED  # attempts are left, so none of these is a reason to fail
            return
        world.end(number)
    pytest.fail(f"the moment {moment!r} was never caught")


def _await(world: World, number: int, wanted: Callable[[Job], bool]) -> bool:
    while True:
        job = world.job(number)
        if job and wanted(job):
            return True
        if job and job.ended and (job.shown or "").startswith(job.state):
            return False
        time.sleep(0.001)


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment(world: World, seed: int) -> None:
    """Three kills of anybody, at moments that nobody chose."""
    chance = random.Random(seed)
    number = world.ask()
    for _ in range(3):
        time.sleep(chance.uniform(0.05, 1.2))
        world.kill(chance.choice(["worker", "web", "runner"]))
    assert_told_truly(world, world.end(number))


def test_lost_too_often_is_an_honest_failure(world: World) -> None:
    number = world.ask()
    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until and not (world.job(number) and world.job(number).ended):
        world.kill("runner")
        time.sleep(0.02)
    job = world.end(number)
    assert job.state == State.FAILED
    assert "lost" in job.error
    assert_told_truly(world, job)
