"""The pages: the newest jobs, and one job with its timeline, facts and log. Plain HTML, no script needed."""

import datetime as dt
import json
from typing import Any

from flask import Blueprint, Response, abort, render_template

from app.domain.job import Job
from app.jobs.desk import Desk
from app.store.jobs import JobNotFoundError
from app.web.auth import for_people

JOBS_SHOWN = 50
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def blueprint(desk: Desk) -> Blueprint:
    """`/` and `/jobs/<id>`."""
    door = Blueprint("ui", __name__, template_folder="templates")

    @door.get("/")
    @for_people(desk)
    def index() -> Response:
        return _page("jobs.html", jobs=desk.jobs.newest(JOBS_SHOWN))

    @door.get("/jobs/<job_id>")
    @for_people(desk)
    def job(job_id: str) -> Response:
        try:
            found = desk.jobs.get(job_id)
        except JobNotFoundError:
            abort(404, "There is no such job.")
        events = [(attempt, json.loads(event)) for _, attempt, event in desk.attempts.log(job_id)]
        return _page(
            "job.html",
            job=found,
            log=events,
            spent=desk.jobs.spent_usd(job_id),
            steps=_steps(found),
            refresh=not found.ended,
        )

    door.add_app_template_filter(_clock, "clock")
    return door


def _page(template: str, **values: Any) -> Response:
    return Response(render_template(template, **values), headers=_SECURITY, mimetype="text/html")


def _steps(job: Job) -> list[tuple[Any, float]]:
    """The timeline with the seconds that each state lasted (to the next one)."""
    ends = [step.at for step in job.timeline[1:]] + [job.timeline[-1].at]
    return [(step, end - step.at) for step, end in zip(job.timeline, ends, strict=True)]


def _clock(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
