"""The Claude door against a small real HTTP upstream that says what a test tells it to."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from app.store.connection import connect
from tests.support.desk import API_KEY
from tests.support.web import running_web

MESSAGE = {
    "type": "message",
    "model": "claude-haiku-4-5",
    "usage": {"input_tokens": 1_000_000, "output_tokens": 100_000},
}
ASK = {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


class Upstream:
    """Keeps the requests it saw. `answer(handler)` writes the response."""

    def __init__(self):
        self.reset()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                upstream.answer(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def reset(self):
        self.seen = []
        self.answer = lambda handler: self.reply(handler, 200, json.dumps(MESSAGE).encode())

    @staticmethod
    def reply(handler, status, body, **headers):
        handler.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def shared(redis_url, tmp_path_factory):
    """An upstream and a web process in front of it."""
    found, connection = Upstream(), connect(redis_url)
    with running_web(connection, tmp_path_factory.mktemp("web"), anthropic_base_url=found.url) as web:
        yield found, web
    connection.close()
    found.close()


@pytest.fixture
def upstream(shared):
    found, _ = shared
    found.reset()
    return found


@pytest.fixture
def web(redis, upstream, shared):
    return shared[1]


def ask(web, token, path="/messages", **options):
    if "content" not in options:
        options = {"json": ASK} | options
    return web.runner("POST", f"/claude/v1{path}", token, **options)


def test_a_request_goes_out_with_our_key_and_without_the_callers(web, upstream):
    _, token = web.start_job()
    headers = {
        "x-api-key": "the-runners-own-key",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "some-beta",
        "Cookie": "a=b",
        "X-Forwarded-For": "10.0.0.1",
        "Proxy-Authorization": "Basic x",
    }
    answer = ask(web, token, headers=headers, params={"beta": "true"})
    assert (answer.status_code, answer.json()) == (200, MESSAGE)
    ((path, seen, body),) = upstream.seen
    assert path == "/v1/messages?beta=true"
    assert seen["x-api-key"] == API_KEY
    assert (seen["anthropic-version"], seen["anthropic-beta"]) == ("2023-06-01", "some-beta")
    assert "authorization" not in seen
    assert not {"cookie", "x-forwarded-for", "proxy-authorization"} & seen.keys()
    assert token not in str(upstream.seen)
    assert json.loads(body) == ASK


def test_a_subscription_token_is_used_where_there_is_no_key(serve, upstream):
    web = serve(
        anthropic_base_url=upstream.url,
        FORGEHAND_ANTHROPIC_API_KEY=None,
        FORGEHAND_CLAUDE_OAUTH_TOKEN="oauth-token",
    )
    _, token = web.start_job()
    ask(web, token)
    ((_, seen, _),) = upstream.seen
    assert seen["authorization"] == "Bearer oauth-token"
    assert "x-api-key" not in seen


def test_a_plain_answer_is_counted_for_its_job(web):
    job, token = web.start_job()
    other, _ = web.start_job()
    ask(web, token)
    assert web.desk.jobs.spent_usd(job.id) == pytest.approx(1.5)
    assert web.desk.jobs.spent_usd(other.id) == 0
    assert web.desk.attempts.first_model_request_at(job.id) is not None


def sse(**event):
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


START = sse(
    type="message_start",
    message={"model": "claude-haiku-4-5", "usage": {"input_tokens": 2_000_000, "output_tokens": 1}},
)
END = sse(type="message_delta", usage={"output_tokens": 200_000}) + sse(type="message_stop")


def stream(handler, *parts, before=lambda _: None):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for number, part in enumerate(parts):
        before(number)
        handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        handler.wfile.flush()


def test_a_stream_is_passed_on_as_it_comes_and_counted(web, upstream):
    first_was_read = threading.Event()

    def answer(handler):
        stream(handler, START, END, b"", before=lambda n: n != 1 or first_was_read.wait(10))

    upstream.answer = answer
    job, token = web.start_job()
    headers = {"Authorization": f"Bearer {token}"}
    with web.http.stream(
        "POST", "/broker/claude/v1/messages", json=ASK | {"stream": True}, headers=headers
    ) as got:
        parts = got.iter_raw()
        assert next(parts) == START  # upstream hasn't sent the rest: it waits for this line
        first_was_read.set()
        assert b"".join(parts) == END
        assert got.headers["Content-Type"].startswith("text/event-stream")
    assert wait_for_spend(web, job) == pytest.approx(2.0 + 1.0)


def wait_for_spend(web, job):
    """What was spent, once the request has been booked (after its last byte was sent)."""
    for _ in range(200):
        if spent := web.desk.jobs.spent_usd(job.id):
            return spent
        threading.Event().wait(0.02)
    return 0


def test_a_stream_that_breaks_off_is_counted_as_far_as_it_came(web, upstream):
    def answer(handler):
        stream(handler, START)
        handler.close_connection = True

    upstream.answer = answer
    job, token = web.start_job()
    with pytest.raises(httpx.RemoteProtocolError):  # not an answer that ends early and looks whole
        ask(web, token)
    assert wait_for_spend(web, job) == pytest.approx(2.0, abs=0.01)


def test_a_zipped_answer_is_passed_on_readable_and_counted(web, upstream):
    body = gzip.compress(json.dumps(MESSAGE).encode())
    upstream.answer = lambda handler: upstream.reply(handler, 200, body, Content_Encoding="gzip")
    job, token = web.start_job()
    assert ask(web, token).json() == MESSAGE
    assert wait_for_spend(web, job) == pytest.approx(1.5)


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
def test_the_apis_own_errors_are_passed_on(web, upstream, status):
    body = json.dumps({"type": "error", "error": {"type": "x", "message": "y"}}).encode()
    upstream.answer = lambda handler: upstream.reply(
        handler, status, body, retry_after="7", request_id="req_1", Set_Cookie="a=b", X_Internal="z"
    )
    job, token = web.start_job()
    answer = ask(web, token)
    assert (answer.status_code, answer.content) == (status, body)
    assert (answer.headers["retry-after"], answer.headers["request-id"]) == ("7", "req_1")
    assert not {"set-cookie", "x-internal"} & answer.headers.keys()
    assert web.desk.jobs.spent_usd(job.id) == 0


def api_error(answer, status, kind):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    value = answer.json()
    assert value["type"] == "error"
    assert value["error"]["type"] == kind
    return value["error"]["message"]


def test_past_the_budget_nothing_goes_out(serve, upstream):
    web = serve(anthropic_base_url=upstream.url, job_budget_usd=2.0)
    job, token = web.start_job()
    assert [ask(web, token).status_code for _ in range(2)] == [200, 200]  # 1.50 each
    assert wait_for_spend(web, job) == pytest.approx(3.0)
    message = api_error(ask(web, token), 403, "permission_error")
    assert "budget of $2.00 is spent ($3.00)" in message
    assert len(upstream.seen) == 2
    _, fresh = web.start_job()
    assert ask(web, fresh).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"name": "ok", "input_schema": {}}, {"type": "web_fetch_20250910"}]},
        {"tools": [{"type": "code_execution_20250522"}]},
        {"tools": [{"type": "mcp_toolset"}]},
        {"tools": [{"type": None}]},
        {"tools": ["web_search"]},
        {"tools": {"type": "web_search_20250305"}},
        {"mcp_servers": [{"url": "https://evil"}]},
        {"container": "x"},
    ],
)
def test_what_would_reach_the_network_from_outside_the_sandbox_is_refused(web, upstream, more):
    _, token = web.start_job()
    api_error(ask(web, token, json=ASK | more), 400, "invalid_request_error")
    api_error(ask(web, token, "/messages/count_tokens", json=ASK | more), 400, "invalid_request_error")
    assert upstream.seen == []


def test_tools_that_run_with_the_caller_are_passed_on(web, upstream):
    _, token = web.start_job()
    tools = [{"name": "Edit", "input_schema": {}}, {"type": "custom", "name": "x"}, {"type": "bash_20250124"},
             {"type": "text_editor_20250728"}, {"type": "memory_20250818"}]  # fmt: skip
    assert ask(web, token, json=ASK | {"tools": tools, "mcp_servers": []}).status_code == 200
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"5", b"{", b"\xff\xfe", b"[" * 100_000, json.dumps(ASK).encode("utf-16"), gzip.compress(b"{}"),
     b'{"tools": [{"type": "web_search_1"}], "tools": []}', b'{"tools": [{"type": "web_search_1", "type": "custom"}]}'],
    ids=range(10),
)  # fmt: skip
def test_a_body_that_could_be_read_in_two_ways_is_refused(web, upstream, body):
    _, token = web.start_job()
    api_error(ask(web, token, content=body), 400, "invalid_request_error")
    assert upstream.seen == []


def test_a_body_that_is_too_large(serve, upstream):
    web = serve(anthropic_base_url=upstream.url, max_request_mib=1)
    _, token = web.start_job()
    body = json.dumps(ASK | {"system": "x" * 1024 * 1024}).encode()
    api_error(ask(web, token, content=body), 413, "request_too_large")
    api_error(
        ask(web, token, content=(body[i : i + 9_000] for i in range(0, len(body), 9_000))),
        413,
        "request_too_large",
    )
    assert upstream.seen == []


@pytest.mark.parametrize(
    "path",
    ["/models", "/files", "/messages/batches", "/messages/", "/complete", "/messages/../files", "/%2e%2e/x"],
)
def test_other_paths_are_not_forwarded(web, upstream, path):
    _, token = web.start_job()
    assert ask(web, token, path).status_code in {404, 405}
    assert upstream.seen == []


def test_counting_tokens_is_forwarded_and_free(web, upstream):
    upstream.answer = lambda handler: upstream.reply(handler, 200, b'{"input_tokens": 12}')
    job, token = web.start_job()
    assert ask(web, token, "/messages/count_tokens").json() == {"input_tokens": 12}
    assert upstream.seen[0][0] == "/v1/messages/count_tokens"
    assert web.desk.jobs.spent_usd(job.id) == 0


def test_a_redirect_is_not_followed(web, upstream):
    upstream.answer = lambda handler: upstream.reply(
        handler, 307, b"", Location="http://127.0.0.1:1/v1/messages"
    )
    _, token = web.start_job()
    answer = ask(web, token)
    assert answer.status_code == 307
    assert "location" not in answer.headers


def test_an_upstream_that_is_away_is_an_overload(serve):
    web = serve(anthropic_base_url="http://127.0.0.1:1")
    _, token = web.start_job()
    assert API_KEY not in api_error(ask(web, token), 529, "overloaded_error")
