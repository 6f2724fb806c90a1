"""One job and the states it may go through.

A `Job` is immutable: `moved` gives the next version, and the store makes the swap atomic. `attempt` is the
fencing token: it grows with every launch, and what an older attempt still sends is refused.
"""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from runner.protocol import Kind, Phase, Result, Task


class State(StrEnum):
    """Where a job stands."""

    RECEIVED = "received"
    REFUSED = "refused"
    QUEUED = "queued"
    LAUNCHING = "launching"
    RUNNING = "running"
    PUBLISHING = "publishing"
    SUCCEEDED = "succeeded"
    NO_CHANGES = "no_changes"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


ENDED = frozenset(
    {State.REFUSED, State.SUCCEEDED, State.NO_CHANGES, State.FAILED, State.CANCELLED, State.TIMED_OUT}
)

_STOPS = {State.FAILED, State.CANCELLED, State.TIMED_OUT}
NEXT: dict[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.QUEUED, State.REFUSED}),
    # straight to publishing: a rebase without conflicts needs no runner
    State.QUEUED: frozenset({State.LAUNCHING, State.PUBLISHING, *_STOPS}),
    # back to queued: the runner was lost, and another attempt is allowed
    State.LAUNCHING: frozenset({State.RUNNING, State.QUEUED, *_STOPS}),
    State.RUNNING: frozenset({State.PUBLISHING, State.QUEUED, *_STOPS}),
    # back to queued: the attempt failed in a way that may pass
    State.PUBLISHING: frozenset({State.QUEUED, State.SUCCEEDED, State.NO_CHANGES, *_STOPS}),
} | dict.fromkeys(ENDED, frozenset())


class IllegalTransitionError(Exception):
    """The state machine has no such arrow: somebody else moved the job first, or a caller is wrong."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Step(_Value):
    """One entry of a job's timeline."""

    at: float
    """Seconds since the epoch."""
    state: State
    cause: str
    attempt: int


class Requester(_Value):
    """Who asked. `id` is the forge's; names can change hands."""

    id: int
    login: str


class Pin(_Value):
    """The words that were asked for, as they were then. Compared again before launch and before push."""

    thread_author: int
    """Account that wrote title and description."""
    thread_text: str | None = None
    """Fingerprint of an issue's title and description, where they are part of the task."""
    comment_text: str | None = None
    """Fingerprint of the comment that asked."""
    label_event: int | None = None
    """The forge's id of the act that put the label on."""
    head_sha: str | None = None
    """Tip of the pull request's branch."""


class Report(_Value):
    """What was published, as computed from Git and the forge; the comment is rendered from it."""

    head_sha: str | None = None
    pull_number: int | None = None
    pull_url: str | None = None
    commits: int = 0
    files: int = 0
    added: int = 0
    removed: int = 0
    paths: tuple[str, ...] = ()
    """The first of the changed paths, for people."""
    backup_ref: str | None = None
    saved_branch: str | None = None
    """Where unfinished work was saved."""


class Job(_Value):
    """Everything the service knows about one request, except its log and its token."""

    id: str = Field(pattern=r"^[0-9a-z]{8,32}$")
    forge: str
    """The endpoint's name in the settings."""
    repo: str
    kind: Kind
    number: int
    """The issue or pull request whose thread this is."""
    is_pull: bool
    requester: Requester
    task: Task
    trigger_comment_id: int | None = None
    """The comment that asked; none where a label did."""
    trigger_label: str | None = None
    pin: Pin | None = None
    """None for `forgehand run`, where there is no thread."""
    target_branch: str
    branch: str
    """The branch that the result goes to."""
    created_at: float
    state: State
    attempt: int = 0
    timeline: tuple[Step, ...] = ()
    phase: Phase | None = None
    base_sha: str | None = None
    start_sha: str | None = None
    expected_tip: str | None = None
    """The branch's tip on the forge when the attempt was launched: the lease of the push."""
    comment_id: int | None = None
    """Our one progress comment."""
    comment_begun: bool = False
    """Whether we have begun to post it: only then it may be there without our knowing its id."""
    shown: str | None = None
    """Fingerprint of what the comment shows; the reconciler repeats the comment task until it is true."""
    result: Result | None = None
    report: Report | None = None
    error: str | None = None
    """For people: one sentence that says what happened and what to do."""
    cancel_requested_by: str | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def quarantine_ref(self) -> str:
        """The one ref that the current attempt may write."""
        return f"refs/forgehand/jobs/{self.id}/{self.attempt}/head"

    def since(self, state: State) -> float | None:
        """When the job last entered `state`."""
        return next((step.at for step in reversed(self.timeline) if step.state == state), None)

    def moved(self, to: State, *, cause: str, at: float, **changes: Any) -> "Job":
        """The job one transition further. Raises `IllegalTransitionError` where there is no such arrow."""
        if to not in NEXT[self.state]:
            raise IllegalTransitionError(f"job {self.id} is {self.state}; it can't become {to} ({cause})")
        attempt = changes.get("attempt", self.attempt)
        step = Step(at=at, state=to, cause=cause, attempt=attempt)
        return self.model_copy(update={**changes, "state": to, "timeline": (*self.timeline, step)})
