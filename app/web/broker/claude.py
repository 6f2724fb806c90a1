"""The Messages API for runners: the job token comes in, the real key goes out, and what it costs is counted.

Forwarded are `POST /v1/messages` and `/v1/messages/count_tokens`, and of the caller's headers only the few
that the API needs. Credentials are overwritten, never passed on; server-side tools and MCP connectors, which
would reach the network from outside the sandbox, are refused. Past the job's budget every request gets a
clean API error (https://docs.claude.com/en/api/errors); what is under way is let finish.
"""

import errno
import functools
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
from flask import Blueprint, Response, request, stream_with_context

from app.domain.job import Job
from app.domain.prices import cost_usd
from app.jobs.desk import Desk
from app.settings import Settings
from app.telemetry import logs, metrics
from app.web.auth import job_of_runner
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
_REFUSED_FIELDS = ("mcp_servers", "container")
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

    @door.post("/claude/v1/<path:path>")
    def forward(path: str) -> Response:
        job = job_of_runner(desk.attempts)
        if path not in _PATHS:
            return _error(
                404, "not_found_error", "Forgehand forwards only /v1/messages and /v1/messages/count_tokens"
            )
        limit = settings.max_request_mib * 1024 * 1024
        body = request.stream.read(limit + 1)
        if len(body) > limit:
            return _error(
                413, "request_too_large", f"Forgehand takes requests up to {settings.max_request_mib} MiB"
            )
        if refusal := _refusal(body):
            return _error(400, "invalid_request_error", refusal)
        spent = desk.jobs.spent_usd(job.id)
        if spent >= settings.job_budget_usd:
            metrics.BROKER_REQUESTS.labels(door="claude", outcome="over_budget").inc()
            sentence = f"this job's budget of ${settings.job_budget_usd:.2f} is spent (${spent:.2f})"
            return _error(403, "permission_error", f"Forgehand: {sentence}")
        ticket = desk.attempts.begin_request(job, at_most=MAX_UNDER_WAY)
        if ticket is None:
            metrics.BROKER_REQUESTS.labels(door="claude", outcome="too_many").inc()
            return _error(
                429, "rate_limit_error", f"Forgehand: {MAX_UNDER_WAY} requests of this job are under way"
            )
        desk.attempts.note_model_request(job)
        return _forward(desk, upstream, job, path=path, body=body, ticket=ticket)


def _forward(desk: Desk, upstream: httpx.Client, job: Job, path: str, body: bytes, ticket: str) -> Response:
    headers = {name: request.headers[name] for name in _HEADERS_IN if name in request.headers}
    if "authorization" in upstream.headers:
        betas = [beta for beta in (headers.get("anthropic-beta"), OAUTH_BETA) if beta]
        headers["anthropic-beta"] = ",".join(betas)
    call = upstream.build_request(
        "POST", f"/v1/{path}", params=request.query_string, headers=headers, content=body
    )
    started = time.monotonic()
    try:
        answer = upstream.send(call, stream=True)
    except httpx.HTTPError as error:
        logs.get().warning("claude_unreachable", job=job.id, attempt=job.attempt, cause=type(error).__name__)
        metrics.BROKER_REQUESTS.labels(door="claude", outcome="unreachable").inc()
        desk.attempts.end_request(job, ticket)
        return _error(529, "overloaded_error", "Forgehand can't reach the Claude API right now")
    streamed = answer.headers.get("content-type", "").startswith("text/event-stream")
    meter = UsageMeter(streamed=streamed)

    def relay() -> Iterator[bytes]:
        try:
            for chunk in answer.iter_bytes():
                meter.feed(chunk)
                yield chunk
        except httpx.HTTPError as error:
            logs.get().warning(
                "claude_broke_off", job=job.id, attempt=job.attempt, cause=type(error).__name__
            )
            # not a clean end: the caller must see a connection that broke off, and repeats by its own rules
            raise ConnectionResetError(errno.ECONNRESET, "the Claude API broke off") from error
        finally:
            done()  # before the caller sees the end: its next request must find this one counted

    @functools.cache
    def done() -> None:
        answer.close()
        desk.attempts.end_request(job, ticket)
        _count(desk, job, meter, time.monotonic() - started, answer.status_code)

    kept = {name: answer.headers[name] for name in _HEADERS_OUT if name in answer.headers}
    response = Response(stream_with_context(relay()), answer.status_code, kept)
    response.call_on_close(done)  # also where the caller hung up before the first byte
    return response


def _count(desk: Desk, job: Job, meter: UsageMeter, seconds: float, status: int) -> None:
    """Book what the response cost; also called for one that broke off, with the figures seen so far."""
    meter.close()
    cost = cost_usd(meter.model or "", meter.figures)
    if cost:
        desk.jobs.add_spend(job.id, cost)
    metrics.CLAUDE_USD.inc(cost)
    metrics.CLAUDE_SECONDS.observe(seconds)
    metrics.BROKER_REQUESTS.labels(door="claude", outcome=f"{status // 100}xx").inc()


def credentials(settings: Settings) -> dict[str, str]:
    """The headers that make a request ours; empty where no credential is configured (a keyless gateway)."""
    if settings.anthropic_api_key is not None:
        return {"x-api-key": settings.anthropic_api_key.get_secret_value()}
    if settings.claude_oauth_token is not None:
        return {"authorization": f"Bearer {settings.claude_oauth_token.get_secret_value()}"}
    return {}


def _refusal(body: bytes) -> str | None:
    """Why a request must not be forwarded; None where it may."""
    try:
        value: Any = json.loads(body.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return "the body is not JSON that says everything once"
    if not isinstance(value, dict):
        return "the body is not a JSON object"
    for field in _REFUSED_FIELDS:
        if value.get(field):
            return f"Forgehand doesn't forward `{field}`"
    tools = value.get("tools") or []
    if not isinstance(tools, list):
        return "`tools` is not a list"
    for tool in tools:
        # a client tool has no type, or `custom`, or is one of the shell and editor tools that run with the caller
        kind = tool.get("type", "custom") if isinstance(tool, dict) else ""
        if not isinstance(kind, str) or not kind.startswith(("custom", "bash_", "text_editor_", "memory_")):
            return f"Forgehand doesn't forward the server-side tool {str(kind)[:60]!r}"
    return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; two keys of one name, of which the API might read the other one, are an error."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _error(status: int, kind: str, message: str) -> Response:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Response(json.dumps(body), status, mimetype="application/json")
