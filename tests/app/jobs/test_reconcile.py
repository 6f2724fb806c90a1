import time

import pytest

from app.domain.job import State
from app.jobs.comment import comment
from app.jobs.reconcile import LEAVING_SECONDS, TIMEOUT_GRACE_SECONDS, reconcile
from app.launchers.port import LaunchError
from app.store import keys
from app.store.locks import BusyError, lease
from runner.protocol import HeartbeatEvent

pytestmark = pytest.mark.slow  # a mirror and a forge's repository for each


@pytest.fixture
def look(place, redis, queued):
    """Reconcile once with an empty queue; what it enqueued."""

    def once(seconds_later=0.0):
        place.ahead += seconds_later
        redis.delete("rq:queue:forgehand")
        reconcile(place.desk)
        return queued()

    return once


def shown(place, job):
    """The thread shows the job as it is."""
    comment(place.desk, job.id)
    return place.get(job)


def test_nothing_to_do_does_nothing(look):
    assert look() == []


def test_only_one_at_a_time(place):
    with lease(place.desk.redis, "reconcile", seconds=5), pytest.raises(BusyError):
        reconcile(place.desk)


def test_an_unread_delivery_is_handed_in_again(place, look, redis):
    place.desk.deliveries.accept(endpoint="home", uuid="1", event="issues", body=b"{}")
    (delivery_id,) = place.desk.deliveries.waiting(older_than_seconds=-1)
    assert look() == []  # it is young: its own task is still under way
    redis.zadd(keys.INBOX, {delivery_id: time.time() - 60})
    assert look() == [("intake", delivery_id)]


@pytest.mark.parametrize(("state", "task"), [(State.QUEUED, "launch"), (State.PUBLISHING, "publish")])
def test_a_job_that_waits_is_set_going_again(place, look, state, task):
    job = shown(place, place.asked() if state == State.QUEUED else place.handed_in())
    assert look() == [(task, job.id)]


def test_a_thread_that_shows_old_news_is_told_again(place, look):
    job = place.launched()
    assert look() == [("comment", job.id)]
    shown(place, job)
    assert look() == []


def test_an_ended_job_is_looked_after_until_its_thread_says_so(place, look):
    job = place.published()
    assert look() == [("comment", job.id)]
    shown(place, job)
    assert look() == []


def test_a_runner_at_work_is_left_alone(place, look):
    job = shown(place, place.launched())
    assert look(seconds_later=30) == []
    assert place.get(job).state == State.RUNNING
    assert place.launcher.stopped == []


def test_a_runner_that_vanished_is_noticed_and_replaced(place, look):
    job = shown(place, place.launched())
    token = place.launcher.token(job.id)
    place.launcher.vanish(job.id)
    assert ("launch", job.id) in look(seconds_later=5)
    queued_again = place.get(job)
    assert (queued_again.state, queued_again.timeline[-1].cause) == (State.QUEUED, "attempt 1 was lost")
    assert place.desk.attempts.authenticate(token) is None
    again = place.launched(queued_again)
    assert again.attempt == 2
    assert place.desk.attempts.authenticate(token) is None
    assert place.desk.attempts.authenticate(place.launcher.token(job.id)).id == job.id


def test_a_runner_that_was_never_started_is_noticed(place, look):
    """The launch task was killed between the two lines that move the job and start the runner."""
    job = place.asked()
    place.desk.jobs.move(job.id, State.LAUNCHING, cause="x", changes={"attempt": 1})
    assert ("launch", job.id) not in look()
    assert ("launch", job.id) in look(seconds_later=5)


def test_a_silent_runner_is_stopped_and_replaced_even_where_it_is_still_seen(place, look):
    job = shown(place, place.launched())
    assert ("launch", job.id) in look(seconds_later=61)
    assert place.launcher.stopped == [(job.id, 1)]
    assert place.get(job).state == State.QUEUED


def test_one_that_was_just_heard_of_is_alive_whatever_the_launcher_sees(place, look):
    job = shown(place, place.launched())
    place.launcher.vanish(job.id)
    place.desk.attempts.record(job, (HeartbeatEvent(seq=1, at=1.0),))
    assert look(seconds_later=0.5) == []
    assert place.get(job).state == State.RUNNING


def test_a_job_that_takes_too_long_ends(place, look):
    place.desk = place.make_desk(job_timeout_seconds=60, lost_after_seconds=1000)
    job = shown(place, place.launched())
    assert look(seconds_later=60 + TIMEOUT_GRACE_SECONDS - 5) == []
    assert ("comment", job.id) in look(seconds_later=10)
    ended = place.get(job)
    assert (ended.state, ended.error) == (State.TIMED_OUT, "The time limit of 1 minutes was reached.")
    assert place.launcher.stopped == [(job.id, 1)]


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING])
def test_a_cancelled_job_ends_and_its_runner_too(place, look, state):
    job = place.asked() if state == State.QUEUED else place.launched()
    place.desk.jobs.change(job.id, cancel_requested_by="ada")
    assert ("comment", job.id) in look()
    ended = place.get(job)
    assert (ended.state, ended.error) == (State.CANCELLED, "Stopped by ada.")
    assert place.launcher.observe(job.id, job.attempt) == "absent"
    token_is_dead = (
        state == State.QUEUED or place.desk.attempts.authenticate(place.launcher.token(job.id)) is None
    )
    assert token_is_dead


def test_a_job_that_is_being_published_is_not_cancelled_any_more(place, look):
    job = place.handed_in()
    place.desk.jobs.change(job.id, cancel_requested_by="ada")
    assert ("publish", job.id) in look()
    assert place.get(job).state == State.PUBLISHING


@pytest.mark.parametrize("why", ["timeout", "cancel", "lost"])
def test_a_result_that_came_in_meanwhile_is_not_thrown_away(place, look, why):
    """The list of live jobs is a little old when a job's turn comes."""
    place.desk = place.make_desk(
        job_timeout_seconds=60 if why == "timeout" else 1000, lost_after_seconds=1000
    )
    job = shown(place, place.launched())
    if why == "cancel":
        place.desk.jobs.change(job.id, cancel_requested_by="ada")
    if why == "lost":
        place.launcher.vanish(job.id)
    stale = place.desk.jobs.live()
    place.handed_in(job)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(place.desk.jobs), "live", lambda _: stale)
        look(seconds_later=500)
    assert place.get(job).state == State.PUBLISHING


def test_runners_that_nobody_wants_are_swept(place, look):
    wanted = shown(place, place.launched())
    ended = place.launched()
    place.desk.jobs.move(ended.id, State.FAILED, cause="x")
    shown(place, ended)
    place.launcher._running |= {("nobody000000", 1), (wanted.id, 7)}
    look()
    assert place.launcher.observe(ended.id, 1) == "running"  # it has just ended, and is tidying up
    assert place.launcher._running == {(wanted.id, 1), (ended.id, 1)}
    look(seconds_later=LEAVING_SECONDS + 1)
    assert place.launcher._running == {(wanted.id, 1)}


def test_a_launcher_that_is_away_stops_nothing_else(place, look, monkeypatch):
    running, waiting = shown(place, place.launched()), shown(place, place.asked())

    def away(*_):
        raise LaunchError("no answer")

    monkeypatch.setattr(place.launcher, "observe", away)
    assert look(seconds_later=5) == [("launch", waiting.id)]
    assert place.get(running).state == State.RUNNING
