"""JSON as somebody might send it instead: real payloads with anything at any place, written as raw bytes.

`json.dumps` can't write much of what a hostile sender can (`NaN`, lone surrogates, numbers of 5,000 digits, a key
twice), so what is put in is `Raw` text.
"""

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.support.deliveries import encoded

MARK = "zq-marked-zq"
"""Never in a real payload: where it shows up, it came from what was put in."""
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Change:
    """What is done at one place: the value taken away, replaced by raw JSON, or followed by its key once more."""

    raw: str | None
    twice: bool = False


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


ODD = (
    "null", "true", "0", "-1", "-2", "1", "1.0", "1e400", "NaN", "-Infinity", str(2**63), str(2**63 - 1), "7" * 5_000,
    '""', '" "', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u202e"', '"\\u2028\\r\\n"', '"../.."', '"a/b"', '"./."',
    '"a/b\\n"', '"-/-"', '"refs/heads/"', '"refs/tags/x"', '"open"', '"closed"', '"created"', '"opened"', '"reviewed"',
    '"synchronized"', '"label_updated"', f'"{"0" * 40}"', f'"{"a" * 64}"', f'"{"x" * 300_000}"', f'"{MARK}"',
    f'"{MARK}\\r\\n\\u001b[31m{"y" * 500}"', "{}", "[]", "[null]", "[[[]]]", _nested(150), _nested(3_000),
    '{"id":1}', '{"id":1,"login":"x"}', '{"id":-1,"login":"Ghost"}', '{"id":-2,"login":"actions"}', '{"name":"agent"}',
    f'[{",".join(["{}"] * 2_000)}]', f'[{",".join(["""{"name":"agent"}"""] * 999)}]', f'{{"{MARK}":1}}', f'["{MARK}"]',
)  # fmt: skip
changes = st.one_of(
    st.just(Change(None)),
    st.builds(Change, st.sampled_from(ODD), st.booleans()),
    st.builds(Change, st.one_of(st.integers(), st.text(max_size=40)).map(json.dumps), st.just(False)),
)


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """The path of every field and item."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield (*path, key)
        yield from places(one, (*path, key))


def changed(body: dict[str, Any], wanted: Sequence[tuple[Place, Change]]) -> bytes:
    """The payload with that done to it. A place that an earlier change took away is left alone."""
    body, put = copy.deepcopy(body), {}
    for number, (path, change) in enumerate(wanted):
        target = _holder(body, path)
        if target is None:
            continue
        key = path[-1]
        if change.raw is None:
            del target[key]
            continue
        again = change.twice and isinstance(target, dict)
        raw = f"{json.dumps(target[key])},{json.dumps(key)}:{change.raw}" if again else change.raw
        target[key] = f"@@{number}@@"
        put[f'"@@{number}@@"'] = raw
    text = encoded(body).decode()
    for name, instead in reversed(put.items()):
        text = text.replace(name, instead)
    return text.encode("utf-8", "surrogatepass")


def _holder(body: Any, path: Place) -> Any:
    """The object or list with the path's last part in it; none where there isn't one any more."""
    for key in path:
        holder = body
        there = key in body if isinstance(body, dict) else isinstance(body, list) and key in range(len(body))
        if not there:
            return None
        body = body[key]
    return holder
