"""The Messages API for runners: the job token comes in, the real key goes out, and what it costs is counted.

Forwarded are `POST /v1/messages` and `/v1/messages/count_tokens`, and of the caller's headers only the few
that the API needs. Credentials are overwritten, never passed on; what
`asked.py` objects to is refused. Past the job's budget every request gets a
clean API error (https://docs.claude.com/en/api/errors); what is under way is let finish.
"""

import errno
import json
import time
from collections.abc import Iterator

import httpx
from flask import Blueprint, Response, request, stream_with_context

from app.domain.job import Job
from app.domain.prices import cost_usd
from app.jobs.desk import Desk
from app.settings import Settings
from app.telemetry import logs, metrics
from app.web.auth import job_of_runner
from app.web.broker import asked
from app.web.broker.usage import UsageMeter

UPSTREAM = "forgehand_claude_upstream"
"""Name of the HTTP client among the application's extensions."""
MAX_UNDER_WAY = 4
"""Requests of one job at the same time: a budget can be passed by no more than what is under way."""
_PATHS = ("messages", "messages/count_tokens")
_HEADERS_IN = ("anthropic-version", "anthropic-beta", "content-type", "user-agent", "x-stainless-retry-count")
OAUTH_BETA = "oauth-2025-04-20"
"""What the API wants to see in `anthropic-beta` beside a subscription token."""
_HEADERS_OUT = ("content-type", "retry-after", "request-id")
_TIMEOUT = httpx.Timeout(connect=10, read=600, write=60, pool=10)
"""Seconds; a model may think for minutes before the first byte."""


def add_routes(door: Blueprint, desk: Desk) -> None:
    """`/broker/claude/v1/…`."""
    settings = desk.settings
    upstream = httpx.Client(
        base_url=settings.anthropic_base_url,
        headers=credentials(settings),
        timeout=_TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=settings.web_threads, max_keepalive_connections=settings.web_threads
        ),
    )

    # for whoever ends an application before its process ends
    door.record_once(lambda setup: setup.app.extensions.update({UPSTREAM: upstream}))

    models = frozenset({settings.model_edit, settings.model_conflicts})

    @door.post("/claude/v1/<path:path>")
    def forward(path: str) -> Response:
        job = job_of_runner(desk.attempts)
        if path not in _PATHS:
            return _error(
                404, "not_found_error", "Forgehand forwards only /v1/messages and /v1/messages/count_tokens"
            )
        # a place before the body: what is under way at once bounds memory and overspending, too
        ticket = desk.attempts.begin_request(job, at_most=MAX_UNDER_WAY)
        if ticket is None:
            metrics.BROKER_REQUESTS.labels(door="claude", outcome="too_many").inc()
            return _error(
                429, "rate_limit_error", f"Forgehand: {MAX_UNDER_WAY} requests of this job are under way"
            )
        call = _Call(desk, job, path, ticket)
        response = call.answer(upstream, models)
        response.call_on_close(call.end)  # also where the caller hung up before the first byte
        return response


class _Call:
    """One request of a runner, from its body to what it cost."""

    def __init__(self, desk: Desk, job: Job, path: str, ticket: str) -> None:
        self._desk, self._job, self._path, self._ticket = desk, job, path, ticket
        self._started = time.monotonic()
        self._upstream: httpx.Response | None = None
        self._meter = UsageMeter(streamed=False)
        self._asked: asked.Asked | None = None
        self._ended = False

    def answer(self, upstream: httpx.Client, models: frozenset[str]) -> Response:
        settings = self._desk.settings
        limit = settings.max_request_mib * 1024 * 1024
        body = request.stream.read(limit + 1)
        if len(body) > limit:
            return _error(
                413, "request_too_large", f"Forgehand takes requests up to {settings.max_request_mib} MiB"
            )
        try:
            what = asked.read(body, models=models)
        except asked.RefusedError as error:
            return _error(400, "invalid_request_error", str(error))
        spent = self._desk.jobs.spent_usd(self._job.id)
        if spent >= settings.job_budget_usd:
            metrics.BROKER_REQUESTS.labels(door="claude", outcome="over_budget").inc()
            sentence = f"this job's budget of ${settings.job_budget_usd:.2f} is spent (${spent:.2f})"
            return _error(403, "permission_error", f"Forgehand: {sentence}")
        self._desk.attempts.note_model_request(self._job)
        return self._forward(upstream, body, what)

    def _forward(self, upstream: httpx.Client, body: bytes, what: asked.Asked) -> Response:
        headers = {name: request.headers[name] for name in _HEADERS_IN if name in request.headers}
        if "authorization" in upstream.headers:
            betas = [beta for beta in (headers.get("anthropic-beta"), OAUTH_BETA) if beta]
            headers["anthropic-beta"] = ",".join(betas)
        call = upstream.build_request(
            "POST", f"/v1/{self._path}", params=request.query_string, headers=headers, content=body
        )
        try:
            answer = self._upstream = upstream.send(call, stream=True)
        except httpx.HTTPError as error:
            self._log("claude_unreachable", error)
            metrics.BROKER_REQUESTS.labels(door="claude", outcome="unreachable").inc()
            return _error(529, "overloaded_error", "Forgehand can't reach the Claude API right now")
        if answer.is_success and self._path == "messages":
            self._asked = what
        self._meter = UsageMeter(
            streamed=answer.headers.get("content-type", "").startswith("text/event-stream")
        )
        kept = {name: answer.headers[name] for name in _HEADERS_OUT if name in answer.headers}
        return Response(stream_with_context(self._relay(answer)), answer.status_code, kept)

    def _relay(self, answer: httpx.Response) -> Iterator[bytes]:
        try:
            for chunk in answer.iter_bytes():
                self._meter.feed(chunk)
                yield chunk
        except httpx.HTTPError as error:
            self._log("claude_broke_off", error)
            # not a clean end: the caller must see a connection that broke off, and repeats by its own rules
            raise ConnectionResetError(errno.ECONNRESET, "the Claude API broke off") from error
        finally:
            self.end()  # before the caller sees the end: its next request must find this one counted

    def end(self) -> None:
        """Give the place back, and book what the answer cost; once."""
        if self._ended:
            return
        self._ended = True
        self._desk.attempts.end_request(self._job, self._ticket)
        if self._upstream is None:
            return
        self._upstream.close()
        cost = self._cost()
        if cost:
            self._desk.jobs.add_spend(self._job.id, cost)
        metrics.CLAUDE_USD.inc(cost)
        metrics.CLAUDE_SECONDS.observe(time.monotonic() - self._started)
        outcome = f"{self._upstream.status_code // 100}xx"
        metrics.BROKER_REQUESTS.labels(door="claude", outcome=outcome).inc()

    def _cost(self) -> float:
        """From the API's own figures; where the caller hung up before them, rather too much than too little."""
        self._meter.close()
        known = cost_usd(self._meter.model or "", self._meter.figures)
        if self._asked is None or self._meter.complete:
            return known
        return max(known, self._asked.input_usd if self._meter.streamed else self._asked.most_usd)

    def _log(self, event: str, error: Exception) -> None:
        logs.get().warning(event, job=self._job.id, attempt=self._job.attempt, cause=type(error).__name__)


def credentials(settings: Settings) -> dict[str, str]:
    """The headers that make a request ours; empty where no credential is configured (a keyless gateway)."""
    if settings.anthropic_api_key is not None:
        return {"x-api-key": settings.anthropic_api_key.get_secret_value()}
    if settings.claude_oauth_token is not None:
        return {"authorization": f"Bearer {settings.claude_oauth_token.get_secret_value()}"}
    return {}


def _error(status: int, kind: str, message: str) -> Response:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Response(json.dumps(body), status, mimetype="application/json")
