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

    with operator.serving():
        assert not is_open("home")()
        operator.env_file.write_text(f'{written}{forge}WEBHOOK_SECRETS=["0123456789"]\n')
        operator.until("it is taken over", lambda: "settings_taken" in operator.log())
        operator.until("the webhook is there", still(is_open("home")))
        operator.env_file.write_text(f"{written}{forge}WEBHOOK_SECRETS=[]\nFORGEHAND_LABLE=s3cret\n")
        operator.until("it is refused", lambda: "settings_not_taken" in operator.log())
        assert is_open("home")()
        assert "FORGEHAND_LABLE is no setting" in operator.log()
        assert "s3cret" not in operator.log()


@pytest.mark.slow
def test_while_the_web_process_is_away_what_comes_waits(tmp_path):
    """Forges deliver once: killed or started anew, nobody is sent away."""
    operator = Operator(folder=tmp_path)
    with operator.serving() as service:
        for _ in range(3):
            web = [one for one in psutil.Process(service.pid).children() if one.cmdline()[-1] == "web"]
            for process in [*web, *web[0].children(recursive=True)]:
                process.kill()
            assert httpx.get(f"{operator.url}/healthz", trust_env=False, timeout=30).status_code == 200


def test_an_address_that_is_taken_is_told(tmp_path):
    operator = Operator(folder=tmp_path)
    with socket.create_server(("127.0.0.1", operator.port)):
        answer = operator.run("serve")
    assert answer.code == 1
    assert f"127.0.0.1:{operator.port} can't be listened on" in answer.err
    assert "FORGEHAND_PORT" in answer.err


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
