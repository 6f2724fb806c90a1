"""From a wish to a job, or to an honest no.

The gates stand in this order: was it made into a job before, may this account ask (the forge says so now), does the
repository want such a job, whose words are they, is everything still as it was when it was asked for. Whoever
can't write to the repository hears nothing; whoever can reads the reason in the thread.
"""

import secrets
from dataclasses import dataclass, replace

from app.domain import naming, policy, repo_config
from app.domain.event import Account, Commented, Thread
from app.domain.job import Job, Pin, Requester, State, Step
from app.domain.policy import Asker
from app.forges.port import Forge, Pull, Unreadable, User
from app.jobs import pins
from app.jobs.desk import Desk
from app.store import keys
from app.store.tasks import Task
from app.telemetry import logs
from runner.protocol import MAX_PROSE, Kind
from runner.protocol import Task as Request

QUIET_SECONDS = 60
"""Other people's text can't be approved sooner after its last edit: who approves has to have read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What somebody asks for, and where it came from: a label, or what was `said`."""

    kind: Kind
    actor: Account
    thread: Thread
    trigger: str
    """Names the act; one act makes one job."""
    label: str | None = None
    said: Commented | None = None
    request: str = ""
    approves: bool = False
    """Whether the act is also a yes to title and description, by whomever they are."""


def start(desk: Desk, endpoint: str, ask: Ask) -> None:
    """Make the job that is asked for, if the asker may; a refused one where they may read why."""
    if desk.jobs.made_by(ask.trigger) is None:
        _Gates(desk, endpoint, ask).pass_through()


def record(desk: Desk, thread: Thread, actor: Account, author: Account, no: policy.Refusal | None) -> None:
    """Put the decision about who may ask on record, whatever it is."""
    entry = {
        "repo": thread.repo, "number": thread.number, "actor": actor.login, "actor_id": actor.id,
        "author": author.login, "author_id": author.id, "decision": no.reason if no else "allowed",
    }  # fmt: skip
    desk.redis.xadd(keys.AUDIT, entry, maxlen=100_000, approximate=True)
    if no:
        logs.get().warning("refused", **entry)


class _Gates:
    def __init__(self, desk: Desk, endpoint: str, ask: Ask) -> None:
        self._desk, self._endpoint, self._ask = desk, endpoint, ask
        self._forge: Forge = desk.forges[endpoint]
        self._us = self._forge.whoami()

    def pass_through(self) -> None:
        thread, pull = self._ask.thread, None
        actor = self._asker(self._ask.actor)
        try:
            allow, broken = self._allow(), None
        except repo_config.BadRepoConfigError as error:
            allow, broken = repo_config.Allow(), str(error)
        bots = self._desk.settings.forges[self._endpoint].bots
        refusal = policy.may_trigger(actor, allow, bots=bots, ours=self._us.id)
        record(self._desk, thread, self._ask.actor, self._author, refusal)
        if refusal is not None and not refusal.tell:
            return
        if (
            thread.is_pull
        ):  # not as the delivery tells it: only whom we trust can have edited what we show the model
            pull = self._forge.pull(thread.repo, thread.number)
            author = Account(id=pull.author.id, login=pull.author.login)
            thread = replace(thread, title=pull.title, body=pull.body, author=author)
        writer = actor if thread.author.id == actor.id else self._asker(thread.author)
        job = self._job(thread, writer, pull)
        problem = (refusal.reason if refusal else None) or broken or self._problem(job, allow, writer, pull)
        self._create(job, problem)

    @property
    def _author(self) -> Account:
        """Whose words are to be worked on."""
        said = None if self._ask.approves else self._ask.said
        return said.author if said else self._ask.thread.author

    def _asker(self, account: Account) -> Asker:
        return pins.asker(self._forge, self._ask.thread.repo, User(id=account.id, login=account.login))

    def _allow(self) -> repo_config.Allow:
        """The repository's own rules, of the default branch, which not everybody may move.

        Raise `BadRepoConfigError`.
        """
        thread = self._ask.thread
        limit = repo_config.MAX_BYTES
        try:
            found = self._forge.read_file(
                thread.repo, repo_config.PATH, ref=thread.default_branch, max_bytes=limit
            )
        except Unreadable as error:
            sentence = f"{repo_config.PATH} on the default branch is no file of at most {limit} bytes."
            raise repo_config.BadRepoConfigError(sentence) from error
        return repo_config.parse(found, where="the default branch").allow

    def _problem(self, job: Job, allow: repo_config.Allow, writer: Asker, pull: Pull | None) -> str | None:
        return (
            policy.is_out_of_bounds(allow, kind=job.kind, target=job.target_branch)
            or (_objection_to_branch(pull, self._ask.thread) if pull else None)
            or (self._objection_to_approval(writer) if self._ask.approves else None)
            or self._objection_to_actor()
            or pins.objection(self._desk, job, pull=pull)
        )

    def _objection_to_actor(self) -> str | None:
        said = self._ask.said
        if said is not None and said.author.id != said.actor.id:
            return "the comment isn't by who is said to have written it. Write a new one."
        return None

    def _objection_to_approval(self, writer: Asker) -> str | None:
        """Why other people's words can't be approved like this."""
        thread = self._ask.thread
        if writer.id == self._us.id:
            return "the text is this bot's own. Put what you want into an issue in your own words."
        if policy.may_write(writer):
            return None
        edited = self._desk.redis.get(keys.edited(self._endpoint, thread.repo, thread.number))
        if edited is not None and self._desk.clock() - float(edited) < QUIET_SECONDS:
            return (
                f"the text is by {writer.login}, who has no write access, and was edited less than a minute "
                "before you approved it. Read it again, and approve it once more."
            )
        return None

    def _job(self, thread: Thread, writer: Asker, pull: Pull | None) -> Job:
        ask, now = self._ask, self._desk.clock()
        trusted = policy.may_write(writer) and writer.id != self._us.id
        if not trusted and not ask.approves:
            # the comment is by somebody we trust, the issue's own text isn't: the model doesn't get to see it
            thread = replace(thread, title=f"#{thread.number}", body="")
        shown = trusted or ask.approves
        pin = Pin(
            thread_author=thread.author.id,
            thread_text=pins.fingerprint(thread.title, thread.body) if shown and not thread.is_pull else None,
            comment_text=pins.fingerprint(ask.said.body) if ask.said else None,
            head_sha=(thread.head_sha or pull.head_sha) if pull else None,
        )
        return Job(
            id=secrets.token_hex(8),
            forge=self._endpoint,
            repo=thread.repo,
            kind=ask.kind,
            number=thread.number,
            is_pull=thread.is_pull,
            requester=Requester(id=ask.actor.id, login=ask.actor.login),
            task=Request(
                title=naming.one_line(thread.title, 1_000),
                body=thread.body[:MAX_PROSE],
                author=thread.author.login,
                number=thread.number,
                request=ask.request[:MAX_PROSE],
                approved_by=ask.actor.login if ask.approves and not trusted else "",
            ),
            trigger_label=ask.label,
            pin=pin,
            trigger_comment_id=ask.said.comment_id if ask.said else None,
            target_branch=pull.base_branch if pull else thread.default_branch,
            branch=pull.head_branch if pull else f"{self._desk.settings.branch_prefix}issue-{thread.number}",
            created_at=now,
            state=State.RECEIVED,
            timeline=(Step(at=now, state=State.RECEIVED, cause="webhook", attempt=0),),
        )

    def _create(self, job: Job, problem: str | None) -> None:
        if problem:
            to, tasks, cause = State.REFUSED, [Task.COMMENT], problem
        else:  # the thread hears of it first: a launch may have to fetch a large repository
            to, tasks, cause = (
                State.QUEUED,
                [Task.COMMENT, Task.LAUNCH],
                f"asked for by {job.requester.login}",
            )
        job = job.moved(to, cause=cause, at=job.created_at, error=problem)
        created = self._desk.jobs.create(job, trigger=self._ask.trigger, tasks=tasks)
        logs.get().info(
            "job_created",
            job=created.id,
            repo=job.repo,
            number=job.number,
            kind=job.kind,
            by=job.requester.login,
        )


def _objection_to_branch(pull: Pull, thread: Thread) -> str | None:
    """Why we can't work on this pull request's branch; None where we can."""
    if pull.head_repo is None or pull.head_repo.lower() != thread.repo.lower():
        return "this pull request comes from a fork; working on those is not possible yet."
    if pull.head_branch.startswith("refs/"):
        return "its branch is gone. Restore it, and ask again."
    if pull.head_branch == thread.default_branch:
        return f"its branch is `{pull.head_branch}`, the default branch, which is never pushed to."
    return None
