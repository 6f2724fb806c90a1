"""Which step of a script comes next, and what it says. Pure functions of the request: nothing is remembered.

The step's number is the number of assistant messages since the last real prompt of the person, so a repeated
request gets the same answer, and a resumed session goes on where it was.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.demo.rehearsal.scenario import Rewrite, Say, Scenario, Step, Use

Block = dict[str, Any]
_NUMBERED = re.compile(r"^\s*\d+[→\t](.*)$")
_CWD = re.compile(r"[Ww]orking directory: *(\S+)")
_REMINDER = "<system-reminder>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where the conversation stands."""

    prompt: str
    index: int
    """Assistant messages since the prompt."""


def blocks(message: Mapping[str, Any]) -> list[Block]:
    """The content of a message as blocks; a plain string is one text block."""
    content = message.get("content", "")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)]


def _prompt_of(message: Mapping[str, Any]) -> str | None:
    if message.get("role") != "user":
        return None
    parts = blocks(message)
    if any(block.get("type") == "tool_result" for block in parts):
        return None
    texts = [str(block.get("text", "")) for block in parts if block.get("type") == "text"]
    real = [text for text in texts if text.strip() and not text.lstrip().startswith(_REMINDER)]
    return "\n".join(real) or None


def turn(messages: Sequence[Mapping[str, Any]]) -> Turn:
    """The last real prompt, and how many answers it already got."""
    index = 0
    for message in reversed(messages):
        prompt = _prompt_of(message)
        if prompt is not None:
            return Turn(prompt=prompt, index=index)
        index += message.get("role") == "assistant"
    return Turn(prompt="", index=index)


def choose(scenario: Scenario, now: Turn) -> Step:
    """The step to play; past the end of a script, or without one, the model just says that it is done."""
    for script in scenario.scripts:
        if all(re.search(pattern, now.prompt) for pattern in script.when):
            return script.steps[now.index] if now.index < len(script.steps) else (Say(text="Done."),)
    return (Say(text="This rehearsal has no script for that request, so nothing was changed."),)


def working_directory(request: Mapping[str, Any]) -> str:
    """The agent's folder, as Claude Code tells it to the model; `.` where it doesn't."""
    for text in _texts(request):
        found = _CWD.search(text)
        if found:
            return found.group(1)
    return "."


def _texts(request: Mapping[str, Any]) -> Iterator[str]:
    system = request.get("system", "")
    yield from (str(b.get("text", "")) for b in blocks({"content": system}))
    for message in request.get("messages", ()):
        yield from (str(b.get("text", "")) for b in blocks(message) if b.get("type") == "text")


def answer(step: Step, request: Mapping[str, Any]) -> list[Block]:
    """The content blocks of the model's message for this step."""
    cwd = working_directory(request)
    content: list[Block] = []
    for number, action in enumerate(step):
        name = f"toolu_{len(request.get('messages', ())):03d}_{number:02d}"
        match action:
            case Say():
                content.append({"type": "text", "text": action.text})
            case Use():
                content.append(_tool(name, action.tool, _fill(action.input, cwd)))
            case Rewrite():
                content.append(_rewrite(name, action, f"{cwd}/{action.path}", request))
            case _:
                pass  # failing, hanging and holding happen before there is a message
    return content


def _tool(name: str, tool: str, values: Any) -> Block:
    return {"type": "tool_use", "id": name, "name": tool, "input": values}


def _fill(value: Any, cwd: str) -> Any:
    if isinstance(value, str):
        return value.replace("{cwd}", cwd)
    if isinstance(value, list):
        return [_fill(item, cwd) for item in value]
    if isinstance(value, dict):
        return {key: _fill(item, cwd) for key, item in value.items()}
    return value


def _rewrite(name: str, action: Rewrite, path: str, request: Mapping[str, Any]) -> Block:
    lines = last_read(request, path)
    if lines is None:
        return {"type": "text", "text": f"I have not read {action.path}, so I leave it alone."}
    text = "\n".join(lines)
    for swap in action.swaps:
        text = re.sub(swap.pattern, swap.replacement, text, flags=re.MULTILINE)
    old, new = changed_lines(lines, text.split("\n"))
    if old == new:
        return {"type": "text", "text": f"{action.path} has nothing for me to change."}
    return _tool(name, "Edit", {"file_path": path, "old_string": old, "new_string": new})


def last_read(request: Mapping[str, Any], path: str) -> list[str] | None:
    """The lines of a file as the last Read of it returned them, or none."""
    asked: set[str] = set()
    found: list[str] | None = None
    for message in request.get("messages", ()):
        for block in blocks(message):
            if block.get("type") == "tool_use" and block.get("name") == "Read":
                if block.get("input", {}).get("file_path") == path:
                    asked.add(str(block.get("id")))
            elif block.get("type") == "tool_result" and block.get("tool_use_id") in asked:
                text = "\n".join(str(part.get("text", "")) for part in blocks(block))
                matches = (_NUMBERED.match(line) for line in text.split("\n"))
                found = [match.group(1) for match in matches if match] or found
    return found


def changed_lines(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """The smallest run of whole lines that covers every difference, and some text before it to find it by."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    if start == len(old) == len(new):
        return "", ""
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    start = max(0, start - 1)
    while start > 0 and not any(line.strip() for line in old[start : len(old) - end]):
        start -= 1  # blank lines alone can't be found
    return "\n".join(old[start : len(old) - end]), "\n".join(new[start : len(new) - end])
