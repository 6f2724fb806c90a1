"""The JSON API for people and scripts: what jobs there are, and how one went. Reading only."""

import json
import re
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.domain.job import Job
from app.jobs.desk import Desk
from app.store.jobs import JobNotFoundError
from app.web.auth import for_people

MAX_PAGE = 200
_ENTRY = re.compile(r"[0-9]{1,15}-[0-9]{1,15}", re.ASCII)
"""Id of a log entry, as Redis makes them."""


def blueprint(desk: Desk) -> Blueprint:
    """`/api/jobs`, `/api/jobs/<id>` and `/api/jobs/<id>/log`."""
    door = Blueprint("api", __name__, url_prefix="/api")

    @door.get("/jobs")
    @for_people(desk)
    def jobs() -> Response:
        count = min(request.args.get("limit", 50, type=int), MAX_PAGE)
        return jsonify({"jobs": [as_json(desk, job) for job in desk.jobs.newest(max(1, count))]})

    @door.get("/jobs/<job_id>")
    @for_people(desk)
    def job(job_id: str) -> tuple[Response, int] | Response:
        try:
            return jsonify(as_json(desk, desk.jobs.get(job_id)))
        except JobNotFoundError:
            return jsonify({"error": "there is no such job"}), 404

    @door.get("/jobs/<job_id>/log")
    @for_people(desk)
    def log(job_id: str) -> Response:
        """Events after the entry `?after=`, oldest first; each carries the id to go on from."""
        after = request.args.get("after", "-")
        if not _ENTRY.fullmatch(after):
            after = "-"
        entries = [
            {"id": entry_id, "attempt": attempt, "event": json.loads(event)}
            for entry_id, attempt, event in desk.attempts.log(job_id, after=after)
        ]
        return jsonify({"entries": entries})

    return door


def as_json(desk: Desk, job: Job) -> dict[str, Any]:
    """A job as the API shows it: the record, its page and what it cost."""
    return job.model_dump(mode="json") | {
        "url": desk.job_url(job),
        "spent_usd": desk.jobs.spent_usd(job.id),
        "first_model_request_at": desk.attempts.first_model_request_at(job.id),
    }
