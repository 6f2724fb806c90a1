"""What the runner and the broker say to each other, as values both sides parse.

The broker is the server: `GET /broker/job` answers a `JobSpec`, `POST /broker/events` takes an `EventBatch`.
Everything is JSON; unknown keys are an error on the way in, so that a hijacked runner can't smuggle fields.
Lengths are bounded here, once, for both sides.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT = 20_000
MAX_PROSE = 60_000
MAX_EVENTS_PER_BATCH = 200
MAX_CONFLICTS = 200
MAX_HUNK = 4_000

Oid = Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Kind = Literal["code", "rebase"]
Intents = tuple[Annotated[str, Field(max_length=300)], ...]
Phase = Literal["clone", "edit", "commit", "rebase", "verify", "push"]


class Value(BaseModel):
    """An immutable message; a field that isn't named here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Task(Value):
    """What a person asked for, in their words. All of it is untrusted text."""

    title: str = Field(max_length=1_000)
    body: str = Field(max_length=MAX_PROSE)
    author: str = Field(max_length=255)
    number: int | None = None
    """The issue or pull request it stands on; none for `forgehand run`."""
    request: str = Field(default="", max_length=MAX_PROSE)
    """The comment that triggered the job, without the mention; empty where a label did."""
    approved_by: str = Field(default="", max_length=255)
    """Who approved title and description, where their author may not ask for work."""


class Limits(Value):
    """What one attempt may use."""

    max_turns: int = Field(gt=0)
    timeout_seconds: int = Field(gt=0)
    """Wall clock for the whole attempt, the agent and the tests included."""


class Models(Value):
    """Which model does which step."""

    edit: str
    conflicts: str


class Identity(Value):
    """Author and committer of the commits."""

    name: str
    email: str


class JobSpec(Value):
    """All that a runner is told about its attempt."""

    job_id: str
    attempt: int = Field(ge=1)
    kind: Kind
    repo: str
    """`owner/name`, for messages only: the runner reaches its repository at `<broker>/git`."""
    target_branch: str
    """Short name (`main`) of the branch that the work is rebased onto and will be merged into."""
    base_sha: Oid
    """The target's tip when the attempt was launched; configuration is read from it."""
    start_sha: Oid
    """Where the work starts: `base_sha`, or the tip of the pull request's branch."""
    quarantine_ref: str
    """The one ref that this attempt may write, `refs/forgehand/jobs/<job>/<attempt>/head`."""
    task: Task
    commit_subject: str = Field(max_length=200)
    identity: Identity
    models: Models
    limits: Limits
    may_be_plain: bool = False
    """Whether the sandbox may be a plain process where this machine allows no isolation."""
    verify: str | None = Field(default=None, max_length=2_000)
    """The repository's own test command (`verify:` in `.forgehand.yml` of the base), run in the sandbox."""


class Verification(Value):
    """One run of the repository's own test command."""

    command: str = Field(max_length=2_000)
    exit_code: int
    seconds: float
    tail: str = Field(max_length=MAX_TEXT)
    """The last of its output, as the sandbox printed it. Untrusted."""
    sha: Oid
    """The commit whose tree was tested."""


class AgentRun(Value):
    """How Claude Code ended, read from its last result event."""

    ok: bool
    text: str = Field(default="", max_length=MAX_PROSE)
    """What the model says it did. Untrusted prose; never a fact."""
    error: str | None = Field(default=None, max_length=2_000)
    """One sentence for people where `ok` is false."""
    session_id: str | None = None
    turns: int = 0
    seconds: float = 0.0
    denials: int = 0
    """Tool calls that the policy refused."""


class HunkFact(Value):
    """One region of a file on which the sides disagreed. Untrusted texts, cut where they are long."""

    base: str = Field(max_length=MAX_HUNK)
    target: str = Field(max_length=MAX_HUNK)
    agent: str = Field(max_length=MAX_HUNK)
    result: str | None = Field(default=None, max_length=MAX_HUNK)


class ConflictFact(Value):
    """One conflict of the rebase, for the report."""

    path: str = Field(max_length=4_096)
    kind: str = Field(max_length=100)
    resolver: str | None = Field(default=None, max_length=100)
    """Which resolver settled it; none where nobody could."""
    why: str = Field(default="", max_length=4_000)
    gates: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=(), max_length=20)
    """The names of the gates that the resolution passed."""
    elsewhere: tuple[Annotated[str, Field(max_length=4_096)], ...] = Field(default=(), max_length=100)
    """Files outside the conflict that were changed for it, too."""
    target_intent: Intents = Field(default=(), max_length=3)
    """Subjects of the target's commits that touch the path. Untrusted, like the branch's."""
    agent_intent: Intents = Field(default=(), max_length=3)
    options: tuple[Annotated[str, Field(max_length=500)], ...] = Field(default=(), max_length=10)
    """Where nobody could settle it: the answers there are."""
    hunks: tuple[HunkFact, ...] = Field(default=(), max_length=5)


class MovedCommit(Value):
    """What became of one commit; `new` is none where it was dropped."""

    old: Oid
    new: Oid | None
    reason: str = Field(default="", max_length=500)


class RebaseFacts(Value):
    """What the rebase did. `conflicted` means nothing was moved."""

    outcome: Literal["up_to_date", "clean", "resolved", "conflicted"]
    old_tip: Oid
    new_tip: Oid
    onto: Oid
    conflicts: tuple[ConflictFact, ...] = Field(default=(), max_length=MAX_CONFLICTS)
    detail: str = Field(default="", max_length=4_000)
    commits: tuple[MovedCommit, ...] = Field(default=(), max_length=MAX_CONFLICTS)
    range_diff: str = Field(default="", max_length=MAX_TEXT)


class Result(Value):
    """The attempt's last word."""

    outcome: Literal["changed", "no_changes", "failed"]
    head_sha: Oid | None = None
    """What was pushed to the quarantine ref; set wherever anything was, also after a failure."""
    error: str | None = Field(default=None, max_length=2_000)
    """For `failed`: one sentence that says what happened and what to do."""
    retryable: bool = False
    agent: AgentRun | None = None
    rebase: RebaseFacts | None = None
    verifications: tuple[Verification, ...] = Field(default=(), max_length=10)


class PhaseEvent(Value):
    """The attempt enters a phase."""

    kind: Literal["phase"] = "phase"
    seq: int = Field(ge=1)
    at: float
    phase: Phase
    detail: str = Field(default="", max_length=2_000)


class LogEvent(Value):
    """A line for people: what the agent says or which tool it uses."""

    kind: Literal["log"] = "log"
    seq: int = Field(ge=1)
    at: float
    source: Literal["supervisor", "agent", "tool", "command"]
    text: str = Field(max_length=MAX_TEXT)


class HeartbeatEvent(Value):
    """Still here. Sent at least every `HEARTBEAT_SECONDS`."""

    kind: Literal["heartbeat"] = "heartbeat"
    seq: int = Field(ge=1)
    at: float


class ResultEvent(Value):
    """The last event of an attempt."""

    kind: Literal["result"] = "result"
    seq: int = Field(ge=1)
    at: float
    result: Result


Event = Annotated[PhaseEvent | LogEvent | HeartbeatEvent | ResultEvent, Field(discriminator="kind")]

HEARTBEAT_SECONDS = 5.0


class EventBatch(Value):
    """Events in order, `seq` growing by one from 1 over the whole attempt.

    The broker takes each `seq` once: sending a batch again after a lost answer changes nothing.
    """

    events: tuple[Event, ...] = Field(min_length=1, max_length=MAX_EVENTS_PER_BATCH)


class EventAnswer(BaseModel):
    """What the broker says to a batch. Read leniently: a newer broker may say more."""

    accepted_through: int
    """The highest `seq` that is stored."""
    cancel: bool = False
    """The job was cancelled: end the sandbox and stop."""
