"""Fixtures of the runner's tests: a rehearsal in this process, scratch folders with short paths, a Claude run."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.demo import greeter
from app.demo.rehearsal.scenario import Scenario, Script
from app.demo.rehearsal.server import Rehearsal
from runner import agent
from runner.forwarder import Forwarder
from runner.protocol import EventBatch, Identity, JobSpec, Limits, Models, Task
from runner.sandbox import Sandbox

TOKEN = "job-token-3f9d0c2b"


@pytest.fixture
def scratch():
    """A scratch folder as the runner makes it: short enough for a socket, unlike tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="fh-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rehearse():
    """`rehearse(*steps)` or `rehearse(scenario)` serves it; `.requests()` is what arrived."""
    servers = []

    def start(*steps):
        scenario = (
            steps[0]
            if isinstance(steps[0], Scenario)
            else Scenario(name="test", scripts=(Script(steps=steps),))
        )
        server = Rehearsal(scenario)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def claude(scratch):
    """`claude(rehearsal, …)` runs the real Claude Code in a sandbox; returns its outcome and the log lines."""

    def run(
        rehearsal, *, prompt="Do it.", max_turns=10, timeout_seconds=60, api_retries=0, cancel=None, system=""
    ):
        door = scratch / "door"
        door.mkdir(exist_ok=True)
        logged = []
        agent.prepare(scratch / "agent", system)
        with Forwarder(door / "api", rehearsal.url, TOKEN, patience_seconds=1):
            sandbox = Sandbox(
                scratch / "workspace",
                scratch / "sandbox",
                readonly=[agent.claude_binary(), scratch / "agent", door],
            )
            order = agent.Order(
                prompt=prompt,
                model="claude-opus-5-5",
                max_turns=max_turns,
                timeout_seconds=timeout_seconds,
                socket=door / "api",
                folder=scratch / "agent",
                api_retries=api_retries,
            )
            outcome = agent.run(
                sandbox, order, on_log=lambda source, text: logged.append((source, text)), cancel=cancel
            )
        return outcome, logged

    return run


class Broker:
    """A broker for tests: real Git over HTTP, the Claude path to a rehearsal, a record of the events."""

    def __init__(self, folder, spec, claude_url):
        self.repository = folder / "origin.git"
        self.spec = spec
        self.events = []
        self.cancel = False
        self.fenced = False
        self.unavailable = 0
        self.on_event = lambda _event: None
        handler = type("Handler", (_BrokerHandler,), {"broker": self})
        self.claude_url = claude_url
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/broker"

    @property
    def result(self):
        results = [event.result for event in self.events if event.kind == "result"]
        return results[0] if results else None

    @property
    def phases(self):
        return [event.phase for event in self.events if event.kind == "phase"]

    def take(self, raw):
        batch = EventBatch.model_validate_json(raw)
        for event in batch.events:
            if event.seq == len(self.events) + 1:
                self.events.append(event)
                self.on_event(event)
        return {"accepted_through": len(self.events), "cancel": self.cancel}

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class _BrokerHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.read_body())

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, body):
        path = urlsplit(self.path).path.removeprefix("/broker")
        if self.broker.fenced or self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.reply(401, b"{}")
        elif self.broker.unavailable > 0:
            self.broker.unavailable -= 1
            self.reply(503, b"{}")
        elif path == "/job":
            self.reply(200, self.broker.spec.model_dump_json().encode())
        elif path == "/events":
            self.reply(200, json.dumps(self.broker.take(body)).encode())
        elif path.startswith("/claude/"):
            self.claude(path.removeprefix("/claude"), body)
        elif path.startswith("/git/"):
            self.git(path.removeprefix("/git"), body)
        else:
            self.reply(404, b"{}")

    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def claude(self, path, body):
        response = httpx.post(self.broker.claude_url + path, content=body, timeout=60, trust_env=False)
        self.reply(
            response.status_code, response.content, [("Content-Type", response.headers["Content-Type"])]
        )

    def git(self, path, body):
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.broker.repository),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": urlsplit(self.path).query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "runner",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, env=environment, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        self.reply(status, content, headers.items())

    def log_message(self, *_):
        pass


def git(*args, cwd, **kwargs):
    """Git with a fixed identity and date; its output."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in WHO.items()},
    }
    done = subprocess.run(
        ["git", *args], cwd=cwd, env=environment, capture_output=True, check=True, text=True, **kwargs
    )
    return done.stdout.strip()


WHO = {"NAME": "Ada", "EMAIL": "ada@example.org", "DATE": "2024-05-01T12:00:00+0000"}


class Origin:
    """The repository that the broker serves, and a clone in which a colleague works."""

    def __init__(self, folder, files):
        self.bare = folder / "origin.git"
        self.work = folder / "colleague"
        git("init", "-q", "--bare", "-b", "main", str(self.bare), cwd=folder)
        for key in ("http.receivepack", "uploadpack.allowAnySHA1InWant"):
            git("config", key, "true", cwd=self.bare)
        git("clone", "-q", str(self.bare), str(self.work), cwd=folder)
        self.base = self.commit("Begin", files)

    def commit(self, subject, files, branch="main"):
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git("add", "-A", "-f", cwd=self.work)
        git("commit", "-q", "-m", subject, cwd=self.work)
        git("push", "-q", "origin", f"HEAD:refs/heads/{branch}", cwd=self.work)
        return git("rev-parse", "HEAD", cwd=self.work)

    def show(self, what):
        return git("show", what, cwd=self.bare)

    def log(self, ref):
        return git("log", "-1", "--format=%an|%s|%P", ref, cwd=self.bare)

    def reset(self, oid):
        git("reset", "-q", "--hard", oid, cwd=self.work)

    def has(self, ref):
        return bool(git("for-each-ref", ref, cwd=self.bare))


QUARANTINE = "refs/forgehand/jobs/j1/1/head"


@pytest.fixture
def job_spec():
    """`job_spec(origin, …)`: a specification as the service writes it."""
    return _job_spec


@pytest.fixture
def job_limits():
    return Limits


def _job_spec(origin, **changes):
    values = {
        "job_id": "j1",
        "attempt": 1,
        "kind": "code",
        "repo": "demo/greeter",
        "target_branch": "main",
        "base_sha": origin.base,
        "start_sha": origin.base,
        "quarantine_ref": QUARANTINE,
        "task": Task(title="Do it", body="Please.", author="ada", number=1),
        "commit_subject": "Do it",
        "identity": Identity(name="Agent", email="agent@example.org"),
        "models": Models(edit="claude-opus-5-5", conflicts="claude-opus-5-5"),
        "limits": Limits(max_turns=20, timeout_seconds=120),
        "verify": None,
    }
    return JobSpec(**{**values, **changes})


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path, {**greeter.FILES})


@pytest.fixture
def brokers(tmp_path):
    """`brokers(spec, rehearsal)` serves `origin` to an attempt."""
    opened = []

    def serve(spec, rehearsal=None):
        opened.append(Broker(tmp_path, spec, rehearsal.url if rehearsal else "http://127.0.0.1:1"))
        return opened[-1]

    yield serve
    for broker in opened:
        broker.close()


@pytest.fixture
def runner(scratch):
    """`runner(broker)` starts `python -m runner` for real; it works in `runner.scratch`."""
    started = []

    def start(broker, token=TOKEN):
        environment = {
            "PATH": os.environ["PATH"],
            "FORGEHAND_BROKER_URL": broker.url,
            "FORGEHAND_JOB_TOKEN": token,
            "FORGEHAND_SCRATCH": str(scratch),
        }
        argv = [sys.executable, "-m", "runner"]
        process = subprocess.Popen(argv, env=environment, cwd=scratch, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    start.scratch = scratch
    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
