"""The task queue: RQ with a fixed set of task names and one id as the only argument.

Tasks are enqueued into the caller's MULTI, so that a state change and what must follow it happen together. A
worker runs nothing that isn't in `Task`: whoever could write to Redis still couldn't name a function.
"""

from enum import StrEnum

from rq import Queue
from rq.serializers import JSONSerializer

from app.store import keys
from app.store.connection import Pipeline, Redis

QUEUE = "forgehand"
TIMEOUT_SECONDS = 600
WAITING_SECONDS = 60
"""After this a waiting task counts as lost with its queue."""
KEPT_SECONDS = 3_600
"""How long RQ remembers a finished task; our own records are the jobs."""


class Task(StrEnum):
    """Every task there is, as the import path that RQ runs."""

    INTAKE = "app.jobs.tasks.intake"
    LAUNCH = "app.jobs.tasks.launch"
    PUBLISH = "app.jobs.tasks.publish"
    COMMENT = "app.jobs.tasks.comment"
    RECONCILE = "app.jobs.tasks.reconcile"


def queue(redis: Redis) -> Queue:
    """The one queue, with the JSON serializer: pickles are never loaded."""
    return Queue(QUEUE, connection=redis, serializer=JSONSerializer)


def enqueue_once(redis: Redis, task: Task, argument: str) -> None:
    """Add a task unless the same one is waiting already: for those who only want it done some time soon."""
    if redis.set(keys.waiting(task.name, argument), "1", nx=True, ex=WAITING_SECONDS):
        enqueue(redis, task, argument)


def taken(redis: Redis, task: Task, argument: str) -> None:
    """Say that the task has begun: what is asked for from now on is a task of its own."""
    redis.delete(keys.waiting(task.name, argument))


def enqueue(redis: Redis, task: Task, argument: str, *, pipeline: Pipeline | None = None) -> None:
    """Add a task, into `pipeline` where one is given (it then happens when that is executed)."""
    queue(redis).enqueue_call(
        str(task),
        args=(argument,),
        timeout=TIMEOUT_SECONDS,
        result_ttl=0,
        failure_ttl=KEPT_SECONDS,
        description=f"{task.name.lower()} {argument}",
        pipeline=pipeline,
    )
