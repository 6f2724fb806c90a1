"""What makes the service survive being killed: look at everything unfinished and set it going again.

Runs every few seconds on any worker. Every step asks "who should be working on this, and are they?"; the
answer is to enqueue the task again, which is harmless where it is still under way.
"""

from app.domain import rendering
from app.domain.job import IllegalTransitionError, Job, State
from app.jobs.desk import Desk
from app.jobs.ending import fail
from app.launchers.port import LaunchError
from app.store import keys
from app.store.jobs import JobNotFoundError, StaleAttemptError
from app.store.locks import lease
from app.store.tasks import Task, enqueue_once
from app.telemetry import logs

TIMEOUT_GRACE_SECONDS = 30
"""The runner ends by its own clock first, so that it can hand in what it has."""
LEAVING_SECONDS = 30
MAX_PAUSE_SECONDS = 300.0
"""Between two tries of a delivery that couldn't be handled."""
DELIVERY_PATIENCE_SECONDS = 86_400
"""How long a forge may refuse us or be away, before what it told us is given up."""
_WITH_RUNNER = frozenset({State.LAUNCHING, State.RUNNING})


def reconcile(desk: Desk, _: str = "") -> None:
    """Look once at everything that is live."""
    with lease(desk.redis, "reconcile", seconds=desk.settings.lease_seconds):
        for delivery_id in desk.deliveries.waiting(older_than_seconds=DELIVERY_PATIENCE_SECONDS):
            logs.get().error("delivery_given_up", delivery=delivery_id)
            desk.deliveries.done(delivery_id)
        for delivery_id in desk.deliveries.waiting(older_than_seconds=desk.settings.reconcile_seconds):
            _try_again(desk, delivery_id)
        live = desk.jobs.live()
        for job in live:
            try:
                _look_at(desk, job)
            except (IllegalTransitionError, StaleAttemptError) as error:
                logs.get().info("job_moved_meanwhile", job=job.id, cause=str(error))
            except LaunchError as error:
                logs.get().warning("launcher_unavailable", job=job.id, cause=str(error))
        for job_id, attempt in desk.launcher.sweep(lambda *runner: _is_wanted(desk, *runner)):
            logs.get().info("runner_swept", job=job_id, attempt=attempt)


def _try_again(desk: Desk, delivery_id: str) -> None:
    """Enqueue a delivery that waits, the more seldom the longer: one sick forge mustn't keep us from the others."""
    delivery = desk.deliveries.get(delivery_id)
    if delivery is None:
        return
    pause = min(MAX_PAUSE_SECONDS, (desk.clock() - delivery.at) / 4)
    if desk.redis.set(keys.retry(delivery_id), "1", nx=True, px=max(1, int(pause * 1000))):
        enqueue_once(desk.redis, Task.INTAKE, delivery_id)


def _look_at(desk: Desk, job: Job) -> None:
    if not job.ended and job.cancel_requested_by is not None and job.state != State.PUBLISHING:
        _cancel(desk, job)
    elif job.state == State.QUEUED:
        enqueue_once(desk.redis, Task.LAUNCH, job.id)
    elif job.state in _WITH_RUNNER:
        _look_at_runner(desk, job)
    elif job.state == State.PUBLISHING:
        enqueue_once(desk.redis, Task.PUBLISH, job.id)
    if job.shown != rendering.fingerprint(job) or job.ended:
        enqueue_once(desk.redis, Task.COMMENT, job.id)


def _is_wanted(desk: Desk, job_id: str, attempt: int) -> bool:
    """Whether a runner that was seen is at work, or has just handed in its result and is tidying up."""
    try:
        job = desk.jobs.get(job_id)
    except JobNotFoundError:
        return False
    if attempt != job.attempt:
        return False
    return job.state in _WITH_RUNNER or desk.clock() - job.timeline[-1].at < LEAVING_SECONDS


def _cancel(desk: Desk, job: Job) -> None:
    fail(desk, job, f"Stopped by {job.cancel_requested_by}.", to=State.CANCELLED)
    desk.launcher.stop(job.id, job.attempt)


def _look_at_runner(desk: Desk, job: Job) -> None:
    now = desk.clock()
    launched = job.since(State.LAUNCHING) or job.created_at
    heard = max(desk.attempts.heard(job.id, job.attempt).at or launched, launched)
    if now - launched > desk.settings.job_timeout_seconds + TIMEOUT_GRACE_SECONDS:
        minutes = desk.settings.job_timeout_seconds / 60
        fail(desk, job, f"The time limit of {minutes:g} minutes was reached.", to=State.TIMED_OUT)
        desk.launcher.stop(job.id, job.attempt)
        return
    silent = now - heard
    if silent > desk.settings.lost_after_seconds:
        desk.launcher.stop(job.id, job.attempt)
    elif silent < desk.settings.reconcile_seconds or desk.launcher.observe(job.id, job.attempt) == "running":
        return
    _lost(desk, job)


def _lost(desk: Desk, job: Job) -> None:
    """The runner is gone without a result: queue the job again; the old token dies with the new attempt."""
    if desk.jobs.get(job.id).state not in _WITH_RUNNER:
        return  # it handed in its result while we looked, and left
    logs.get().warning(
        "runner_lost", job=job.id, attempt=job.attempt, said=desk.launcher.logs(job.id, job.attempt)[-2_000:]
    )
    cause = f"attempt {job.attempt} was lost"
    desk.jobs.move(
        job.id,
        State.QUEUED,
        cause=cause,
        attempt=job.attempt,
        expect=_WITH_RUNNER,
        tasks=[Task.LAUNCH, Task.COMMENT],
    )
