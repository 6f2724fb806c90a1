"""Whether a forge's deliveries reach the service: where webhooks point, what is plainly in the way, and a trial.

A trial asks the forge for its test delivery and waits until the service has heard one that is signed with the secret in
question. It is asked for more than once, since a service that takes new settings over is away for a moment.
"""

import fcntl
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from werkzeug.serving import make_server

from app import wiring
from app.forges.port import Finding, Hook
from app.service import addresses, running_redis_url, web_answers
from app.settings import Settings
from app.store.connection import EmbeddedRedis, StoreUnavailableError, connect
from app.store.deliveries import Deliveries, Heard, secret_id
from app.web.broker.claude import UPSTREAM
from app.web.factory import create_app
from app.web.webhooks import NO_EVENT

FULL_TRIAL = (2.0, 3.0, 5.0, 10.0)
"""Seconds to wait after each test delivery."""
SHORT_TRIAL = (4.0,)
TAKEOVER_SECONDS = 30.0
POLL_SECONDS = 0.1


class ReachError(Exception):
    """No trial can be made; the message says what to do."""


def hook_url(settings: Settings, name: str, repo: str | None) -> str:
    """The address of the webhook of one repository, or of the whole forge."""
    tail = f"/{repo}" if repo else ""
    return f"{settings.public_url.rstrip('/')}/webhooks/{name}{tail}"


def obstacle(public_url: str, forge_url: str) -> str | None:
    """Why the forge plainly can't call `public_url`; none where it may. Nothing is looked up."""
    ours, theirs = _Host.of(public_url), _Host.of(forge_url)
    how = "say where it can: --public-url https://forgehand.example.org"
    if ours.is_unspecified:
        return f"{public_url} is no address that anybody can call; {how}"
    if ours.is_loopback and not theirs.is_loopback:
        return f"{public_url} is this machine's own loopback, which {theirs.name} can't call; {how}"
    if theirs.name in {"github.com", "codeberg.org"} and ours.is_private:
        return f"{public_url} is an address of a private network, which {theirs.name} can't call; {how}"
    return None


def stray_hooks(hooks: Sequence[Hook], settings: Settings, *, name: str, repo: str) -> list[Finding]:
    """Webhooks that look like ours for this repository and call another address, such as one that we had before."""
    address = hook_url(settings, name, repo)
    tail = f"/webhooks/{name}/{repo}".lower()
    forge = settings.forges[name]
    where = f"{(forge.public_url or forge.url).rstrip('/')}/{repo}/settings/hooks"
    others = [re.sub(r"//[^/]*@", "//", hook.url.partition("?")[0].rstrip("/")) for hook in hooks]
    return [
        Finding(
            what="no webhook of ours calls another address",
            ok=False,
            remedy=f"one sends all that happens in {repo} to {url}: remove it at {where}",
        )
        for url in others
        if url.lower().endswith(tail) and url.lower() != address.lower()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Host:
    name: str
    is_loopback: bool
    is_unspecified: bool
    is_private: bool

    @classmethod
    def of(cls, url: str) -> "_Host":
        name = (urlsplit(url).hostname or "").lower()
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            local = name == "localhost" or name.endswith(".localhost")
            inside = local or "." not in name or name.endswith((".local", ".internal", ".lan"))
            return cls(name=name, is_loopback=local, is_unspecified=False, is_private=inside)
        return cls(
            name=name,
            is_loopback=address.is_loopback,
            is_unspecified=address.is_unspecified,
            is_private=not address.is_global,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """What the service hears. `is_ours` says that it was started for the moment."""

    deliveries: Deliveries
    is_ours: bool

    def trial(
        self,
        send: Callable[[], None],
        *,
        name: str,
        repo: str | None,
        secrets: Sequence[str],
        waits: Sequence[float] = FULL_TRIAL,
    ) -> Heard | None:
        """Have a test delivery sent by `send`; the one that came, signed with one of `secrets`, or none in time."""
        before = self.deliveries.heard(name, repo)
        known = {secret_id(secret) for secret in secrets}
        for seconds in waits:
            send()
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                now = self.deliveries.heard(name, repo)
                if now and (before is None or now.count != before.count) and now.secret_id in known:
                    return now
                time.sleep(POLL_SECONDS)
        return None

    def accepts(self, settings: Settings, *, name: str, repo: str, secret: str) -> bool:
        """Whether the web process takes what is signed with the secret; waits for one that takes new settings over.

        It is sent a signed body without the name of an event, which it refuses after it has checked the signature.
        """
        until = time.monotonic() + TAKEOVER_SECONDS
        while not _takes_signed(settings, name, repo, secret):
            if time.monotonic() > until:
                return False
            time.sleep(5 * POLL_SECONDS)
        return True


def _takes_signed(settings: Settings, name: str, repo: str, secret: str) -> bool:
    dialect = wiring.dialect(settings.forges[name].kind)
    headers = {"Content-Type": "application/json", **dialect.sign("", b"{}", secret)}
    path = hook_url(settings, name, repo.lower()).removeprefix(settings.public_url.rstrip("/"))
    for base, proxies in addresses(settings):
        try:
            answer = httpx.post(base + path, content=b"{}", headers=headers, timeout=5, trust_env=proxies)
        except (httpx.HTTPError, httpx.InvalidURL):
            continue
        return answer.status_code == NO_EVENT
    return False


@contextmanager
def listening(settings: Settings) -> Iterator[Ear]:
    """The ear of the service that runs with these settings; where none does, of a web process for the moment.

    That one is part of this process, so that it never outlives it.
    """
    with ExitStack() as stack:
        turn = stack.enter_context(ExitStack())
        _take_turns(turn, settings.data_dir.absolute())  # another one's ear would look like a service
        url = running_redis_url(settings)
        is_ours = url is None
        if url is None:
            url = _start_web(stack, settings)
        else:
            turn.close()
        redis = connect(url)
        stack.callback(redis.close)
        yield Ear(deliveries=Deliveries(redis, memory_days=settings.delivery_memory_days), is_ours=is_ours)


def _take_turns(stack: ExitStack, folder: Path) -> None:
    """Wait until no other command listens for the moment with this `data_dir`."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = stack.enter_context((folder / "listening.lock").open("ab"))
    except OSError:
        return  # whoever can't write here can't listen here either, and a service that runs is asked all the same
    fcntl.flock(lock, fcntl.LOCK_EX)


def _start_web(stack: ExitStack, settings: Settings) -> str:
    """Serve the webhooks from here; the URL of the Redis that keeps what they bring."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = stack.enter_context(socket.create_server((settings.host, settings.port), family=family))
    except OSError as error:
        if web_answers(settings):
            raise ReachError(elsewhere(settings)) from error
        raise ReachError(
            f"no service runs with these settings, and none can at {settings.host}:{settings.port}: {error.strerror};"
            " is it another Forgehand's port? Stop that one, or set FORGEHAND_PORT"
        ) from error
    url = _start_redis(stack, settings)
    app = create_app(wiring.build(settings, redis_url=url))
    server = make_server(settings.host, settings.port, app, threaded=True, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    stack.callback(app.extensions[UPSTREAM].close)
    stack.callback(server.server_close)
    stack.callback(thread.join)
    stack.callback(server.shutdown)
    return url


def elsewhere(settings: Settings) -> str:
    """What to do where a service answers that isn't the one whose data these settings name."""
    return (
        f"a Forgehand answers there, but its data isn't in {settings.data_dir.absolute()}: run this in the directory"
        " that it was started in, or set an absolute FORGEHAND_DATA_DIR"
    )


def _start_redis(stack: ExitStack, settings: Settings) -> str:
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    server = EmbeddedRedis(settings.data_dir.absolute())
    try:
        server.start()
    except (StoreUnavailableError, OSError) as error:
        raise ReachError(f"no service runs, and none can be started: {error}") from error
    stack.callback(server.stop)
    return server.url


def advice(settings: Settings, *, kind: str, env_file: Path, ear: Ear) -> str:
    """What to look at where a test delivery didn't arrive."""
    parts = [
        f"no test delivery arrived at {settings.public_url}. See the webhook's recent deliveries on the forge"
    ]
    if kind in {"gitea", "forgejo"}:
        parts.append("its `[webhook] ALLOWED_HOST_LIST` must allow this address (on one machine: `loopback`)")
    parts.append("firewall, DNS and certificate must let it through")
    if _Host.of(f"http://{settings.host}").is_loopback and not _Host.of(settings.public_url).is_loopback:
        parts.append(
            f"the web process listens on {settings.host}:{settings.port} only: a reverse proxy must pass"
            " requests on to it, or FORGEHAND_HOST must name another address"
        )
    if not ear.is_ours:
        parts.append(
            f"the service that runs must read {env_file}: `forgehand serve` does so by itself, `forgehand web` and"
            " `forgehand worker` have to be restarted"
        )
    return "; ".join(parts)
