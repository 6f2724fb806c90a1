"""The task functions that RQ runs: names and one id, nothing else crosses the queue."""

from collections.abc import Callable
from contextlib import suppress

import structlog

from app.forges.port import ForgeError
from app.jobs import comment as comment_job
from app.jobs import intake as intake_job
from app.jobs import launch as launch_job
from app.jobs import publish as publish_job
from app.jobs import reconcile as reconcile_job
from app.jobs.desk import Desk
from app.jobs.ending import fail
from app.store import keys
from app.store.jobs import JobNotFoundError
from app.store.locks import BusyError
from app.store.tasks import Task, taken
from app.telemetry import logs
from git_ops import GitError

MAX_CRASHES = 5
_desk: Desk | None = None


def bind(desk: Desk) -> None:
    """Say what the tasks of this process work with; a worker does so before it takes the first one."""
    global _desk  # noqa: PLW0603 -- RQ names functions, so their context can't be an argument
    _desk = desk


def intake(delivery_id: str) -> None:
    _run(Task.INTAKE, intake_job.intake, delivery_id)


def launch(job_id: str) -> None:
    _run(Task.LAUNCH, launch_job.launch, job_id)


def publish(job_id: str) -> None:
    _run(Task.PUBLISH, publish_job.publish, job_id)


def comment(job_id: str) -> None:
    _run(Task.COMMENT, comment_job.comment, job_id)


def reconcile(nothing: str) -> None:
    _run(Task.RECONCILE, reconcile_job.reconcile, nothing)


def _run(task: Task, use_case: Callable[[Desk, str], None], argument: str) -> None:
    """Run a use-case; what may work later is left to the reconciler, with a line in the log."""
    if _desk is None:
        raise RuntimeError("tasks.bind() was not called: this process is no worker of Forgehand")
    taken(_desk.redis, task, argument)
    with structlog.contextvars.bound_contextvars(task=task.name.lower()):
        try:
            use_case(_desk, argument)
        except BusyError as error:
            logs.get().debug("task_waits", id=argument, cause=str(error))
        except (ForgeError, GitError) as error:
            logs.get().warning("task_will_be_repeated", id=argument, cause=str(error))
        except Exception as error:
            _on_bug(_desk, argument, error)
            raise


def _on_bug(desk: Desk, argument: str, error: Exception) -> None:
    """A mistake of ours: say so in the log, and don't let one job or delivery repeat it for ever."""
    logs.get().exception("task_crashed", id=argument)
    crashes = desk.redis.incr(keys.crashes(argument or "-"))
    desk.redis.expire(keys.crashes(argument or "-"), 86_400)
    if crashes >= MAX_CRASHES:
        desk.deliveries.done(argument)  # nothing happens where it is no delivery
        with suppress(JobNotFoundError):
            sentence = (
                f"an internal error ({type(error).__name__}). The operator's log has it under this job's id."
            )
            fail(desk, desk.jobs.get(argument), sentence)
