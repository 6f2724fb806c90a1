"""Jobs in Redis: created once per trigger, moved by compare-and-set, with what follows in the same MULTI."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from redis.exceptions import WatchError

from app.domain.job import IllegalTransitionError, Job, State
from app.store import keys
from app.store.connection import Pipeline, Redis
from app.store.tasks import Task, enqueue
from app.telemetry import logs

TRIGGER_MEMORY_SECONDS = 90 * 86_400
_OCCUPYING = {State.LAUNCHING, State.RUNNING}
_T = TypeVar("_T")


class JobNotFoundError(Exception):
    """There is no job of that id."""


class NoRoomError(Exception):
    """As many runners as allowed are running."""


class StaleAttemptError(Exception):
    """A newer attempt has taken over: whatever this one wants comes too late."""


class Jobs:
    """All jobs of the service. Thread-safe; times are seconds since the epoch."""

    def __init__(self, redis: Redis, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock

    def create(
        self,
        job: Job,
        *,
        trigger: str,
        tasks: Sequence[Task],
    ) -> Job:
        """Store a new job, once per `trigger`. Answers the job that is stored, whoever made it."""
        key = keys.trigger(trigger)

        def step(pipe: Pipeline) -> Job:
            existing = pipe.get(key)
            if existing:
                return self.get(existing.decode())
            pipe.multi()
            pipe.set(key, job.id, ex=TRIGGER_MEMORY_SECONDS)
            pipe.zadd(keys.JOBS, {job.id: job.created_at})
            self._write(pipe, job)
            self._follow(pipe, job.id, tasks)
            return job

        return self._atomically(step, key)

    def made_by(self, trigger: str) -> str | None:
        """Id of the job that this trigger made; none where it made none."""
        found = self._redis.get(keys.trigger(trigger))
        return found.decode() if found else None

    def get(self, job_id: str) -> Job:
        """Raise `JobNotFoundError` where there is none."""
        stored = self._redis.get(keys.job(job_id))
        if stored is None:
            raise JobNotFoundError(f"there is no job {job_id}")
        return Job.model_validate_json(stored)

    def move(
        self,
        job_id: str,
        to: State,
        *,
        cause: str,
        expect: Iterable[State] | None = None,
        attempt: int | None = None,
        tasks: Sequence[Task] = (),
        also: Callable[[Pipeline], None] | None = None,
        room: int | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> Job:
        """Move a job one transition, as one atomic step with `tasks` and `also`.

        `expect` narrows the states it may come from, `attempt` the attempt that may do it (fencing), `room` how
        many jobs may hold a runner's place. Raises `IllegalTransitionError`, `StaleAttemptError`, `NoRoomError`.
        """

        def step(pipe: Pipeline) -> Job:
            job = self._read(pipe, job_id, attempt)
            if expect is not None and job.state not in set(expect):
                raise IllegalTransitionError(f"job {job.id} is {job.state} already ({cause})")
            if room is not None and pipe.scard(keys.OCCUPIED) >= room:
                raise NoRoomError(f"{room} runners are running; the job waits")
            moved = job.moved(to, cause=cause, at=self._clock(), **(changes or {}))
            pipe.multi()
            self._write(pipe, moved)
            self._follow(pipe, job_id, tasks)
            if also:
                also(pipe)
            return moved

        return self._atomically(step, keys.job(job_id), *([keys.OCCUPIED] if room is not None else []))

    def change(
        self, job_id: str, *, attempt: int | None = None, tasks: Sequence[Task] = (), **changes: Any
    ) -> Job:
        """Set fields of a job without moving it."""

        def step(pipe: Pipeline) -> Job:
            changed = self._read(pipe, job_id, attempt).model_copy(update=changes)
            pipe.multi()
            self._write(pipe, changed)
            self._follow(pipe, job_id, tasks)
            return changed

        return self._atomically(step, keys.job(job_id))

    def settle(self, job_id: str) -> None:
        """Take an ended job, whose end the thread shows, off the list that the reconciler walks."""
        if self.get(job_id).ended:
            self._redis.srem(keys.LIVE, job_id)

    def live(self) -> list[Job]:
        """The jobs that still need somebody, oldest first."""
        ids = [raw.decode() for raw in self._redis.smembers(keys.LIVE)]
        return sorted(self._readable(ids), key=lambda job: (job.created_at, job.id))

    def newest(self, count: int) -> list[Job]:
        """The newest jobs, newest first."""
        ids = self._redis.zrevrange(keys.JOBS, 0, count - 1)
        return list(self._readable([raw.decode() for raw in ids]))

    def occupied(self) -> int:
        """How many jobs hold a runner's place."""
        return int(self._redis.scard(keys.OCCUPIED))

    def spent_usd(self, job_id: str) -> float:
        """What the job has cost so far, in dollars."""
        return int(self._redis.get(keys.spend(job_id)) or 0) / 1e6

    def add_spend(self, job_id: str, usd: float) -> None:
        """Count what one request cost."""
        self._redis.incrby(keys.spend(job_id), round(usd * 1e6))

    def _readable(self, ids: Iterable[str]) -> Iterator[Job]:
        """The jobs of these ids; one that can't be read must not stop all the others."""
        for job_id in ids:
            try:
                yield self.get(job_id)
            except (JobNotFoundError, ValidationError) as error:
                logs.get().error("job_unreadable", job=job_id, cause=type(error).__name__)

    def _read(self, pipe: Pipeline, job_id: str, attempt: int | None) -> Job:
        stored = pipe.get(keys.job(job_id))
        if stored is None:
            raise JobNotFoundError(f"there is no job {job_id}")
        job = Job.model_validate_json(stored)
        if attempt is not None and attempt != job.attempt:
            raise StaleAttemptError(
                f"attempt {attempt} of job {job_id} is over; {job.attempt} is the current one"
            )
        return job

    def _write(self, pipe: Pipeline, job: Job) -> None:
        pipe.set(keys.job(job.id), job.model_dump_json())
        pipe.sadd(keys.LIVE, job.id)
        (pipe.sadd if job.state in _OCCUPYING else pipe.srem)(keys.OCCUPIED, job.id)

    def _follow(self, pipe: Pipeline, job_id: str, tasks: Sequence[Task]) -> None:
        for task in tasks:
            enqueue(self._redis, task, job_id, pipeline=pipe)

    def _atomically(self, step: Callable[[Pipeline], _T], *watched: str) -> _T:
        """Run `step` (reads, then `multi()`, then writes) until nobody wrote to `watched` meanwhile."""
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    pipe.watch(*watched)
                    answer = step(pipe)
                    pipe.execute()
                except WatchError:
                    continue
                return answer
