import dataclasses

import pytest

from app.domain.job import State
from app.forges.port import ForgeUnavailable
from app.jobs import tasks
from app.store import keys
from app.store.jobs import JobNotFoundError
from app.store.locks import lease
from git_ops import GitError


@pytest.fixture(autouse=True)
def bound(place, monkeypatch):
    monkeypatch.setattr(tasks, "_desk", None)
    tasks.bind(place.desk)


def test_a_process_that_is_no_worker_runs_nothing(monkeypatch):
    monkeypatch.setattr(tasks, "_desk", None)
    with pytest.raises(RuntimeError, match="no worker of Forgehand"):
        tasks.launch("job00000001")


def test_the_tasks_carry_a_job_from_the_delivery_to_its_comment(place):
    number = place.issue()
    place.label(number, "agent")
    event, body = place.label_event(number)
    place.desk.deliveries.accept(endpoint="home", uuid="1", event=event, body=body)
    tasks.intake(place.desk.deliveries.waiting(older_than_seconds=-1)[0])
    job = place.job()
    tasks.launch(job.id)
    place.desk.jobs.move(job.id, State.RUNNING, cause="test")
    place.handed_in(place.get(job))
    tasks.publish(job.id)
    tasks.comment(job.id)
    tasks.reconcile("")
    assert place.get(job).state == State.SUCCEEDED
    assert "finished" in place.said(number)[0]
    assert place.desk.jobs.live() == []


@pytest.mark.parametrize("error", [ForgeUnavailable("down"), GitError("down")])
def test_what_may_work_later_is_no_crash(place, faulty, error, monkeypatch):
    job = place.handed_in()
    monkeypatch.setattr(tasks, "_desk", place.with_forge(faulty(place.forge, fail=error)))
    tasks.comment(job.id)
    assert not place.desk.redis.exists(keys.crashes(job.id))


def test_who_finds_the_job_busy_leaves_it(place, monkeypatch):
    monkeypatch.setattr("app.jobs.launch.LEASE_WAIT_SECONDS", 0.1)
    job = place.asked()
    with lease(place.desk.redis, f"job:{job.id}", seconds=5):
        tasks.launch(job.id)
    assert place.get(job).state == State.QUEUED


def test_a_mistake_of_ours_is_not_repeated_for_ever(place, monkeypatch):
    job = place.asked()
    monkeypatch.setattr(type(place.launcher), "start", lambda *_: 1 / 0)
    for attempt in range(tasks.MAX_CRASHES):
        assert place.get(job).state != State.FAILED
        if attempt:
            place.desk.jobs.move(job.id, State.QUEUED, cause="lost", changes={"attempt": 0})
        with pytest.raises(ZeroDivisionError):
            tasks.launch(job.id)
    ended = place.get(job)
    assert ended.state == State.FAILED
    assert "internal error (ZeroDivisionError)" in ended.error


def test_a_delivery_that_nobody_can_handle_is_given_up(place, monkeypatch):
    place.desk.deliveries.accept(endpoint="home", uuid="1", event="issues", body=b"{}")
    (waiting,) = place.desk.deliveries.waiting(older_than_seconds=-1)
    broken = dataclasses.replace(place.desk.dialects["gitea"], parse=lambda *_: 1 / 0)
    monkeypatch.setitem(place.desk.dialects, "gitea", broken)
    for _ in range(tasks.MAX_CRASHES):
        assert place.desk.deliveries.get(waiting)
        with pytest.raises(ZeroDivisionError):
            tasks.intake(waiting)
    assert place.desk.deliveries.waiting(older_than_seconds=-1) == []


def test_an_unknown_job_is_a_crash_that_harms_nobody():
    with pytest.raises(JobNotFoundError):
        tasks.launch("nobody000000")
