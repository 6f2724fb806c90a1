import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from git_ops.conflict import Abstained
from git_ops.mergetree import conflicts_of, merging
from git_ops.objects import read_commit
from git_ops.resolve.chain import Context
from git_ops.resolve.claude import ClaudeResolver


class Api(ThreadingHTTPServer):
    """A Messages API that gives the scripted answers one after the other and remembers the requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = []
        self.requests = []
        self.headers = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.server.headers.append(dict(self.headers))
        answer = self.server.answers.pop(0)
        status, stop = (answer, None) if isinstance(answer, int) else (200, "end_turn")
        if isinstance(answer, tuple):
            answer, stop = answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        reply = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
            "content": [{"type": "text", "text": text}], "stop_reason": stop, "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }  # fmt: skip
        if status != 200:
            reply = {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "budget is used up"},
            }
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
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
def ask(api, repo, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not-for-this")
    resolver = ClaudeResolver(
        base_url=f"http://127.0.0.1:{api.server_port}", auth_token="job-token", model="claude-x"
    )

    def ask(base, target, agent, *answers):
        api.answers = list(answers)
        fork, onto, tip = repo.fork(base, target, agent)
        with merging(repo.git, attributes_of=onto) as merger:
            merged = merger.merge(base=fork, ours=onto, theirs=tip)
        (conflict,) = conflicts_of(repo.git, merged)
        context = Context(
            git=repo.git, task="Make it better", fork=fork, onto=onto, commit=read_commit(repo.git, tip),
            oracle_tree=None, later_paths=frozenset(),
        )  # fmt: skip
        return resolver.resolve(conflict, context)

    return ask


def hunk(*lines, dropped=(), decision="resolve", name="h1"):
    gone = [{"line": line, "why": "obsolete"} for line in dropped]
    return {"id": name, "decision": decision, "lines": list(lines), "dropped": gone, "why": "both are wanted"}


def answer(*hunks):
    return {"hunks": list(hunks)}


PLAIN = ({"f": "1\n2\n3\n"}, {"f": "1\nT = 1\n3\n"}, {"f": "1\nA = 1\n3\n"})
GOOD = answer(hunk("T = 1", "A = 1"))


def test_resolves_and_splices(ask, api):
    found = ask(*PLAIN, GOOD)
    assert found.content == b"1\nT = 1\nA = 1\n3\n"
    assert (found.resolver, found.source) == ("claude", "model")
    (request,) = api.requests
    assert "temperature" not in request
    assert "stream" not in request
    assert request["output_config"]["format"]["type"] == "json_schema"


def test_prompt_has_what_matters_in_fences(ask, api):
    ask(*PLAIN, GOOD)
    prompt = api.requests[0]["messages"][0]["content"]
    for part in ("Make it better", "agent's work", "target's work", "+T = 1", "+A = 1", "<h1-target fence="):
        assert part in prompt
    assert "ours" not in prompt


def test_only_our_token_is_sent(ask, api):
    ask(*PLAIN, GOOD)
    headers = {name.lower(): value for name, value in api.headers[0].items()}
    assert headers["authorization"] == "Bearer job-token"
    assert "not-for-this" not in str(headers)


@pytest.mark.parametrize(
    "bad",
    [
        "no json at all",
        {"hunks": []},
        answer(hunk("T = 1", "A = 1"), hunk("x", name="h2")),
        answer(hunk("T = 1\nA = 1")),
        answer(hunk("T = 1")),
        answer(hunk("<<<<<<< T", "T = 1", "=======", "A = 1", ">>>>>>> A")),
        {"hunks": [hunk("T = 1", "A = 1") | {"path": "../../etc/passwd"}]},
    ],
    ids=["not-json", "missing", "too-many", "line-end", "one-side", "markers", "extra-field"],
)
def test_what_is_wrong_goes_back_once(ask, api, bad):
    assert ask(*PLAIN, bad, GOOD).content == b"1\nT = 1\nA = 1\n3\n"
    assert len(api.requests) == 2
    assert "can't be used" in api.requests[1]["messages"][2]["content"]


def test_rounds_are_bounded(ask, api):
    found = ask(*PLAIN, "x", "y", GOOD)
    assert isinstance(found, Abstained)
    assert "2 rounds" in found.why
    assert len(api.requests) == 2


def test_abstention_of_the_model_is_taken(ask):
    found = ask(*PLAIN, answer(hunk(decision="abstain")))
    assert found == Abstained(why="Claude abstains at h1: both are wanted")


def test_error_of_the_api_is_an_abstention(ask):
    found = ask(*PLAIN, 400)
    assert isinstance(found, Abstained)
    assert "budget is used up" in found.why
    assert "job-token" not in found.why


@pytest.mark.parametrize("stop", ["max_tokens", "refusal"])
def test_cut_answer_is_an_abstention(ask, stop):
    assert isinstance(ask(*PLAIN, (GOOD, stop)), Abstained)


def test_named_drop_is_accepted(ask):
    assert ask(*PLAIN, answer(hunk("T = 1", dropped=["A = 1"]))).content == b"1\nT = 1\n3\n"


@pytest.mark.parametrize(
    ("versions", "lines", "result"),
    [
        ((b"1\r\n2\r\n", b"1\r\nT\r\n", b"1\r\nA\r\n"), ("T", "A"), b"1\r\nT\r\nA\r\n"),
        ((b"1\n2", b"1\nT", b"1\nA"), ("T", "A"), b"1\nT\nA"),
        ((b"1\n2", b"1\nT", b"1\nA\n"), ("T", "A"), b"1\nT\nA\n"),
        ((b"\xe9\n2\n", b"\xe9\nT\xe4\n", b"\xe9\nA\n"), ("Tä", "A"), b"\xe9\nT\xe4\nA\n"),
        ((b"1\n2\n", b"1\n=======\nT\n", b"1\nA\n"), ("=======", "T", "A"), b"1\n=======\nT\nA\n"),
    ],
    ids=["crlf", "no-newline", "newline-added", "latin-1", "look-alike"],
)
def test_bytes(ask, versions, lines, result):
    assert ask(*({"f": content} for content in versions), answer(hunk(*lines))).content == result


def test_add_add(ask):
    assert ask({"x": "x"}, {"f": "T\n"}, {"f": "A\n"}, answer(hunk("T", "A"))).content == b"T\nA\n"


@pytest.mark.parametrize(
    "versions",
    [(b"\0a", b"\0b", b"\0c"), ("1\n", None, "2\n"), ("1\n", "T\n" * 300_000, "A\n")],
    ids=["binary", "deleted", "huge"],
)
def test_what_is_no_text_is_never_sent(ask, api, versions):
    assert isinstance(ask(*({"f": content, "x": "x"} for content in versions)), Abstained)
    assert api.requests == []
