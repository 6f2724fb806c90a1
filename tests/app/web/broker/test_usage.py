import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.broker.usage import MAX_LINE_BYTES, UsageMeter

START = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}


def sse(*events, end="\n\n"):
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}{end}".encode()
        for event in events
    )


STREAM = sse(
    {"type": "message_start", "message": {"model": "claude-opus-5-5", "usage": START}},
    {"type": "ping"},
    {"type": "content_block_delta", "delta": {"text": 'é "message_delta" usage {"output_tokens": 9999}\n🎉'}},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 42, "input_tokens": None},
    },
    {"type": "message_stop"},
)
FIGURES = START | {"output_tokens": 42}


def read(chunks, *, streamed=True):
    meter = UsageMeter(streamed=streamed)
    for chunk in chunks:
        meter.feed(chunk)
    meter.close()
    return meter


def test_a_stream_cut_at_any_byte_gives_the_same_figures():
    for cut in range(len(STREAM) + 1):
        meter = read([STREAM[:cut], STREAM[cut:]])
        assert (meter.model, meter.figures) == ("claude-opus-5-5", FIGURES), cut


def test_byte_by_byte_and_with_other_line_ends():
    assert read(STREAM[i : i + 1] for i in range(len(STREAM))).figures == FIGURES
    assert read([STREAM.replace(b"\n", b"\r\n")]).figures == FIGURES


def test_hanging_up_early_does_not_make_it_cheap():
    cut = STREAM[: STREAM.index(b"event: message_delta")]
    figures = read([cut]).figures
    assert figures["input_tokens"] == START["input_tokens"]
    assert figures["output_tokens"] >= len(cut) // 5


def test_the_last_line_counts_without_its_line_break():
    stream = STREAM[: STREAM.index(b"event: message_stop")].rstrip(b"\n")
    assert read([stream]).figures == FIGURES


@given(st.integers(1, 40))
def test_a_plain_answer(size):
    body = json.dumps({"model": "claude-haiku-4", "usage": {"input_tokens": 3, "output_tokens": 4}}).encode()
    meter = read([body[i : i + size] for i in range(0, len(body), size)], streamed=False)
    assert (meter.model, meter.figures) == ("claude-haiku-4", {"input_tokens": 3, "output_tokens": 4})


@given(st.binary(max_size=300), st.booleans())
def test_garbage_counts_nothing_and_raises_nothing(body, streamed):
    assert read([body], streamed=streamed).figures == {}


@pytest.mark.parametrize(
    "text", [b"[]", b"5", b'{"message": 5, "usage": 7}', b'{"usage": [1], "model": {}}', b"[" * 100_000]
)
@pytest.mark.parametrize("streamed", [True, False])
def test_odd_json_counts_nothing(text, streamed):
    line = b'data: {"message_start"' + text + b"\n" if streamed else text
    assert read([line, b'data:"message_start"' + text + b"\n"], streamed=streamed).figures == {}
    assert read([b"data: " + text.replace(b"{", b'{"type": "message_start",', 1) + b"\n"]).figures == {}


def test_an_endless_line_does_not_fill_the_memory():
    meter = UsageMeter(streamed=True)
    for _ in range(12):
        meter.feed(b"x" * 1024 * 1024)
    assert len(meter._pending) <= MAX_LINE_BYTES
    plain = UsageMeter(streamed=False)
    for _ in range(40):
        plain.feed(b"x" * 1024 * 1024)
    assert len(plain._pending) <= MAX_LINE_BYTES * 8
