"""A Messages API on loopback that plays a script, and conflicts between real branches to ask about."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from git_ops.grouping import conflicts_of
from git_ops.mergetree import merging
from git_ops.resolve.chain import Context
from git_ops.resolve.claude import ClaudeResolver

USAGE = {
    "input_tokens": 100,
    "output_tokens": 10,
    "cache_read_input_tokens": 5,
    "cache_creation_input_tokens": 3,
}


class Api(ThreadingHTTPServer):
    """Gives the scripted answers one after the other and remembers the requests.

    An answer is a text, a value that becomes JSON, a status, (an answer, its stop reason), or a function of the
    request that gives one of these.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = []
        self.requests = []
        self.bodies = []
        self.headers = []
        self.usage = USAGE

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        self.server.requests.append(body)
        self.server.bodies.append(raw)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        answer = self.server.answers.pop(0) if self.server.answers else 418
        if callable(answer):
            answer = answer(body)
        answer, stop = answer if isinstance(answer, tuple) else (answer, "end_turn")
        if isinstance(answer, bytes):
            return self.send(200, answer, "text/html" if answer.startswith(b"<") else "application/json")
        if isinstance(answer, int):
            said = f"sorry, {self.headers.get('Authorization', '')}"
            error = {"type": "error", "error": {"type": "some_error", "message": said}}
            return self.send(answer, json.dumps(error).encode())
        reply = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
            "content": [{"type": "text", "text": answer if isinstance(answer, str) else json.dumps(answer)}],
            "stop_reason": stop, "stop_sequence": None, "usage": self.server.usage,
        }  # fmt: skip
        return self.send(200, json.dumps(reply).encode())

    def send(self, status, data, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Should-Retry", "false")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def api():
    server = Api()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def situation(repo):
    """(conflicts, context) of three versions of some files, as the engine gives them to resolvers."""

    def situation(base, target, agent, *, task="Make it better"):
        fork, onto, tip = imported(repo, base, target, agent)
        with merging(repo.git, attributes_of=onto) as merger:
            merged = merger.merge(base=fork, ours=onto, theirs=tip)
        conflicts = conflicts_of(repo.git, merged, fork=fork, onto=onto, tip=tip)
        context = Context(git=repo.git, task=task, fork=fork, onto=onto, tip=tip, merged_tree=merged.tree)
        return conflicts, context

    return situation


def imported(repo, base, target, agent):
    """What `repo.fork` does, with one process in place of a dozen."""
    stream = b""
    for mark, parent, message, files in (
        (1, None, "base", base),
        (2, 1, "target's work", target),
        (3, 1, "agent's work", agent),
    ):
        branch = "work" if mark == 3 else "main"
        stream += b"commit refs/heads/%s\nmark :%d\n" % (branch.encode(), mark)
        stream += b"committer Carl <carl@example.org> 1700000100 +0000\n" + data(message.encode())
        stream += b"from :%d\n" % parent if parent else b""
        for path, content in files.items():
            name = b'"' + b"".join(b"\\%03o" % byte for byte in path.encode()) + b'"'
            if content is None:
                stream += b"D %s\n" % name
                continue
            mode = b"120000" if isinstance(content, Path) else b"100644"
            text = content if isinstance(content, bytes) else str(content).encode()
            stream += b"M %s inline %s\n" % (mode, name) + data(text)
    marks = repo.path.parent / "marks"
    repo("fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=stream)
    return [line.split()[1] for line in sorted(marks.read_text().splitlines())]


def data(content):
    return b"data %d\n" % len(content) + content + b"\n"


@pytest.fixture
def claude(api, monkeypatch):
    """Make a resolver that talks to the scripted API."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not-for-this")

    def claude(**settings):
        secret = {} if "api_key" in settings else {"auth_token": "job-token"}
        return ClaudeResolver(**{"base_url": api.url, "model": "claude-x", **secret, **settings})

    return claude


@pytest.fixture
def ask(api, situation, claude):
    """Ask about files in conflict; the answers are the API's script."""

    def ask(base, target, agent, *answers, task="Make it better", **settings):
        api.answers = list(answers)
        conflicts, context = situation(base, target, agent, task=task)
        resolver = claude(**settings)
        return resolver.resolve_together(conflicts, context)

    return ask


class Say:
    """Parts of a model's answer."""

    @staticmethod
    def hunk(
        *lines,
        name="h1",
        dropped=(),
        decision="resolve",
        confidence="sure",
        candidate=None,
        why="both are wanted",
    ):
        gone = [{"line": line, "side": "agent", "why": "obsolete"} for line in dropped]
        return {
            "id": name, "decision": decision, "candidate": candidate, "lines": list(lines), "kept_target": [],
            "kept_agent": [], "dropped": gone, "why": why, "confidence": confidence,
        }  # fmt: skip

    @staticmethod
    def file(*hunks, path="p1", elsewhere=()):
        return {"path_id": path, "hunks": list(hunks), "needs_edit_elsewhere": list(elsewhere)}

    @staticmethod
    def choice(option, path="p1"):
        return {"path_id": path, "option": option, "why": "it is right"}

    @staticmethod
    def answer(*parts):
        return {
            "files": [part for part in parts if "hunks" in part],
            "choices": [part for part in parts if "option" in part],
        }

    @classmethod
    def lines(cls, *lines, **details):
        """The usual answer: one file, one hunk."""
        return cls.answer(cls.file(cls.hunk(*lines, **details)))

    @staticmethod
    def slowly(answer, seconds):
        def wait(_request):
            time.sleep(seconds)
            return answer

        return wait


@pytest.fixture
def say():
    return Say
