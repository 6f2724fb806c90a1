import os
import socket
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from app.service import running_redis_url
from app.settings import Settings
from app.store.connection import EmbeddedRedis
from tests.support.connect import Operator


@pytest.mark.slow
def test_the_whole_service_starts_serves_and_ends_with_all_it_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {
        "PATH": os.environ["PATH"],
        "FORGEHAND_PORT": str(port),
        "FORGEHAND_DATA_DIR": str(tmp_path / "data"),
    }
    argv = [sys.executable, "-m", "app.cli", "serve"]
    with subprocess.Popen(argv, env=env, cwd=tmp_path, stderr=subprocess.DEVNULL) as service:
        try:
            wait_until_ready(port)
            family = psutil.Process(service.pid).children(recursive=True)
            assert len(family) >= 3  # Redis, web, worker
        finally:
            service.terminate()
            service.wait(40)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def wait_until_ready(port):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError("the service didn't start")


@pytest.mark.slow
def test_changed_settings_are_taken_over_and_wrong_ones_are_not(tmp_path):
    operator = Operator(folder=tmp_path)
    forge = "FORGEHAND_FORGES__HOME__"
    written = f'{forge}URL=http://127.0.0.1:9\n{forge}TOKEN=0123456789\n{forge}REPOS=["a/b"]\n'

    def is_open(name):
        return lambda: httpx.post(f"{operator.url}/webhooks/{name}", trust_env=False).status_code == 415

    with operator.serving() as service:
        assert not is_open("home")()
        operator.env_file.write_text(f'{written}{forge}WEBHOOK_SECRETS=["0123456789"]\n')
        operator.until("it is taken over", lambda: "settings_taken" in operator.log())
        operator.until("the webhook is there", still(is_open("home")))
        operator.env_file.write_text(f"{written}{forge}WEBHOOK_SECRETS=[]\nFORGEHAND_LABLE=s3cret\n")
        operator.until("it is refused", lambda: "settings_not_taken" in operator.log())
        assert is_open("home")()
        assert "FORGEHAND_LABLE is no setting" in operator.log()
        assert "s3cret" not in operator.log()
        # what no adapter could be made from
        unusable = f"{forge}KIND=github\n{forge}URL=http://127.0.0.1:9\n{forge}APP_ID=1\n"
        unusable += f'{forge}APP_PRIVATE_KEY="this is no key"\n{forge}REPOS=["a/b"]\n'
        operator.env_file.write_text(f'{unusable}{forge}WEBHOOK_SECRETS=["0123456789"]\n')
        operator.until("it is refused", lambda: operator.log().count("settings_not_taken") == 2)
        assert "FORGEHAND_FORGES__HOME: " in operator.log()
        # and no file at all: also a web process that has to be started again has the settings from before
        operator.env_file.unlink()
        operator.until("it is refused", lambda: operator.log().count("settings_not_taken") == 3)
        operator.env_file.touch()
        operator.until("it is refused", lambda: operator.log().count("settings_not_taken") == 4)
        assert operator.log().count("gone, empty or unreadable") == 2
        for process in web_of(service):
            process.kill()
        operator.until("the webhook is there", still(is_open("home")))
        with socket.create_connection(("127.0.0.1", operator.port)) as line:
            line.sendall(b"GET /nonsense HTTP/9.9\r\n\r\n")
            assert line.recv(100).startswith(b"HTTP/1.1 400 ")
        assert "Invalid request" not in operator.log()  # nobody fills the disk with such lines
        assert operator.log().count("settings_taken") == 1


def web_of(service):
    """The web process and those below it."""
    (web,) = [one for one in psutil.Process(service.pid).children() if one.cmdline()[-1] == "web"]
    return [web, *web.children(recursive=True)]


@pytest.mark.slow
def test_while_the_web_process_is_away_what_comes_waits(tmp_path):
    """Forges deliver once: killed or started anew, nobody is sent away."""
    operator = Operator(folder=tmp_path)
    with operator.serving() as service:
        for _ in range(3):
            for process in web_of(service):
                process.kill()
            assert httpx.get(f"{operator.url}/healthz", trust_env=False, timeout=30).status_code == 200


def test_an_address_that_is_taken_is_told(tmp_path):
    operator = Operator(folder=tmp_path)
    with socket.create_server(("127.0.0.1", operator.port)):
        answer = operator.run("serve")
    assert answer.code == 1
    assert f"127.0.0.1:{operator.port} can't be listened on" in answer.err
    assert "FORGEHAND_PORT" in answer.err


def test_a_forge_that_cannot_be_worked_with_is_told_at_the_start(tmp_path):
    operator = Operator(folder=tmp_path)
    head = "FORGEHAND_FORGES__HOME__"
    operator.env_file.write_text(
        f'{head}KIND=github\n{head}URL=https://x.example\n{head}APP_ID=1\n{head}REPOS=["a/b"]\n'
        f'{head}APP_PRIVATE_KEY="s3cret, no key"\n{head}WEBHOOK_SECRETS=["0123456789"]\n'
    )
    answer = operator.run("serve")
    assert answer.code == 2
    assert answer.err.startswith("forgehand: FORGEHAND_FORGES__HOME: ")
    assert "s3cret" not in answer.err


def still(check):
    """The check, where the web process may be away at the moment."""

    def ask():
        try:
            return check()
        except httpx.HTTPError:
            return False

    return ask


def test_a_running_service_is_told_from_what_a_killed_one_left(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path)
    assert running_redis_url(settings) is None
    server = EmbeddedRedis(tmp_path)
    server.start()
    assert running_redis_url(settings) == server.url
    server.stop()
    assert (tmp_path / "redis" / "lock").exists()
    assert running_redis_url(settings) is None
    elsewhere = Settings(
        _env_file=None, redis_url="redis://127.0.0.1:9", port=9, public_url="http://127.0.0.1:9"
    )
    assert running_redis_url(elsewhere) is None
