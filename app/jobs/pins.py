"""What a job was asked to do, held against the forge as it is now: at the trigger, before launch, before push.

Text is worked on as it was when it was asked for, by whom it was asked for. What was edited, deleted, closed or
taken back since stops the job; a branch that somebody moved since, too. An answer that doesn't come is no yes: errors
of the forge go to the caller.
"""

import hashlib
from collections.abc import Iterable

from app.domain import policy
from app.domain.job import Job, Pin
from app.domain.policy import Asker
from app.domain.repo_config import Allow
from app.forges.port import Forge, Issue, Pull, User
from app.jobs.desk import Desk
from app.store import keys

PUSHED_MEMORY_SECONDS = 30 * 86_400


def fingerprint(*texts: str) -> str:
    """Of texts as they are compared: forges differ in line ends and in what surrounds them."""
    plain = (text.replace("\r\n", "\n").strip().encode("utf-8", "surrogatepass") for text in texts)
    return hashlib.sha256(b"\0".join(hashlib.sha256(text).digest() for text in plain)).hexdigest()


def has_label(labels: Iterable[str], label: str) -> bool:
    """Whether it is among them; forges hold names that differ in letter case alone to be the same."""
    return label.lower() in {name.lower() for name in labels}


def asker(forge: Forge, repo: str, user: User) -> Asker:
    """The account with what the forge says about it now."""
    standing = forge.standing(repo, user)
    return Asker(id=user.id, login=user.login, permission=standing.permission, is_bot=standing.is_bot)


def revoked(desk: Desk, job: Job) -> str | None:
    """Why who asked may not ask any more; None where they may."""
    if job.pin is None:
        return None
    forge = desk.forge_of(job)
    now = asker(forge, job.repo, User(id=job.requester.id, login=job.requester.login))
    bots = desk.settings.forges[job.forge].bots
    refusal = policy.may_trigger(now, Allow(), bots=bots, ours=forge.whoami().id)
    return f"who asked for this may not any more: {refusal.reason}" if refusal else None


def objection(desk: Desk, job: Job, *, pull: Pull | None = None) -> str | None:
    """Why this isn't what was asked for any more, as a sentence; None where it is."""
    if job.pin is None:
        return None
    forge = desk.forge_of(job)
    if job.is_pull:
        pull = pull or forge.pull(job.repo, job.number)
        problem = _objection_to_pull(pull, job)
    else:
        problem = _objection_to_issue(forge.issue(job.repo, job.number), job, job.pin)
    return problem or _objection_to_comment(forge, job)


def _objection_to_issue(issue: Issue, job: Job, pin: Pin) -> str | None:
    if not issue.is_open:
        return "it was closed. Reopen it, and ask again."
    if job.trigger_label is not None and not has_label(issue.labels, job.trigger_label):
        return "the label is not on any more. Put it on again."
    if issue.author.id != pin.thread_author:
        return "it isn't by who is said to have written it. Ask again."
    if pin.thread_text not in {None, fingerprint(issue.title, issue.body)}:
        return "the text was edited since it was asked for. Read it again, and ask again."
    return None


def _objection_to_pull(pull: Pull, job: Job) -> str | None:
    if not pull.is_open:
        return "the pull request was closed or merged. Nothing is left to do here."
    if pull.head_branch != job.branch or pull.base_branch != job.target_branch:
        return "the pull request's branches were changed. Ask again."
    return None


def _objection_to_comment(forge: Forge, job: Job) -> str | None:
    if job.pin is None or job.trigger_comment_id is None:
        return None
    found = forge.comment(job.repo, job.number, job.trigger_comment_id)
    if found is None or found.author.id != job.requester.id:
        return (
            "the comment that asked for it isn't there any more, or stands on a line of the changes, where we "
            "can't answer yet. Write a new one at the end of the thread."
        )
    if fingerprint(found.body) != job.pin.comment_text:
        return "the comment was edited since. Write a new one."
    return None


def moved(desk: Desk, job: Job, tip: str) -> str | None:
    """Why the branch isn't the one that was there when the job was asked for; None where it is.

    What earlier jobs of ours put there meanwhile is expected: who asks twice means both.
    """
    if job.pin is None or job.pin.head_sha is None:
        return None
    expected, seen = job.pin.head_sha, {job.pin.head_sha}
    key = keys.pushed(job.forge, job.repo, job.branch)
    while expected != tip:
        following = desk.redis.hget(key, expected)
        if following is None or following.decode() in seen:
            return (
                f"somebody pushed to `{job.branch}` after this was asked for "
                f"({job.pin.head_sha[:10]} is {tip[:10]} now). Look at it, and ask again."
            )
        expected = following.decode()
        seen.add(expected)
    return None


def remember_push(desk: Desk, job: Job, old: str | None, new: str) -> None:
    """Say that we are about to replace `old` by `new`. Without the push that follows it means nothing."""
    if old is None:
        return
    key = keys.pushed(job.forge, job.repo, job.branch)
    desk.redis.hset(key, old, new)
    desk.redis.expire(key, PUSHED_MEMORY_SECONDS)
