import os
import threading

import pytest

from git_ops.verify import syntax
from git_ops.verify.syntax import Unreadable, occurrences, outline


def test_unknown_language():
    assert outline("README.md", b"#") is None
    assert occurrences("LICENSE", b"x", ["x"]) is None


def test_too_large():
    with pytest.raises(Unreadable, match="more than 1 MiB"):
        outline("a.py", b"#" * (2**20 + 1))


def test_text_that_takes_too_long_costs_only_the_worker(monkeypatch):
    monkeypatch.setattr(syntax, "SECONDS", 0.5)
    with pytest.raises(Unreadable, match="takes too long"):
        outline("slow.yml", b"[" * 900_000)
    monkeypatch.setattr(syntax, "_current", None)
    with pytest.raises(Unreadable, match="takes too long"):  # the next gate doesn't wait for it again
        outline("slow.yml", b"[" * 900_000)
    monkeypatch.undo()
    assert outline("a.yml", b"a: 1\n").errors == 0


def test_worker_that_dies_is_replaced():
    outline("a.py", b"first = 1\n")
    syntax._worker._child.kill()
    syntax._worker._child.wait()
    assert outline("a.py", b"second = 1\n").errors == 0


def test_worker_that_dies_while_it_is_asked(monkeypatch, tmp_path):
    script = tmp_path / "worker.py"
    script.write_text("import sys; sys.stdin.buffer.read(20)")
    monkeypatch.setattr(syntax, "_SCRIPT", script)
    monkeypatch.setattr(syntax, "_worker", None)
    with pytest.raises(Unreadable, match="parsing it fails"):
        outline("a.py", b"third = 1\n")


def test_fork_has_a_worker_of_its_own():
    outline("a.py", b"fourth = 1\n")
    parents = syntax._worker.pid, syntax._worker._child.pid
    pid = os.fork()
    if pid == 0:
        ok = outline("a.py", b"fifth = 1\n").errors == 0 and syntax._worker._child.pid != parents[1]
        syntax._worker.end()
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert outline("a.py", b"sixth = 1\n").errors == 0
    assert (syntax._worker.pid, syntax._worker._child.pid) == parents


def test_threads_share_the_worker():
    found = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: outline("a.py", b"x = 1\n" * i)}))
        for i in range(1, 9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {i: len(one.definitions) for i, one in found.items()} == {i: i for i in range(1, 9)}
