"""Claude Code's stream-json output as values, one per line.

Lenient on purpose: a line that isn't JSON, an unknown type or a missing field is no error, since newer versions say
more. What must hold for safety is checked by who uses the values.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """How Claude Code came up."""

    session_id: str | None
    version: str
    permission_mode: str
    mcp_servers: tuple[str, ...]
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRan:
    """A hook ran; none is expected."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The model's text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """The model calls a tool; `what` is its file, command or pattern."""

    tool: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A request to the API failed and is made again."""

    status: int | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A result line. There can be several; the last one counts."""

    is_error: bool
    subtype: str
    terminal_reason: str
    text: str
    session_id: str | None
    turns: int
    denials: int
    api_status: int | None
    api_error: str


StreamEvent = Init | HookRan | Said | Used | Retried | Ended


def parse(line: str) -> Iterator[StreamEvent]:
    """The events of one line; none where there is nothing for us in it."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return
    if not isinstance(raw, dict):
        return
    match raw.get("type"):
        case "system":
            yield from _system(raw)
        case "assistant":
            yield from _assistant(raw)
        case "result":
            yield _result(raw)
        case _:
            return


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _system(raw: Mapping[str, Any]) -> Iterator[StreamEvent]:
    subtype = _text(raw.get("subtype"))
    if subtype == "init":
        yield Init(
            session_id=_text(raw.get("session_id")) or None,
            version=_text(raw.get("claude_code_version")),
            permission_mode=_text(raw.get("permissionMode")),
            mcp_servers=tuple(str(server) for server in _list(raw.get("mcp_servers"))),
            tools=tuple(str(tool) for tool in _list(raw.get("tools"))),
        )
    elif subtype.startswith("hook_"):
        yield HookRan(name=_text(raw.get("hook_name")) or subtype)
    elif subtype == "api_retry":
        yield Retried(status=_number(raw.get("error_status")), attempt=_number(raw.get("attempt")) or 0)


def _assistant(raw: Mapping[str, Any]) -> Iterator[StreamEvent]:
    message = raw.get("message")
    for block in _list(message.get("content") if isinstance(message, dict) else None):
        if not isinstance(block, dict):
            continue
        if block.get("type") == "text" and _text(block.get("text")).strip():
            yield Said(text=_text(block.get("text")))
        elif block.get("type") == "tool_use":
            given = block.get("input")
            values = given if isinstance(given, dict) else {}
            what = next(
                (_text(values[key]) for key in ("command", "file_path", "pattern") if key in values), ""
            )
            yield Used(tool=_text(block.get("name")), what=what)


def _result(raw: Mapping[str, Any]) -> Ended:
    errors = "; ".join(_text(error) for error in _list(raw.get("errors")) if error)
    return Ended(
        is_error=raw.get("is_error") is not False,
        subtype=_text(raw.get("subtype")),
        terminal_reason=_text(raw.get("terminal_reason")),
        text=_text(raw.get("result")) or errors,
        session_id=_text(raw.get("session_id")) or None,
        turns=_number(raw.get("num_turns")) or 0,
        denials=len(_list(raw.get("permission_denials"))),
        api_status=_number(raw.get("api_error_status")),
        api_error=_text(raw.get("api_error")),
    )
