"""Hunks of nothing but import lines: the union of both sides' imports, without what either side took away.

* Nothing is proposed where both sides touched the same module, or brought the same name from two: that is a question.
* Sorted if every side was sorted. Else the target's order, each of the agent's new lines beside its neighbour.
* Statements of one line only.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import by_hunk, lines

# `module` is a name of which the last part is brought in; a `file` brings what is said beside it, or nothing.
_JS = rb"""(?:import\s+(?:(?P<names>[^'"]+?)\s+from\s+)?['"](?P<file>[^'"]+)['"]|
    (?:const|let|var)\s+(?P<bound>[\w${},\s:]+?)\s*=\s*require\(\s*['"](?P<required>[^'"]+)['"]\s*\))\s*;?"""
_PYTHON = (
    rb"from\s+(?P<module>[\w.]+)\s+import\s+(?P<names>[\w\s,*]+)|import\s+(?P<plain>[\w.]+(?:\s+as\s+\w+)?)"
)
_JVM = rb"import\s+(?:static\s+)?(?P<module>[\w.]+?)(?:\.\*)?(?:\s+as\s+\w+)?\s*;?"
_GO = rb'(?:import\s+)?(?:[\w.]+\s+)?"(?P<module>[^"]+)"'
_RUST = rb"(?:pub(?:\([\w\s:]+\))?\s+)?(?:use|mod|extern\s+crate)\s+(?P<module>[\w:{},\s*]+?)\s*;"
_C = rb'\#\s*(?:include|import)\s*(?P<file><[^>]+>|"[^"]+")'
_USING = rb"(?:global\s+)?using\s+(?:static\s+)?(?P<module>[\w.]+(?:\s*=\s*[\w.<>]+)?)\s*;"
_PHP = rb"use\s+(?:function\s+|const\s+)?(?P<module>[\w\\]+(?:\s+as\s+\w+)?)\s*;"
_RUBY = rb"require(?:_relative)?\s*\(?['\"](?P<file>[^'\"]+)['\"]\)?"
_DART = rb"import\s+['\"](?P<file>[^'\"]+)['\"](?:\s+as\s+\w+)?\s*;"
_STATEMENTS = {
    "py pyi": _PYTHON,
    "js jsx mjs cjs ts tsx mts cts vue svelte": _JS,
    "java kt kts scala groovy swift": _JVM,
    "go": _GO,
    "rs": _RUST,
    "c h cc cpp cxx hpp hh m mm": _C,
    "cs": _USING,
    "php": _PHP,
    "rb": _RUBY,
    "dart": _DART,
}
_BY_SUFFIX = {
    suffix: re.compile(rb"\s*(?:" + pattern + rb")\s*", re.VERBOSE)
    for suffixes, pattern in _STATEMENTS.items()
    for suffix in suffixes.split()
}
_MAX_LINES = 1_000
_MAX_LINE_BYTES = 500
"""Matching takes time that grows with the square of it."""
_NAME = re.compile(rb"[\w$\x80-\xff]+")
_NO_NAMES = {b"as", b"type", b"default", b"self"}


class Imports:
    """See the module's docstring."""

    name = "imports"
    family = "union"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """The union of each hunk that has nothing but imports."""
        statement = _BY_SUFFIX.get(conflict.path.rpartition(".")[2].lower())
        return by_hunk(conflict, lambda hunk: union(hunk, statement)) if statement else {}


def union(hunk: Hunk, statement: re.Pattern[bytes]) -> bytes | None:
    """The union, where every line is a statement or empty and none is in doubt."""
    base, target, agent = lines(hunk.base), lines(hunk.target), lines(hunk.agent)
    together = [*base, *target, *agent]
    if len(together) > _MAX_LINES or any(len(line) > _MAX_LINE_BYTES for line in together):
        return None
    every = {line: statement.fullmatch(line) for line in together if line.strip()}
    if not every or not all(every.values()):
        return None
    ours, theirs = set(target) ^ set(base), set(agent) ^ set(base)
    ours, theirs = ours & every.keys(), theirs & every.keys()
    facts = {line: _facts(match) for line, match in every.items() if match}
    for mine in ours - theirs:
        if any(_in_doubt(facts[mine], facts[other]) for other in theirs - ours):
            return None
    gone = set(base) - set(agent)
    kept = [line for line in target if line not in gone or not line.strip()]
    new = [line for line in agent if line.strip() and line not in base and line not in target]
    order = _order([side for side in (base, target, agent) if side])
    if order and len(kept) + len(new) > 1:
        ordered: list[bytes] = sorted({*kept, *new}, key=order)
        return b"".join(ordered)
    fresh = {line for line in target if line not in base}
    for line in new:
        kept.insert(_place(line, agent, kept, fresh), line)
    return b"".join(kept)


def _facts(match: re.Match[bytes]) -> tuple[bytes, frozenset[bytes]]:
    """The module, and the names that the statement brings."""
    groups = match.groupdict()
    module = groups.get("module") or groups.get("plain") or b""
    said = groups.get("names") or groups.get("bound")
    names = _NAME.findall(said) if said else _NAME.findall(module)[-1:]
    return module or groups.get("file") or groups.get("required") or b"", frozenset(names) - _NO_NAMES


def _in_doubt(one: tuple[bytes, frozenset[bytes]], other: tuple[bytes, frozenset[bytes]]) -> bool:
    return one[0] == other[0] or bool(one[1] & other[1])


_Order = Callable[[bytes], bytes]


def _order(sides: Sequence[Sequence[bytes]]) -> _Order | None:
    """The order in which all sides are: by bytes, or without regard to case. None for a single line of each."""
    if max(map(len, sides)) < 2 or any(not line.strip() for side in sides for line in side):
        return None
    orders: tuple[_Order, ...] = (lambda line: line, lambda line: line.lower())
    return next((key for key in orders if all(_is_sorted(side, key) for side in sides)), None)


def _is_sorted(side: Sequence[bytes], key: _Order) -> bool:
    keys = [key(line) for line in side]
    return keys == sorted(keys)


def _place(line: bytes, agent: Sequence[bytes], kept: Sequence[bytes], fresh: set[bytes]) -> int:
    """Where an agent's line goes: after the line it follows there, and what the target put behind that."""
    at = agent.index(line)
    for before in reversed(agent[:at]):
        if before.strip() and before in kept:
            place = kept.index(before) + 1
            while place < len(kept) and kept[place] in fresh and kept[place] not in agent:
                place += 1
            return place
    for after in agent[at + 1 :]:
        if after.strip() and after in kept:
            return kept.index(after)
    return len(kept)
