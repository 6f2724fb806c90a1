import threading
import time

import httpx
import pytest

from runner.broker import Broker, Door, Events, patiently
from runner.ending import Interrupt
from runner.errors import BrokerAnswer, BrokerUnavailable, Cancelled, Fenced
from runner.protocol import MAX_EVENTS_PER_BATCH, EventAnswer, Result

RESULT = Result(outcome="no_changes")


class Desk:
    """The broker's half of the conversation, as `Events` sees it."""

    def __init__(self):
        self.taken = []
        self.batches = 0
        self.failures = []
        self.lose_answers = 0
        self.cancel = False

    def __call__(self, batch):
        self.batches += 1
        if self.failures:
            raise self.failures.pop(0)
        for event in batch.events:
            if event.seq == len(self.taken) + 1:
                self.taken.append(event)
        if self.lose_answers:
            self.lose_answers -= 1
            raise BrokerUnavailable("lost")
        return EventAnswer(accepted_through=len(self.taken), cancel=self.cancel)


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def interrupt():
    return Interrupt()


@pytest.fixture
def events(desk, interrupt):
    events = Events(desk, interrupt, heartbeat_seconds=0.05)
    yield events
    events.close()


def test_every_event_arrives_once_and_in_order_though_answers_are_lost(desk, events):
    desk.failures = [BrokerUnavailable("down")]
    desk.lose_answers = 1
    events.start()
    events.phase("clone")
    for number in range(500):
        events.log("agent", str(number))
    events.finish(RESULT, patience_seconds=20)
    assert [event.seq for event in desk.taken] == list(range(1, len(desk.taken) + 1))
    texts = [event.text for event in desk.taken if event.kind == "log"]
    assert texts == [str(number) for number in range(500)]
    assert desk.taken[-1].kind == "result"
    assert desk.batches >= 500 / MAX_EVENTS_PER_BATCH


def test_beats_while_nothing_happens(desk, events):
    events.start()
    end = time.monotonic() + 10
    while len(desk.taken) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    assert {event.kind for event in desk.taken} == {"heartbeat"}


def test_a_cancel_interrupts(desk, events, interrupt):
    desk.cancel = True
    events.start()
    assert interrupt.event.wait(10)
    with pytest.raises(Cancelled):
        interrupt.check()


def test_a_fence_interrupts_and_ends_it(desk, events, interrupt):
    desk.failures = [Fenced("over")]
    events.start()
    assert interrupt.event.wait(10)
    with pytest.raises(Fenced):
        events.finish(RESULT, patience_seconds=10)


def test_a_result_nobody_takes_is_an_error(desk, events):
    desk.failures = [BrokerUnavailable("down")] * 1000
    events.start()
    with pytest.raises(BrokerUnavailable, match="the result is lost"):
        events.finish(RESULT, patience_seconds=0.3)


def test_a_flood_of_lines_is_counted_not_kept(desk, events, monkeypatch):
    monkeypatch.setattr("runner.broker.MAX_PENDING_LOGS", 10)
    for number in range(100):
        events.log("agent", str(number))
    events.start()
    end = time.monotonic() + 10
    while len(desk.taken) < 10 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.1)
    events.log("agent", "after")
    events.finish(RESULT, patience_seconds=10)
    texts = [event.text for event in desk.taken if event.kind == "log"]
    assert texts[10].startswith("90 lines are missing")
    assert texts[11] == "after"


def test_texts_are_cut_to_what_the_protocol_takes(desk, events):
    events.start()
    events.log("agent", "x" * 100_000)
    events.phase("verify", "y" * 100_000)
    events.finish(RESULT, patience_seconds=10)
    assert desk.taken[-1].kind == "result"


def test_patience_ends_and_so_does_an_interrupt(interrupt):
    def down():
        raise BrokerUnavailable("down")

    with pytest.raises(BrokerUnavailable):
        patiently(down, interrupt, 0.3)
    threading.Timer(0.1, interrupt.trigger, [Cancelled("stop")]).start()
    with pytest.raises(Cancelled):
        patiently(down, interrupt, 60)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Fenced),
        (403, Fenced),
        (500, BrokerUnavailable),
        (429, BrokerUnavailable),
        (404, BrokerAnswer),
        (302, BrokerAnswer),
        (200, BrokerAnswer),
    ],
)
def test_what_answers_mean(status, error):
    broker = Broker(Door(url="http://broker.invalid", token="t"))
    broker.close()
    broker._client = httpx.Client(
        base_url="http://broker.invalid",
        transport=httpx.MockTransport(
            lambda _: httpx.Response(status, json={"odd": 1}, headers={"Location": "/x"})
        ),
    )
    with pytest.raises(error):
        broker.job()
    broker.close()


def test_no_connection_is_unavailable():
    broker = Broker(Door(url="http://127.0.0.1:1", token="t"))
    with pytest.raises(BrokerUnavailable):
        broker.job()
    broker.close()
