"""From queued to a runner at work; or straight to publishing, where Git alone can do the job.

What the attempt works on is pinned here: the target's tip, where the work starts, and the branch's tip on the
forge, which is the lease of the later push.
"""

from app.domain import repo_config
from app.domain.job import Job, State
from app.forges.port import ForgeError
from app.jobs import pins
from app.jobs.desk import Desk
from app.jobs.ending import fail
from app.jobs.spec import identity
from app.launchers.port import LaunchError, Order, Token
from app.store.attempts import new_token
from app.store.connection import Pipeline
from app.store.jobs import NoRoomError
from app.store.locks import LEASE_WAIT_SECONDS, lease
from app.store.tasks import Task
from app.telemetry import logs
from git_ops import Chain, GitError, Identity, Mirror, UnknownRef, check_branch, rebase
from runner.protocol import MAX_CONFLICTS, MovedCommit, RebaseFacts, Result

TOKEN_SLACK_SECONDS = 600
_OCCUPIES_BRANCH = frozenset({State.LAUNCHING, State.RUNNING, State.PUBLISHING})


def launch(desk: Desk, job_id: str) -> None:
    """Start the job's next attempt if it is queued and its turn has come; otherwise it keeps waiting."""
    with lease(
        desk.redis, f"job:{job_id}", seconds=desk.settings.lease_seconds, wait_seconds=LEASE_WAIT_SECONDS
    ):
        job = desk.jobs.get(job_id)
        if not _is_its_turn(desk, job):
            return
        try:
            stop = pins.revoked(desk, job) or pins.objection(desk, job)
            if stop is None:
                stop = _pin_and_start(desk, job)
        except UnknownRef as error:
            fail(desk, job, error.user_message)
        except (repo_config.BadRepoConfigError, GitError, ForgeError) as error:
            if getattr(error, "retryable", False):
                raise  # the reconciler comes back to it
            fail(desk, job, str(error))
        else:
            if stop:
                fail(desk, job, stop, to=State.CANCELLED)


def _is_its_turn(desk: Desk, job: Job) -> bool:
    """Whether the job may start now; one that was lost too often is ended instead."""
    if job.state != State.QUEUED or job.cancel_requested_by is not None:
        return False
    if desk.jobs.occupied() >= desk.settings.max_running or _branch_is_busy(desk, job):
        return False
    if job.attempt >= desk.settings.max_attempts:
        fail(
            desk,
            job,
            f"the runner was lost {job.attempt} times. The operator's log tells why; try again later.",
        )
        return False
    return True


def _pin_and_start(desk: Desk, job: Job) -> str | None:
    """Pin what the attempt works on, and start it; or say why it isn't what was asked for any more."""
    mirror = desk.mirror_of(job)
    mirror.fetch(check_branch(job.target_branch), check_branch(job.branch))
    pinned = _pins(desk, job, mirror)
    if stop := pins.moved(desk, job, pinned["start_sha"] or ""):
        return stop
    if job.kind != "rebase" or not _rebase_in_memory(desk, job, mirror, pinned):
        _start(desk, job, pinned)
    return None


def _branch_is_busy(desk: Desk, job: Job) -> bool:
    """One job at a time works on a branch; older ones go first."""
    for other in desk.jobs.live():
        same = (other.forge, other.repo, other.branch) == (
            job.forge,
            job.repo,
            job.branch,
        ) and other.id != job.id
        earlier = other.state == State.QUEUED and (other.created_at, other.id) < (job.created_at, job.id)
        if same and (other.state in _OCCUPIES_BRANCH or earlier):
            return True
    return False


def _pins(desk: Desk, job: Job, mirror: Mirror) -> dict[str, str | None]:
    check_branch(job.branch)  # a full ref would resolve, too, and to something else
    base = mirror.resolve(check_branch(job.target_branch))
    config = mirror.read_blob(base, repo_config.PATH, repo_config.MAX_BYTES)
    repo_config.parse(config)  # a mistake in it is told now, not by a runner later
    try:
        tip: str | None = mirror.resolve(job.branch)
    except UnknownRef:
        tip = None
    if job.is_pull and tip is None:
        raise UnknownRef(f"the branch {job.branch} is gone; restore it, and ask again")
    if job.is_pull or (tip is not None and _has_pull(desk, job)):
        return {"base_sha": base, "start_sha": tip, "expected_tip": tip}
    # what is on a branch without a pull request isn't ours to replace: somebody may have worked on it
    branch = job.branch if tip is None else f"{job.branch}-{job.id[:6]}"
    return {"base_sha": base, "start_sha": base, "expected_tip": None, "branch": branch}


def _has_pull(desk: Desk, job: Job) -> bool:
    """Whether the branch is still being worked on."""
    forge = desk.forge_of(job)
    return forge.find_pull(job.repo, head_branch=job.branch, base_branch=job.target_branch) is not None


def _rebase_in_memory(desk: Desk, job: Job, mirror: Mirror, pinned: dict[str, str | None]) -> bool:
    """Do a rebase that needs nobody's judgement right here; False where it needs a runner."""
    tip, base = pinned["start_sha"], pinned["base_sha"]
    assert tip is not None and base is not None  # noqa: S101, PT018 -- pinned one line before
    who = identity(desk, job)
    report = rebase(
        mirror.git, tip=tip, onto=base, chain=Chain(()), committer=Identity(name=who.name, email=who.email)
    )
    if report.outcome not in {"up_to_date", "clean"}:
        return False
    attempt = job.attempt + 1
    quarantine = job.model_copy(update={"attempt": attempt}).quarantine_ref
    mirror.git.run("update-ref", quarantine, report.new_tip)
    facts = RebaseFacts(
        outcome=report.outcome,
        old_tip=tip,
        new_tip=report.new_tip,
        onto=base,
        commits=tuple(
            MovedCommit(old=one.old, new=one.new, reason=one.reason) for one in report.commits[:MAX_CONFLICTS]
        ),
    )
    changed = report.outcome == "clean"
    result = Result(outcome="changed" if changed else "no_changes", head_sha=report.new_tip, rebase=facts)
    desk.jobs.move(
        job.id,
        State.PUBLISHING,
        cause="rebased in memory: no conflict, no runner needed",
        expect=[State.QUEUED],
        tasks=[Task.PUBLISH, Task.COMMENT],
        attempt=job.attempt,
        changes={
            **pinned,
            "attempt": attempt,
            "result": result,
        },
    )
    return True


def _start(desk: Desk, job: Job, pinned: dict[str, str | None]) -> None:
    attempt, token = job.attempt + 1, new_token()
    lifetime = desk.settings.job_timeout_seconds + TOKEN_SLACK_SECONDS

    def issue(pipe: Pipeline) -> None:
        desk.attempts.issue(pipe, token, job.id, attempt, seconds=lifetime)

    try:
        desk.jobs.move(
            job.id,
            State.LAUNCHING,
            cause=f"attempt {attempt}",
            expect=[State.QUEUED],
            attempt=job.attempt,
            also=issue,
            room=desk.settings.max_running,
            changes={**pinned, "attempt": attempt, "phase": None, "result": None},
        )
    except NoRoomError:
        return
    order = Order(
        job_id=job.id, attempt=attempt, broker_url=desk.settings.runner_broker_url, token=Token(token)
    )
    try:
        desk.launcher.start(order)
    except LaunchError as error:
        logs.get().error("launch_failed", job=job.id, attempt=attempt, cause=str(error))
        desk.jobs.move(job.id, State.QUEUED, cause=f"the launch failed: {error}", attempt=attempt, tasks=[])
        return
    logs.get().info("runner_started", job=job.id, attempt=attempt, repo=job.repo)
