"""Answers that drip: each byte comes in time, the answer doesn't."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import stamina

from app.forges.github import client as client_module
from app.forges.github.adapter import GitHub
from app.forges.port import ForgeUnavailable
from tests.app.forges.conftest import Reply

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "head": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "provisional answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body with a length": (HEAD + b"Content-Length: 60000\r\n\r\n", b" "),
    "body to the end": (HEAD + b"\r\n", b" "),
    "small chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a large chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000\r\n", b" "),
    "trailer": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: ", b"a"),
}


@contextlib.contextmanager
def dripping(first: bytes, drop: bytes) -> Iterator[str]:
    """A server that begins with `first` and then sends `drop` again and again, until its peer is gone or it ends."""
    over, threads = threading.Event(), []

    def drip(peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.recv(2**16)
            peer.sendall(first)
            while not over.wait(0.02):
                peer.sendall(drop)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = server.accept()
                threads.append(threading.Thread(target=drip, args=(peer,), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()
        server.shutdown(socket.SHUT_RDWR)
    for one in (accepting, *threads):
        one.join()


@pytest.mark.parametrize("where", DRIPS)
def test_an_answer_that_drips_ends_at_the_deadline(where, monkeypatch):
    """No byte is late for the time-out of silence: without the deadline this would never end."""
    monkeypatch.setattr(client_module, "MAX_ANSWER_SECONDS", 0.3)
    with dripping(*DRIPS[where]) as url, stamina.set_testing(True, attempts=1):
        github = GitHub("https://x.example", "t", api_url=url, timeout_seconds=15)
        found: list[BaseException] = []

        def ask() -> None:
            try:
                github.repo("o/r")
            except ForgeUnavailable as error:
                found.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(10)
        assert not asking.is_alive()
        assert len(found) == 1
        github.close()


def test_silence_is_still_too_long_before_the_deadline(github, script):
    """The deadline is two minutes, the time-out of this client half a second."""
    script.replies = [Reply(hang=True)]
    with stamina.set_testing(True, attempts=1), pytest.raises(ForgeUnavailable):
        github.repo("o/r")


def test_a_connection_is_used_again_after_an_answer_in_time(monkeypatch):
    """What the deadline of one answer left of the socket's time-out is none of the next one's business."""
    monkeypatch.setattr(client_module, "MAX_ANSWER_SECONDS", 5.0)
    body = b'{"full_name": "o/r", "default_branch": "main", "private": false}'
    peers = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = server.accept()
                peers.append(peer)
                while peer.recv(2**16):
                    peer.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        github = GitHub("https://x.example", "t", api_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        for _ in range(3):
            assert github.repo("o/r").default_branch == "main"
        github.close()
        server.shutdown(socket.SHUT_RDWR)
    serving.join()
    assert len(peers) == 1
    peers[0].close()
