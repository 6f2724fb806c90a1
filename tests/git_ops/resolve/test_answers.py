import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_ops.conflict import Conflict, Hunk, Side
from git_ops.resolve.answers import (
    SCHEMA,
    Answers,
    Invalid,
    normal,
    read_answers,
    with_line_ends,
)
from git_ops.resolve.prompt.codec import lines_of, without_end


def conflict(base, target, agent, *, before=b"", after=b""):
    sides = [
        Side(mode="100644", oid="1" * 40, content=before + text + after) for text in (base, target, agent)
    ]
    return Conflict(
        path="f", kind="content", paths=("f",), stages={}, base=sides[0], target=sides[1], agent=sides[2],
        between=(before, after), hunks=(Hunk(id="h1", base=base, target=target, agent=agent),),
    )  # fmt: skip


def ended(one, *lines):
    return with_line_ends(one, one.hunks[0], lines)


def objects(node):
    if isinstance(node, dict):
        yield from [node] * (node.get("type") == "object")
        for child in node.values():
            yield from objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from objects(child)


def test_schema_is_closed_everywhere():
    found = list(objects(SCHEMA))
    assert len(found) == 5
    for node in found:
        assert node["additionalProperties"] is False
        assert set(node["required"]) == set(node["properties"])


def fields(schema):
    """The names in a schema, nested like the schema."""
    if schema.get("type") == "array":
        return fields(schema["items"])
    return {name: fields(inner) for name, inner in schema.get("properties", {}).items()}


def inlined(schema, definitions):
    if "$ref" in schema:
        return inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: inlined(v, definitions) if isinstance(v, dict) else v for key, v in schema.items()}


def test_schema_and_parser_are_the_same():
    parsed = Answers.model_json_schema()
    assert fields(inlined(parsed, parsed["$defs"])) == fields(SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"files": []}',
        '{"files": [], "choices": [], "x": 1}',
        '{"files": [{}], "choices": []}',
        "[" * 100_000,
    ],
)
def test_what_doesnt_fit_is_invalid(text):
    with pytest.raises(Invalid, match="schema"):
        read_answers(text)


def test_numbers_are_no_texts():
    choice = {"path_id": "p1", "option": 1, "why": ""}
    with pytest.raises(Invalid):
        read_answers(json.dumps({"files": [], "choices": [choice]}))


@pytest.mark.parametrize(
    ("one", "lines", "text"),
    [
        (conflict(b"", b"T\r\n", b"A\r\n", before=b"1\r\n"), (b"T", b"A", b"new"), b"T\r\nA\r\nnew\r\n"),
        (conflict(b"", b"T\n", b"A\r\n", before=b"1\n"), (b"T", b"A", b"new"), b"T\nA\r\nnew\n"),
        (conflict(b"1", b"T", b"A"), (b"T", b"A"), b"T\nA"),
        (conflict(b"1", b"T", b"A\n"), (b"T", b"A"), b"T\nA\n"),
        (conflict(b"1\n", b"T", b"A\n"), (b"T", b"A"), b"T\nA"),
        (conflict(b"1\r\n", b"T", b"A\r\n"), (b"x", b"A"), b"x\r\nA"),
        (conflict(b"", b"T", b"A", after=b"\nend"), (b"T", b"A"), b"T\nA\n"),
        (conflict(b"", b"T\r\n", b"A\r\r\n"), (b"A\r",), b"A\r\r\n"),
        (conflict(b"1", b"T", b"A"), (), b""),
        (conflict(b"x\r\n", b"x\n", b"x\r\nA\n", before=b"1\r\n"), (b"x",), b"x\n"),
    ],
    ids=[
        "crlf",
        "mixed",
        "none-ends",
        "agent-ends",
        "target-unends",
        "crlf-unended",
        "not-last",
        "two-returns",
        "empty",
        "the-targets-end",
    ],
)
def test_line_ends(one, lines, text):
    assert ended(one, *lines) == text


@given(st.lists(st.binary(max_size=4), min_size=3, max_size=3), st.sampled_from([b"\n", b"\r\n"]))
def test_the_targets_own_lines_give_the_targets_text(texts, end):
    base, target, agent = (b"".join(line.replace(b"\n", b"") + end for line in [text]) for text in texts)
    one = conflict(base, target, agent, before=b"0" + end, after=b"9" + end)
    assert ended(one, *[without_end(line) for line in lines_of(target)]) == target


def test_blanks_at_line_ends_make_no_difference():
    assert normal(b"a  \nb\t\r\n") == normal(b"a\nb")
    assert normal(b"a\n\nb") != normal(b"a\nb")
    assert normal(b" a") != normal(b"a")
