import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.domain.job import State
from app.store import keys
from app.store.attempts import digest, in_order, new_token
from runner.protocol import HeartbeatEvent, LogEvent, PhaseEvent, Result, ResultEvent
from tests.support.desk import make_job, walk


def put(jobs, state=State.RUNNING, **changes):
    job = walk(make_job(), state, **changes)
    return jobs.create(job, trigger=job.id, tasks=[])


def issue(redis, attempts, job, *, attempt=1, seconds=60):
    token = new_token()
    with redis.pipeline() as pipe:
        attempts.issue(pipe, token, job.id, attempt, seconds=seconds)
        assert attempts.authenticate(token) is None  # not before the MULTI is executed
        pipe.execute()
    return token


def line(seq, text="x"):
    return LogEvent(seq=seq, at=1.0, source="agent", text=text)


def logged(attempts, job):
    return [(attempt, json.loads(event)["seq"]) for _, attempt, event in attempts.log(job.id)]


def test_a_token_speaks_for_its_attempt(redis, jobs, attempts):
    job = put(jobs)
    token = issue(redis, attempts, job)
    assert attempts.authenticate(token) == job
    for wrong in ("", token[:-1], token + "x", digest(token), "*"):
        assert attempts.authenticate(wrong) is None


def test_tokens_are_stored_hashed_and_expire(redis, jobs, attempts):
    token = issue(redis, attempts, put(jobs), seconds=60)
    assert len(token) >= 43
    assert not any(token.encode() in key for key in redis.keys("*"))
    assert 0 < redis.ttl(keys.token(digest(token))) <= 60


@pytest.mark.parametrize("state", State)
def test_a_token_is_good_only_while_the_runner_is_at_work(redis, jobs, attempts, state):
    job = make_job(state=state, attempt=1)
    jobs.create(job, trigger=job.id, tasks=[])
    token = issue(redis, attempts, job)
    assert (attempts.authenticate(token) is not None) == (state in {State.LAUNCHING, State.RUNNING})


def test_a_token_dies_with_its_attempt(redis, jobs, attempts):
    job = put(jobs)
    token = issue(redis, attempts, job)
    jobs.move(job.id, State.QUEUED, cause="lost")
    assert attempts.authenticate(token) is None
    jobs.move(job.id, State.LAUNCHING, cause="again", changes={"attempt": 2})
    assert attempts.authenticate(token) is None
    assert attempts.authenticate(issue(redis, attempts, job, attempt=2)).attempt == 2


def test_a_token_of_a_job_that_is_gone(redis, attempts):
    assert attempts.authenticate(issue(redis, attempts, make_job())) is None


def test_recording_twice_is_recording_once(jobs, attempts):
    job = put(jobs)
    batch = (line(1), HeartbeatEvent(seq=2, at=1.0), PhaseEvent(seq=3, at=1.0, phase="edit"))
    attempts.record(job, batch)
    attempts.record(job, batch)
    attempts.record(job, (*batch, line(4)))
    assert logged(attempts, job) == [(1, 1), (1, 3), (1, 4)]  # heartbeats leave no line
    assert attempts.heard(job.id, 1).seq == 4


def test_a_number_is_taken_once_even_within_a_batch_and_never_goes_back(jobs, attempts):
    job = put(jobs)
    attempts.record(job, (line(1), line(1), line(3), line(2), line(3)))
    assert logged(attempts, job) == [(1, 1), (1, 3)]
    assert [event.seq for event in in_order((line(4), line(4), line(2), line(9)), after=3)] == [4, 9]


def test_the_same_batch_from_many_threads(jobs, attempts):
    job, start = put(jobs), threading.Barrier(10)

    def send(_):
        start.wait(10)
        attempts.record(job, tuple(line(seq) for seq in range(1, 6)))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(send, range(10)))
    assert logged(attempts, job) == [(1, seq) for seq in range(1, 6)]


def test_every_attempt_counts_for_itself_in_one_log(jobs, attempts):
    job = put(jobs)
    attempts.record(job, (line(1), line(2)))
    second = job.model_copy(update={"attempt": 2})
    attempts.record(second, (line(1),))
    assert logged(attempts, job) == [(1, 1), (1, 2), (2, 1)]
    assert attempts.heard(job.id, 2).seq == 1


def test_the_log_goes_on_after_an_entry(jobs, attempts):
    job = put(jobs)
    attempts.record(job, tuple(line(seq) for seq in range(1, 4)))
    first, *rest = [entry_id for entry_id, _, _ in attempts.log(job.id)]
    assert [entry_id for entry_id, _, _ in attempts.log(job.id, after=first)] == rest
    assert list(attempts.log(job.id, after=rest[-1])) == []


def test_heard_tells_when(jobs, attempts):
    job, before = put(jobs), time.time()
    assert attempts.heard(job.id, 1).at is None
    attempts.record(job, (HeartbeatEvent(seq=1, at=5.0),))
    assert before <= attempts.heard(job.id, 1).at <= time.time()  # our clock, not the runner's


def test_the_first_model_request_is_the_one_that_is_remembered(jobs, attempts):
    job = put(jobs)
    assert attempts.first_model_request_at(job.id) is None
    attempts.note_model_request(job)
    first = attempts.first_model_request_at(job.id)
    attempts.note_model_request(job)
    assert attempts.first_model_request_at(job.id) == first


def test_a_flood_of_log_lines_is_bounded_and_the_result_still_kept(jobs, attempts, monkeypatch):
    monkeypatch.setattr("app.store.attempts.LOG_BYTES", 2_000)
    job = put(jobs, attempt=1)
    for seq in range(1, 101):
        attempts.record(job, (line(seq, "x" * 500),))
    attempts.record(job, (ResultEvent(seq=101, at=1.0, result=Result(outcome="no_changes")),))
    kept = [json.loads(event)["kind"] for _, _, event in attempts.log(job.id)]
    assert 3 <= kept.count("log") <= 6
    assert kept[-1] == "result"
    assert attempts.heard(job.id, job.attempt).seq == 101


def test_places_for_requests_are_bounded_given_back_and_freed_after_a_crash(
    redis, jobs, attempts, monkeypatch
):
    job = put(jobs, attempt=1)
    held = [attempts.begin_request(job, at_most=2) for _ in range(3)]
    assert [ticket is not None for ticket in held] == [True, True, False]
    attempts.end_request(job, held[0])
    assert attempts.begin_request(job, at_most=2) is not None
    assert attempts.begin_request(job, at_most=2) is None
    now = time.time()
    monkeypatch.setattr("app.store.attempts.time.time", lambda: now + 901)
    assert attempts.begin_request(job, at_most=2) is not None
