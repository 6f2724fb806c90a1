"""From an accepted delivery to a job, or to an honest no.

The gates stand in this order: is it about us, is the repository ours to work on, is it a person, may they.
Permissions are asked of the forge now; when it can't be asked, the delivery waits and nothing is assumed.
"""

import dataclasses
import hashlib
import json
import secrets
from dataclasses import dataclass

from app.domain import command, naming, policy
from app.domain.event import Account, Commented, Ignored, LabelsChanged, Thread
from app.domain.job import ENDED, Job, Requester, State, Step
from app.forges.port import Forge, ForgeDenied, ForgeError, Pull
from app.jobs import comment
from app.jobs.desk import Desk
from app.store import keys
from app.store.connection import Pipeline
from app.store.tasks import Task, enqueue
from app.telemetry import logs
from runner.protocol import MAX_PROSE, Kind
from runner.protocol import Task as Request


def intake(desk: Desk, delivery_id: str) -> None:
    """Handle one delivery. Repeating it makes no second job."""
    delivery = desk.deliveries.get(delivery_id)
    if delivery is None:
        return
    forge_settings = desk.settings.forges.get(delivery.endpoint)
    if forge_settings is None:  # taken out of the settings since
        desk.deliveries.done(delivery_id)
        return
    event = desk.dialects[forge_settings.kind].parse(delivery.event, delivery.body)
    if isinstance(event, Ignored):
        logs.get().info("delivery_ignored", endpoint=delivery.endpoint, reason=event.reason)
    elif not policy.repo_is_allowed(event.thread.repo, forge_settings.repos):
        logs.get().warning("repo_not_allowed", endpoint=delivery.endpoint, repo=event.thread.repo)
    else:
        try:
            _Intake(desk, delivery.endpoint).handle(event)
        except ForgeError as error:
            if error.retryable or isinstance(error, ForgeDenied):
                raise  # the delivery stays in the inbox, and nothing is assumed; a token can be mended
            logs.get().error(
                "delivery_refused", endpoint=delivery.endpoint, repo=event.thread.repo, cause=str(error)
            )
    desk.deliveries.done(delivery_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """What somebody asks for, and where it came from: a label, or what was `said`."""

    kind: Kind
    actor: Account
    author: Account
    """Whose text is to be worked on."""
    thread: Thread
    trigger: str
    label: str | None = None
    said: Commented | None = None
    request: str = ""
    seen: tuple[str, str] | None = None
    """A key and its value, remembered in the same step in which the job is made."""


class _Intake:
    """One event on its way through the gates."""

    def __init__(self, desk: Desk, endpoint: str) -> None:
        self._desk = desk
        self._endpoint = endpoint
        self._forge: Forge = desk.forges[endpoint]

    def handle(self, event: LabelsChanged | Commented) -> None:
        ours = event.actor.id == self._forge.whoami().id
        if ours:
            logs.get().info("delivery_ignored", endpoint=self._endpoint, reason="our own doing")
        if isinstance(event, LabelsChanged):
            self._labels_changed(event, ours=ours)
        elif not ours:
            self._commented(event)

    def _labels_changed(self, event: LabelsChanged, *, ours: bool) -> None:
        """Start a job where the label is new; what we did ourselves is only remembered."""
        thread, label = event.thread, self._desk.settings.label
        key = keys.labels(self._endpoint, thread.repo, thread.number)
        before = set(json.loads(self._desk.redis.get(key) or "[]"))
        now = json.dumps(sorted(thread.labels))
        asked = not ours and label in thread.labels and label not in before
        if asked and thread.is_open and not thread.is_pull:
            trigger = f"{self._endpoint}/{thread.repo}/{thread.number}/label/{thread.updated_at}"
            ask = _Ask(
                kind="code", actor=event.actor, author=thread.author, thread=thread, trigger=trigger, label=label,
                seen=(key, now),
            )  # fmt: skip
            self._start(ask)
        self._desk.redis.set(key, now)

    def _commented(self, event: Commented) -> None:
        thread = event.thread
        names = (self._desk.settings.mention, self._forge.whoami().login)
        asked = command.parse(event.body, names)
        if asked is None:
            return
        text_hash = hashlib.sha256(event.body.encode()).hexdigest()[:16]
        trigger = f"{self._endpoint}/{thread.repo}/{thread.number}/comment/{event.comment_id}/{text_hash}"
        if asked.verb in {"help", "stop"}:
            self._answer_at_once(event, asked.verb)
        elif asked.verb == "rebase" and not thread.is_pull:
            self._answer(event, "`rebase` works on pull requests; this is an issue.")
        elif not thread.is_open:
            self._answer(event, "This is closed. Reopen it, and ask again.")
        else:
            kind: Kind = "rebase" if asked.verb == "rebase" else "code"
            ask = _Ask(
                kind=kind, actor=event.actor, author=event.author, thread=thread, trigger=trigger, said=event,
                request=asked.text,
            )  # fmt: skip
            self._start(ask)

    def _answer(self, event: Commented, text: str) -> None:
        """Reply to who may ask; strangers can't make us talk."""
        if self._refusal(event.thread, event.actor, event.author) is None:
            self._reply(event, text)

    def _answer_at_once(self, event: Commented, verb: str) -> None:
        if self._refusal(event.thread, event.actor, event.author) is not None or self._objection_to(event):
            return
        if verb == "help":
            self._reply(event, command.help_text(self._desk.settings.mention))
            return
        stopped = [job for job in self._live_on(event.thread) if job.cancel_requested_by is None]
        for job in stopped:
            self._desk.jobs.change(job.id, cancel_requested_by=event.actor.login)
            enqueue(self._desk.redis, Task.RECONCILE, "")
        if not stopped:
            self._reply(event, "No job is running here.")

    def _start(self, ask: _Ask) -> None:
        """Make the job that was asked for, if the asker may; a refused one where they may read why."""
        refusal = self._refusal(ask.thread, ask.actor, ask.author)
        if refusal is not None and not refusal.tell:
            return
        problem = refusal.reason if refusal else self._objection(ask)
        job = self._job(ask)
        if ask.thread.is_pull and problem is None:
            pull = self._forge.pull(ask.thread.repo, ask.thread.number)
            problem = _objection_to_branch(pull, ask.thread)
            job = job.model_copy(update={"target_branch": pull.base_branch, "branch": pull.head_branch})
        to, tasks = (
            (State.REFUSED, [Task.COMMENT]) if problem else (State.QUEUED, [Task.LAUNCH, Task.COMMENT])
        )
        job = job.moved(
            to, cause=problem or f"asked for by {ask.actor.login}", at=job.created_at, error=problem
        )

        def remember(pipe: Pipeline) -> None:
            if ask.seen:
                pipe.set(*ask.seen)

        created = self._desk.jobs.create(job, trigger=ask.trigger, tasks=tasks, also=remember)
        logs.get().info(
            "job_created", job=created.id, repo=job.repo, number=job.number, kind=job.kind, by=ask.actor.login
        )

    def _objection(self, ask: _Ask) -> str | None:
        """Hold the delivery to the forge: who knows a webhook's secret could still invent one.

        None where the forge says the same. Text is pinned at the trigger: what was edited since isn't worked on.
        """
        thread = ask.thread
        if ask.said is not None:
            return self._objection_to(ask.said)
        issue = self._forge.issue(thread.repo, thread.number)
        if ask.label not in issue.labels or not issue.is_open or issue.author.id != thread.author.id:
            return "the label is not on any more. Put it on again."
        if (_plain(issue.title), _plain(issue.body)) != (_plain(thread.title), _plain(thread.body)):
            return "the text was edited since the label was put on. Take the label off, and put it on again."
        return None

    def _objection_to(self, said: Commented) -> str | None:
        """The same for a comment."""
        comments = self._forge.comments(said.thread.repo, said.thread.number)
        found = next((comment for comment in comments if comment.id == said.comment_id), None)
        if found is None or not found.author.id == said.author.id == said.actor.id:
            return "the comment isn't there any more. Write a new one."
        if _plain(found.body) != _plain(said.body):
            return "the comment was edited since. Write a new one."
        return None

    def _job(self, ask: _Ask) -> Job:
        now, thread = self._desk.clock(), ask.thread
        if ask.said is not None and not policy.may_write(
            self._forge.permission(thread.repo, thread.author.login)
        ):
            # the comment is by somebody we trust, the issue's own text isn't: the model doesn't get to see it
            thread = dataclasses.replace(thread, title=f"#{thread.number}", body="")
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
            ),
            trigger_label=ask.label,
            trigger_comment_id=ask.said.comment_id if ask.said else None,
            target_branch=thread.default_branch,
            branch=f"{self._desk.settings.branch_prefix}issue-{thread.number}",
            created_at=now,
            state=State.RECEIVED,
            timeline=(Step(at=now, state=State.RECEIVED, cause="webhook", attempt=0),),
        )

    def _refusal(self, thread: Thread, actor: Account, author: Account) -> policy.Refusal | None:
        """Ask the forge what both may do; whatever the answer, it goes on record."""
        refusal = policy.who_may_ask(
            actor=actor.login,
            actor_permission=self._forge.permission(thread.repo, actor.login),
            author=author.login,
            author_permission=self._forge.permission(thread.repo, author.login),
        )
        entry = {
            "repo": thread.repo, "number": thread.number, "actor": actor.login, "actor_id": actor.id,
            "author": author.login, "decision": refusal.reason if refusal else "allowed",
        }  # fmt: skip
        self._desk.redis.xadd(keys.AUDIT, entry, maxlen=100_000, approximate=True)
        if refusal:
            logs.get().warning("refused", **entry)
        return refusal

    def _live_on(self, thread: Thread) -> list[Job]:
        here = (self._endpoint, thread.repo, thread.number)
        live = self._desk.jobs.live()
        return [job for job in live if (job.forge, job.repo, job.number) == here and job.state not in ENDED]

    def _reply(self, event: Commented, text: str) -> None:
        comment.reply_once(
            self._forge, event.thread.repo, event.thread.number, key=str(event.comment_id), text=text
        )


def _objection_to_branch(pull: Pull, thread: Thread) -> str | None:
    """Why we can't work on this pull request's branch; None where we can."""
    if pull.head_repo != thread.repo:
        return "this pull request comes from a fork; working on those is not possible yet."
    if pull.head_branch.startswith("refs/"):
        return "its branch is gone. Restore it, and ask again."
    if pull.head_branch == thread.default_branch:
        return f"its branch is `{pull.head_branch}`, the default branch, which is never pushed to."
    return None


def _plain(text: str) -> str:
    """`text` as it is compared: forges differ in line ends and in what surrounds it."""
    return text.replace("\r\n", "\n").strip()
