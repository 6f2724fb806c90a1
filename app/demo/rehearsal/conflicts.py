"""The scripted answer to a request for conflict resolutions: JSON, one entry for each hunk.

A hunk is settled only where a rule of the scenario fits both its sides; everything else is abstained from, with
the reason, as an honest model would. Changed lines that don't survive are named, as the request demands.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.demo.rehearsal.scenario import ConflictRule
from app.demo.rehearsal.steps import Block, blocks

_WANTED = re.compile(r"^Settle these hunks: (.+)\.$", re.MULTILINE)
_NO_LINES = "(no lines)"


def is_conflict_request(request: Mapping[str, Any]) -> bool:
    """Whether the request wants JSON of a schema, as only the conflict resolver does."""
    return bool((request.get("output_config") or {}).get("format"))


def answer(rules: Sequence[ConflictRule], request: Mapping[str, Any]) -> list[Block]:
    """The content of the model's message."""
    first: Mapping[str, Any] = next(iter(request["messages"]), {})
    prompt = "\n".join(str(block.get("text", "")) for block in blocks(first))
    wanted = _WANTED.findall(prompt)
    ids = wanted[-1].split(", ") if wanted else []
    hunks = [_hunk(rules, name, {role: _lines(prompt, name, role) for role in _ROLES}) for name in ids]
    return [{"type": "text", "text": json.dumps({"hunks": hunks})}]


_ROLES = ("base", "target", "agent")


def _lines(prompt: str, name: str, role: str) -> list[str]:
    tag = re.escape(f"{name}-{role}")
    found = re.search(rf"^<{tag} fence=(\w+)>\n(.*?)\n</{tag} fence=\1>$", prompt, re.MULTILINE | re.DOTALL)
    text = found.group(2).removesuffix("\n") if found else ""
    return [] if text in {"", _NO_LINES} else text.split("\n")


def _hunk(rules: Sequence[ConflictRule], name: str, sides: Mapping[str, list[str]]) -> dict[str, Any]:
    for rule in rules:
        if rule.target_has in "\n".join(sides["target"]) and rule.agent_has in "\n".join(sides["agent"]):
            text = "\n".join(sides["agent"])
            for swap in rule.swaps:
                text = re.sub(swap.pattern, swap.replacement, text, flags=re.MULTILINE)
            lines = text.split("\n")
            dropped = [{"line": line, "why": rule.why} for line in _given_up(sides, lines)]
            return {"id": name, "decision": "resolve", "lines": lines, "dropped": dropped, "why": rule.why}
    why = "This rehearsal has no rule for this conflict."
    return {"id": name, "decision": "abstain", "lines": [], "dropped": [], "why": why}


def _given_up(sides: Mapping[str, list[str]], result: Sequence[str]) -> list[str]:
    """Lines that a side changed and that aren't as that side has them in the result."""
    base = sides["base"]
    added = [
        line
        for role in ("target", "agent")
        for line in sides[role]
        if line not in base and line not in result
    ]
    kept = [
        line for line in base if line in result and any(line not in sides[r] for r in ("target", "agent"))
    ]
    return list(dict.fromkeys(line for line in (*added, *kept) if line.strip()))
