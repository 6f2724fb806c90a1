import os
import subprocess
import sys
import time

import pytest

from git_ops.waiting import wait


def start(program):
    return subprocess.Popen([sys.executable, "-c", program])


@pytest.mark.parametrize("can_ask", [True, False])
def test_the_exit_code_and_no_waiting_beyond_it(can_ask, monkeypatch):
    if not can_ask:
        monkeypatch.setattr(os, "pidfd_open", refuse)
    process = start("import sys, time; time.sleep(0.2); sys.exit(3)")
    assert wait(process, 30) == 3
    assert wait(process, 0) == 3


def refuse(_pid):
    raise OSError("no such call")


@pytest.mark.parametrize("can_ask", [True, False])
def test_time_that_is_up(can_ask, monkeypatch):
    if not can_ask:
        monkeypatch.setattr(os, "pidfd_open", refuse)
    process = start("import time; time.sleep(60)")
    try:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            wait(process, 0.05)
        assert time.monotonic() - began < 30
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_process_that_was_killed():
    process = start("import time; time.sleep(60)")
    process.kill()
    assert wait(process, 30) == -9
