"""The inbox: a delivery is deduplicated, recorded and enqueued in one atomic step, or not at all."""

import hashlib
import time
from dataclasses import dataclass

from redis.exceptions import WatchError

from app.store import keys
from app.store.connection import Redis
from app.store.tasks import Task, enqueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One accepted webhook request. `body` is verified, but not parsed."""

    id: str
    endpoint: str
    event: str
    body: bytes


class Deliveries:
    """Accepted deliveries until they are handled. Thread-safe."""

    def __init__(self, redis: Redis, *, memory_days: int) -> None:
        self._redis = redis
        self._memory_seconds = memory_days * 86_400

    def accept(self, *, endpoint: str, uuid: str, event: str, body: bytes) -> bool:
        """Record and enqueue a delivery; False where it was accepted before.

        Neither the forge's id nor the event's name is part of what is signed, so a body that is replayed under
        another one counts as seen, too.
        """
        digest = hashlib.sha256(endpoint.encode() + b"\0" + body).hexdigest()
        delivery_id = digest[:32]
        marks = [keys.seen("body", digest)]
        if uuid:
            marks.append(keys.seen("id", hashlib.sha256(f"{endpoint}\0{uuid}".encode()).hexdigest()))
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    pipe.watch(*marks)
                    if pipe.exists(*marks):
                        return False
                    pipe.multi()
                    for mark in marks:
                        pipe.set(mark, "1", ex=self._memory_seconds)
                    pipe.hset(
                        keys.delivery(delivery_id),
                        mapping={"endpoint": endpoint, "event": event, "body": body},
                    )
                    pipe.zadd(keys.INBOX, {delivery_id: time.time()})
                    enqueue(self._redis, Task.INTAKE, delivery_id, pipeline=pipe)
                    pipe.execute()
                except WatchError:
                    continue
                return True

    def get(self, delivery_id: str) -> Delivery | None:
        """The delivery, or none where it was handled."""
        fields = self._redis.hgetall(keys.delivery(delivery_id))
        if not fields:
            return None
        return Delivery(
            id=delivery_id,
            endpoint=fields[b"endpoint"].decode(),
            event=fields[b"event"].decode(),
            body=fields[b"body"],
        )

    def done(self, delivery_id: str) -> None:
        """Forget a handled delivery; that it was seen is remembered."""
        with self._redis.pipeline() as pipe:
            pipe.delete(keys.delivery(delivery_id))
            pipe.zrem(keys.INBOX, delivery_id)
            pipe.execute()

    def waiting(self, *, older_than_seconds: float) -> list[str]:
        """Ids of the deliveries that have been waiting for longer than that, oldest first."""
        until = time.time() - older_than_seconds
        return [raw.decode() for raw in self._redis.zrangebyscore(keys.INBOX, 0, until)]
