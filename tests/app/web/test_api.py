import pytest

from app.domain.job import State
from runner.protocol import HeartbeatEvent, LogEvent
from tests.support.desk import make_job, walk


def put(web, **changes):
    job = walk(make_job(**changes), State.RUNNING)
    return web.desk.jobs.create(job, trigger=job.id, tasks=[])


def test_the_newest_jobs(web):
    assert web.people("/api/jobs").json() == {"jobs": []}
    old, new = put(web, created_at=10.0), put(web, created_at=20.0)
    listed = web.people("/api/jobs").json()["jobs"]
    assert [job["id"] for job in listed] == [new.id, old.id]
    assert [job["id"] for job in web.people("/api/jobs?limit=1").json()["jobs"]] == [new.id]
    for odd in ("0", "-5", "x", "99999999999"):
        assert web.people("/api/jobs", params={"limit": odd}).status_code == 200


def test_one_job(web):
    job = put(web)
    web.desk.jobs.add_spend(job.id, 0.25)
    shown = web.people(f"/api/jobs/{job.id}").json()
    assert (shown["state"], shown["spent_usd"], shown["first_model_request_at"]) == ("running", 0.25, None)
    assert shown["url"] == f"http://127.0.0.1:8080/jobs/{job.id}"
    assert [step["state"] for step in shown["timeline"]] == ["received", "queued", "launching", "running"]


def test_an_unknown_job(web):
    answer = web.people("/api/jobs/nobody12")
    assert (answer.status_code, answer.json()) == (404, {"error": "there is no such job"})


def test_the_log_can_be_followed(web):
    job = put(web)
    lines = [LogEvent(seq=n, at=1.0, source="agent", text=f"line {n}") for n in (1, 2, 3)]
    web.desk.attempts.record(job, (*lines, HeartbeatEvent(seq=4, at=1.0)))
    entries = web.people(f"/api/jobs/{job.id}/log").json()["entries"]
    assert [(entry["attempt"], entry["event"]["text"]) for entry in entries] == [
        (1, f"line {n}") for n in (1, 2, 3)
    ]
    rest = web.people(f"/api/jobs/{job.id}/log", params={"after": entries[0]["id"]}).json()["entries"]
    assert rest == entries[1:]


@pytest.mark.parametrize(
    "after",
    ["", "x", "-", "1-2-3", "--1", "٣-١", "9" * 40 + "-0", "+", "$", "1-1\n", "18446744073709551616-0"],
)
def test_an_odd_place_to_go_on_from_means_the_beginning(web, after):
    job = put(web)
    web.desk.attempts.record(job, (LogEvent(seq=1, at=1.0, source="agent", text="x"),))
    answer = web.people(f"/api/jobs/{job.id}/log", params={"after": after})
    assert (answer.status_code, len(answer.json()["entries"])) == (200, 1)
