"""From a runner's result to a branch and a pull request.

The commits are judged as data, in the mirror: never checked out, no hook or filter of theirs runs. The push
moves exactly one branch under a lease, saving its old tip in the same step. Everything is looked up before it
is made, so the task may be killed anywhere and run again.
"""

from app.domain import naming, policy, rendering
from app.domain.job import Job, Report, State
from app.forges.port import Forge, ForgeError, Pull
from app.jobs.desk import Desk
from app.jobs.ending import AFTER_THE_END, fail
from app.store.locks import LEASE_WAIT_SECONDS, lease
from app.telemetry import logs
from git_ops import ChangedPath, DiffFacts, GitError, LeaseLost, Mirror, commit_facts, diff_facts, push
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
        except LeaseLost as error:
            sentence = f"{error.user_message} Ask again, and the work starts from what is there now."
            _save(desk, job, desk.mirror_of(job), sentence)
        except (GitError, ForgeError) as error:
            if error.retryable:
                raise  # the reconciler comes back to it
            fail(desk, job, f"the work couldn't be published: {error}")


def _publish(desk: Desk, job: Job, result: Result) -> None:
    if result.outcome == "no_changes":
        _no_changes(desk, job)
        return
    mirror = desk.mirror_of(job)
    facts = examine(desk, job, mirror, result)
    if isinstance(facts, str):
        fail(desk, job, facts)
    elif not facts.files:
        _no_changes(desk, job)
    elif result.outcome == "failed":
        _save(desk, job, mirror, result.error or "the attempt failed")
    else:
        _deliver(desk, job, mirror, facts.tip, facts)


def examine(desk: Desk, job: Job, mirror: Mirror, result: Result) -> DiffFacts | str:
    """What a result really is, read from the quarantine ref; or the sentence why it must not be published."""
    if result.head_sha is None:
        return result.error or "the runner ended without a result"
    head = mirror.resolve(job.quarantine_ref)
    if head != result.head_sha:
        return "what the runner pushed isn't what it reported; nothing was published"
    base = _base_of(mirror, job, head)
    facts = diff_facts(mirror.git, base, head)
    reason = policy.judge(
        _new_content(mirror, job, facts), commits=len(facts.commits), bounds=_bounds(desk, mirror, job)
    )
    return f"the work was not published: {reason}" if reason else facts


def _base_of(mirror: Mirror, job: Job, commit: str) -> str:
    """Where `commit` forks off the target."""
    return mirror.git.text("merge-base", commit, mirror.resolve(job.target_branch))


def _new_content(mirror: Mirror, job: Job, facts: DiffFacts) -> list[ChangedPath]:
    """The changed files whose content neither the target nor the branch had before: only those are ours to judge."""
    start = job.start_sha or facts.base
    unlike_start = {file.path for file in diff_facts(mirror.git, start, facts.tip).files}
    return [file for file in facts.files if file.path in unlike_start]


def _bounds(desk: Desk, mirror: Mirror, job: Job) -> policy.Bounds:
    """A job adds one commit to what was there, a rebase none: more would be something that nobody made for us."""
    start = job.start_sha or mirror.resolve(job.target_branch)
    before = len(commit_facts(mirror.git, _base_of(mirror, job, start), start))
    made = 0 if job.kind == "rebase" else 1
    commits = min(before + made, desk.settings.max_commits)
    return policy.Bounds(max_files=desk.settings.max_changed_files, max_commits=commits)


def _no_changes(desk: Desk, job: Job) -> None:
    desk.jobs.move(
        job.id, State.NO_CHANGES, cause="nothing was changed", attempt=job.attempt, tasks=AFTER_THE_END
    )


def _save(desk: Desk, job: Job, mirror: Mirror, sentence: str) -> None:
    """Put unfinished work on a branch of its own: nothing is thrown away, nothing is claimed."""
    head = mirror.resolve(job.quarantine_ref)
    branch = f"{desk.settings.branch_prefix}unfinished-{job.id}"
    push(mirror.git, url=mirror.url, sha=head, branch=branch, expected=None)
    desk.jobs.change(job.id, attempt=job.attempt, report=Report(head_sha=head, saved_branch=branch))
    fail(desk, job, sentence)


def _deliver(desk: Desk, job: Job, mirror: Mirror, head: str, facts: DiffFacts) -> None:
    forge = desk.forge_of(job)
    never = {job.target_branch, forge.repo(job.repo).default_branch}
    backup = f"refs/forgehand/backup/{job.id}"
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
    forge.set_status(
        job.repo, head, state="success", context=STATUS_CONTEXT, text="published", url=desk.job_url(job)
    )
    logs.get().info(
        "job_published", job=job.id, attempt=job.attempt, repo=job.repo, sha=head, pull=pull.number
    )
    desk.jobs.move(
        job.id,
        State.SUCCEEDED,
        cause=f"pull request {pull.number}",
        attempt=job.attempt,
        tasks=AFTER_THE_END,
        changes={"report": report},
    )


def _pull_request(desk: Desk, forge: Forge, job: Job) -> Pull:
    """The pull request of the job's branch: the one that is there, or a new one."""
    if job.is_pull:
        return forge.pull(job.repo, job.number)  # the job's comment in this very thread tells what was done
    body = rendering.pull_body(job, job_url=desk.job_url(job), spent_usd=desk.jobs.spent_usd(job.id))
    found = forge.find_pull(job.repo, head_branch=job.branch, base_branch=job.target_branch)
    if found is not None:
        forge.edit_pull(job.repo, found.number, body=body)
        return found
    return forge.create_pull(
        job.repo,
        head_branch=job.branch,
        base_branch=job.target_branch,
        title=rendering.quiet(naming.one_line(job.task.title, 200)) or f"Issue {job.number}",
        body=body,
        draft=desk.settings.draft_pulls,
    )
