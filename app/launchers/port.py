"""What a launcher can do: the contract that every adapter fulfils.

A launcher starts one runner per attempt and keeps no record of its own: `(job_id, attempt)` names the runner,
and what runs is found by looking. So a service that was killed between any two lines finds everything again.

* Thread-safe, and safe to use from several processes at once.
* `start` comes first; `observe`, `stop` and `logs` may be called at any time, in any order, for attempts that
  never started too.
* Every call raises `LaunchError` and nothing else.
* A runner is given the broker's URL and its token, nothing else of ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Sight = Literal["running", "absent"]
"""`absent` covers never started, ended and vanished: what an attempt achieved only its events tell."""


class LaunchError(Exception):
    """The runner couldn't be started, seen or stopped; the message is for people."""

    retryable = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to start. The repr doesn't show the token."""

    job_id: str
    attempt: int
    broker_url: str
    token: "Token"


class Token(str):
    """A job token that doesn't print."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Token(…)"


class Launcher(Protocol):
    """See the module's docstring for what holds for every method."""

    def start(self, order: Order) -> None:
        """Start the runner of this attempt. It must outlive the calling process."""

    def observe(self, job_id: str, attempt: int) -> Sight:
        """Look whether the attempt's runner is there."""

    def stop(self, job_id: str, attempt: int) -> None:
        """End the runner and everything it started; return when it is gone. One that isn't there is no error."""

    def logs(self, job_id: str, attempt: int) -> str:
        """The last of what the runner itself printed: diagnostics, never a result."""

    def sweep(self, wanted: Callable[[str, int], bool]) -> list[tuple[str, int]]:
        """Stop every runner of this installation that nobody wants; answers which those were.

        `wanted(job_id, attempt)` is asked after the runner was seen: one that starts meanwhile is safe.
        """
