"""The gates: named checks that a resolution, a step and a whole rebase must pass before they count.

Each looks at results only and believes nobody: not the model, not a rule of ours. Names are stable, because
reports and operators refer to them.

marker-lines       no line looks like a conflict marker that didn't stand in a side's file
outside-hunks      not a byte between the hunks is different
changes-preserved  what either side added or removed is there, or is named as given up
parses             a file that both sides could parse still parses (Python, JSON, TOML, YAML)
path-set           nothing but the conflicted paths differs from Git's own merge
end-tree           where Git can merge the tips, the series ends in that very tree
"""

import ast
import dataclasses
import json
import re
import tomllib
import warnings
from collections import Counter
from collections.abc import Callable, Collection

from git_ops.conflict import Conflict, Hunk, HunkChoice, Resolution
from git_ops.objects import decode_path, show_path
from git_ops.process import Git

_MARKER_LINE = re.compile(rb"^(?:<{7,}|\|{7,}|={7,}|>{7,})(?=[ \r\n]|$).*", re.MULTILINE)
_WORD = re.compile(rb"\w+")
_TOKEN = re.compile(rb"\w+|[^\w\s]")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The verdict of one gate."""

    name: str
    passed: bool
    why: str = ""


def check_resolution(conflict: Conflict, resolution: Resolution) -> tuple[Gate, ...]:
    """The gates that look at one file. What Git merged itself is only held to those that Git could fail."""
    gates = [marker_lines(conflict, resolution), parses(conflict, resolution)]
    if resolution.source != "git" and conflict.between:
        gates.insert(1, outside_hunks(conflict, resolution))
    if resolution.source == "model":
        gates.append(changes_preserved(conflict, resolution))
    return tuple(gates)


def marker_lines(conflict: Conflict, resolution: Resolution) -> Gate:
    """No new line that looks like a conflict marker."""
    allowed: Counter[bytes] = Counter()
    for side in (conflict.target, conflict.agent):
        if side and side.content:
            allowed |= Counter(line.rstrip() for line in _MARKER_LINE.findall(side.content))
    new = Counter(line.rstrip() for line in _MARKER_LINE.findall(resolution.content or b"")) - allowed
    why = f"new line {_show(next(iter(new)))}" if new else ""
    return Gate(name="marker-lines", passed=not new, why=why)


def outside_hunks(conflict: Conflict, resolution: Resolution) -> Gate:
    """The bytes between the hunks are there, in order, and nothing else than the hunks' texts is."""
    content = resolution.content
    if content is None:
        return Gate(name="outside-hunks", passed=False, why="the file would be removed")
    if resolution.hunks:
        texts = {choice.id: choice.text for choice in resolution.hunks}
        same = texts.keys() == {hunk.id for hunk in conflict.hunks} and conflict.splice(texts) == content
    else:
        same = _contains_in_order(content, conflict.between)
    return Gate(
        name="outside-hunks", passed=same, why="" if same else "text outside the conflict was changed"
    )


def _contains_in_order(content: bytes, between: tuple[bytes, ...]) -> bool:
    if len(between) == 1:
        return content == between[0]
    first, *middle, last = between
    if not content.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = content.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return content.endswith(last) and at <= len(content) - len(last)


def changes_preserved(conflict: Conflict, resolution: Resolution) -> Gate:
    """Each side's change to each hunk is in the text, or named as given up."""
    choices = {choice.id: choice for choice in resolution.hunks}
    for hunk in conflict.hunks:
        choice = choices.get(hunk.id)
        if choice is None:
            return Gate(name="changes-preserved", passed=False, why=f"{hunk.id} has no text of its own")
        for role, side in (("target", hunk.target), ("agent", hunk.agent)):
            if lost := _lost(hunk, side, choice):
                why = f"{hunk.id}: the {role}'s change to {_show(lost)} isn't in the text and isn't named as dropped"
                return Gate(name="changes-preserved", passed=False, why=why)
    return Gate(name="changes-preserved", passed=True)


def _lost(hunk: Hunk, side: bytes, choice: HunkChoice) -> bytes | None:
    """A line that the side added and the text lacks, or that the side removed and the text still has."""
    base, changed, result = _lines(hunk.base), _lines(side), _lines(choice.text)
    given_up = {line.strip().encode("utf-8", "surrogateescape") for line in choice.dropped}
    known, words = set(_TOKEN.findall(hunk.base)), set(_TOKEN.findall(choice.text))
    for line in changed - base:
        fresh = {token for token in _TOKEN.findall(line) if token not in known}
        # Two edits of one line end up in a third line: then each side's new words must be in it.
        if line not in result and line not in given_up and not (fresh and fresh <= words):
            return line
    for line in base - changed:
        if result[line] > changed[line] and line not in given_up:
            return line
    return None


def _lines(text: bytes) -> Counter[bytes]:
    """Lines that say something, without indentation."""
    return Counter(line.strip() for line in text.splitlines() if _WORD.search(line))


def parses(conflict: Conflict, resolution: Resolution) -> Gate:
    """The result can be parsed, if both sides could."""
    parser = _PARSERS.get(conflict.path.rpartition(".")[2].lower())
    sides = [side.content for side in (conflict.target, conflict.agent) if side and side.content is not None]
    if parser is None or resolution.content is None or resolution.mode == "120000":
        return Gate(name="parses", passed=True)
    if len(sides) < 2 or any(_problem(parser, content) for content in sides):
        return Gate(name="parses", passed=True, why="a side doesn't parse either")
    problem = _problem(parser, resolution.content)
    return Gate(name="parses", passed=problem is None, why=problem or "")


def _problem(parser: Callable[[bytes], object], content: bytes) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in other people's code are no problem of ours
            parser(content)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as e:
        return f"{type(e).__name__}: {e}"[:200]
    return None


def _parse_yaml(content: bytes) -> None:
    """Syntax only: no object is built, so no alias can blow up."""
    try:
        import yaml
    except ImportError:
        return
    try:
        for _ in yaml.parse(content, Loader=yaml.SafeLoader):
            pass
    except yaml.YAMLError as e:
        raise ValueError(str(e)) from e


_PARSERS: dict[str, Callable[[bytes], object]] = {
    "py": ast.parse,
    "pyi": ast.parse,
    "json": json.loads,
    "toml": lambda content: tomllib.loads(content.decode()),
    "yaml": _parse_yaml,
    "yml": _parse_yaml,
}


def path_set(git: Git, *, merged: str, result: str, allowed: Collection[str]) -> Gate:
    """Nothing but `allowed` differs between Git's merge and the settled tree."""
    raw = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", merged, result).stdout
    other = {decode_path(path) for path in raw.split(b"\0") if path} - set(allowed)
    why = f"{show_path(min(other))} was changed, too" if other else ""
    return Gate(name="path-set", passed=not other, why=why)


def end_tree(*, oracle: str | None, result: str) -> Gate:
    """The series ends in the tree that Git's own merge of the tips has, where there is one."""
    passed = oracle is None or oracle == result
    why = (
        ""
        if passed
        else f"the commits end in tree {result[:10]}, but Git merges the tips to {oracle or '':.10}"
    )
    return Gate(name="end-tree", passed=passed, why=why)


def _show(line: bytes) -> str:
    text = show_path(line.decode("utf-8", "replace"))
    return repr(text if len(text) <= 80 else text[:80] + "…")
