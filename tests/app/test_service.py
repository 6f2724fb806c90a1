import os
import socket
import subprocess
import sys
import time

import httpx
import psutil
import pytest


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
