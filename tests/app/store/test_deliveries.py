import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.store import keys
from app.store.deliveries import Delivery, secret_id

BODY = b'{"n": 1}'


def accept(deliveries, *, uuid="u1", event="issues", body=BODY, endpoint="home", **more):
    return deliveries.accept(endpoint=endpoint, uuid=uuid, event=event, body=body, **more)


@pytest.mark.parametrize("uuid", ["u1", ""])
def test_fifty_threads_with_one_delivery_make_one(deliveries, queued, uuid):
    start = threading.Barrier(50)

    def send(_):
        start.wait(10)
        return accept(deliveries, uuid=uuid)

    with ThreadPoolExecutor(50) as pool:
        assert sorted(pool.map(send, range(50))) == [False] * 49 + [True]
    assert [name for name, _ in queued()] == ["intake"]
    assert len(deliveries.waiting(older_than_seconds=-1)) == 1


@pytest.mark.parametrize(
    "changed", [{"uuid": "u2"}, {"uuid": ""}, {"event": "issue_comment"}, {"body": b"other"}]
)
def test_what_was_seen_under_its_id_or_its_body_is_refused(deliveries, queued, changed):
    assert accept(deliveries)
    assert not accept(deliveries, **changed)
    assert len(queued()) == 1


@pytest.mark.parametrize(
    "changed", [{"uuid": "u2", "body": b"other"}, {"endpoint": "second"}, {"repo": "ada/demo"}]
)
def test_what_is_really_new_is_taken(deliveries, queued, changed):
    assert accept(deliveries)
    assert accept(deliveries, **changed)
    assert len(queued()) == 2


def test_a_delivery_waits_until_it_is_done_and_stays_seen(deliveries, queued):
    accept(deliveries, body=b"\xff\x00 any bytes")
    ((_, delivery_id),) = queued()
    found = deliveries.get(delivery_id)
    assert found == Delivery(
        id=delivery_id, endpoint="home", event="issues", body=b"\xff\x00 any bytes", at=found.at
    )
    assert 0 <= time.time() - found.at < 60
    deliveries.done(delivery_id)
    deliveries.done(delivery_id)
    assert deliveries.get(delivery_id) is None
    assert deliveries.waiting(older_than_seconds=-1) == []
    assert not accept(deliveries, uuid="u3", body=b"\xff\x00 any bytes")


def test_waiting_tells_the_old_ones_first(deliveries, redis):
    for n in range(3):
        accept(deliveries, uuid=f"u{n}", body=b"%d" % n)
    ids = deliveries.waiting(older_than_seconds=-1)
    redis.zadd(keys.INBOX, {ids[2]: time.time() - 60, ids[1]: time.time() - 30})
    assert deliveries.waiting(older_than_seconds=20) == [ids[2], ids[1]]


def test_it_is_remembered_for_days_not_for_ever(deliveries, redis):
    accept(deliveries)
    marks = list(redis.keys(keys.seen("*", "*")))
    assert len(marks) == 2
    assert all(6 * 86_400 < redis.ttl(mark) <= 7 * 86_400 for mark in marks)


def test_the_scope_stays_with_the_delivery(deliveries, queued):
    accept(deliveries, repo="ada/demo")
    accept(deliveries)
    assert [deliveries.get(delivery_id).repo for _, delivery_id in queued()] == ["ada/demo", None]


def test_what_was_last_heard_is_known_per_scope(deliveries):
    assert deliveries.heard("home", "ada/demo") is None
    before = time.time()
    accept(deliveries, repo="ada/demo", signed_with="s1")
    accept(deliveries, repo="ada/demo", signed_with="s2")  # heard again, taken once
    accept(deliveries, repo="ada/other", uuid="", signed_with="s3")
    heard = deliveries.heard("home", "Ada/Demo")
    assert (heard.count, heard.uuid, heard.secret_id) == (2, "u1", "s2")
    assert before <= heard.at <= time.time()
    assert deliveries.heard("home", "ada/other").secret_id == "s3"
    assert deliveries.heard("home") is None
    assert deliveries.heard("second", "ada/demo") is None


def test_a_secrets_id_tells_secrets_apart_and_nothing_else():
    assert secret_id("one secret") == secret_id("one secret") != secret_id("one secrets")
    assert "one secret" not in secret_id("one secret")
