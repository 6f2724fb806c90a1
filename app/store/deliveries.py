"""The inbox: a delivery is deduplicated, recorded and enqueued in one atomic step, or not at all.

A scope is an endpoint, or one repository of it: deliveries of different scopes are different, whatever they say. What
was last heard of each scope is kept, so that whoever sets a webhook up can wait for its first delivery.
"""

import hashlib
import hmac
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
    repo: str | None = None
    """The only repository whose secret signed it, `owner/name` in lower case; none: any on the endpoint's list."""
    at: float = 0.0
    """When it was accepted, in seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The last verified delivery of a scope, a repeated one too."""

    count: int
    """How many there were; another number than before means that one came."""
    at: float
    """Seconds since the epoch."""
    uuid: str
    """The forge's id of it; not signed, so only for people to look it up."""
    secret_id: str
    """`secret_id` of the secret that signed it."""


def secret_id(secret: str) -> str:
    """What tells a secret from another without telling it."""
    return hmac.digest(secret.encode(), b"the id of this secret", "sha256").hex()[:16]


class Deliveries:
    """Accepted deliveries until they are handled. Thread-safe."""

    def __init__(self, redis: Redis, *, memory_days: int) -> None:
        self._redis = redis
        self._memory_seconds = memory_days * 86_400

    def accept(
        self,
        *,
        endpoint: str,
        uuid: str,
        event: str,
        body: bytes,
        repo: str | None = None,
        signed_with: str = "",
    ) -> bool:
        """Record and enqueue a delivery; False where it was accepted before.

        `repo` narrows the scope to one repository, `signed_with` is the `secret_id` of its secret. Neither the forge's
        id nor the event's name is part of what is signed, so a body that is replayed under another one counts as
        seen, too.
        """
        scope = f"{endpoint}\0{repo or ''}\0".encode()
        digest = hashlib.sha256(scope + body).hexdigest()
        delivery_id = digest[:32]
        marks = [keys.seen("body", digest)]
        if uuid:
            marks.append(keys.seen("id", hashlib.sha256(scope + uuid.encode()).hexdigest()))
        last = {"at": time.time(), "uuid": uuid, "secret_id": signed_with}
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    pipe.watch(*marks)
                    new = not pipe.exists(*marks)
                    pipe.multi()
                    pipe.hincrby(keys.hook(endpoint, repo), "count", 1)
                    pipe.hset(keys.hook(endpoint, repo), mapping=last)
                    if not new:
                        pipe.execute()
                        return False
                    for mark in marks:
                        pipe.set(mark, "1", ex=self._memory_seconds)
                    pipe.hset(
                        keys.delivery(delivery_id),
                        mapping={"endpoint": endpoint, "event": event, "body": body, "repo": repo or ""},
                    )
                    pipe.zadd(keys.INBOX, {delivery_id: time.time()})
                    enqueue(self._redis, Task.INTAKE, delivery_id, pipeline=pipe)
                    pipe.execute()
                except WatchError:
                    continue
                return True

    def heard(self, endpoint: str, repo: str | None = None) -> Heard | None:
        """The last verified delivery of a scope; none where there never was one."""
        fields = self._redis.hgetall(keys.hook(endpoint, repo))
        if not fields:
            return None
        return Heard(
            count=int(fields[b"count"]),
            at=float(fields[b"at"]),
            uuid=fields[b"uuid"].decode(),
            secret_id=fields[b"secret_id"].decode(),
        )

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
            repo=fields.get(b"repo", b"").decode() or None,
            at=self._redis.zscore(keys.INBOX, delivery_id) or 0.0,
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
