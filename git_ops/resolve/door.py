"""The one place that talks to the Messages API.

* One request, one text. Whatever goes wrong is `Unavailable` with a reason in which no credential stands.
* Checked against the budget before, counted after. What can't work again (no right, no answer, no budget) isn't
  tried again: the door stays shut.
* No redirect is followed, and a reply is bounded in time and size.
* System prompt and a message's leading blocks carry cache marks, so that later requests with the same beginning
  pay for it once.
"""

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, Field, ValidationError

from git_ops.objects import show_path
from git_ops.resolve.answers import SCHEMA
from git_ops.resolve.budget import Budget, Usage, estimate
from git_ops.resolve.prompt import SYSTEM

if TYPE_CHECKING:
    from anthropic import Anthropic, AnthropicError
    from anthropic.types import MessageParam, TextBlockParam

MAX_OUTPUT_TOKENS = 16_000
MAX_REPLY_BYTES = 4 * 2**20
_REASON_CHARS = 500


_Count = Annotated[int, Field(ge=0)]


class _Block(BaseModel):
    type: str
    text: str = ""


class _Usage(BaseModel):
    input_tokens: _Count
    output_tokens: _Count
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None

    def counted(self) -> Usage:
        return Usage(
            requests=1,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_input_tokens or 0,
            cache_write_tokens=self.cache_creation_input_tokens or 0,
        )


class _Reply(BaseModel):
    """What we need of a Message. The SDK's own class takes whatever comes for one."""

    type: Literal["message"]
    content: list[_Block]
    stop_reason: str | None
    usage: _Usage


class Unavailable(Exception):
    """No answer; the text says why."""


class Door:
    """A conversation partner with a budget. A context manager; the connection is closed at its end."""

    def __init__(
        self,
        *,
        base_url: str,
        auth_token: str | None,
        api_key: str | None,
        model: str,
        budget: Budget,
        timeout_seconds: float,
    ) -> None:
        self.model = model
        self.budget = budget
        self.shut: str | None = None
        """Why nobody needs to ask again."""
        self._timeout_seconds = timeout_seconds
        self._secrets = [secret for secret in (auth_token, api_key) if secret]
        self._client = self._connect(base_url, auth_token, api_key, timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    def say(self, messages: "Sequence[MessageParam]") -> str:
        """Send the conversation, get the reply's text. Raises `Unavailable`."""
        if self.shut or self._client is None:
            raise Unavailable(self.shut)
        from anthropic import AnthropicError

        expected = estimate(len(SYSTEM) + _characters(messages), max_output_tokens=MAX_OUTPUT_TOKENS)
        if why := self.budget.refusal(self.model, expected):
            raise self._shut(why)
        try:
            with self._client.messages.with_streaming_response.create(
                model=self.model,
                max_tokens=MAX_OUTPUT_TOKENS,
                system=[cached(SYSTEM)],
                messages=messages,
                output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
            ) as reply:
                raw = self._body(reply.iter_bytes(), expected)
        except AnthropicError as e:
            raise self._failed(e, expected) from e
        return self._read(raw, expected)

    def _body(self, chunks: Iterable[bytes], expected: Usage) -> bytes:
        """All of the reply, if it ends in time and isn't larger than a reply can be."""
        raw, deadline = bytearray(), time.monotonic() + self._timeout_seconds
        why = ""
        try:
            for chunk in chunks:
                raw += chunk
                if len(raw) > MAX_REPLY_BYTES or time.monotonic() > deadline:
                    why = "the Claude API's reply doesn't end"
                    break
        except Exception as e:  # noqa: BLE001 -- the SDK doesn't translate what its HTTP library raises here
            why = self._clean(f"the Claude API's reply broke off: {type(e).__name__}: {e}")
        if why:
            self.budget.spend(self.model, expected)
            raise self._shut(why)
        return bytes(raw)

    def _connect(
        self, base_url: str, auth_token: str | None, api_key: str | None, timeout: float
    ) -> "Anthropic | None":
        """A client that sends our credential and none that the environment holds."""
        from anthropic import Anthropic, DefaultHttpxClient

        try:
            return Anthropic(
                base_url=base_url,
                auth_token=auth_token,
                api_key=api_key,
                timeout=timeout,
                # whoever answers at the address mustn't send code and key on to another
                http_client=DefaultHttpxClient(follow_redirects=False),
            )
        except (ValueError, TypeError) as e:
            self.shut = self._clean(f"the Claude API can't be asked: {e}")
        return None

    def _read(self, raw: bytes, expected: Usage) -> str:
        try:
            reply = _Reply.model_validate_json(raw)
        except ValidationError as e:
            self.budget.spend(self.model, expected)
            why = "what answers at the Claude API's address isn't the Messages API"
            raise self._shut(why) from e
        self.budget.spend(self.model, reply.usage.counted())
        if reply.stop_reason not in {"end_turn", "stop_sequence"}:
            raise Unavailable(f"Claude stopped early ({show_path(str(reply.stop_reason)[:50])})")
        return "".join(block.text for block in reply.content if block.type == "text")

    def _failed(self, error: "AnthropicError", expected: Usage) -> Unavailable:
        from anthropic import APIConnectionError, APIStatusError, APITimeoutError, BadRequestError

        why = self._clean(f"the Claude API failed: {type(error).__name__}: {error}")
        if isinstance(error, APITimeoutError):
            self.budget.spend(self.model, expected)  # it may have been worked on for all that time
        if isinstance(error, BadRequestError):
            return Unavailable(why)  # another question may be a better one
        if isinstance(error, (APIStatusError, APIConnectionError)):
            return self._shut(why)
        return Unavailable(why)

    def _shut(self, why: str) -> Unavailable:
        self.shut = why
        return Unavailable(why)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[hidden]")
        return text[:_REASON_CHARS]


def cached(text: str) -> "TextBlockParam":
    """A block up to which the request's beginning shall be cached."""
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}


def _characters(messages: "Sequence[MessageParam]") -> int:
    return sum(
        len(content) if isinstance(content, str) else sum(len(str(block)) for block in content)
        for message in messages
        for content in [message["content"]]
    )
