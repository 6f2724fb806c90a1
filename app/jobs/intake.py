"""From an accepted delivery to what it asks for: a job, an answer, or nothing.

A delivery only says where to look. Who put a label on and what a comment says is asked of the forge now; when it can't
be asked, the delivery waits and nothing is assumed. Repeating a delivery makes no second job.
"""

from datetime import datetime

from app.domain import command, policy
from app.domain.event import (
    Account,
    Commented,
    Ignored,
    LabelsChanged,
    ThreadChanged,
    ThreadEvent,
    repo_of,
)
from app.domain.job import ENDED, Job
from app.domain.repo_config import Allow
from app.forges.port import Forge, ForgeDenied, ForgeError, User
from app.jobs import ask, comment, pins
from app.jobs.desk import Desk
from app.store import keys
from app.store.deliveries import Delivery
from app.store.jobs import TRIGGER_MEMORY_SECONDS
from app.store.tasks import Task, enqueue
from app.telemetry import logs

EDIT_MEMORY_SECONDS = 30 * 86_400
ACT_SECONDS = 10.0
"""How far the times of a label and of the delivery that tells of it may be apart; both are the forge's."""
NEWS_SECONDS = 7 * 86_400
"""A label that has been on for longer is no news: timelines may be long."""


def intake(desk: Desk, delivery_id: str) -> None:
    """Handle one delivery. Repeating it makes no second job."""
    delivery = desk.deliveries.get(delivery_id)
    if delivery is None:
        return
    event = _event(desk, delivery)
    if event is not None:
        try:
            _Intake(desk, delivery).handle(event)
        except ForgeError as error:
            if error.retryable or isinstance(error, ForgeDenied):
                raise  # the delivery stays in the inbox, and nothing is assumed; a token can be mended
            logs.get().error(
                "delivery_refused", endpoint=delivery.endpoint, repo=event.thread.repo, cause=str(error)
            )
    desk.deliveries.done(delivery_id)


def _event(desk: Desk, delivery: Delivery) -> ThreadEvent | None:
    """What the delivery tells, where it is about a thread of a repository that it may speak of."""
    forge_settings = desk.settings.forges.get(delivery.endpoint)
    if forge_settings is None:  # taken out of the settings since
        return None
    log = logs.get().bind(endpoint=delivery.endpoint, event=delivery.event)
    event = desk.dialects[forge_settings.kind].parse(delivery.event, delivery.body)
    if isinstance(event, Ignored):
        log.info("delivery_ignored", reason=event.reason)
        return None
    repo = repo_of(event)
    if repo is None or not forge_settings.covers(repo):
        log.warning("repo_not_allowed", repo=repo)
    elif delivery.repo is not None and delivery.repo.lower() != repo.lower():
        log.warning("another_repositorys_secret", repo=repo, secret_of=delivery.repo)
    elif isinstance(event, ThreadEvent):
        return event
    else:
        log.info("delivery_ignored", reason=f"nothing follows from {type(event).__name__}")
    return None


class _Intake:
    """One event on its way to what follows from it."""

    def __init__(self, desk: Desk, delivery: Delivery) -> None:
        self._desk = desk
        self._delivery = delivery
        self._endpoint = delivery.endpoint
        self._forge: Forge = desk.forges[delivery.endpoint]

    def handle(self, event: ThreadEvent) -> None:
        if isinstance(event, ThreadChanged) and event.what == "edited":
            self._edited(event)  # before anything is asked of the forge: it must be known in time
        elif event.actor.id == self._forge.whoami().id:
            logs.get().info("delivery_ignored", endpoint=self._endpoint, reason="our own doing")
        elif isinstance(event, Commented):
            self._commented(event)
        elif isinstance(event, LabelsChanged | ThreadChanged):
            self._labelled(event)

    def _edited(self, event: ThreadChanged) -> None:
        """Remember when and by whom: what changed under one's eyes isn't approved, nor trusted for its author."""
        thread = event.thread
        fields: dict[str, str | float] = {"at": self._desk.clock()}
        if event.actor.id != thread.author.id:
            fields |= {"by": event.actor.id, "login": event.actor.login}
        key = keys.edited(self._endpoint, thread.repo.lower(), thread.number)
        self._desk.redis.hset(key, mapping=fields)
        self._desk.redis.expire(key, EDIT_MEMORY_SECONDS)

    def _labelled(self, event: LabelsChanged | ThreadChanged) -> None:
        """Start a job where our label is on, once per time that somebody put it on; the forge says who that was.

        Whether it is on isn't believed either: where all labels were replaced, Gitea 1.25 tells of an empty set. Only
        the delivery of the act itself is a yes to other people's words: what a later one tells may have been written
        since, and a label may have got its name since.
        """
        thread, label = event.thread, self._desk.settings.label
        if not thread.is_open or thread.is_pull:
            return
        if isinstance(event, ThreadChanged) and not pins.has_label(thread.labels, label):
            return
        since = self._desk.clock() - NEWS_SECONDS
        put_on = self._forge.labelled(thread.repo, thread.number, label, since=since)
        if put_on is None or put_on.actor.id == self._forge.whoami().id:
            reason = "nobody else put our label on"
            logs.get().info("delivery_ignored", endpoint=self._endpoint, reason=reason)
            return
        act = isinstance(event, LabelsChanged) and abs(_at(thread.updated_at) - put_on.at) <= ACT_SECONDS
        wish = ask.Ask(
            kind="code",
            actor=Account(id=put_on.actor.id, login=put_on.actor.login),
            thread=thread,
            trigger=f"{self._here(event)}/label/{put_on.event_id}",
            label=label,
            label_event=put_on.event_id,
            approves=act,
        )
        ask.start(self._desk, self._endpoint, wish)

    def _here(self, event: ThreadEvent) -> str:
        return f"{self._endpoint}/{event.thread.repo.lower()}/{event.thread.number}"

    def _commented(self, event: Commented) -> None:
        thread = event.thread
        asked = command.parse(event.body, (self._desk.settings.mention, self._forge.whoami().login))
        if asked is None:
            return
        if asked.verb in {"help", "stop"}:
            self._answer_at_once(event, asked.verb)
        elif asked.verb == "rebase" and not thread.is_pull:
            self._answer(event, "`rebase` works on pull requests; this is an issue.")
        elif asked.verb == "approve" and thread.is_pull:
            self._answer(event, "`approve` works on issues. Here, write what you want to have done.")
        elif not thread.is_open:
            self._answer(event, "This is closed. Reopen it, and ask again.")
        else:
            wish = ask.Ask(
                kind="rebase" if asked.verb == "rebase" else "code",
                actor=event.actor,
                thread=thread,
                trigger=f"{self._here(event)}/comment/{event.comment_id}",
                said=event,
                request="" if asked.verb == "approve" else asked.text,
                approves=asked.verb == "approve",
            )
            ask.start(self._desk, self._endpoint, wish)

    def _answer(self, event: Commented, text: str) -> None:
        """Reply to who may ask; strangers can't make us talk."""
        if self._may_talk(event):
            self._reply(event, text)

    def _answer_at_once(self, event: Commented, verb: str) -> None:
        if not self._may_talk(event):
            return
        if verb == "help":
            self._reply(event, command.help_text(self._desk.settings.mention))
            return
        handled = keys.trigger(f"{self._here(event)}/comment/{event.comment_id}")
        if self._desk.redis.exists(handled):
            return
        # what was asked for after it isn't meant; that a delivery may wait and come again doesn't change its time
        running = [job for job in self._live_on(event) if job.created_at <= self._delivery.at]
        for job in running:
            if job.cancel_requested_by is None:
                self._desk.jobs.change(job.id, cancel_requested_by=event.actor.login)
                enqueue(self._desk.redis, Task.RECONCILE, "")
        if not running:
            self._reply(event, "No job is running here.")
        self._desk.redis.set(handled, "", ex=TRIGGER_MEMORY_SECONDS)

    def _may_talk(self, event: Commented) -> bool:
        """Whether the comment is there as it was told, by somebody who may ask for something here."""
        actor = User(id=event.actor.id, login=event.actor.login)
        who = pins.asker(self._forge, event.thread.repo, actor)
        bots = self._desk.settings.forges[self._endpoint].bots
        refusal = policy.may_trigger(who, Allow(), bots=bots, ours=self._forge.whoami().id)
        ask.record(self._desk, event.thread, event.actor, event.author, refusal)
        if refusal is not None:
            return False
        found = self._forge.comment(event.thread.repo, event.thread.number, event.comment_id)
        same = found is not None and found.author.id == event.author.id == event.actor.id
        return same and found is not None and pins.fingerprint(found.body) == pins.fingerprint(event.body)

    def _live_on(self, event: Commented) -> list[Job]:
        here = (self._endpoint, event.thread.repo.lower(), event.thread.number)
        live = [job for job in self._desk.jobs.live() if job.state not in ENDED]
        return [job for job in live if (job.forge, job.repo.lower(), job.number) == here]

    def _reply(self, event: Commented, text: str) -> None:
        comment.reply_once(
            self._forge, event.thread.repo, event.thread.number, key=str(event.comment_id), text=text
        )


def _at(instant: str) -> float:
    """RFC 3339 → seconds since the epoch; the epoch itself where it is none."""
    try:
        return datetime.fromisoformat(instant).timestamp()
    except (ValueError, OverflowError):
        return 0.0
