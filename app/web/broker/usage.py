"""Reading what a response cost while it streams by: sans-I/O, bytes in, usage figures out.

Server-sent events carry `usage` in `message_start` and again, final, in `message_delta`
(https://docs.claude.com/en/docs/build-with-claude/streaming); a plain answer carries it at the top. Of a stream
that ends before its final figures the output is estimated from its bytes, rather too high: hanging up early
must not make it cheap.
"""

import json
from typing import Any

MAX_LINE_BYTES = 4 * 1024 * 1024
BYTES_PER_TOKEN = 4
"""Fewer than a token takes on the wire, with all that is around it."""
_WITH_USAGE = (b'"message_start"', b'"message_delta"')


class UsageMeter:
    """Feed it the response's bytes as they pass; `figures` then holds the newest usage, `model` who answered."""

    def __init__(self, *, streamed: bool) -> None:
        self.streamed = streamed
        self._pending = bytearray()
        self.model: str | None = None
        self.figures: dict[str, Any] = {}
        self._bytes = 0
        self.complete = False
        """Whether the final figures were seen."""

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self._pending += chunk
        self._bytes += len(chunk)
        if not self.streamed:
            del self._pending[MAX_LINE_BYTES * 8 :]
            return
        *lines, rest = self._pending.split(b"\n")
        self._pending = bytearray(rest[-MAX_LINE_BYTES:])
        for line in lines:
            if line.startswith(b"data:") and any(kind in line for kind in _WITH_USAGE):
                self._read(bytes(line.removeprefix(b"data:")))

    def close(self) -> None:
        """Read what only makes sense as a whole."""
        if self.streamed:
            self.feed(b"\n")  # the last line may lack its end
            if self.figures and not self.complete:
                self.figures["output_tokens"] = self._bytes // BYTES_PER_TOKEN
        else:
            self._read(bytes(self._pending))

    def _read(self, text: bytes) -> None:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        message = value["message"] if isinstance(value.get("message"), dict) else value
        if isinstance(message.get("model"), str):
            self.model = message["model"]
        if isinstance(message.get("usage"), dict):
            self.complete = not self.streamed or value.get("type") == "message_delta"
            self.figures |= {name: figure for name, figure in message["usage"].items() if figure is not None}
