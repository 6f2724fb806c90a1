"""The runner's side of the broker: the job's specification, and its events on the way back.

Only the supervisor talks to the broker. 401 and 403 mean that this attempt is over (`Fenced`). No connection and
5xx mean that the service restarts: everything is tried again with growing pauses, until patience ends.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import httpx
from pydantic import ValidationError

from runner.ending import Interrupt
from runner.errors import BrokerAnswer, BrokerUnavailable, Cancelled, Fenced, RunnerError
from runner.protocol import (
    HEARTBEAT_SECONDS,
    MAX_EVENTS_PER_BATCH,
    MAX_TEXT,
    Event,
    EventAnswer,
    EventBatch,
    HeartbeatEvent,
    JobSpec,
    LogEvent,
    Phase,
    PhaseEvent,
    Result,
    ResultEvent,
)

PATIENCE_SECONDS = 600.0
"""How long a silent service is waited for."""
MAX_PAUSE_SECONDS = 5.0
MAX_PENDING_LOGS = 5_000
"""Log lines beyond are counted, not kept, while the service doesn't take them."""
BATCH_CHARACTERS = 500_000

LogSource = Literal["supervisor", "agent", "tool", "command"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the broker is, and what opens it. The token shows in no repr."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Door(url={self.url!r})"

    @property
    def git_url(self) -> str:
        return f"{self.url}/git"

    @property
    def claude_url(self) -> str:
        return f"{self.url}/claude"

    @property
    def authorization(self) -> str:
        return f"Bearer {self.token}"


class Broker:
    """The two JSON calls. Thread-safe."""

    def __init__(self, door: Door) -> None:
        self._client = httpx.Client(
            base_url=door.url,
            headers={"Authorization": door.authorization},
            timeout=30.0,
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def job(self) -> JobSpec:
        """The job's specification. One try; `BrokerUnavailable` says that another makes sense."""
        return _parsed(JobSpec.model_validate_json, self._send("GET", "/job"))

    def send(self, batch: EventBatch) -> EventAnswer:
        """Hand over events. One try; `BrokerUnavailable` says that another makes sense."""
        answer = self._send("POST", "/events", batch.model_dump_json().encode())
        return _parsed(EventAnswer.model_validate_json, answer)

    def _send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            response = self._client.request(method, path, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise BrokerUnavailable(f"The service can't be reached ({type(error).__name__}).") from error
        if response.status_code in (401, 403):
            raise Fenced("The service no longer knows this attempt.")
        if response.status_code == 429 or response.status_code >= 500:
            raise BrokerUnavailable(f"The service answered {response.status_code}.")
        if response.status_code != 200:
            raise BrokerAnswer(
                f"The service answered {response.status_code} to {method} {path}; update the runner."
            )
        return response.content


def _parsed(parse: Callable[[bytes], T], body: bytes) -> T:
    try:
        return parse(body)
    except ValidationError as error:
        raise BrokerAnswer(
            "The service's answer breaks the protocol; use a runner of the same version."
        ) from error


def patiently(call: Callable[[], T], interrupt: Interrupt, patience_seconds: float = PATIENCE_SECONDS) -> T:
    """Repeat `call` while it raises `BrokerUnavailable`, until patience ends or somebody interrupts."""
    deadline, pause = time.monotonic() + patience_seconds, 0.2
    while True:
        try:
            return call()
        except BrokerUnavailable:
            if time.monotonic() + pause > deadline:
                raise
        if interrupt.event.wait(pause):
            interrupt.check()
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


class Events:
    """The attempt's events, numbered here, sent by a thread of its own until the broker has them.

    A `cancel` in an answer, or a `Fenced`, triggers the interrupt. `finish` must be called last.
    """

    def __init__(
        self,
        send: Callable[[EventBatch], EventAnswer],
        interrupt: Interrupt,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._send = send
        self._interrupt = interrupt
        self._heartbeat_seconds = heartbeat_seconds
        self._pending: list[Event] = []
        self._seq = 0
        self._dropped = 0
        self._changed = threading.Condition()
        self._closing = False
        self._error: RunnerError | None = None
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        """Begin to send, and to beat."""
        self._thread.start()

    def phase(self, phase: Phase, detail: str = "") -> None:
        """The attempt enters a phase."""
        self._add(lambda seq, at: PhaseEvent(seq=seq, at=at, phase=phase, detail=detail[:2_000]))

    def log(self, source: LogSource, text: str) -> None:
        """A line for people; dropped, and counted, where too many wait."""
        with self._changed:
            if len(self._pending) >= MAX_PENDING_LOGS:
                self._dropped += 1
                return
            if self._dropped:
                note = f"{self._dropped} lines are missing here: they came faster than they could be sent."
                self._dropped = 0
                self._add(lambda seq, at: LogEvent(seq=seq, at=at, source="supervisor", text=note))
        self._add(lambda seq, at: LogEvent(seq=seq, at=at, source=source, text=text[:MAX_TEXT]))

    def finish(self, result: Result, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Send the result and wait until the broker has it. Raises `Fenced` or `BrokerUnavailable`."""
        self._add(lambda seq, at: ResultEvent(seq=seq, at=at, result=result))
        self.close(patience_seconds)
        if self._error:
            raise self._error

    def close(self, patience_seconds: float = 0.0) -> None:
        """Stop sending once everything is sent, or patience ends."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._pending or self._error is not None, patience_seconds)
            if self._pending and self._error is None:
                self._error = BrokerUnavailable(
                    "The service took no more events, so the result is lost; try again."
                )
            self._changed.notify_all()

    def _add(self, make: Callable[[int, float], Event]) -> None:
        with self._changed:
            self._seq += 1
            self._pending.append(make(self._seq, time.time()))
            self._changed.notify_all()

    def _run(self) -> None:
        pause = 0.0
        while True:
            batch = self._next_batch(pause)
            if batch is None:
                return
            try:
                answer = self._send(batch)
            except BrokerUnavailable:
                pause = min(max(0.2, pause * 2), MAX_PAUSE_SECONDS)
            except RunnerError as error:
                self._give_up(error)
                return
            else:
                moved = self._accepted(answer)
                pause = 0.0 if moved else min(max(0.2, pause * 2), MAX_PAUSE_SECONDS)

    def _next_batch(self, pause: float) -> EventBatch | None:
        with self._changed:
            if pause:
                self._changed.wait_for(lambda: self._error is not None, pause)
            elif not self._pending and not self._closing:
                self._changed.wait(self._heartbeat_seconds)
            if self._error or (self._closing and not self._pending):
                return None
            if not self._pending:
                self._add(lambda seq, at: HeartbeatEvent(seq=seq, at=at))
            return EventBatch(events=tuple(_up_to_size(self._pending)))

    def _accepted(self, answer: EventAnswer) -> bool:
        with self._changed:
            before = len(self._pending)
            self._pending = [event for event in self._pending if event.seq > answer.accepted_through]
            moved = len(self._pending) < before
            self._changed.notify_all()
        if answer.cancel:
            self._interrupt.trigger(Cancelled("The job was cancelled."))
        return moved

    def _give_up(self, error: RunnerError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()
        self._interrupt.trigger(error)


def _up_to_size(events: list[Event]) -> list[Event]:
    taken: list[Event] = []
    size = 0
    for event in events[:MAX_EVENTS_PER_BATCH]:
        size += len(event.text) if isinstance(event, LogEvent) else 1_000
        if taken and size > BATCH_CHARACTERS:
            break
        taken.append(event)
    return taken
