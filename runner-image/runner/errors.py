"""What can end an attempt early. Every message is one sentence for people: what happened and what to do.

RunnerError
├── Fenced               the broker no longer knows this attempt: stop at once, report to nobody
├── BrokerUnavailable    the service didn't answer for so long that waiting makes no sense
├── BrokerAnswer         the service answered something that this runner doesn't understand
├── Cancelled            somebody cancelled the job
├── Stopped              this process was told to end (SIGTERM)
├── OutOfTime            the attempt's wall-clock limit is used up
├── SandboxBroken        a command couldn't be started in the sandbox
└── AgentUnsafe          Claude Code came up otherwise than locked down
"""


class RunnerError(Exception):
    """See the module's docstring. `retryable`: another attempt may well succeed."""

    retryable = False


class Fenced(RunnerError):
    """401 or 403 from the broker: this attempt is over."""


class BrokerUnavailable(RunnerError):
    """No answer within the patience we have."""

    retryable = True


class BrokerAnswer(RunnerError):
    """An answer that breaks the protocol."""


class Cancelled(RunnerError):
    """The job was cancelled."""


class Stopped(RunnerError):
    """SIGTERM or SIGINT."""

    retryable = True


class OutOfTime(RunnerError):
    """The attempt's wall-clock limit."""


class SandboxBroken(RunnerError):
    """The sandbox couldn't start a command."""

    retryable = True


class AgentUnsafe(RunnerError):
    """The init event shows something that the lock-down should have kept out."""
