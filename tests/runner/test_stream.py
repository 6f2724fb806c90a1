import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import stream

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["type", "subtype", "message", "content", "result", "tools", "mcp_servers", "errors", "input"]
)
TYPES = st.sampled_from(["system", "assistant", "result", "init", "tool_use", "text"])


@pytest.mark.parametrize("line", ["", "not json", "[]", "1", '{"type": "new"}', '{"type": 1}', "[" * 100_000])
def test_what_we_do_not_know_is_no_event(line):
    assert list(stream.parse(line)) == []


@given(st.dictionaries(KEYS, JSON | TYPES))
def test_no_shape_breaks_the_parser(raw):
    list(stream.parse(json.dumps(raw)))


def test_a_result_is_an_error_unless_it_says_otherwise():
    (event,) = stream.parse('{"type": "result", "subtype": "success"}')
    assert event.is_error
    (event,) = stream.parse(
        '{"is_error": false, "type": "result", "result": "fine", "permission_denials": [{}]}'
    )
    assert not event.is_error
    assert (event.text, event.denials) == ("fine", 1)


def test_blocks_of_an_assistant_message():
    content = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "name": "Bash", "input": {"command": "ls"}},
        {"type": "tool_use", "name": "Odd", "input": "text"},
    ]
    events = list(stream.parse(json.dumps({"type": "assistant", "message": {"content": content}})))
    assert events == [
        stream.Said(text="I look."),
        stream.Used(tool="Bash", what="ls"),
        stream.Used(tool="Odd", what=""),
    ]


def test_hooks_are_seen():
    (event,) = stream.parse('{"type": "system", "subtype": "hook_started", "hook_name": "SessionStart"}')
    assert event == stream.HookRan(name="SessionStart")
