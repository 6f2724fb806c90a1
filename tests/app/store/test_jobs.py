import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.domain.job import IllegalTransitionError, State
from app.store import keys
from app.store.jobs import JobNotFoundError, NoRoomError, StaleAttemptError
from app.store.tasks import Task
from tests.support.desk import make_job, walk


def at_once(count, call):
    """What `call(0)` … gave or raised, all started together."""
    start = threading.Barrier(count)

    def one(number):
        start.wait(10)
        try:
            return call(number)
        except Exception as error:  # noqa: BLE001 -- the error is what is looked at
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def put(jobs, state=State.QUEUED, **changes):
    job = walk(make_job(), state, **changes)
    return jobs.create(job, trigger=job.id, tasks=[])


def test_one_trigger_makes_one_job_under_twenty_threads(jobs, queued):
    offered = [make_job(state=State.QUEUED) for _ in range(20)]
    got = at_once(
        20, lambda n: jobs.create(offered[n], trigger="home/1/label", tasks=[Task.LAUNCH, Task.COMMENT])
    )
    assert len({job.id for job in got}) == 1
    assert jobs.newest(50) == [got[0]]
    assert queued() == [("launch", got[0].id), ("comment", got[0].id)]


def test_other_triggers_make_other_jobs(jobs):
    one, two = (jobs.create(make_job(), trigger=trigger, tasks=[]) for trigger in ("a", "b"))
    assert {job.id for job in jobs.live()} == {one.id, two.id}


def test_what_is_stored_comes_back(jobs):
    job = walk(make_job(), State.RUNNING, phase="edit", base_sha="b" * 40)
    jobs.create(job, trigger="x", tasks=[])
    assert jobs.get(job.id) == job


def test_an_unknown_job(jobs):
    for call in (
        jobs.get,
        jobs.settle,
        lambda job_id: jobs.move(job_id, State.QUEUED, cause="x"),
        jobs.change,
    ):
        with pytest.raises(JobNotFoundError, match="no job nobody12"):
            call("nobody12")


def test_exactly_one_of_many_moves_wins(jobs, queued):
    job = put(jobs)
    got = at_once(
        12,
        lambda n: jobs.move(
            job.id, State.LAUNCHING, cause=f"{n}", tasks=[Task.COMMENT], changes={"attempt": n + 1}
        ),
    )
    winners = [one for one in got if not isinstance(one, Exception)]
    assert len(winners) == 1
    assert all(isinstance(one, IllegalTransitionError) for one in got if isinstance(one, Exception))
    assert jobs.get(job.id) == winners[0]
    assert queued() == [("comment", job.id)]


def test_changes_at_once_are_all_kept(jobs):
    job = put(jobs)
    fields = [
        "comment_id",
        "shown",
        "error",
        "cancel_requested_by",
        "phase",
        "base_sha",
        "start_sha",
        "expected_tip",
    ]
    values = [5, "x", "y", "ada", "edit", "a" * 40, "b" * 40, "c" * 40]
    at_once(8, lambda n: jobs.change(job.id, **{fields[n]: values[n]}))
    stored = jobs.get(job.id)
    assert [getattr(stored, field) for field in fields] == values


def test_an_older_attempt_is_fenced_off_and_enqueues_nothing(jobs, queued):
    job = put(jobs, State.RUNNING, attempt=2)
    for call in (
        lambda: jobs.move(job.id, State.PUBLISHING, cause="late", attempt=1, tasks=[Task.PUBLISH]),
        lambda: jobs.change(job.id, attempt=1, tasks=[Task.COMMENT], phase="push"),
    ):
        with pytest.raises(StaleAttemptError, match=r"attempt 1 .* 2 is the current one"):
            call()
    assert jobs.get(job.id) == job
    assert queued() == []


def test_a_refused_move_does_nothing_of_what_goes_with_it(jobs, redis, queued):
    job = put(jobs, State.RUNNING)

    def also(pipe):
        pipe.set("forgehand:side-effect", "1")

    for expect, to in ((None, State.SUCCEEDED), ([State.LAUNCHING], State.PUBLISHING)):
        with pytest.raises(IllegalTransitionError):
            jobs.move(job.id, to, cause="x", expect=expect, also=also, tasks=[Task.PUBLISH])
    assert not redis.exists("forgehand:side-effect")
    assert queued() == []
    jobs.move(job.id, State.PUBLISHING, cause="x", expect=[State.RUNNING], also=also, tasks=[Task.PUBLISH])
    assert redis.exists("forgehand:side-effect")
    assert queued() == [("publish", job.id)]


def test_no_more_runners_than_there_is_room_for(jobs, redis):
    waiting = [put(jobs) for _ in range(10)]
    got = at_once(
        10, lambda n: jobs.move(waiting[n].id, State.LAUNCHING, cause="x", room=3, changes={"attempt": 1})
    )
    assert sum(isinstance(one, NoRoomError) for one in got) == 7
    assert redis.scard(keys.OCCUPIED) == 3


@pytest.mark.parametrize("way", [[State.QUEUED], [State.RUNNING, State.PUBLISHING], [State.FAILED]])
def test_a_place_is_free_again_when_its_job_has_no_runner_any_more(jobs, way):
    one, two = put(jobs), put(jobs)
    jobs.move(one.id, State.LAUNCHING, cause="x", room=1)
    with pytest.raises(NoRoomError, match="1 runners are running"):
        jobs.move(two.id, State.LAUNCHING, cause="x", room=1)
    for state in way:
        jobs.move(one.id, state, cause="x")
    jobs.move(two.id, State.LAUNCHING, cause="x", room=1)


def test_a_job_is_live_until_its_end_is_shown(jobs):
    job = put(jobs, State.RUNNING)
    jobs.settle(job.id)
    assert [one.id for one in jobs.live()] == [job.id]  # not ended: settling does nothing
    jobs.move(job.id, State.FAILED, cause="x")
    assert [one.id for one in jobs.live()] == [job.id]
    jobs.settle(job.id)
    assert jobs.live() == []
    jobs.change(job.id, shown="later")
    assert [one.id for one in jobs.live()] == [job.id]  # somebody has to look again


def test_lists_are_in_order(jobs):
    made = [make_job(created_at=float(at), state=State.QUEUED) for at in (30, 10, 20)]
    for job in made:
        jobs.create(job, trigger=job.id, tasks=[])
    assert [job.created_at for job in jobs.live()] == [10, 20, 30]
    assert [job.created_at for job in jobs.newest(2)] == [30, 20]


def test_spend_adds_up(jobs):
    job = put(jobs)
    assert jobs.spent_usd(job.id) == 0
    at_once(10, lambda _: jobs.add_spend(job.id, 0.000_123))
    assert jobs.spent_usd(job.id) == pytest.approx(0.001_23)


def test_a_record_that_cannot_be_read_does_not_stop_the_others(redis, jobs):
    good, bad = make_job(), make_job()
    for job in (good, bad):
        jobs.create(job, trigger=job.id, tasks=[])
    redis.set(keys.job(bad.id), "{}")
    redis.sadd(keys.LIVE, "nobody000000")
    assert [job.id for job in jobs.live()] == [good.id]
    assert [job.id for job in jobs.newest(10)] == [good.id]
