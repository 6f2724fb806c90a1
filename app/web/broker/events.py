"""What a runner is told and what it reports.

Events are numbered; each number is taken once, so a batch may be sent again when its answer was lost. The
result is the last thing an attempt says: with it the job moves on, in the same step the token dies.
"""

from flask import Blueprint, Response, request
from pydantic import ValidationError

from app.domain.job import IllegalTransitionError, Job, State
from app.jobs.desk import Desk
from app.jobs.spec import spec_of
from app.store.attempts import in_order
from app.store.jobs import StaleAttemptError
from app.store.tasks import Task, enqueue_once
from app.telemetry import logs
from app.web.auth import job_of_runner
from runner.protocol import Event, EventAnswer, EventBatch, PhaseEvent, ResultEvent

MAX_BODY_BYTES = 8 * 1024 * 1024


def add_routes(door: Blueprint, desk: Desk) -> None:
    """`/broker/job` and `/broker/events`."""

    @door.get("/job")
    def job() -> Response:
        job = job_of_runner(desk.attempts)
        if job.state == State.LAUNCHING:
            # the launch task may have been killed before it could say so; the runner is the better witness
            job = _started(desk, job)
        return Response(spec_of(desk, job).model_dump_json(), mimetype="application/json")

    @door.post("/events")
    def report() -> Response:
        job = job_of_runner(desk.attempts)
        body = request.stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            return Response("events: at most 8 MiB at once\n", 413, mimetype="text/plain")
        try:
            batch = EventBatch.model_validate_json(body)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            return Response(f"events: {where}: {problem['msg']}\n", 422, mimetype="text/plain")
        heard = desk.attempts.heard(job.id, job.attempt).seq
        for event in in_order(batch.events, after=heard):
            _act(desk, job, event)  # before it is recorded: killed in between, the runner sends it again
        desk.attempts.record(job, batch.events)
        answer = EventAnswer(
            accepted_through=desk.attempts.heard(job.id, job.attempt).seq,
            cancel=job.cancel_requested_by is not None,
        )
        return Response(answer.model_dump_json(), mimetype="application/json")


def _started(desk: Desk, job: Job) -> Job:
    try:
        return desk.jobs.move(
            job.id, State.RUNNING, cause="the runner reported", attempt=job.attempt, tasks=[Task.COMMENT]
        )
    except (IllegalTransitionError, StaleAttemptError):
        return desk.jobs.get(job.id)


def _act(desk: Desk, job: Job, event: Event) -> None:
    """Let a new event have its effect on the job. Stale ones have none."""
    try:
        if isinstance(event, PhaseEvent):
            desk.jobs.change(job.id, attempt=job.attempt, phase=event.phase)
            enqueue_once(desk.redis, Task.COMMENT, job.id)
        elif isinstance(event, ResultEvent):
            desk.jobs.move(
                job.id,
                State.PUBLISHING,
                cause=f"the runner handed in its result: {event.result.outcome}",
                expect=[State.RUNNING],
                attempt=job.attempt,
                tasks=[Task.PUBLISH, Task.COMMENT],
                changes={"result": event.result},
            )
    except (IllegalTransitionError, StaleAttemptError) as error:
        logs.get().warning(
            "event_too_late", job=job.id, attempt=job.attempt, kind=event.kind, cause=str(error)
        )
