"""The ways in which a job ends without a result."""

from app.domain.job import IllegalTransitionError, Job, State
from app.jobs.desk import Desk
from app.store.jobs import StaleAttemptError
from app.store.tasks import Task
from app.telemetry import logs

AFTER_THE_END = (Task.COMMENT, Task.RECONCILE)
"""The thread is told, and whoever waited for the runner's place or the branch goes on."""


def fail(desk: Desk, job: Job, sentence: str, *, to: State = State.FAILED) -> None:
    """End the job with a sentence for the thread; whoever moved it meanwhile goes first."""
    logs.get().warning(
        "job_ends", job=job.id, attempt=job.attempt, repo=job.repo, state=str(to), cause=sentence
    )
    try:
        changes = {"error": sentence[:2_000]}
        desk.jobs.move(
            job.id,
            to,
            cause=sentence,
            expect=[job.state],
            attempt=job.attempt,
            tasks=AFTER_THE_END,
            changes=changes,
        )
    except (IllegalTransitionError, StaleAttemptError) as error:
        logs.get().info("job_moved_meanwhile", job=job.id, cause=str(error))
