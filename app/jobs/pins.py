"""What a job was asked to do, held against the forge as it is now: at the trigger, before launch, before push.

Text is worked on as it was when it was asked for, by whom it was asked for. What was edited, deleted, closed or
taken back since stops the job; a branch that somebody moved since, too. An answer that doesn't come is no yes: errors
of the forge go to the caller.
"""

import hashlib
from collections.abc import Iterable

from app.domain import policy, repo_config
from app.domain.job import Job, Pin
from app.domain.policy import Asker
from app.domain.repo_config import Allow, BadRepoConfigError
from app.forges.port import Forge, ForgeNotFound, Issue, Pull, Unreadable, User
from app.jobs.desk import Desk
from app.store import keys
from app.telemetry import logs

PUSHED_MEMORY_SECONDS = 30 * 86_400
NOTHING = "-"


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
    return Asker(
        id=user.id,
        login=user.login,
        permission=standing.permission,
        is_bot=standing.is_bot,
        doubt=standing.doubt,
    )


def rules(forge: Forge, repo: str) -> Allow:
    """The repository's own rules, of its default branch, which not everybody may move. Raise `BadRepoConfigError`."""
    limit = repo_config.MAX_BYTES
    try:
        found = forge.read_file(repo, repo_config.PATH, ref=None, max_bytes=limit)
    except Unreadable as error:
        sentence = f"{repo_config.PATH} on the default branch is no file of at most {limit} bytes."
        raise BadRepoConfigError(sentence) from error
    return repo_config.parse(found, where="the default branch").allow


def revoked(desk: Desk, job: Job) -> str | None:
    """Why who asked may not ask for this any more; None where they may."""
    if job.forge not in desk.forges:
        return None  # `forgehand run`: whoever runs it has asked
    forge = desk.forge_of(job)
    now = asker(forge, job.repo, User(id=job.requester.id, login=job.requester.login))
    bots = desk.settings.forges[job.forge].bots
    try:
        allow = rules(forge, job.repo)
    except BadRepoConfigError as error:
        return str(error)
    refusal = policy.may_trigger(now, allow, bots=bots, ours=forge.whoami().id)
    if refusal:
        return f"who asked for this may not any more: {refusal.reason}"
    return policy.is_out_of_bounds(allow, kind=job.kind, target=job.target_branch)


def objection(desk: Desk, job: Job, *, pull: Pull | None = None) -> str | None:
    """Why this isn't what was asked for any more, as a sentence; None where it is."""
    if job.forge not in desk.forges:
        return None
    if job.pin is None:
        return "it was asked for before an update of this service. Ask again."
    forge = desk.forge_of(job)
    try:
        if job.is_pull:
            pull = pull or forge.pull(job.repo, job.number)
            problem = _objection_to_pull(pull, job, job.pin)
            if problem is None and forge.is_protected(job.repo, job.branch):
                return f"its branch `{job.branch}` is protected; those are never pushed to."
        else:
            problem = _objection_to_issue(forge.issue(job.repo, job.number), job, job.pin)
    except ForgeNotFound as error:
        logs.get().info("thread_gone", job=job.id, cause=str(error))
        return "it isn't there any more: deleted, or moved elsewhere."
    return problem or _objection_to_comment(forge, job)


def _objection_to_issue(issue: Issue, job: Job, pin: Pin) -> str | None:
    if issue.is_pull:
        return "it is a pull request, and was told to be an issue."
    if not issue.is_open:
        return "it was closed. Reopen it, and ask again."
    if job.trigger_label is not None and not has_label(issue.labels, job.trigger_label):
        return "the label is not on any more. Put it on again."
    if issue.author.id != pin.thread_author:
        return "it isn't by who is said to have written it. Ask again."
    if pin.thread_text not in {None, fingerprint(issue.title, issue.body)}:
        return "the text was edited since it was asked for. Read it again, and ask again."
    return None


def _objection_to_pull(pull: Pull, job: Job, pin: Pin) -> str | None:
    if not pull.is_open:
        return "the pull request was closed or merged. Nothing is left to do here."
    if pull.head_branch != job.branch or pull.base_branch != job.target_branch:
        return "the pull request's branches were changed. Ask again."
    if pull.author.id != pin.thread_author:
        return "it isn't by who is said to have written it. Ask again."
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
    """Say that we are about to replace `old` (none: nothing) by `new`; it means nothing without the push."""
    key = keys.pushed(job.forge, job.repo, job.branch)
    desk.redis.hset(key, old or NOTHING, new)
    desk.redis.expire(key, PUSHED_MEMORY_SECONDS)


def push_begun(desk: Desk, job: Job, old: str | None, new: str) -> bool:
    """Whether we have said so before: then the push may have happened."""
    found = desk.redis.hget(keys.pushed(job.forge, job.repo, job.branch), old or NOTHING)
    return found is not None and found.decode() == new
