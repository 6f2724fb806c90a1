"""What runners send: their tokens, their events, their heartbeats.

A token is 256 random bits, stored as its SHA-256, bound to one attempt. It dies with the attempt: by being
deleted when the attempt ends, and by the attempt number where that was missed.
"""

import hashlib
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from redis.exceptions import WatchError

from app.domain.job import Job, State
from app.store import keys
from app.store.connection import Pipeline, Redis
from app.store.jobs import JobNotFoundError, Jobs
from runner.protocol import Event, HeartbeatEvent, LogEvent

LOG_LENGTH = 20_000
LOG_BYTES = 8 * 1024 * 1024
"""What one attempt may have us keep of its log lines; phases and the result are kept in any case."""
REQUEST_SECONDS = 900
KEPT_SECONDS = 30 * 86_400
TOKEN_BYTES = 32
_LISTENING = frozenset({State.LAUNCHING, State.RUNNING})


def new_token() -> str:
    """A fresh job token; the caller hands it to the runner and stores only its digest."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def in_order(events: Iterable[Event], *, after: int) -> Iterator[Event]:
    """The events that are new after number `after`: each number once, and none that goes back."""
    for event in events:
        if event.seq > after:
            after = event.seq
            yield event


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How far an attempt has reported."""

    seq: int
    at: float | None


class Attempts:
    """Tokens and reports of the attempts. Thread-safe."""

    def __init__(self, redis: Redis, jobs: Jobs) -> None:
        self._redis = redis
        self._jobs = jobs

    def issue(self, pipe: Pipeline, token: str, job_id: str, attempt: int, *, seconds: int) -> None:
        """Make `token` good for one attempt and `seconds` at the most, in the caller's MULTI."""
        pipe.set(keys.token(digest(token)), f"{job_id}:{attempt}", ex=seconds)

    def authenticate(self, token: str) -> Job | None:
        """The job whose current attempt this token speaks for; none where that attempt is over."""
        bound = self._redis.get(keys.token(digest(token)))
        if bound is None:
            return None
        job_id, _, attempt = bound.decode().partition(":")
        try:
            job = self._jobs.get(job_id)
        except JobNotFoundError:
            return None
        return job if job.state in _LISTENING and job.attempt == int(attempt) else None

    def record(self, job: Job, events: tuple[Event, ...]) -> None:
        """Append the events that are new, in order. Repeating a batch changes nothing."""
        key = keys.heard(job.id, job.attempt)
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    pipe.watch(key)
                    stored = pipe.hmget(key, "seq", "bytes")
                    last, size = (int(value or 0) for value in stored)
                    pipe.multi()
                    for event in in_order(events, after=last):
                        last, text = event.seq, event.model_dump_json()
                        if isinstance(event, HeartbeatEvent) or (
                            size > LOG_BYTES and isinstance(event, LogEvent)
                        ):
                            continue
                        size += len(text)
                        entry = {"attempt": job.attempt, "event": text}
                        pipe.xadd(keys.log(job.id), entry, maxlen=LOG_LENGTH, approximate=True)
                    pipe.hset(key, mapping={"seq": last, "at": time.time(), "bytes": size})
                    for kept in (key, keys.log(job.id)):
                        pipe.expire(kept, KEPT_SECONDS)
                    pipe.execute()
                except WatchError:
                    continue
                return

    def heard(self, job_id: str, attempt: int) -> Heard:
        """How far the attempt has reported, and when it was last heard of."""
        seq, at = self._redis.hmget(keys.heard(job_id, attempt), "seq", "at")
        return Heard(seq=int(seq or 0), at=float(at) if at else None)

    def begin_request(self, job: Job, *, at_most: int) -> str | None:
        """Take one of the job's places for model requests; none where all are taken.

        A place whose holder was killed is free again after `REQUEST_SECONDS`.
        """
        key, ticket, now = keys.under_way(job.id), secrets.token_hex(8), time.time()
        with self._redis.pipeline() as pipe:
            pipe.zremrangebyscore(key, 0, now)
            pipe.zadd(key, {ticket: now + REQUEST_SECONDS})
            pipe.zcard(key)
            pipe.expire(key, REQUEST_SECONDS)
            _, _, count, _ = pipe.execute()
        if count <= at_most:
            return ticket
        self._redis.zrem(key, ticket)
        return None

    def end_request(self, job: Job, ticket: str) -> None:
        """Give the place back."""
        self._redis.zrem(keys.under_way(job.id), ticket)

    def note_model_request(self, job: Job) -> None:
        """Remember when the job's first model request came; later ones change nothing."""
        self._redis.setnx(keys.first_model_request(job.id), time.time())

    def first_model_request_at(self, job_id: str) -> float | None:
        """When the job's agent first asked the model; none where it hasn't."""
        at = self._redis.get(keys.first_model_request(job_id))
        return float(at) if at else None

    def log(self, job_id: str, *, after: str = "-") -> Iterator[tuple[str, int, bytes]]:
        """`(id, attempt, event as JSON)` of the stored events after the entry `after`."""
        start = after if after == "-" else f"({after}"
        for entry_id, fields in self._redis.xrange(keys.log(job_id), min=start):
            yield entry_id.decode(), int(fields[b"attempt"]), fields[b"event"]
