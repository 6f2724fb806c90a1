"""JSON, TOML and YAML merged by key, with the target's formatting kept.

* Only where each version, read and written again, is the same bytes: else the format's writer would change what nobody
  meant to. Doubled keys, anchors, tags and several documents are left alone.
* The text written is read once more by another reader and must be the merge of the plain values.
* Hunks with a disputed key, or in which a line that a side added isn't to be found again, have no proposal.
"""

import dataclasses
import io
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import tomlkit
import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from tomlkit.exceptions import TOMLKitError

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import unquestioned
from git_ops.resolve.candidates.keyed import DISPUTED, Insert, Unmergeable, merge_into, same
from git_ops.resolve.candidates.placing import texts_of

_MAX_BYTES = {"json": 256 * 1024, "toml": 128 * 1024, "yaml": 24 * 1024, "yml": 24 * 1024}
"""What takes their readers about a second."""
_MAX_BRACKETS = 4_000
"""Nested ones are what takes them longest."""
_CARELESS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    RecursionError,
)
"""What these readers and writers let through when a text is hostile."""
_WRONG = (Unmergeable, TOMLKitError, YAMLError, yaml.YAMLError, *_CARELESS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    """One way of writing down: `write(read(text)) == text` for the versions it fits."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    plain: Callable[[str], Any]
    insert: Insert


class Structured:
    """See the module's docstring."""

    name = "structured"
    family = "structure"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """A text for each hunk whose keys aren't in dispute."""
        suffix = conflict.path.rpartition(".")[2].lower()
        sides = (conflict.base, conflict.target, conflict.agent)
        contents = [side.content if side else None for side in sides]
        texts = [content for content in contents if content is not None]
        if suffix not in _FORMATS or len(texts) < 3 or any(_is_too_much(text, suffix) for text in texts):
            return {}
        try:
            merged = _merge([text.decode() for text in texts], _FORMATS[suffix])
        except _WRONG:
            return {}
        placed = texts_of(conflict, merged.encode()) if merged is not None else {}
        return {
            hunk.id: text
            for hunk in conflict.hunks
            if (text := _checked(hunk, placed.get(hunk.id))) is not None
        }


def _is_too_much(text: bytes, suffix: str) -> bool:
    return len(text) > _MAX_BYTES[suffix] or text.count(b"[") + text.count(b"{") > _MAX_BRACKETS


def _checked(hunk: Hunk, text: bytes | None) -> bytes | None:
    if text is None or DISPUTED.encode() in text:
        return None
    if (only := unquestioned(hunk)) is not None:
        return only
    base, merged = _said(hunk.base), _said(text)
    kept = not any((_said(side) - base) - merged for side in (hunk.target, hunk.agent))
    return text if kept else None


def _said(text: bytes) -> Counter[bytes]:
    """Lines without what depends on their neighbours: blanks around them, a comma at the end."""
    return Counter(line.strip().removesuffix(b",") for line in text.splitlines() if line.strip())


def _merge(texts: list[str], formats: Callable[[str], Iterable[_Format]]) -> str | None:
    """The merged text in the first format that gives back all three versions."""
    for one in formats(texts[1]):
        if any(one.write(one.read(text)) != text for text in (texts[1], texts[0], texts[2])):
            continue
        base, target, agent = (one.read(text) for text in texts)
        merge_into(base, target, agent, one.insert)
        written = one.write(target)
        plain_base, plain_target, plain_agent = (one.plain(text) for text in texts)
        merge_into(plain_base, plain_target, plain_agent, _insert)
        return written if _unordered_same(one.plain(written), plain_target) else None
    return None


def _unordered_same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_unordered_same(one[key], other[key]) for key in one)
    return same(one, other)


def _insert(mapping: dict[Any, Any], at: int, key: Any, value: Any) -> None:
    items = list(mapping.items())
    mapping.clear()
    mapping.update([*items[:at], (key, value), *items[at:]])


def _json_formats(text: str) -> Iterator[_Format]:
    found = re.search(r"\n([ \t]+)\S", text)
    tail = text[len(text.rstrip()) :]
    for escaping in (False, True):
        dump = partial(json.dumps, indent=found[1] if found else None, ensure_ascii=escaping)
        write = partial(_written_json, dump, tail)
        yield _Format(read=_read_json, write=write, plain=_read_json, insert=_insert)


def _written_json(dump: Callable[[Any], str], tail: str, value: Any) -> str:
    return dump(value) + tail


def _read_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise Unmergeable
    return mapping


def _toml_formats(_: str) -> Iterator[_Format]:
    def insert(mapping: Any, _: int, key: Any, value: Any) -> None:
        mapping[key] = value  # tables have no order; at the end is where the writer can put it

    yield _Format(read=tomlkit.parse, write=tomlkit.dumps, plain=tomllib.loads, insert=insert)


def _yaml_formats(text: str) -> Iterator[_Format]:
    if re.search(r"(?:^|[\s\[{,:-])[&*!]\S|^(?:---|\.\.\.)|^%", text, re.MULTILINE):
        return
    for indents in ((2, 2, 0), (2, 4, 2), (4, 4, 0), (4, 6, 4), (4, 4, 2)):
        writer = YAML()
        writer.preserve_quotes = True
        writer.width = 1 << 20
        writer.indent(mapping=indents[0], sequence=indents[1], offset=indents[2])

        def write(value: Any, writer: YAML = writer) -> str:
            out = io.StringIO()
            writer.dump(value, out)
            return out.getvalue()

        def insert(mapping: Any, at: int, key: Any, value: Any) -> None:
            mapping.insert(at, key, value)

        yield _Format(read=writer.load, write=write, plain=yaml.safe_load, insert=insert)


_FORMATS: dict[str, Callable[[str], Iterable[_Format]]] = {
    "json": _json_formats,
    "toml": _toml_formats,
    "yaml": _yaml_formats,
    "yml": _yaml_formats,
}
