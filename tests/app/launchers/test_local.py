"""The real runner process. It reaches a broker that never answers, so it stays until somebody ends it."""

import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import psutil
import pytest

from app.launchers.local import LocalLauncher
from app.launchers.port import LaunchError, Order, Token

# the runner outlives the object that started it: that is the point
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
SECRET = "job-token-that-nobody-may-see"


@pytest.fixture
def broker():
    """Takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/broker"


@pytest.fixture
def launcher(tmp_path):
    found = LocalLauncher(tmp_path, installation=f"test-{uuid.uuid4().hex}")
    yield found
    found.sweep(lambda *_: False)


@pytest.fixture
def order(broker):
    return lambda job_id="job00000001", attempt=1: Order(
        job_id=job_id, attempt=attempt, broker_url=broker, token=Token(SECRET)
    )


def processes(launcher):
    return [process for _, process in launcher._runners()]


def test_a_runner_is_started_once_seen_and_stopped(launcher, order):
    assert launcher.observe("job00000001", 1) == "absent"
    launcher.start(order())
    launcher.start(order())
    assert launcher.observe("job00000001", 1) == "running"
    assert launcher.observe("job00000001", 2) == "absent"
    (process,) = processes(launcher)
    launcher.stop("job00000001", 1)
    assert launcher.observe("job00000001", 1) == "absent"
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_stopping_what_is_not_there_is_no_error(launcher):
    launcher.stop("nobody000000", 1)
    assert launcher.logs("nobody000000", 1) == ""


def test_it_is_given_the_broker_and_its_token_and_nothing_else(launcher, order, monkeypatch, broker):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the-real-key")
    monkeypatch.setenv("FORGEHAND_REDIS_URL", "redis://secret")
    launcher.start(order())
    (process,) = processes(launcher)
    env = process.environ()
    assert env["FORGEHAND_BROKER_URL"] == broker
    assert env["FORGEHAND_JOB_TOKEN"] == SECRET
    assert env.keys() <= {
        *(
            "PATH",
            "LANG",
            "TMPDIR",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "FORGEHAND_CLAUDE_BINARY",
            "HOME",
            "LC_CTYPE",
        ),
        *("PYTHONUNBUFFERED", "FORGEHAND_SCRATCH", "FORGEHAND_BROKER_URL", "FORGEHAND_JOB_TOKEN"),
    }
    assert SECRET not in " ".join(process.cmdline())


def test_a_second_launcher_of_the_installation_finds_it_and_another_installation_does_not(
    launcher, order, tmp_path
):
    launcher.start(order())
    twin = LocalLauncher(tmp_path, installation=launcher._installation)
    assert twin.observe("job00000001", 1) == "running"
    stranger = LocalLauncher(tmp_path, installation=launcher._installation + "x")
    assert stranger.observe("job00000001", 1) == "absent"
    assert stranger.sweep(lambda *_: False) == []
    assert twin.observe("job00000001", 1) == "running"


def test_sweeping_ends_what_nobody_wants(launcher, order):
    launcher.start(order("job00000001"))
    launcher.start(order("job00000002", 3))
    asked = []

    def wanted(job_id, attempt):
        asked.append((job_id, attempt))
        return job_id == "job00000001"

    assert launcher.sweep(wanted) == [("job00000002", 3)]
    assert set(asked) == {("job00000001", 1), ("job00000002", 3)}
    assert (launcher._folder("job00000001", 1) / "scratch").is_dir()
    assert not (launcher._folder("job00000002", 3) / "scratch").exists()
    assert launcher.observe("job00000001", 1) == "running"
    assert launcher.observe("job00000002", 3) == "absent"


def test_a_runner_that_died_is_absent_and_its_last_words_are_kept(launcher, order):
    launcher.start(order())
    (process,) = processes(launcher)
    process.kill()
    process.wait(10)
    assert launcher.observe("job00000001", 1) == "absent"
    (launcher._folder("job00000001", 1) / "runner.log").write_bytes(b"x" * 20_000 + b"\xff the end")
    assert launcher.logs("job00000001", 1).endswith("the end")
    assert len(launcher.logs("job00000001", 1)) <= 16_384
    assert SECRET not in launcher.logs("job00000001", 1)


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_one_that_will_not_end_is_ended_with_all_it_started(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr("app.launchers.local.GRACE_SECONDS", 0.2)
    package = tmp_path / "runner"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STUBBORN)
    argv = [sys.executable, "-m", "runner", "--label", launcher._label("job00000001", 1)]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        child = psutil.Process(int(process.stdout.readline()))
        reaper = threading.Thread(target=process.wait)
        reaper.start()
        launcher.stop("job00000001", 1)
        reaper.join()
    until = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.02)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_folder_that_cannot_be_written_is_a_launch_error(launcher, order, tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(LaunchError, match="the runner didn't start"):
        launcher.start(order())


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "runner", "--label"],
        ["-m", "runner", "--label", "{installation}/victim000001/1", "more"],
        ["-m", "runner", "--label", "{installation}/victim000001"],
        ["-m", "runner", "--label", "{installation}/../victim/one"],
    ],
)
def test_a_command_line_that_only_looks_like_a_runner(launcher, tmp_path, words):
    """An agent can start a `runner.py` of its own, with any words."""
    (tmp_path / "runner.py").write_text("import time; time.sleep(60)")
    argv = [sys.executable, *(word.format(installation=launcher._installation) for word in words)]
    impostor = subprocess.Popen(argv, cwd=tmp_path)
    try:
        time.sleep(0.3)
        assert launcher.observe("victim000001", 1) == "absent"
        assert launcher.sweep(lambda *_: False) == []
        assert impostor.poll() is None
    finally:
        impostor.kill()
        impostor.wait()


def test_a_runner_in_a_namespace_of_its_own_is_none_of_ours(launcher, tmp_path):
    (tmp_path / "runner.py").write_text("import time; time.sleep(60)")
    label = f"{launcher._installation}/victim000001/1"
    probe = subprocess.run(["unshare", "--pid", "--fork", "true"], check=False, capture_output=True)
    if probe.returncode != 0:
        pytest.skip("this machine lets us make no PID namespace")
    impostor = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "runner", "--label", label],
        cwd=tmp_path,
    )
    try:
        time.sleep(0.5)
        assert launcher.observe("victim000001", 1) == "absent"
    finally:
        impostor.kill()
        impostor.wait()


def test_a_scratch_folder_that_is_very_deep_is_swept(launcher, tmp_path):
    scratch = tmp_path / "runs" / "job00000001-1" / "scratch"
    scratch.mkdir(parents=True)
    here = os.open(scratch, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    assert launcher.sweep(lambda *_: False) == []
    assert not scratch.exists()


def test_a_runner_that_closed_its_memory_is_still_seen_by_a_plain_user(launcher, order):
    launcher.start(order())
    (process,) = processes(launcher)
    until = time.monotonic() + 20
    environ = Path(f"/proc/{process.pid}/environ")
    while time.monotonic() < until and environ.stat().st_uid == os.getuid() != 0:
        time.sleep(0.05)
    time.sleep(1.5 if os.getuid() == 0 else 0)  # root can't see when it is closed
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)  # as a plain user looks: our real uid stays, the rights of root are gone
    try:
        assert launcher.observe("job00000001", 1) == "running"
    finally:
        os.seteuid(before)
    assert launcher.sweep(lambda *_: False) == [("job00000001", 1)]
