"""`forgehand demo` as a newcomer types it: the whole story, from a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

STARTED = psutil.Process().create_time()
DEMO = [sys.executable, "-m", "app.cli", "demo"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A newcomer's environment, with a temporary folder of our own, so that what is left behind can be found."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"TMPDIR": str(tmp_path)}


def closed(process: psutil.Process) -> bool:
    return not os.access(f"/proc/{process.pid}/environ", os.R_OK)


def left_behind(tmp_path: Path) -> Iterator[str]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            argv = process.cmdline()
            # a runner's environment is closed to other processes of the same user
            runner = argv[1:3] == ["-m", "runner"] and process.create_time() > STARTED
            if (
                runner
                or str(tmp_path) in " ".join(argv)
                or str(tmp_path) in process.environ().get("TMPDIR", "")
            ):
                yield " ".join(argv) or process.name()


def assert_clean(tmp_path: Path) -> None:
    assert list(left_behind(tmp_path)) == []
    assert [path.name for path in tmp_path.iterdir()] == []


def test_every_step_of_the_story_is_true_on_the_forge(env: dict[str, str], tmp_path: Path) -> None:
    for _ in range(2):  # a second run works too
        done = subprocess.run(
            [*DEMO, "--json"], env=env, capture_output=True, text=True, timeout=150, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        story = json.loads(done.stdout)
        assert story["ok"]
        assert story["claude"] == "rehearsal"
        assert "rehearsal" in done.stderr  # said to people, too
        assert [step["ok"] for step in story["steps"]] == [True] * 6
        assert story["steps"][3]["facts"]["conflicts"] == ["greeter.py (content, settled by claude)"]
        assert story["steps"][5]["facts"]["runner"] == "none needed"
        assert 0 < story["label_to_first_model_request_seconds"] < 60
        assert_clean(tmp_path)


def test_a_broken_promise_is_told_and_exits_non_zero(env: dict[str, str], tmp_path: Path) -> None:
    """The checks of the story bite: a Claude that does nothing must not pass."""
    idle = tmp_path / "claude"
    idle.write_text("#!/bin/sh\nexit 0\n")
    idle.chmod(0o755)
    done = subprocess.run(
        [*DEMO, "--json"],
        env=env | {"FORGEHAND_CLAUDE_BINARY": str(idle)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    idle.unlink()
    assert done.returncode == 1
    story = json.loads(done.stdout)
    assert not story["ok"]
    assert "the job ended as failed" in story["error"]
    assert_clean(tmp_path)


@pytest.mark.parametrize("moment", ["while a job runs", "when all is served"])
def test_ctrl_c_leaves_nothing_behind(env: dict[str, str], tmp_path: Path, moment: str) -> None:
    sign = "maria opens an issue" if moment == "while a job runs" else "Ctrl-C ends it all"
    log = tmp_path / "out.txt"
    with log.open("wb") as out:
        demo = subprocess.Popen([*DEMO, "--serve"], env=env, stdout=out, stderr=out, start_new_session=True)
    until = time.monotonic() + 120
    while sign not in log.read_text() and demo.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert sign in log.read_text(), log.read_text()
    os.kill(demo.pid, signal.SIGINT)
    assert demo.wait(60) == 130, log.read_text()
    assert "Traceback" not in log.read_text()
    log.unlink()
    assert_clean(tmp_path)
