"""Sends the queued webhooks: signed like Gitea's, each hook's in order, from one thread.

* Unlike Gitea, which tries once, a call that finds nobody or gets a 5xx is made again for `GIVE_UP_SECONDS`, with the
  same delivery id and body: a receiver that restarts loses nothing.
* A call may arrive twice (a crash between answer and book-keeping), never altered.
"""

import hashlib
import hmac
import logging
import threading
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from app.demo.forge.records import Delivery, Hook
from app.demo.forge.world import Forge

GIVE_UP_SECONDS = 600.0
TIMEOUT_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 5.0
IDLE_SECONDS = 30.0

log = logging.getLogger(__name__)

_DUE = """
SELECT d.* FROM deliveries d
JOIN (SELECT MIN(seq) AS seq FROM deliveries GROUP BY hook_id) first ON first.seq = d.seq
ORDER BY d.next_at
"""


def headers(delivery: Delivery, secret: str) -> dict[str, str]:
    """Gitea's headers and the duplicates it sends for Gogs and GitHub receivers; no secret, empty signatures."""
    sha1, sha256 = (
        hmac.new(secret.encode(), delivery.body, kind).hexdigest() if secret else ""
        for kind in (hashlib.sha1, hashlib.sha256)
    )
    common = {
        f"X-{brand}-{name}": value
        for brand in ("Gitea", "Gogs", "GitHub")
        for name, value in (
            ("Delivery", delivery.uuid),
            ("Event", delivery.event),
            ("Event-Type", delivery.event_type),
        )
    }
    return {
        **common,
        "Content-Type": "application/json",
        "X-Gitea-Signature": sha256,
        "X-Gogs-Signature": sha256,
        "X-Hub-Signature": f"sha1={sha1}",
        "X-Hub-Signature-256": f"sha256={sha256}",
    }


def _request(delivery: Delivery, hook: Hook) -> dict[str, Any]:
    """Body and headers. A form holds the JSON that was signed in its field `payload`."""
    sent = headers(delivery, hook.secret)
    if hook.authorization:
        sent["Authorization"] = hook.authorization
    if hook.content_type == "json":
        return {"content": delivery.body, "headers": sent}
    form = urlencode({"payload": delivery.body.decode()}).encode()
    return {"content": form, "headers": sent | {"Content-Type": "application/x-www-form-urlencoded"}}


class Postman:
    """The delivery thread of one forge."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        while self._thread.is_alive():
            self._forge.wake.set()
            self._thread.join(0.1)

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False) as client:
            while not self._stopping.is_set():
                self._forge.wake.clear()  # first, so that a call which comes meanwhile isn't slept over
                seconds = self._round(client)
                if not self._stopping.is_set():
                    self._forge.wake.wait(seconds)

    def _round(self, client: httpx.Client) -> float:
        """Make the calls that are due; give the seconds until the next one is."""
        for delivery in self._forge.db.rows(Delivery, _DUE):
            if self._stopping.is_set():
                break
            if delivery.next_at <= time.time():
                self._send(client, delivery)
        waiting = self._forge.db.rows(Delivery, _DUE + " LIMIT 1")
        return max(0.0, min(IDLE_SECONDS, waiting[0].next_at - time.time())) if waiting else IDLE_SECONDS

    def _send(self, client: httpx.Client, delivery: Delivery) -> None:
        hook = self._forge.db.row(Hook, "SELECT * FROM hooks WHERE id = ?", delivery.hook_id)
        if hook is None:
            return  # deleted meanwhile, and its deliveries with it
        try:
            answer = client.post(hook.url, **_request(delivery, hook))
            outcome, settled = f"HTTP {answer.status_code}", answer.status_code < 500
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            outcome, settled = f"{type(error).__name__}: {error}", False
        if not settled and time.time() - delivery.created < GIVE_UP_SECONDS:
            wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(delivery.attempts, 10))
            self._forge.db.run(
                "UPDATE deliveries SET attempts = attempts + 1, next_at = ? WHERE seq = ?",
                *(time.time() + wait, delivery.seq),
            )
        else:
            self._forge.db.run("DELETE FROM deliveries WHERE seq = ?", delivery.seq)
        log.info("webhook %s %s to hook %s: %s", delivery.uuid, delivery.event_type, hook.id, outcome)
