"""Starts the embedded forge as a process and speaks its API as people do: for every test that needs a forge.

    with running_forge(tmp_path) as forge:
        alice = forge.user("alice")
        repo = alice.repo("demo")

The test must be able to bind a port on loopback. Everything ends with the `with`.
"""

import base64
import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx

ADMIN, PASSWORD = "root-admin", "correct horse battery"
START_SECONDS = 30
_counter = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """An account of the forge with a token for everything."""

    forge: "RunningForge"
    login: str
    token: str = field(repr=False)

    def api(self, method: str, path: str, body: dict[str, Any] | None = None, *, ok: bool = True) -> Any:
        """The parsed answer; with `ok=False` the response itself, whatever its status."""
        answer = self.forge.http.request(
            method,
            f"{self.forge.url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"token {self.token}"},
        )
        if not ok:
            return answer
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def repo(self, name: str = "", **options: Any) -> str:
        """Make a repository with one commit on main; give its full name."""
        name = name or f"repo{next(_counter)}"
        self.api(
            "POST", "/user/repos", {"name": name, "auto_init": True, "default_branch": "main", **options}
        )
        return f"{self.login}/{name}"

    def invite(self, repo: str, login: str, permission: str = "write") -> None:
        self.api("PUT", f"/repos/{repo}/collaborators/{login}", {"permission": permission})

    def label(self, repo: str, name: str) -> int:
        return self.api("POST", f"/repos/{repo}/labels", {"name": name, "color": "#00aabb"})["id"]

    def issue(self, repo: str, title: str = "An issue", body: str = "") -> int:
        return self.api("POST", f"/repos/{repo}/issues", {"title": title, "body": body})["number"]

    def write(self, repo: str, path: str, text: str, *, branch: str = "main", new_branch: str = "") -> str:
        """Commit one file, as in the web editor; give the commit."""
        where = f"/repos/{repo}/contents/{path}"
        present = self.api("GET", f"{where}?ref={branch}", ok=False)
        body = {
            "content": base64.b64encode(text.encode()).decode(),
            "branch": branch,
            "new_branch": new_branch,
        }
        if present.status_code == 200:
            return self.api("PUT", where, body | {"sha": present.json()["sha"]})["commit"]["sha"]
        return self.api("POST", where, body)["commit"]["sha"]

    def pull(self, repo: str, head: str, base: str = "main", title: str = "A change", body: str = "") -> int:
        form = {"head": head, "base": base, "title": title, "body": body}
        return self.api("POST", f"/repos/{repo}/pulls", form)["number"]

    def merge(self, repo: str, number: int, how: str = "merge") -> None:
        """Merge, as soon as the forge has found out whether that is possible, which Gitea does in its own time."""
        end = time.monotonic() + 20
        while not self.api("GET", f"/repos/{repo}/pulls/{number}")["mergeable"]:
            assert time.monotonic() < end, f"pull request {number} of {repo} can't be merged"
            time.sleep(0.1)
        while (
            answer := self.api("POST", f"/repos/{repo}/pulls/{number}/merge", {"Do": how}, ok=False)
        ).is_error:
            # Gitea may still say "try again later" when the pull request already counts as mergeable
            assert answer.status_code == 405 and time.monotonic() < end, answer.text  # noqa: PT018 -- one condition
            time.sleep(0.2)

    def hook(
        self, repo: str, url: str, secret: str, events: tuple[str, ...] = ("issues", "pull_request", "push")
    ) -> int:
        config = {"url": url, "content_type": "json", "secret": secret}
        form = {"type": "gitea", "config": config, "events": list(events), "active": True}
        return self.api("POST", f"/repos/{repo}/hooks", form)["id"]

    def git_url(self, repo: str) -> str:
        """With the token in it: for tests only."""
        return self.forge.url.replace("://", f"://{self.login}:{self.token}@") + f"/{repo}.git"


@dataclass
class RunningForge:
    """The embedded forge as a process; `admin` is its first administrator."""

    data: Path
    port: int = 0
    url: str = ""
    process: subprocess.Popen[str] | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))
    admin: Person = field(init=False)

    def start(self) -> None:
        """Start, or start again on the same port and data."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.demo.forge", "--data", str(self.data), "--port", str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.url = _ready_line(self.process)
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self) -> int:
        """SIGTERM; give the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self._ended()

    def kill(self) -> int:
        """SIGKILL to all of it, at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        return self._ended()

    def _ended(self) -> int:
        assert self.process is not None
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def create_admin(self) -> None:
        new = ("admin-user", "create", "--username", ADMIN, "--admin")
        subprocess.run(
            [sys.executable, "-m", "app.demo.forge", "--data", str(self.data), *new],
            env={**os.environ, "FORGE_ADMIN_PASSWORD": PASSWORD},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def person(self, login: str, password: str = PASSWORD, scopes: tuple[str, ...] = ("all",)) -> Person:
        """Log in as `login` and make a token."""
        answer = self.http.post(
            f"{self.url}/api/v1/users/{login}/tokens",
            auth=(login, password),
            json={"name": uuid.uuid4().hex, "scopes": list(scopes)},
        )
        assert answer.status_code == 201, answer.text
        return Person(self, login, answer.json()["sha1"])

    def user(self, login: str = "", scopes: tuple[str, ...] = ("all",)) -> Person:
        """Make an account, with a token of these scopes."""
        login = login or f"user-{uuid.uuid4().hex[:8]}"
        form = {
            "username": login,
            "email": f"{login}@example.invalid",
            "password": PASSWORD,
            "must_change_password": False,
        }
        self.admin.api("POST", "/admin/users", form)
        return self.person(login, scopes=scopes)


@contextmanager
def running_forge(folder: Path, port: int = 0) -> Iterator[RunningForge]:
    """A fresh forge with an administrator; its data is in `folder`."""
    forge = RunningForge(data=folder / "forge-data", port=port)
    forge.create_admin()
    forge.start()
    try:
        forge.admin = forge.person(ADMIN)
        yield forge
    finally:
        forge.http.close()
        if forge.process is not None:
            forge.stop()


@contextmanager
def the_forge(folder: Path) -> Iterator[RunningForge]:
    """The forge that FORGEHAND_TEST_FORGE_URL and _TOKEN (an administrator's) name; without them a fresh embedded one."""
    url = os.environ.get("FORGEHAND_TEST_FORGE_URL")
    if url is None:
        with running_forge(folder) as forge:
            yield forge
        return
    forge = RunningForge(data=folder, url=url.rstrip("/"))
    forge.admin = Person(forge, "", os.environ["FORGEHAND_TEST_FORGE_TOKEN"])
    try:
        yield forge
    finally:
        forge.http.close()


def _ready_line(process: subprocess.Popen[str]) -> str:
    """The address of the READY line; fail if it doesn't come."""
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()
    line = ""
    with suppress(queue.Empty):
        line = lines.get(timeout=START_SECONDS)
    if not line.startswith("READY "):
        process.kill()
        process.wait()
        process.stdout.close()
        raise AssertionError(f"the forge didn't start: {line!r}")
    return line.split()[1]


@dataclass(frozen=True)
class Call:
    """One webhook as it came in. Header names are lower-case."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """Takes webhooks on loopback and keeps them, in order. `status` is what it answers."""

    def __init__(self, port: int = 0) -> None:
        self.calls: list[Call] = []
        self.status = 202
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                with receiver._changed:
                    receiver.calls.append(Call({k.lower(): v for k, v in self.headers.items()}, body))
                    receiver._changed.notify_all()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/webhooks/test"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def wait(self, count: int, seconds: float = 20) -> list[Call]:
        """The calls, once there are `count` of them."""
        end = time.monotonic() + seconds
        with self._changed:
            while len(self.calls) < count:
                left = end - time.monotonic()
                assert left > 0, f"{len(self.calls)} of {count} webhooks came in {seconds} s"
                self._changed.wait(left)
            return list(self.calls)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
