"""The scripted answer to a request for conflict resolutions: JSON, one entry for each hunk.

A hunk is settled only where a rule of the scenario fits both its sides; everything else is abstained from, with
the reason, as an honest model would. Changed lines that don't survive are named, as the request demands.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.demo.rehearsal.scenario import ConflictRule
from app.demo.rehearsal.steps import Block, blocks

_WANTED = re.compile(r"Settle these hunks: (.+?)\.(?: Choose an option for: .+\.)?$", re.MULTILINE)
_FILE = re.compile(r"(\w+) \(([^)]*)\)")
_OPTIONS = re.compile(r"Choose an option for: (.+)\.$", re.MULTILINE)
_NO_LINES = "[no lines]"


def is_conflict_request(request: Mapping[str, Any]) -> bool:
    """Whether the request wants JSON of a schema, as only the conflict resolver does."""
    return bool((request.get("output_config") or {}).get("format"))


def answer(rules: Sequence[ConflictRule], request: Mapping[str, Any]) -> list[Block]:
    """The content of the model's message."""
    prompt = "\n".join(
        str(block.get("text", "")) for message in request["messages"] for block in blocks(message)
    )
    wanted, closed = _WANTED.findall(prompt), _OPTIONS.findall(prompt)
    files = [
        {
            "path_id": name,
            "hunks": [_hunk(rules, prompt, name, hunk) for hunk in hunks.split(", ")],
            "needs_edit_elsewhere": [],
        }
        for name, hunks in _FILE.findall(wanted[-1] if wanted else "")
    ]
    choices = [
        {"path_id": name, "option": None, "why": _NO_RULE}
        for name in (closed[-1].split(", ") if closed else ())
    ]
    return [{"type": "text", "text": json.dumps({"files": files, "choices": choices})}]


_ROLES = ("BASE", "TARGET", "AGENT")
_NO_RULE = "This rehearsal has no rule for this conflict."


def _lines(prompt: str, name: str, role: str) -> list[str]:
    tag = re.escape(f"{name}-{role}")
    found = re.search(rf"^<{tag} fence=(\w+)>\n(.*?)\n</{tag} fence=\1>$", prompt, re.MULTILINE | re.DOTALL)
    text = found.group(2).removesuffix("\n") if found else ""
    return [] if text in {"", _NO_LINES} else text.split("\n")


def _hunk(rules: Sequence[ConflictRule], prompt: str, file: str, name: str) -> dict[str, Any]:
    sides = {role: _lines(prompt, f"{file}-{name}", role) for role in _ROLES}
    for rule in rules:
        if rule.target_has in "\n".join(sides["TARGET"]) and rule.agent_has in "\n".join(sides["AGENT"]):
            text = "\n".join(sides["AGENT"])
            for swap in rule.swaps:
                text = re.sub(swap.pattern, swap.replacement, text, flags=re.MULTILINE)
            lines = text.split("\n")
            return _answer(name, rule.why, lines=lines, dropped=list(_given_up(sides, lines, rule.why)))
    return _answer(name, _NO_RULE, decision="abstain")


def _answer(
    name: str,
    why: str,
    *,
    decision: str = "resolve",
    lines: Sequence[str] = (),
    dropped: Sequence[dict[str, str]] = (),
) -> dict[str, Any]:
    return {
        "id": name,
        "decision": decision,
        "candidate": None,
        "lines": lines,
        "kept_target": [],
        "kept_agent": [],
        "dropped": dropped,
        "why": why,
        "confidence": "sure",
    }


def _given_up(sides: Mapping[str, list[str]], result: Sequence[str], why: str) -> Iterator[dict[str, str]]:
    """Lines that a side changed and that aren't as that side has them in the result."""
    base = sides["BASE"]
    for role in ("TARGET", "AGENT"):
        added = [line for line in sides[role] if line not in base and line not in result]
        kept = [line for line in base if line in result and line not in sides[role]]
        for line in dict.fromkeys(line for line in (*added, *kept) if line.strip()):
            yield {"line": line, "side": role.lower(), "why": why}
