import http.client
import json
import socket
import threading
from contextlib import suppress

import httpx
import pytest

from app.demo.rehearsal.scenario import Fail, Hold, Say
from runner.forwarder import Forwarder

TOKEN = "job-token-3f9d0c2b"
BODY = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}


def take_request(connection):
    """Read it whole: closing with something unread would reset the connection."""
    data = b""
    while not data.endswith(json.dumps(BODY, separators=(",", ":")).encode()):
        data += connection.recv(65536)


@pytest.fixture
def door(scratch):
    opened = []

    def at(url, **kwargs):
        forwarder = Forwarder(scratch / "api", url, TOKEN, **kwargs)
        opened.append(forwarder.__enter__())
        transport = httpx.HTTPTransport(uds=str(scratch / "api"))
        client = httpx.Client(transport=transport, base_url="http://127.0.0.1:1", timeout=20)
        opened.append(client)
        return client

    yield at
    for thing in reversed(opened):
        thing.__exit__(None, None, None) if isinstance(thing, Forwarder) else thing.close()


def test_forwards_with_the_job_token_and_nothing_of_the_clients(rehearse, door):
    rehearsal = rehearse((Say(text="hello"),))
    client = door(rehearsal.url)
    headers = {
        "x-api-key": "mine",
        "Authorization": "Bearer mine",
        "Cookie": "mine",
        "X-Forwarded-For": "mine",
        "anthropic-version": "2023-06-01",
        "X-Claude-Code-Session-Id": "s",
    }
    response = client.post("/v1/messages?beta=true&evil=1", json=BODY, headers=headers)
    assert response.status_code == 200
    assert response.json()["content"] == [{"type": "text", "text": "hello"}]
    (request,) = rehearsal.requests()
    arrived = {name.lower(): value for name, value in request["headers"].items()}
    assert arrived["authorization"] == f"Bearer {TOKEN}"
    assert "mine" not in arrived.values()
    assert arrived["anthropic-version"] == "2023-06-01"
    assert arrived["x-claude-code-session-id"] == "s"
    assert request["body"] == BODY
    assert "evil" not in request["path"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages"),
        ("POST", "/v1/complete"),
        ("POST", "/v1/messages/../files"),
        ("POST", "/v1/messages/batches"),
        ("POST", "http://example.invalid/v1/messages"),
        ("GET", "/rehearsal/requests"),
    ],
)
def test_nothing_else_exists(rehearse, door, scratch, method, path):
    rehearsal = rehearse((Say(text="hello"),))
    door(rehearsal.url)
    connection = http.client.HTTPConnection("x", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(scratch / "api"))
    with suppress(BrokenPipeError):  # the answer may come before the body is asked for
        connection.request(method, path, body=json.dumps(BODY) if method == "POST" else None)
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    assert response.status == 404
    assert body["error"]["type"] == "not_found_error"
    assert rehearsal.requests() == []


def test_streams_as_it_comes(door):
    release = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def upstream():
        connection, _ = listener.accept()
        with connection:
            take_request(connection)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            connection.sendall(head + b"data: one\n\n")
            release.wait(10)
            connection.sendall(b"data: two\n\n")

    thread = threading.Thread(target=upstream)
    thread.start()
    client = door(f"http://127.0.0.1:{listener.getsockname()[1]}")
    with client.stream("POST", "/v1/messages", json=BODY) as response:
        chunks = response.iter_raw()
        assert next(chunks) == b"data: one\n\n"
        release.set()
        assert b"".join(chunks) == b"data: two\n\n"
    thread.join()
    listener.close()


def test_an_answer_that_breaks_off_breaks_off_here(door):
    listener = socket.create_server(("127.0.0.1", 0))

    def upstream():
        connection, _ = listener.accept()
        with connection:
            take_request(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    thread = threading.Thread(target=upstream)
    thread.start()
    client = door(f"http://127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/v1/messages", json=BODY)
    thread.join()
    listener.close()


def test_errors_of_the_api_pass_unchanged(rehearse, door):
    rehearsal = rehearse((Fail(status=529, type="overloaded_error", message="busy"),))
    response = door(rehearsal.url).post("/v1/messages", json=BODY)
    assert response.status_code == 529
    assert response.json()["error"] == {"type": "overloaded_error", "message": "busy"}


def test_a_broker_that_is_not_there_is_waited_for_and_then_an_api_error(door):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    response = door(url, patience_seconds=0.3).post("/v1/messages", json=BODY)
    assert response.status_code == 529
    assert response.json()["error"]["type"] == "overloaded_error"
    assert TOKEN not in response.text


def test_a_broker_that_comes_back_gets_the_request(rehearse, door):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = door(f"http://127.0.0.1:{port}", patience_seconds=20)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.post("/v1/messages", json=BODY)))
    thread.start()
    from app.demo.rehearsal.scenario import Scenario, Script
    from app.demo.rehearsal.server import Rehearsal

    scenario = Scenario(name="late", scripts=(Script(steps=((Say(text="late"),),)),))
    with Rehearsal(scenario, port) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        thread.join()
        server.shutdown()
        serving.join()
    assert answers[0].json()["content"][0]["text"] == "late"


def test_bodies_have_a_limit_and_a_length(rehearse, door, monkeypatch):
    rehearsal = rehearse((Say(text="hello"),))
    client = door(rehearsal.url)
    monkeypatch.setattr("runner.forwarder.MAX_BODY_BYTES", 10)
    assert client.post("/v1/messages", json=BODY).status_code == 413
    assert client.post("/v1/messages", content=iter([b"{}"])).status_code == 411
    assert rehearsal.requests() == []


def test_too_many_at_once_are_turned_away(rehearse, scratch, monkeypatch, door):
    monkeypatch.setattr("runner.forwarder.MAX_CONCURRENT", 1)
    rehearsal = rehearse((Hold(seconds=20), Say(text="hello")))
    client = door(rehearsal.url)
    first = threading.Thread(target=lambda: client.post("/v1/messages", json=BODY))
    first.start()
    while not rehearsal.state()["holding"]:
        pass
    assert client.post("/v1/messages", json=BODY).status_code == 529
    rehearsal.released.set()
    first.join()
    assert client.post("/v1/messages", json=BODY).status_code == 200


def test_the_socket_goes_with_the_forwarder(scratch):
    with Forwarder(scratch / "api", "http://127.0.0.1:1", TOKEN):
        assert (scratch / "api").is_socket()
    assert not (scratch / "api").exists()
