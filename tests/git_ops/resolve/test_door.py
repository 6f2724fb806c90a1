import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from git_ops.conflict import Abstained

# Both sides add a line after the same line: a conflict in which no word is changed twice.
PLAIN = ({"f": "1\n2\n3\n"}, {"f": "1\n2\nT = 1\n3\n"}, {"f": "1\n2\nA = 1\n3\n"})


def test_only_our_token_is_sent(ask, api, say):
    ask(*PLAIN, say.lines("T = 1", "A = 1"))
    assert api.headers[0]["authorization"] == "Bearer job-token"
    assert "not-for-this" not in str(api.headers)


def test_only_our_key_is_sent(ask, api, say):
    ask(*PLAIN, say.lines("T = 1", "A = 1"), api_key="my-own-key")
    assert "my-own-key" in str(api.headers[0])
    assert "not-for-this" not in str(api.headers)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 529])
def test_error_of_the_api_is_an_abstention(ask, status):
    found = ask(*PLAIN, status, status, status)
    assert "the Claude API failed" in found["f"].why
    assert "sorry" in found["f"].why
    assert "job-token" not in found["f"].why


def test_a_door_that_is_shut_isnt_tried_again(ask, api):
    versions = tuple({name: v["f"].replace("=", name) for name in ("a", "b")} for v in PLAIN)
    found = ask(*versions, 401)
    assert "AuthenticationError" in found["a"].why
    assert found["a"] == found["b"]
    assert len(api.requests) == 1


def test_time_out_is_an_abstention_and_is_counted(api, situation, claude, say):
    api.answers = [say.slowly(say.lines("T = 1", "A = 1"), 0.5)] * 3
    conflicts, context = situation(*PLAIN)
    resolver = claude(timeout_seconds=0.05)
    found = resolver.resolve_together(conflicts, context)
    assert "APITimeoutError" in found["f"].why
    assert resolver.usage.tokens > 16_000


def test_nobody_there_is_an_abstention(situation, claude):
    conflicts, context = situation(*PLAIN)
    found = claude(base_url="http://127.0.0.1:9").resolve_together(conflicts, context)
    assert "APIConnectionError" in found["f"].why


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>hello</html>",
        b"no json",
        b"null",
        b"{}",
        b'{"type": "message", "content": null, "stop_reason": "end_turn", "usage": null}',
        b'{"type": "message", "content": [5], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}',
        b'{"type": "message", "content": [], "stop_reason": "end_turn", "usage": {"input_tokens": -1, "output_tokens": 1}}',
    ],
    ids=["html", "no-json", "null", "other-json", "no-content", "odd-content", "odd-usage"],
)
def test_what_isnt_the_messages_api_is_an_abstention(ask, answer):
    assert "isn't the Messages API" in ask(*PLAIN, answer)["f"].why


@pytest.mark.parametrize("url", ["nonsense", "http://[", "ftp://127.0.0.1/", ""])
def test_bad_address_is_an_abstention(situation, claude, url):
    conflicts, context = situation(*PLAIN)
    found = claude(base_url=url).resolve_together(conflicts, context)
    assert "the Claude API" in found["f"].why


@pytest.mark.parametrize("token", ["a\nb", "ключ"])
def test_bad_token_is_an_abstention_that_hides_it(api, situation, claude, token):
    conflicts, context = situation(*PLAIN)
    found = claude(auth_token=token).resolve_together(conflicts, context)
    assert isinstance(found["f"], Abstained)
    assert token not in found["f"].why


@pytest.mark.parametrize("stop", ["max_tokens", "refusal"])
def test_cut_answer_is_an_abstention(ask, say, stop):
    found = ask(*PLAIN, (say.lines("T = 1", "A = 1"), stop))
    assert found["f"] == Abstained(why=f"Claude stopped early ({stop})")


def test_usage_is_summed(api, situation, claude, say):
    api.answers = ["nonsense", say.lines("T = 1", "A = 1")]
    resolver = claude()
    resolver.resolve_together(*situation(*PLAIN))
    assert (resolver.usage.requests, resolver.usage.tokens) == (2, 2 * 118)
    assert (resolver.usage.cache_read_tokens, resolver.usage.cache_write_tokens) == (10, 6)
    assert resolver.spent().tokens == 236


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_gets_neither_code_nor_key(stranger, situation, claude, status):
    other = stranger(lambda handler: None)
    here = stranger(lambda handler: handler.answer(status, location=f"http://127.0.0.1:{other.server_port}/"))
    found = claude(base_url=here.url).resolve_together(*situation(*PLAIN))
    assert str(status) in found["f"].why
    assert (here.asked, other.asked) == (1, 0)


@pytest.mark.parametrize(("chunk", "seconds"), [(b" " * 2**20, 0), (b" ", 0.02)], ids=["huge", "slow"])
def test_a_reply_that_never_ends(stranger, situation, claude, chunk, seconds):
    def reply(handler):
        handler.answer(200)
        for _ in range(200):
            handler.wfile.write(chunk)
            time.sleep(seconds)

    resolver = claude(base_url=stranger(reply).url, timeout_seconds=0.5)
    assert resolver.resolve_together(*situation(*PLAIN))["f"].why == "the Claude API's reply doesn't end"
    assert resolver.usage.tokens > 16_000


def test_a_reply_that_breaks_off(stranger, situation, claude):
    here = stranger(lambda handler: handler.answer(200, content_length="100"))
    assert "reply broke off" in claude(base_url=here.url).resolve_together(*situation(*PLAIN))["f"].why


class Stranger(ThreadingHTTPServer):
    """Whoever may answer at an address: `reply` writes what it likes."""

    daemon_threads = True

    def __init__(self, reply):
        super().__init__(("127.0.0.1", 0), StrangerHandler)
        self.reply, self.asked = reply, 0
        self.url = f"http://127.0.0.1:{self.server_port}"


class StrangerHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self):
        self.server.asked += 1
        with contextlib.suppress(OSError):
            self.server.reply(self)

    def answer(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def stranger():
    with contextlib.ExitStack() as stack:

        def start(reply):
            server = stack.enter_context(Stranger(reply))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return server

        yield start
