import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.broker.asked import RefusedError, read

MODELS = frozenset({"claude-haiku-4-5"})
GOOD = {"model": "claude-haiku-4-5", "max_tokens": 1000, "messages": [{"role": "user", "content": "hi"}]}


def ask(**changes):
    return read(json.dumps(GOOD | changes).encode(), models=MODELS)


def test_what_it_may_cost():
    small, large = ask(max_tokens=10), ask(max_tokens=100_000)
    assert small.input_usd > 0
    assert large.most_usd == pytest.approx(large.input_usd + 0.5)  # 100,000 tokens at 5 dollars a million
    assert small.most_usd < large.most_usd


@pytest.mark.parametrize("model", ["claude-opus-4-1", "", None, 5, ["claude-haiku-4-5"], "claude-haiku-4-5 "])
def test_another_model_is_refused_with_the_list(model):
    with pytest.raises(RefusedError, match="claude-haiku-4-5"):
        ask(model=model)


@pytest.mark.parametrize(
    "source",
    [
        {"type": "url", "url": "https://evil.example/?q=code"},
        {"type": "file", "file_id": "file_1"},
        {"type": "future"},
    ],
)
@pytest.mark.parametrize("kind", ["image", "document"])
def test_a_source_that_the_api_would_fetch_is_refused_at_any_depth(source, kind):
    part = {"type": kind, "source": source}
    deep = {"type": "tool_result", "tool_use_id": "t", "content": [part]}
    for content in ([part], [deep]):
        with pytest.raises(RefusedError, match="would fetch"):
            ask(messages=[{"role": "user", "content": content}])
    with pytest.raises(RefusedError, match="would fetch"):
        ask(system=[part])


def test_a_picture_in_the_request_itself_is_fine():
    part = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    assert ask(messages=[{"role": "user", "content": [part]}])


@pytest.mark.parametrize(
    "more",
    [
        {"service_tier": "priority"},
        {"speed": "fast"},
        {"mcp_servers": [{"url": "https://evil.example"}]},
        {"container": "c"},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": {"type": "custom"}},
    ],
)
def test_what_costs_more_or_reaches_out_is_refused(more):
    with pytest.raises(RefusedError):
        ask(**more)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), st.lists, max_leaves=5).map(json.dumps).map(str.encode)
)
def test_garbage_is_refused_and_nothing_else_is_raised(body):
    with pytest.raises(RefusedError):
        read(body, models=MODELS)


def test_a_body_that_nests_without_end():
    with pytest.raises(RefusedError):
        read(b'{"model":' + b"[" * 200_000, models=MODELS)
