"""From a runner's result to a branch and a pull request.

The commits are judged as data, in the mirror: never checked out, no hook or filter of theirs runs. The push
moves exactly one branch under a lease, saving its old tip in the same step. Everything is looked up before it
is made, so the task may be killed anywhere and run again.
"""

from app.domain import naming, rendering
from app.domain.job import Job, Report, State
from app.forges.port import Forge, ForgeError, Pull
from app.jobs import pins
from app.jobs.desk import Desk
from app.jobs.ending import AFTER_THE_END, fail
from app.jobs.examine import Examined, RejectedError, examine
from app.store.locks import LEASE_WAIT_SECONDS, lease
from app.store.tasks import Task
from app.telemetry import logs
from git_ops import GitError, LeaseLost, Mirror, UnknownRef, check_branch, push
from runner.protocol import Result

PATHS_SHOWN = 20
STATUS_CONTEXT = "forgehand/job"


def publish(desk: Desk, job_id: str) -> None:
    """Publish the result of a job that is in `publishing`; all others are left alone."""
    with lease(
        desk.redis, f"job:{job_id}", seconds=desk.settings.lease_seconds, wait_seconds=LEASE_WAIT_SECONDS
    ):
        job = desk.jobs.get(job_id)
        if job.state != State.PUBLISHING or job.result is None:
            return
        try:
            _publish(desk, job, job.result)
        except RejectedError as error:
            fail(desk, job, str(error))
        except (GitError, ForgeError) as error:
            if error.retryable:
                raise  # the reconciler comes back to it
            fail(desk, job, f"the work couldn't be published: {error}")


def _publish(desk: Desk, job: Job, result: Result) -> None:
    if result.outcome == "no_changes":
        _no_changes(desk, job)
    elif result.retryable and result.head_sha is None and job.attempt < desk.settings.max_attempts:
        cause = f"attempt {job.attempt} failed in a way that may pass: {result.error}"
        desk.jobs.move(
            job.id, State.QUEUED, cause=cause, attempt=job.attempt, tasks=(Task.LAUNCH, Task.COMMENT)
        )
    else:
        mirror = desk.mirror_of(job)
        _conclude(desk, job, mirror, examine(desk, job, mirror, result))


def _conclude(desk: Desk, job: Job, mirror: Mirror, examined: Examined) -> None:
    result, changed = examined.result, bool(examined.facts.files)
    sentence = result.error or "the attempt failed"
    if result.outcome == "failed" and not changed:
        fail(desk, job, sentence)  # nothing to save is no reason to call it "no changes"
    elif not changed:
        _no_changes(desk, job)
    elif _is_there(desk, job, mirror, examined.head):
        _deliver(desk, job, mirror, examined)  # pushed before we were killed: what there is, is told
    elif stop := pins.revoked(desk, job):
        fail(desk, job, stop, to=State.CANCELLED)  # nothing is pushed for who may not ask
    elif result.outcome == "failed":
        _save(desk, job, mirror, examined, sentence)
    else:
        _deliver_or_save(desk, job, mirror, examined)


def _is_there(desk: Desk, job: Job, mirror: Mirror, head: str) -> bool:
    """Whether an earlier run of this very task has pushed the work."""
    if not pins.push_begun(desk, job, job.expected_tip, head):
        return False
    mirror.fetch(check_branch(job.branch))
    try:
        return mirror.resolve(job.branch) == head
    except UnknownRef:
        return False


def _deliver_or_save(desk: Desk, job: Job, mirror: Mirror, examined: Examined) -> None:
    if stop := pins.objection(desk, job):
        _save(desk, job, mirror, examined, stop, to=State.CANCELLED)
        return
    try:
        _deliver(desk, job, mirror, examined)
    except LeaseLost as error:
        sentence = f"{error.user_message} Ask again, and the work starts from what is there now."
        _save(desk, job, mirror, examined, sentence)


def _no_changes(desk: Desk, job: Job) -> None:
    desk.jobs.move(
        job.id, State.NO_CHANGES, cause="nothing was changed", attempt=job.attempt, tasks=AFTER_THE_END
    )


def _save(
    desk: Desk, job: Job, mirror: Mirror, examined: Examined, sentence: str, *, to: State = State.FAILED
) -> None:
    """Put unfinished work on a branch of its own: nothing is thrown away, nothing is claimed."""
    branch = f"{desk.settings.branch_prefix}unfinished-{job.id}"
    push(mirror.git, url=mirror.url, sha=examined.head, branch=branch, expected=None)
    report = Report(head_sha=examined.head, saved_branch=branch)
    desk.jobs.change(job.id, attempt=job.attempt, report=report, result=examined.result)
    fail(desk, job, sentence, to=to)


def _deliver(desk: Desk, job: Job, mirror: Mirror, examined: Examined) -> None:
    forge, facts, head = desk.forge_of(job), examined.facts, examined.head
    job = job.model_copy(update={"result": examined.result})
    never = {job.target_branch, forge.repo(job.repo).default_branch}
    backup = f"refs/forgehand/backup/{job.id}"
    pins.remember_push(desk, job, job.expected_tip, head)
    pushed = push(
        mirror.git,
        url=mirror.url,
        sha=head,
        branch=job.branch,
        expected=job.expected_tip,
        backup_ref=backup,
        never=never,
    )
    report = Report(
        head_sha=head,
        commits=len(facts.commits),
        files=len(facts.files),
        added=facts.added,
        removed=facts.removed,
        paths=tuple(naming.one_line(file.path, 200) for file in facts.files[:PATHS_SHOWN]),
        backup_ref=pushed.backup_ref,
    )
    pull = _pull_request(desk, forge, job.model_copy(update={"report": report}))
    report = report.model_copy(update={"pull_number": pull.number, "pull_url": pull.url})
    _set_status(desk, forge, job, head)
    logs.get().info(
        "job_published", job=job.id, attempt=job.attempt, repo=job.repo, sha=head, pull=pull.number
    )
    desk.jobs.move(
        job.id,
        State.SUCCEEDED,
        cause=f"pull request {pull.number}",
        attempt=job.attempt,
        tasks=AFTER_THE_END,
        changes={"report": report, "result": examined.result},
    )


def _set_status(desk: Desk, forge: Forge, job: Job, head: str) -> None:
    """Say on the commit what became of it; red where its tests are. The work is there either way."""
    runs = job.result.verifications if job.result else ()
    red = bool(runs) and runs[-1].exit_code != 0
    text = "published, its tests fail" if red else "published"
    try:
        forge.set_status(
            job.repo,
            head,
            state="failure" if red else "success",
            context=STATUS_CONTEXT,
            text=text,
            url=desk.job_url(job),
        )
    except ForgeError as error:
        logs.get().warning("status_not_set", job=job.id, repo=job.repo, sha=head, cause=str(error))


def _pull_request(desk: Desk, forge: Forge, job: Job) -> Pull:
    """The pull request of the job's branch: the one that is there, or a new one."""
    if job.is_pull:
        return forge.pull(job.repo, job.number)  # the job's comment in this very thread tells what was done
    body = rendering.pull_body(job, job_url=desk.job_url(job), spent_usd=desk.jobs.spent_usd(job.id))
    found = forge.find_pull(job.repo, head_branch=job.branch, base_branch=job.target_branch)
    if found is not None:
        forge.edit_pull(job.repo, found.number, body=body)
        return found
    try:
        return forge.create_pull(
            job.repo,
            head_branch=job.branch,
            base_branch=job.target_branch,
            title=rendering.quiet(naming.one_line(job.task.title, 200)) or f"Issue {job.number}",
            body=body,
            draft=desk.settings.draft_pulls,
        )
    except ForgeError:
        # the answer to an earlier try may have been lost, and its pull request be there after all
        found = forge.find_pull(job.repo, head_branch=job.branch, base_branch=job.target_branch)
        if found is None:
            raise
        return found
