"""The one comment of a job: made once, edited ever after, always showing the job as it is now."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.domain import rendering
from app.domain.job import Job, State
from app.forges.port import Forge, ForgeDenied, ForgeError, ForgeNotFound
from app.jobs.desk import Desk
from app.store.locks import LEASE_WAIT_SECONDS, lease
from app.telemetry import logs

NEEDS_HUMAN = "needs-human"
CLOCKS_APART_SECONDS = 86_400
"""How far the forge's clock may be behind ours."""
_UNHAPPY = frozenset({State.FAILED, State.TIMED_OUT})


def comment(desk: Desk, job_id: str) -> None:
    """Make the thread show the job as it is now. Repeating it changes nothing."""
    with lease(
        desk.redis, f"comment:{job_id}", seconds=desk.settings.lease_seconds, wait_seconds=LEASE_WAIT_SECONDS
    ):
        job = desk.jobs.get(job_id)
        if job.forge not in desk.forges:
            desk.jobs.settle(job_id)  # `forgehand run`: there is no thread
            return
        view = rendering.fingerprint(job)
        if job.shown != view:
            with _given_up(job, "thread_not_told"):  # it is gone, or closed to us
                _show(desk, job)
        if job.ended:
            with _given_up(job, "labels_not_set"):
                _tidy_up(desk, job)
        job = desk.jobs.change(job_id, shown=view)
        if job.ended and view == rendering.fingerprint(job):
            desk.jobs.settle(job_id)


@contextmanager
def _given_up(job: Job, what: str) -> Iterator[None]:
    """What the forge refuses for good is logged; what may work later is raised, and the task comes back."""
    try:
        yield
    except ForgeError as error:
        if error.retryable:
            raise
        logs.get().error(what, job=job.id, repo=job.repo, number=job.number, cause=str(error))


def _show(desk: Desk, job: Job) -> None:
    forge = desk.forge_of(job)
    if job.comment_id is None:
        with _given_up(job, "no_reaction"):  # blocked, or its comment gone: the job is told all the same
            forge.react(job.repo, job.number, "eyes", comment_id=job.trigger_comment_id)
    body = rendering.job_comment(job, job_url=desk.job_url(job), spent_usd=desk.jobs.spent_usd(job.id))
    known = job.comment_id
    if known is None and job.comment_begun:
        with _given_up(job, "comment_not_found"):  # a thread that can't be read: rather twice than never
            since = job.created_at - CLOCKS_APART_SECONDS
            known = _find(forge, job.repo, job.number, rendering.marker(job.id), since=since)
    elif known is None:
        desk.jobs.change(job.id, comment_begun=True)
    if known is not None:
        try:
            forge.edit_comment(job.repo, known, body)
        except ForgeNotFound:
            known = None  # somebody deleted it; what happened must still be told
    if known is None:
        known = forge.create_comment(job.repo, job.number, body).id
    if known != job.comment_id:
        desk.jobs.change(job.id, comment_id=known)


def reply_once(forge: Forge, repo: str, number: int, *, key: str, text: str) -> None:
    """Post a short answer, once per `key`."""
    marker = rendering.marker(f"reply-{key}")
    if _find(forge, repo, number, marker) is None:
        forge.create_comment(repo, number, f"{marker}\n{text}")


def _find(forge: Forge, repo: str, number: int, marker: str, *, since: float | None = None) -> int | None:
    """Our own comment that carries `marker`; other people's copies of it don't count."""
    us = forge.whoami().id
    own = (found for found in forge.comments(repo, number, since=since) if found.author.id == us)
    return next((found.id for found in own if found.body.startswith(marker)), None)


def _is_red(job: Job) -> bool:
    """Whether what was published still needs a person: failing tests, or a conflict that nobody could settle."""
    result = job.result
    if result is None:
        return False
    failing = bool(result.verifications) and result.verifications[-1].exit_code != 0
    return failing or (result.rebase is not None and result.rebase.outcome == "conflicted")


def _is_still_that_label(forge: Forge, job: Job, label: str) -> bool:
    """Whether nobody has put it on anew since: that asks for another job."""
    if job.pin is None or job.pin.label_event is None:
        return True
    put_on = forge.labelled(job.repo, job.number, label)
    return put_on is not None and put_on.event_id == job.pin.label_event


def _tidy_up(desk: Desk, job: Job) -> None:
    """Labels follow the job's end; a missing right or label is not worth failing for."""
    forge = desk.forge_of(job)
    try:
        if job.trigger_label and _is_still_that_label(forge, job, job.trigger_label):
            forge.remove_label(job.repo, job.number, job.trigger_label)
        if job.state in _UNHAPPY or (job.state == State.SUCCEEDED and _is_red(job)):
            forge.add_label(job.repo, job.number, NEEDS_HUMAN)
    except (ForgeNotFound, ForgeDenied) as error:
        logs.get().info("label_not_set", job=job.id, cause=str(error))
