"""The engine's page says what the code has: every kind, every gate, every resolver."""

import re
from pathlib import Path

from git_ops import default_chain, grouping
from git_ops.resolve.agentic import AgenticResolver
from git_ops.resolve.claude import ClaudeResolver
from git_ops.resolve.memory import Memory
from git_ops.verify import GATES

PAGE = (Path(__file__).parents[2] / "docs" / "rebasing.md").read_text()


def rows(title):
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [line.split(" | ", 1) for line in section.splitlines() if line.startswith("| ")][1:]


def test_every_kind_is_told():
    listed = grouping.__doc__.split("where the parts are:")[1]
    kinds = set(re.findall(r"^([a-z][\w/-]+) ", listed, re.MULTILINE))
    told = {name for cell, _ in rows("Kinds of conflict") for name in re.findall(r"`([^`]+)`", cell)}
    assert kinds == told
    assert len(kinds) > 15


def test_every_gate_is_told_in_the_same_words():
    told = {cell.strip("| `"): meaning.removesuffix(" |") for cell, meaning in rows("Gates")}
    assert told == dict(GATES)


def test_every_resolver_is_told_in_its_order(tmp_path):
    claude = ClaudeResolver(base_url="http://127.0.0.1:9", api_key="k", model="m")
    chain = default_chain(
        memory=Memory(tmp_path), repository="r", claude=claude, agentic=AgenticResolver(lambda _request: None)
    )
    told = [
        cell.strip("| `").replace("the rules for names", "structural")
        for cell, _ in rows("Who settles a conflict")
    ]
    assert told == [resolver.name for resolver in chain.resolvers]
