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
from app.forges.port import Forge, Pull, User
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
    label_event: int | None = None
    """The forge's id of the act that put it on."""
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
        actor = self._asker(self._ask.actor)
        try:
            allow, broken = pins.rules(self._forge, self._ask.thread.repo), None
        except repo_config.BadRepoConfigError as error:
            allow, broken = repo_config.Allow(), str(error)
        bots = self._desk.settings.forges[self._endpoint].bots
        refusal = policy.may_trigger(actor, allow, bots=bots, ours=self._us.id)
        record(self._desk, self._ask.thread, self._ask.actor, self._author, refusal)
        if (refusal is not None and not refusal.tell) or not self._is_said():
            return
        # names and default branch as the forge has them: what a delivery says of them decides nothing
        found = self._forge.repo(self._ask.thread.repo)
        thread = replace(self._ask.thread, repo=found.full_name, default_branch=found.default_branch)
        pull = self._forge.pull(thread.repo, thread.number) if thread.is_pull else None
        writer = actor if thread.author.id == actor.id else self._asker(thread.author)
        problem = (refusal.reason if refusal else None) or broken
        trusted = policy.may_write(writer) and writer.id != self._us.id and self._is_by_writers()
        if (problem is None and not trusted and self._ask.label) or (problem is None and self._ask.approves):
            problem = self._objection_to_approval(writer)
        job = self._job(thread, pull, trusted=trusted)
        self._create(job, problem or self._problem(job, allow, thread, pull))

    def _is_said(self) -> bool:
        """Whether the comment is there, by who is said to have written it; invented ones get no answer."""
        said = self._ask.said
        if said is None:
            return True
        found = self._forge.comment(said.thread.repo, said.thread.number, said.comment_id)
        if found is not None and found.author.id == said.author.id == said.actor.id:
            return True
        logs.get().warning("comment_not_found", repo=said.thread.repo, comment=said.comment_id)
        return False

    def _is_by_writers(self) -> bool:
        """Whether nobody else than people who may write has edited the author's words, as far as we were told."""
        by, login = self._edit(b"by"), self._edit(b"login")
        if by is None or login is None:
            return True
        return policy.may_write(self._asker(Account(id=int(by), login=login)))

    def _edit(self, field: bytes) -> str | None:
        thread = self._ask.thread
        key = keys.edited(self._endpoint, thread.repo.lower(), thread.number)
        found = self._desk.redis.hget(key, field)
        return found.decode() if found is not None else None

    @property
    def _author(self) -> Account:
        """Whose words are to be worked on."""
        said = None if self._ask.approves else self._ask.said
        return said.author if said else self._ask.thread.author

    def _asker(self, account: Account) -> Asker:
        return pins.asker(self._forge, self._ask.thread.repo, User(id=account.id, login=account.login))

    def _problem(self, job: Job, allow: repo_config.Allow, thread: Thread, pull: Pull | None) -> str | None:
        return (
            policy.is_out_of_bounds(allow, kind=job.kind, target=job.target_branch)
            or (_objection_to_branch(pull, thread) if pull else None)
            or pins.objection(self._desk, job, pull=pull)
        )

    def _objection_to_approval(self, writer: Asker) -> str | None:
        """Why this act is no yes to the text as it is."""
        if writer.id == self._us.id:
            return "the text is this bot's own. Put what you want into an issue in your own words."
        if policy.may_write(writer) and self._is_by_writers():
            return None
        whose = (
            f"the text is by {writer.login}, who has no write access, or was edited by somebody who has none"
        )
        if not self._ask.approves:
            return f"{whose}. Read it; to approve it as it is now, take the label off and put it on again."
        at = self._edit(b"at")
        if at is not None and self._desk.clock() - float(at) < QUIET_SECONDS:
            return (
                f"{whose}, and it was edited less than a minute before you approved it. "
                "Read it again, and approve it once more."
            )
        return None

    def _job(self, thread: Thread, pull: Pull | None, *, trusted: bool) -> Job:
        ask, now = self._ask, self._desk.clock()
        if not trusted and not ask.approves:
            # the comment is by somebody we trust, the thread's own text isn't: the model doesn't get to see it
            thread = replace(thread, title=f"#{thread.number}", body="")
        shown = trusted or ask.approves
        pin = Pin(
            thread_author=thread.author.id,
            thread_text=pins.fingerprint(thread.title, thread.body) if shown and not thread.is_pull else None,
            comment_text=pins.fingerprint(ask.said.body) if ask.said else None,
            label_event=ask.label_event,
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
