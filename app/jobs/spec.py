"""What a runner is told about its attempt, from the job's pins and the base branch's configuration."""

from app.domain import naming, repo_config
from app.domain.job import Job
from app.jobs.desk import Desk
from runner.protocol import Identity, JobSpec, Limits, Models


def spec_of(desk: Desk, job: Job) -> JobSpec:
    """The current attempt's orders. Everything in it is pinned: asking again gives the same."""
    settings = desk.settings
    assert job.base_sha is not None and job.start_sha is not None  # noqa: S101, PT018 -- pinned at launch
    mirror = desk.mirror_of(job)
    config = repo_config.parse(mirror.read_blob(job.base_sha, repo_config.PATH, repo_config.MAX_BYTES))
    subject = job.task.request.partition("\n")[0] or job.task.title
    return JobSpec(
        job_id=job.id,
        attempt=job.attempt,
        kind=job.kind,
        repo=job.repo,
        target_branch=job.target_branch,
        base_sha=job.base_sha,
        start_sha=job.start_sha,
        quarantine_ref=job.quarantine_ref,
        task=job.task,
        commit_subject=naming.commit_subject(subject, job.number or None),
        identity=identity(desk, job),
        models=Models(edit=settings.model_edit, conflicts=settings.model_conflicts),
        limits=Limits(max_turns=settings.job_max_turns, timeout_seconds=settings.job_timeout_seconds),
        may_be_plain=settings.allow_plain_sandbox,
        verify=config.verify,
    )


def identity(desk: Desk, job: Job) -> Identity:
    """Author and committer: our own account on that forge."""
    login = desk.hosts[job.forge].whoami().login
    return Identity(name=login, email=f"{login}@noreply.forgehand.invalid")
