import json

import pytest

from app.domain.job import State
from runner.protocol import JobSpec, Task
from tests.support.desk import FolderHost

OID = "a" * 40


def phase(seq, name="edit"):
    return {"kind": "phase", "seq": seq, "at": 1.0, "phase": name}


def log(seq, text="x"):
    return {"kind": "log", "seq": seq, "at": 1.0, "source": "agent", "text": text}


def result(seq, outcome="changed", **more):
    return {"kind": "result", "seq": seq, "at": 1.0, "result": {"outcome": outcome, "head_sha": OID} | more}


def send(web, token, *events):
    return web.runner("POST", "/events", token, json={"events": list(events)})


def logged(web, job):
    return [json.loads(event)["seq"] for _, _, event in web.desk.attempts.log(job.id)]


def test_a_batch_is_taken_once_and_shows(web, queued):
    job, token = web.start_job()
    for _ in range(2):
        answer = send(web, token, log(1), phase(2, "commit"))
        assert answer.json() == {"accepted_through": 2, "cancel": False}
    assert logged(web, job) == [1, 2]
    assert web.desk.jobs.get(job.id).phase == "commit"
    assert queued() == [("comment", job.id)]


def test_old_and_repeated_numbers_have_no_effect(web):
    job, token = web.start_job()
    send(web, token, phase(5, "verify"))
    assert send(web, token, phase(3, "clone")).json()["accepted_through"] == 5
    assert (
        send(web, token, phase(6, "push"), phase(6, "clone"), phase(2, "clone")).json()["accepted_through"]
        == 6
    )
    assert web.desk.jobs.get(job.id).phase == "push"
    assert logged(web, job) == [5, 6]


def test_the_result_moves_the_job_once_and_ends_the_token(web, queued):
    job, token = web.start_job()
    answer = send(web, token, log(1), result(2), result(3, "failed"), phase(4, "clone"))
    assert answer.status_code == 200
    moved = web.desk.jobs.get(job.id)
    assert (moved.state, moved.result.outcome, moved.result.head_sha) == (State.PUBLISHING, "changed", OID)
    assert [step.state for step in moved.timeline].count(State.PUBLISHING) == 1
    assert queued().count(("publish", job.id)) == 1
    for method, path in (("GET", "/job"), ("POST", "/events"), ("POST", "/claude/v1/messages")):
        assert web.runner(method, path, token, json={}).status_code == 401


def test_a_result_with_an_unknown_commit_is_not_understood(web):
    job, token = web.start_job()
    assert send(web, token, result(1, head_sha="main")).status_code == 422
    assert web.desk.jobs.get(job.id).state == State.RUNNING


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"events": []}, "events"),
        ({}, "events"),
        ({"events": [log(1) | {"extra": 1}]}, "extra"),
        ({"events": [log(0)]}, "seq"),
        ({"events": [log(1) | {"kind": "shell"}]}, "events.0"),
        ({"events": [log(1, "x" * 20_001)]}, "text"),
        ({"events": [log(n) for n in range(1, 202)]}, "events"),
        ({"events": [phase(1, "sleep")]}, "phase"),
        ({"events": [log(1)], "job_id": "other"}, "job_id"),
        ({"events": [result(1, state="succeeded")]}, "state"),
        ([], ""),
    ],
)
def test_what_is_not_in_the_protocol_is_refused_by_name_and_has_no_effect(web, body, where):
    job, token = web.start_job()
    answer = web.runner("POST", "/events", token, json=body)
    assert answer.status_code == 422
    assert where in answer.text
    assert web.desk.attempts.heard(job.id, 1).seq == 0
    assert web.desk.jobs.get(job.id) == job


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"events": [{"kind": "log", "text": "\\ud800"}]}']
)
def test_what_is_no_json_is_refused(web, body):
    _, token = web.start_job()
    assert web.runner("POST", "/events", token, content=body).status_code == 422


def test_too_much_at_once(web):
    _, token = web.start_job()
    answer = web.runner("POST", "/events", token, content=b" " * (8 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    chunks = (b" " * 65_536 for _ in range(130))
    assert web.runner("POST", "/events", token, content=chunks).status_code == 413


def test_a_cancelled_job_is_told_so(web):
    job, token = web.start_job()
    web.desk.jobs.change(job.id, cancel_requested_by="ada")
    assert send(web, token, {"kind": "heartbeat", "seq": 1, "at": 1.0}).json()["cancel"] is True


def test_a_heartbeat_is_heard_and_leaves_no_line(web):
    job, token = web.start_job()
    send(web, token, {"kind": "heartbeat", "seq": 1, "at": 1.0})
    assert web.desk.attempts.heard(job.id, 1).at is not None
    assert logged(web, job) == []


@pytest.fixture
def specified(serve, repository):
    repository.commit({".forgehand.yml": "verify: make test\n"})
    repository("push", "-q", "origin", "HEAD:refs/heads/main")
    return serve({"hosts": {"home": FolderHost(repository.bare)}}), repository("rev-parse", "HEAD")


def test_a_runner_that_asks_for_its_orders_has_started(specified, queued):
    web, base = specified
    job, token = web.start_job(State.LAUNCHING)
    web.desk.jobs.change(job.id, base_sha=base, start_sha=base)
    web.desk.mirror_of(job).fetch()
    first = web.runner("GET", "/job", token)
    assert web.desk.jobs.get(job.id).state == State.RUNNING
    assert queued() == [("comment", job.id)]
    assert web.runner("GET", "/job", token).json() == first.json()  # asking again gives the same
    assert [step.state for step in web.desk.jobs.get(job.id).timeline].count(State.RUNNING) == 1
    spec = JobSpec.model_validate_json(first.content)
    assert (spec.job_id, spec.attempt, spec.base_sha, spec.start_sha) == (job.id, 1, base, base)
    assert spec.quarantine_ref == f"refs/forgehand/jobs/{job.id}/1/head"
    assert spec.verify == "make test"
    assert spec.commit_subject == "Say hello (#1)"
    assert spec.identity.name == "forgehand-bot"


def test_a_comments_first_line_is_the_commits_subject(specified):
    web, base = specified
    task = Task(title="T", body="B", author="ada", number=1, request="[skip ci] --do it\nlike this")
    job, token = web.start_job(base_sha=base, start_sha=base, task=task)
    web.desk.mirror_of(job).fetch()
    assert web.runner("GET", "/job", token).json()["commit_subject"] == "do it (#1)"
