"""Messages as they go over the wire: the JSON of a whole message, and the events that stream it.

Token counts are made from lengths (four characters are a token), so that whatever adds up usage has figures to
add; they are no measurement.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

CHUNK_CHARACTERS = 40


def tokens(value: Any) -> int:
    """A plausible count for a text or a JSON value."""
    return max(1, len(value if isinstance(value, str) else json.dumps(value)) // 4)


def message(number: int, request: Mapping[str, Any], content: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A complete assistant message."""
    uses_tool = any(block["type"] == "tool_use" for block in content)
    return {
        "id": f"msg_rehearsal_{number:06d}",
        "type": "message",
        "role": "assistant",
        "model": str(request.get("model", "rehearsal")),
        "content": list(content),
        "stop_reason": "tool_use" if uses_tool else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": tokens(request.get("messages", "")),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens(list(content)),
        },
    }


def error(kind: str, text: str) -> dict[str, Any]:
    """An error body."""
    return {"type": "error", "error": {"type": kind, "message": text}}


def events(whole: Mapping[str, Any]) -> Iterator[bytes]:
    """The server-sent events that build `whole`, in the order and shape of the real API."""
    usage = whole["usage"]
    opening = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield _event("message_start", {"message": opening})
    for index, block in enumerate(whole["content"]):
        yield from _block_events(index, block)
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": usage["output_tokens"]}})
    yield _event("message_stop", {})


def _block_events(index: int, block: Mapping[str, Any]) -> Iterator[bytes]:
    if block["type"] == "text":
        empty: dict[str, Any] = {"type": "text", "text": ""}
        whole, kind, field = str(block["text"]), "text_delta", "text"
    else:
        empty = {**block, "input": {}}
        whole, kind, field = json.dumps(block["input"]), "input_json_delta", "partial_json"
    yield _event("content_block_start", {"index": index, "content_block": empty})
    for start in range(0, len(whole), CHUNK_CHARACTERS):
        part = whole[start : start + CHUNK_CHARACTERS]
        yield _event("content_block_delta", {"index": index, "delta": {"type": kind, field: part}})
    yield _event("content_block_stop", {"index": index})


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
