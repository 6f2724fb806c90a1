"""What a runner asks of the Messages API, read before it is forwarded: sans-I/O.

Refused is what would reach the network from outside the sandbox (server-side tools, MCP connectors, containers,
sources named by URL or file), another model than the job's, and what would make tokens dearer than listed.
Fields are those of https://docs.claude.com/en/api/messages.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.domain.prices import price_of

_REFUSED_FIELDS = ("mcp_servers", "container", "speed", "inference_geo")
_CHEAP_TIERS = (None, "auto", "standard_only")
_INERT_SOURCES = (None, "base64", "text", "content")
_CLIENT_TOOLS = ("custom", "bash_", "text_editor_", "memory_")
_BYTES_PER_TOKEN = 3
_DEAREST_INPUT = 2.0
"""Writing to the one-hour cache costs twice the input."""


class RefusedError(Exception):
    """The request isn't forwarded; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the request may cost, in dollars at list prices."""

    input_usd: float
    most_usd: float
    """With everything that `max_tokens` allows."""


def read(body: bytes, *, models: frozenset[str]) -> Asked:
    """The request in `body`. Raises `RefusedError`."""
    try:
        value: Any = json.loads(body.decode(), object_pairs_hook=_unique)
        _check(value, models)
    except (ValueError, RecursionError) as error:
        raise RefusedError("the body is not JSON that says everything once") from error
    price = price_of(value["model"])
    most = value.get("max_tokens")
    tokens = most if isinstance(most, int) and most > 0 else 0
    input_usd = len(body) / _BYTES_PER_TOKEN * price.input * _DEAREST_INPUT / 1e6
    return Asked(input_usd=input_usd, most_usd=input_usd + tokens * price.output / 1e6)


def _check(value: Any, models: frozenset[str]) -> None:
    if not isinstance(value, dict):
        raise RefusedError("the body is not a JSON object")
    model = value.get("model")
    if not isinstance(model, str) or model not in models:
        raise RefusedError(f"the model must be one of: {', '.join(sorted(models))}")
    for field in _REFUSED_FIELDS:
        if value.get(field):
            raise RefusedError(f"Forgehand doesn't forward `{field}`")
    if value.get("service_tier") not in _CHEAP_TIERS:
        raise RefusedError("Forgehand forwards only the standard service tier")
    _check_tools(value.get("tools") or [])
    for part in _objects([value.get("messages"), value.get("system")]):
        source = part.get("source")
        if isinstance(source, dict) and source.get("type") not in _INERT_SOURCES:
            raise RefusedError("Forgehand doesn't forward sources that the API would fetch")


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list):
        raise RefusedError("`tools` is not a list")
    for tool in tools:
        # a client tool has no type, or `custom`, or is one of the shell and editor tools that run with the caller
        kind = tool.get("type", "custom") if isinstance(tool, dict) else ""
        if not isinstance(kind, str) or not kind.startswith(_CLIENT_TOOLS):
            raise RefusedError(f"Forgehand doesn't forward the server-side tool {str(kind)[:60]!r}")


def _objects(start: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value, at any depth."""
    waiting = [start]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; two keys of one name, of which the API might read the other one, are an error."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value
