"""Run Claude Code on the workspace, locked down, and read from its events how that ended.

* No settings, hooks, MCP servers, commands or guides of the checkout are loaded (`FLAGS`); the init event is checked
  for it, and anything unexpected ends the run (`AgentUnsafe`).
* It gets no credential and needs no network: the API is a unix socket, served by `forwarder.py`.
* The prompt goes in on stdin, so neither `ps` nor an option parser sees it.
* It succeeded if it ended with 0 *and* wrote a result event *and* that says it is no error. Nothing else counts.
"""

import importlib.util
import json
import os
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runner import stream
from runner.ending import out_of_time
from runner.errors import AgentUnsafe, SandboxBroken
from runner.prompt import visible
from runner.protocol import MAX_PROSE, AgentRun
from runner.sandbox import Finished, Sandbox, Source

TOOLS = "Bash,Read,Edit,Write,Glob,Grep"
PERMISSION_MODE = "acceptEdits"
FLAGS = (
    *("-p", "--output-format", "stream-json", "--verbose", "--restricted", "--strict-mcp-config"),
    *("--disable-slash-commands", "--setting-sources", "", "--tools", TOOLS, "--allowedTools", TOOLS),
    *("--permission-mode", PERMISSION_MODE, "--permission-prompts", "none"),
)
POLICY = {"disableAllHooks": True, "enableAllProjectMcpServers": False, "includeCoAuthoredBy": False}
MAX_API_RETRIES = 6
LOG_CHARACTERS = 2_000

OnLog = Callable[[Literal["agent", "tool"], str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run of Claude Code."""

    prompt: str
    model: str
    max_turns: int
    timeout_seconds: float
    socket: Path
    """Where `forwarder.py` listens."""
    folder: Path
    """Holds `policy.json` and `system.md`, see `prepare`; read-only for the sandbox."""
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    api_retries: int = MAX_API_RETRIES


def claude_binary() -> Path:
    """`FORGEHAND_CLAUDE_BINARY`, or the one that the SDK's package carries. `SandboxBroken` where there is none."""
    named = os.environ.get("FORGEHAND_CLAUDE_BINARY")
    if named:
        path = Path(named)
    else:
        spec = importlib.util.find_spec("claude_agent_sdk")  # importing it would cost a second
        path = Path(spec.origin or "").parent / "_bundled" / "claude" if spec else Path("claude_agent_sdk")
    if not path.is_file() or not os.access(path, os.X_OK):
        raise SandboxBroken(
            f"There is no Claude Code program at {path}; install claude-agent-sdk or set FORGEHAND_CLAUDE_BINARY."
        )
    return path.resolve()


def prepare(folder: Path, system_prompt: str) -> None:
    """Write what `Order.folder` has to hold."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.json").write_text(json.dumps(POLICY), encoding="utf-8")
    (folder / "system.md").write_text(system_prompt, encoding="utf-8")


def command(order: Order) -> list[str]:
    """The argument list."""
    return [
        str(claude_binary()),
        *FLAGS,
        *("--settings", str(order.folder / "policy.json"), "--max-turns", str(order.max_turns)),
        *("--model", order.model, "--session-id", order.session_id),
        *("--append-system-prompt-file", str(order.folder / "system.md")),
    ]


def environment(sandbox: Sandbox, order: Order) -> dict[str, str]:
    """What Claude Code gets besides the sandbox's own environment. The key is a word, not a key."""
    return {
        "ANTHROPIC_UNIX_SOCKET": str(order.socket),
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
        "ANTHROPIC_API_KEY": "none",
        "CLAUDE_CONFIG_DIR": str(sandbox.home / ".claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS": "1",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
        "CLAUDE_CODE_MAX_RETRIES": str(order.api_retries),
        "DISABLE_AUTOUPDATER": "1",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended; `retryable` where it failed for a reason that may pass."""

    run: AgentRun
    retryable: bool


def run(sandbox: Sandbox, order: Order, *, on_log: OnLog, cancel: threading.Event | None = None) -> Outcome:
    """Let Claude Code work. `AgentUnsafe` where it isn't locked down, `SandboxBroken` where it can't start."""
    reader = _Reader(sandbox.workspace, on_log)
    finished = sandbox.run(
        command(order),
        stdin=order.prompt.encode("utf-8", "replace"),
        env=environment(sandbox, order),
        on_line=reader.line,
        timeout_seconds=order.timeout_seconds,
        cancel=cancel,
    )
    return outcome(finished, reader.ended, init_seen=reader.init is not None, order=order)


class _Reader:
    """Takes the lines in, checks, logs, and keeps what the outcome needs."""

    def __init__(self, workspace: Path, on_log: OnLog) -> None:
        self.init: stream.Init | None = None
        self.ended: stream.Ended | None = None
        self._workspace = f"{workspace}/"
        self._on_log = on_log

    def line(self, source: Source, text: str) -> None:
        if source == "err":
            self._on_log("agent", _short(text))
            return
        for event in stream.parse(text):
            self._take(event)

    def _take(self, event: stream.StreamEvent) -> None:
        match event:
            case stream.Init():
                check_init(event)
                self.init = event
            case stream.HookRan():
                raise AgentUnsafe(_unsafe(f"it ran the hook {_short(event.name)}"))
            case stream.Said():
                self._on_log("agent", _short(event.text))
            case stream.Used():
                self._on_log("tool", _short(f"{event.tool} {event.what.replace(self._workspace, '')}"))
            case stream.Retried():
                self._on_log("agent", f"The Claude API answered {event.status or 'nothing'}; trying again.")
            case stream.Ended():
                self.ended = event


def _short(text: str) -> str:
    shown = visible(text).strip()
    return shown if len(shown) <= LOG_CHARACTERS else shown[:LOG_CHARACTERS] + "…"


def _unsafe(what: str) -> str:
    return f"Claude Code was stopped because {what}; this version must not be used, tell the operator."


def check_init(init: stream.Init) -> None:
    """`AgentUnsafe` where something came up that the flags should have kept out."""
    if init.mcp_servers:
        raise AgentUnsafe(_unsafe("it loaded MCP servers"))
    if init.permission_mode != PERMISSION_MODE:
        raise AgentUnsafe(_unsafe(f"its permission mode is {_short(init.permission_mode)!r}"))
    extra = set(init.tools) - set(TOOLS.split(","))
    if extra:
        raise AgentUnsafe(_unsafe(f"it offers other tools: {_short(', '.join(sorted(extra)))}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a run failed, as one sentence for people, and whether another attempt may well succeed."""

    text: str
    retryable: bool = False


def outcome(finished: Finished, ended: stream.Ended | None, *, init_seen: bool, order: Order) -> Outcome:
    """How the run ended. `ok` only where everything says so."""
    problem = _problem(finished, ended, init_seen=init_seen, order=order)
    run = AgentRun(
        ok=problem is None,
        text=visible(ended.text)[:MAX_PROSE] if ended else "",
        error=problem.text if problem else None,
        session_id=(ended.session_id if ended else None) or order.session_id,
        turns=ended.turns if ended else 0,
        seconds=round(finished.seconds, 3),
        denials=ended.denials if ended else 0,
    )
    return Outcome(run=run, retryable=bool(problem and problem.retryable))


def _problem(
    finished: Finished, ended: stream.Ended | None, *, init_seen: bool, order: Order
) -> Problem | None:
    if finished.timed_out:
        return Problem(
            text=f"Claude Code was still working when time was up. {out_of_time(order.timeout_seconds)}"
        )
    if finished.cancelled:
        return Problem(text="Claude Code was stopped because the job was.")
    if finished.flooded:
        return Problem(
            text="Claude Code was stopped because it wrote far more output than any run needs; try again."
        )
    if ended is None:
        return _no_result(finished)
    return _failed(ended, order) if ended.is_error else _contradiction(finished, init_seen=init_seen)


def _contradiction(finished: Finished, *, init_seen: bool) -> Problem | None:
    if finished.exit_code == 0 and init_seen:
        return None
    text = f"Claude Code ended with code {finished.exit_code} although it reports success; try again."
    return Problem(text=text, retryable=True)


def _no_result(finished: Finished) -> Problem:
    if finished.exit_code > 128:
        why = "out of memory is the usual reason; give the runner more, or try again"
        text = f"Claude Code was killed by signal {finished.exit_code - 128}: {why}."
        return Problem(text=text, retryable=True)
    lines = finished.tail.strip().splitlines()
    last = _one_line(lines[-1]) if lines else "it wrote nothing"
    code = finished.exit_code
    return Problem(
        text=f"Claude Code ended with code {code} and no result ({last}); try again or tell the operator."
    )


def _failed(ended: stream.Ended, order: Order) -> Problem:
    said = _one_line(ended.text)
    if ended.terminal_reason == "max_turns" or ended.subtype == "error_max_turns":
        turns = order.max_turns
        return Problem(
            text=f"Claude Code did not finish in {turns} turns; raise `max_turns` or ask for less at once."
        )
    if ended.terminal_reason == "budget_exhausted" or (ended.api_status in (402, 403) and "budget" in said):
        return Problem(text=f"The job's budget is used up ({said}); raise it or ask for less at once.")
    if "Not logged in" in ended.text:
        return Problem(text="Claude Code found no way to the Claude API (not logged in); tell the operator.")
    if ended.terminal_reason == "api_error" or ended.api_status is not None:
        return _api_failed(ended.api_status, said or ended.api_error)
    return Problem(text=f"Claude Code stopped with {ended.subtype or 'an error'} ({said}); try again.")


def _api_failed(status: int | None, said: str) -> Problem:
    if status is None:
        return Problem(text=f"The Claude API could not be reached ({said}); try again later.", retryable=True)
    if status in (401, 403):
        return Problem(
            text=f"The Claude API refused us with {status} ({said}); the operator must check the API key."
        )
    if status == 429 or status >= 500:
        return Problem(text=f"The Claude API failed with {status} ({said}); try again later.", retryable=True)
    return Problem(text=f"The Claude API did not take our request ({status}: {said}); tell the operator.")


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())[:300].rstrip(" .")
