"""One attempt at one job, phase by phase: clone, edit, commit, rebase, verify, push.

* The supervisor makes the commits, in a Git directory that the sandbox can't see; the work tree is data to it.
* Nothing done is never reported as done: without a change the outcome is `no_changes`.
* Work isn't thrown away because a later step fails: what is committed is pushed to the quarantine ref, and the
  outcome says what failed.
* Between any two steps the deadline and the interrupt are asked.
"""

import contextlib
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from git_ops.errors import GitError, RemoteDenied
from git_ops.objects import Identity
from git_ops.process import HeaderAuth
from git_ops.remote import fetch
from git_ops.verify import CommandResult
from git_ops.workspace import Workspace
from runner import agent, rebasing
from runner.broker import Door, Events, patiently
from runner.conflicts import Settler
from runner.ending import Deadline, Interrupt
from runner.errors import (
    AgentUnsafe,
    BrokerUnavailable,
    Cancelled,
    Fenced,
    OutOfTime,
    RunnerError,
    SandboxBroken,
    Stopped,
)
from runner.forwarder import Forwarder
from runner.prompt import CONFLICT_RULES, prompt, system_prompt, visible
from runner.protocol import AgentRun, JobSpec, RebaseFacts, Result, Verification
from runner.sandbox import Sandbox, best_level
from runner.scratch import door_folder

GUIDES = ("CLAUDE.md", "AGENTS.md")
MAX_GUIDE_MIB = 1
NO_ISOLATION = (
    "No isolation could be set up for the agent, so it was not started. The operator can install bubblewrap, "
    "allow user namespaces, or set FORGEHAND_ALLOW_PLAIN_SANDBOX for repositories that are trusted."
)
DEBRIS = (
    "__pycache__/",
    "*.py[co]",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    "node_modules/",
    ".DS_Store",
)
"""What tools leave behind where they run, and nobody means to commit. What the repository tracks is not concerned."""
SAVING_SHARE = 0.15
"""What of the time is kept back from the agent, so that its work can still be committed and pushed."""
MAX_SAVING_SECONDS = 120.0
SETTLING_SHARE = 0.5
"""What of the time that is left an agent may take to settle conflicts: tests have to run afterwards."""
MIN_SETTLING_SECONDS = 20.0
VERIFY_LOG_LINES = 200
TIMED_OUT_CODE = 124
"""As timeout(1) has it."""

T = TypeVar("T")


class Attempt:
    """See the module's docstring. One object, one `run`."""

    def __init__(
        self, spec: JobSpec, door: Door, events: Events, interrupt: Interrupt, scratch: Path
    ) -> None:
        self._spec = spec
        self._door = door
        self._events = events
        self._interrupt = interrupt
        self._scratch = scratch
        self._deadline = Deadline(spec.limits.timeout_seconds)
        self._workspace = Workspace(scratch / "private" / "git", scratch / "workspace", exclude=DEBRIS)
        self._auth = HeaderAuth(door.git_url, f"Authorization: {door.authorization}")
        self._target = f"refs/heads/{spec.target_branch}"
        self._identity = Identity(name=spec.identity.name, email=spec.identity.email)
        self._head: str | None = None
        self._saved: str | None = None
        self._agent: AgentRun | None = None
        self._rebase: RebaseFacts | None = None
        self._verifications: list[Verification] = []

    def run(self) -> Result:
        """All phases. Raises `Fenced`; every other failure is a result."""
        try:
            return self._phases()
        except Fenced:
            raise
        except RemoteDenied as error:
            raise Fenced("The service no longer lets this attempt at the repository.") from error
        except RunnerError as error:
            if not isinstance(error, Cancelled | Stopped):
                self._save()
            return self._failed(str(error), retryable=error.retryable)
        except GitError as error:
            self._save()
            return self._failed(f"{error.user_message.rstrip('.')}.", retryable=error.retryable)
        except Exception as error:  # noqa: BLE001 — whatever it is, the person who waits must hear of it
            traceback.print_exc()
            self._save()
            what = f"The runner hit an error of its own ({type(error).__name__})"
            return self._failed(f"{what}; try again, and tell the operator if it comes back.", retryable=True)

    def _phases(self) -> Result:
        self._clone()
        start = self._spec.start_sha
        if self._spec.kind == "code":
            outcome = self._edit()
            self._phase("commit")
            self._head = self._commit(start)
            if not outcome.run.ok:
                self._save()
                error = outcome.run.error or "Claude Code failed."
                return self._failed(error, retryable=outcome.retryable)
            if self._head is None:
                return self._result("no_changes")
        head = self._head or start
        facts = self._bring_up_to_date(head)
        if self._spec.kind == "rebase":
            if facts.outcome == "up_to_date":
                return self._result("no_changes")
            if facts.outcome == "conflicted":
                return self._failed(rebasing.sorry(facts, self._spec.target_branch))
        self._head = facts.new_tip
        self._verify(self._head)
        self._phase("push")
        self._push(self._head)
        return self._result("changed")

    def _phase(self, phase: rebasing.Phase, detail: str = "") -> None:
        self._interrupt.check()
        self._deadline.left()
        self._events.phase(phase, detail)

    def _clone(self) -> None:
        spec = self._spec
        self._phase("clone", f"{spec.repo} at {spec.start_sha[:10]}")
        refs = [self._target, *dict.fromkeys((spec.base_sha, spec.start_sha))]
        self._retrying(lambda: self._workspace.clone(self._door.git_url, auth=self._auth, refs=refs))
        self._workspace.checkout(spec.start_sha)

    def _edit(self) -> agent.Outcome:
        spec = self._spec
        self._phase("edit", f"{spec.models.edit} in a {best_level()} sandbox")
        outcome = self._let_claude_work(
            "edit", prompt(spec.task), system_prompt(self._guides()), self._time_to_work()
        )
        self._agent = outcome.run
        self._interrupt.check()
        return outcome

    def _settle(self, text: str) -> str | None:
        """Let Claude Code settle conflicts in the workspace; a sentence where it came to no good end."""
        seconds = self._time_to_work() * SETTLING_SHARE
        if seconds < MIN_SETTLING_SECONDS:
            return "there is no time left for an agent"
        self._events.log("supervisor", "Claude Code settles in the workspace what needs the repository.")
        try:
            outcome = self._let_claude_work(
                "settle", text, system_prompt(self._guides(), CONFLICT_RULES), seconds
            )
        except (AgentUnsafe, SandboxBroken) as error:
            self._events.log("supervisor", str(error))
            return str(error)
        self._interrupt.check()
        return outcome.run.error

    def _let_claude_work(self, name: str, text: str, system: str, seconds: float) -> agent.Outcome:
        """One run in a sandbox of its own: what an earlier one left in its home isn't there."""
        spec = self._spec
        with self._claude_at_the_door(name) as (sandbox, socket, folder):
            if sandbox.level == "plain" and not spec.may_be_plain:
                raise SandboxBroken(NO_ISOLATION)
            if sandbox.level == "plain":
                self._events.log(
                    "supervisor", "This kernel allows no isolation: the sandbox is a plain process."
                )
            agent.prepare(folder, system)
            order = agent.Order(
                prompt=text,
                model=spec.models.edit,
                max_turns=spec.limits.max_turns,
                timeout_seconds=seconds,
                socket=socket,
                folder=folder,
            )
            return agent.run(sandbox, order, on_log=self._events.log, cancel=self._interrupt.event)

    @contextlib.contextmanager
    def _claude_at_the_door(self, name: str) -> Iterator[tuple[Sandbox, Path, Path]]:
        folder = self._scratch / name / "orders"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with door_folder(self._scratch) as door:
            socket = door / "api"
            with Forwarder(socket, self._door.claude_url, self._door.token):
                shown = [agent.claude_binary(), folder, door]
                sandbox = Sandbox(self._workspace.work_tree, self._scratch / name / "sandbox", readonly=shown)
                yield sandbox, socket, folder

    def _time_to_work(self) -> float:
        left = self._deadline.left()
        return left - min(MAX_SAVING_SECONDS, left * SAVING_SHARE)

    def _guides(self) -> dict[str, str]:
        """The target's own guides for agents; from Git, so that a pull request can't bring its own."""
        found: dict[str, str] = {}
        for name in GUIDES:
            object_name = f"{self._spec.base_sha}:{name}"
            done = self._workspace.git.run(
                "cat-file", "blob", object_name, ok=(0, 128), max_output_mib=MAX_GUIDE_MIB
            )
            if done.returncode == 0 and done.stdout.strip():
                found[name] = done.stdout.decode("utf-8", "replace")
        return found

    def _commit(self, parent: str) -> str | None:
        # as the service made it: it holds the commit to this very message
        return self._workspace.commit_all(
            f"{self._spec.commit_subject}\n", author=self._identity, parent=parent
        )

    def _bring_up_to_date(self, head: str) -> RebaseFacts:
        self._phase("rebase", f"onto the newest {self._spec.target_branch}")
        spec = f"+{self._target}:{self._target}"
        git = self._workspace.git.replace(auth=self._auth)
        self._retrying(lambda: fetch(git, self._door.git_url, spec))
        onto = self._workspace.git.text("rev-parse", "--verify", f"{self._target}^{{commit}}")
        facts = rebasing.rebase_onto(
            self._workspace.git,
            self._spec,
            self._door,
            tip=head,
            onto=onto,
            check=self._check if self._spec.verify else None,
            ask=Settler(self._workspace, self._settle, may_go_elsewhere=bool(self._spec.verify)),
        )
        self._rebase = facts
        self._events.log("supervisor", rebasing.sentence(facts, self._spec.target_branch))
        return facts

    def _check(self, sha: str) -> CommandResult:
        return CommandResult(passed=self._verify(sha), summary=self._verifications[-1].tail[-200:])

    def _verify(self, sha: str) -> bool:
        """Run the repository's own tests on a commit, once, where it has any; whether they passed."""
        command = self._spec.verify
        if not command:
            return True
        if known := next((run for run in self._verifications if run.sha == sha), None):
            return known.exit_code == 0
        self._phase("verify", command)
        self._workspace.checkout(sha)
        # A home of its own: what the agent, or the tests of another commit, left in theirs must not count here.
        sandbox = Sandbox(self._workspace.work_tree, self._scratch / "verify" / sha)
        if sandbox.level == "plain" and not self._spec.may_be_plain:
            raise SandboxBroken(NO_ISOLATION)
        finished = sandbox.run(
            ["/bin/sh", "-c", command],
            on_line=_first_lines(self._events),
            timeout_seconds=self._time_to_work(),
            cancel=self._interrupt.event,
        )
        self._interrupt.check()
        cut = " (stopped: time was up)" if finished.timed_out else ""
        verification = Verification(
            command=command,
            exit_code=TIMED_OUT_CODE if finished.timed_out else finished.exit_code,
            seconds=round(finished.seconds, 3),
            tail=visible(finished.tail) + cut,
            sha=sha,
        )
        self._verifications.append(verification)
        return verification.exit_code == 0

    def _push(self, sha: str) -> None:
        ref = self._spec.quarantine_ref
        self._retrying(lambda: self._workspace.push(self._door.git_url, auth=self._auth, sha=sha, ref=ref))
        self._saved = sha

    def _save(self) -> None:
        """Push what is committed, if anything is; the failure that brought us here is the one to report."""
        if self._head and self._head != self._saved and not self._interrupt.event.is_set():
            try:
                self._push(self._head)
            except (RunnerError, GitError) as error:
                self._events.log("supervisor", f"The work could not be saved: {error}")

    def _retrying(self, call: Callable[[], T]) -> T:
        """Repeat what fails because the service restarts."""

        def once() -> T:
            try:
                return call()
            except GitError as error:
                if error.retryable:
                    raise BrokerUnavailable(f"{error.user_message.rstrip('.')}; try again.") from error
                raise

        with contextlib.suppress(OutOfTime):
            patience = min(300.0, self._deadline.left())
            return patiently(once, self._interrupt, patience)
        return once()

    def _failed(self, error: str, *, retryable: bool = False) -> Result:
        return self._result("failed", error=error[:2_000], retryable=retryable)

    def _result(
        self, outcome: rebasing.ResultOutcome, *, error: str | None = None, retryable: bool = False
    ) -> Result:
        return Result(
            outcome=outcome,
            head_sha=self._saved,
            error=error,
            retryable=retryable,
            agent=self._agent,
            rebase=self._rebase,
            verifications=tuple(sorted(self._verifications, key=lambda run: run.sha == self._head)),
        )


def _first_lines(events: Events) -> Callable[[str, str], None]:
    """Log the first lines of a command's output; its end is in the verification anyway."""
    seen = 0

    def take(_source: str, line: str) -> None:
        nonlocal seen
        seen += 1
        if seen <= VERIFY_LOG_LINES:
            events.log("command", visible(line))

    return take
