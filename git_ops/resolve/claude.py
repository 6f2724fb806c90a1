"""Asking Claude about one conflicted text file.

* One request for a file, an answer by hunk id in a fixed schema; what is wrong with it goes back once or twice.
* Claude writes the text of hunks, nothing else: no file, no path, no command. The text is spliced between the clean
  regions as bytes, with the line ends that the file has.
* Whatever goes wrong (the API, the answer, the budget) is an abstention with its reason.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from git_ops.conflict import Abstained, Conflict, Hunk, HunkChoice, Resolution, merged_mode
from git_ops.resolve.chain import Context
from git_ops.resolve.prompt import MAX_PROMPT_CHARS, SCHEMA, SYSTEM, codec_of, write_prompt
from git_ops.verify import check_resolution

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types import MessageParam

MAX_FILE_BYTES = 400 * 1024
_MAX_OUTPUT_TOKENS = 16_000


class _Parsed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Dropped(_Parsed):
    line: str
    why: str


class _Hunk(_Parsed):
    id: str
    decision: Literal["resolve", "abstain"]
    lines: tuple[str, ...]
    dropped: tuple[_Dropped, ...]
    why: str


class _Answer(_Parsed):
    hunks: tuple[_Hunk, ...]


class _Invalid(Exception):
    """The answer can't be used; the text tells the model why."""


class ClaudeResolver:
    """Settles content and add/add conflicts of text files up to 400 KiB."""

    name = "claude"

    def __init__(
        self,
        *,
        base_url: str,
        auth_token: str,
        model: str,
        max_rounds: int = 2,
        timeout_seconds: float = 300,
    ) -> None:
        """`max_rounds` counts the requests for one file, the first included; time-outs are for one request."""
        self.base_url = base_url
        self.model = model
        self.max_rounds = max_rounds
        self.timeout_seconds = timeout_seconds
        self._auth_token = auth_token

    def client(self) -> "Anthropic":
        """A client that sends our token and none that the environment holds."""
        from anthropic import Anthropic

        return Anthropic(base_url=self.base_url, auth_token=self._auth_token, timeout=self.timeout_seconds)

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:
        """Ask, and let the gates' objections go back until the rounds are used up."""
        if why := _not_for_us(conflict):
            return Abstained(why=why)
        prompt = write_prompt(conflict, context)
        if len(prompt) > MAX_PROMPT_CHARS:
            return Abstained(
                why=f"the conflict takes {len(prompt)} characters to describe, more than are sent"
            )
        from anthropic import AnthropicError

        try:
            return self._converse(conflict, prompt)
        except AnthropicError as e:
            return Abstained(why=f"the Claude API failed: {type(e).__name__}: {e}"[:500])

    def _converse(self, conflict: Conflict, prompt: str) -> Resolution | Abstained:
        messages: list[MessageParam] = [{"role": "user", "content": prompt}]
        wrong = ""
        with self.client() as client:
            for _ in range(self.max_rounds):
                reply = client.messages.create(
                    model=self.model,
                    max_tokens=_MAX_OUTPUT_TOKENS,
                    system=SYSTEM,
                    messages=messages,
                    output_config={"format": {"type": "json_schema", "schema": dict(SCHEMA)}},
                )
                text = "".join(block.text for block in reply.content if block.type == "text")
                if reply.stop_reason not in {"end_turn", "stop_sequence"}:
                    return Abstained(why=f"Claude stopped early ({reply.stop_reason})")
                try:
                    return self._accept(conflict, text)
                except _Invalid as e:
                    wrong = str(e)
                messages += [
                    {"role": "assistant", "content": text or "(empty)"},
                    {"role": "user", "content": f"That answer can't be used: {wrong} Answer again, whole."},
                ]
        return Abstained(why=f"no usable answer in {self.max_rounds} rounds: {wrong}"[:1_000])

    def _accept(self, conflict: Conflict, text: str) -> Resolution | Abstained:
        answers = _parse(text, conflict)
        if unsure := [hunk for hunk in answers.values() if hunk.decision == "abstain"]:
            return Abstained(why=f"Claude abstains at {unsure[0].id}: {unsure[0].why}"[:1_000])
        choices = tuple(_choice(conflict, hunk, answers[hunk.id]) for hunk in conflict.hunks)
        resolution = Resolution(
            resolver=self.name,
            source="model",
            why=" ".join(choice.why for choice in choices)[:2_000],
            mode=merged_mode(conflict),
            content=conflict.splice({choice.id: choice.text for choice in choices}),
            hunks=choices,
        )
        if failed := [gate for gate in check_resolution(conflict, resolution) if not gate.passed]:
            raise _Invalid("; ".join(f"gate {gate.name}: {gate.why}" for gate in failed) + ".")
        return resolution


def _not_for_us(conflict: Conflict) -> str | None:
    if conflict.kind not in {"content", "add/add"} or not conflict.simple:
        return f"a {conflict.kind} conflict isn't one of text"
    if not conflict.hunks:
        return "the file isn't text, or Git's two ways of merging it disagree"
    sides = (conflict.base, conflict.target, conflict.agent)
    if any(len(side.content or b"") > MAX_FILE_BYTES for side in sides if side):
        return f"the file is larger than {MAX_FILE_BYTES // 1024} KiB"
    return None


def _parse(text: str, conflict: Conflict) -> dict[str, _Hunk]:
    try:
        answer = _Answer.model_validate_json(text)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        raise _Invalid(f"it doesn't fit the schema ({first['loc']}: {first['msg']}).") from e
    ids = [hunk.id for hunk in answer.hunks]
    wanted = [hunk.id for hunk in conflict.hunks]
    if sorted(ids) != sorted(wanted):
        raise _Invalid(f"it has hunks {ids} where {wanted} were asked for, each once.")
    return {hunk.id: hunk for hunk in answer.hunks}


def _choice(conflict: Conflict, hunk: Hunk, answer: _Hunk) -> HunkChoice:
    codec = codec_of(conflict)
    try:
        lines = [line.encode(codec) for line in answer.lines]
        dropped = tuple(drop.line.encode(codec).decode("utf-8", "surrogateescape") for drop in answer.dropped)
    except UnicodeEncodeError as e:
        raise _Invalid(f"{hunk.id} has a character that the file's encoding ({codec}) lacks.") from e
    if any(b"\n" in line or b"\r" in line or b"\0" in line for line in lines):
        raise _Invalid(f"{hunk.id} has a line end inside a line; give one string for each line.")
    return HunkChoice(
        id=hunk.id, text=_with_line_ends(conflict, hunk, lines), why=answer.why, dropped=dropped
    )


def _with_line_ends(conflict: Conflict, hunk: Hunk, lines: list[bytes]) -> bytes:
    """A line that a side has gets that side's line end, any other the file's usual one."""
    whole = (conflict.target.content if conflict.target else None) or b""
    usual = b"\r\n" if 2 * whole.count(b"\r\n") > whole.count(b"\n") else b"\n"
    known: dict[bytes, bytes] = {}
    for text in (hunk.base, hunk.agent, hunk.target):  # the target's word is the last
        for line in text.splitlines(keepends=True):
            if line.endswith(b"\n"):
                known[line.rstrip(b"\r\n")] = line
    text = b"".join(known.get(line, line + usual) for line in lines)
    is_last = hunk is conflict.hunks[-1] and not conflict.between[-1]
    return (
        text if not is_last or _ends_with_newline(conflict) else text.removesuffix(b"\n").removesuffix(b"\r")
    )


def _ends_with_newline(conflict: Conflict) -> bool:
    """Whether the file's last line is ended: a three-way merge of just that."""
    base, target, agent = (
        side is None or not side.content or side.content.endswith(b"\n")
        for side in (conflict.base, conflict.target, conflict.agent)
    )
    if conflict.base is None:
        return target or agent
    return agent if target == base else target
