import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from runner import sandbox as module
from runner.errors import SandboxBroken
from runner.sandbox import Sandbox, best_level, works

pytestmark = pytest.mark.slow

ISOLATED = best_level()
LEVELS = [level for level in ("bwrap", "namespaces", "plain") if level == "plain" or works(level)]
needs_isolation = pytest.mark.skipif(ISOLATED == "plain", reason="this kernel allows no isolation at all")


@pytest.fixture(params=LEVELS)
def box(request, scratch):
    return Sandbox(scratch / "workspace", scratch, level=request.param)


@pytest.fixture
def isolated(scratch):
    return Sandbox(scratch / "workspace", scratch, level=ISOLATED)


def python(box, code, **kwargs):
    kwargs.setdefault("timeout_seconds", 20)
    return box.run(["python3", "-c", textwrap.dedent(code)], **kwargs)


def alive_with(marker):
    found = []
    for process in psutil.process_iter():
        try:
            if marker in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def gone(marker, seconds=10):
    end = time.monotonic() + seconds
    while alive_with(marker) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive_with(marker)


def test_runs_in_the_workspace_and_tells_how_it_ended(box):
    lines = []
    finished = box.run(
        ["sh", "-c", "cat; pwd; echo oops >&2; touch made; exit 7"],
        stdin=b"fed\n",
        on_line=lambda source, text: lines.append((source, text)),
        timeout_seconds=20,
    )
    assert finished.exit_code == 7
    assert not finished.timed_out
    assert not finished.cancelled
    assert ("out", "fed") in lines
    assert ("out", str(box.workspace)) in lines
    assert ("err", "oops") in lines
    assert (box.workspace / "made").exists()


def test_death_by_signal_is_128_and_its_number(box):
    assert box.run(["sh", "-c", "kill -KILL $$"], timeout_seconds=20).exit_code == 137


def test_the_environment_is_built_from_nothing(box, monkeypatch):
    monkeypatch.setenv("FORGEHAND_JOB_TOKEN", "never")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "never")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/never")
    lines = []
    box.run(
        ["/usr/bin/env"], env={"EXTRA": "1"}, on_line=lambda _, text: lines.append(text), timeout_seconds=20
    )
    names = {line.partition("=")[0] for line in lines}
    assert names - {"PWD"} == {"PATH", "HOME", "LANG", "TERM", "TMPDIR", "EXTRA"}  # bubblewrap sets PWD


def test_a_program_that_is_not_there_is_a_clear_error(box):
    if box.level == "bwrap":
        pytest.skip("bubblewrap tells it by an exit code of its own")
    with pytest.raises(SandboxBroken, match=r"could not start no-such-program: .*No such file"):
        box.run(["no-such-program"], timeout_seconds=20)


def test_time_out_ends_grandchildren_in_sessions_of_their_own(box):
    marker = f"{time.time_ns()}"
    code = f"""
        import os, subprocess, sys, time
        for _ in range(2):
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", "{marker}"], start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(300)", "{marker}"])
            os._exit(0)
        time.sleep(1)  # until all of them are what they will be
        print("up", flush=True)
        time.sleep(300)
    """
    seen = []
    finished = python(
        box, code, timeout_seconds=3, on_line=lambda _, text: seen.append(len(alive_with(marker)))
    )
    assert finished.timed_out
    assert seen[0] >= 2, "the test must have something to end"
    assert gone(marker)


def test_what_is_left_behind_ends_with_the_command(box):
    marker = f"{time.time_ns()}"
    code = f"""
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", "{marker}"], start_new_session=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    """
    assert python(box, code).exit_code == 0
    assert gone(marker)


def test_cancel_ends_it(box):
    cancel = threading.Event()
    finished = box.run(
        ["sh", "-c", "echo up; sleep 300"], on_line=lambda *_: cancel.set(), cancel=cancel, timeout_seconds=60
    )
    assert finished.cancelled
    assert not finished.timed_out


def test_an_error_in_the_callers_callback_ends_it_too(box):
    marker = f"{time.time_ns()}"

    def refuse(*_):
        raise LookupError

    with pytest.raises(LookupError):
        box.run(["sh", "-c", "echo up; exec sleep 300", marker], on_line=refuse, timeout_seconds=60)
    assert gone(marker)


@pytest.mark.parametrize("level", LEVELS)
def test_kill_9_of_the_supervisor_ends_the_sandbox(level, scratch):
    marker = f"{time.time_ns()}"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(300)', '{marker}'], start_new_session=True)"
    code = textwrap.dedent(f"""
        from pathlib import Path
        from runner.sandbox import Sandbox
        box = Sandbox(Path({str(scratch / "workspace")!r}), Path({str(scratch)!r}), level={level!r})
        box.run(["python3", "-c", {child!r}, "{marker}"], timeout_seconds=300)
    """)
    supervisor = subprocess.Popen([sys.executable, "-c", code])
    try:
        end = time.monotonic() + 20
        while len(alive_with(marker)) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        assert len(alive_with(marker)) >= 2, "the test must have something to end"
    finally:
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
    assert gone(marker)


@needs_isolation
def test_no_way_to_a_listener_of_this_machine(isolated):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)"
        plain = Sandbox(isolated.workspace, isolated.home.parent, level="plain")
        assert python(plain, code).exit_code == 0, "the control must get through"
        finished = python(isolated, code)
    assert finished.exit_code == 1
    assert "Connection refused" in finished.tail


@needs_isolation
def test_a_repositorys_tests_can_talk_to_themselves(isolated):
    code = """
        import socket
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), 3).close()
    """
    assert python(isolated, code).exit_code == 0


@needs_isolation
def test_no_process_and_so_no_environment_of_ours_is_visible(isolated, monkeypatch):
    canary = f"canary-{time.time_ns()}"
    holder = subprocess.Popen(["sleep", "300"], env={"PATH": os.environ["PATH"], "SECRET": canary})
    code = f"""
        import glob
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                data = open(path, "rb").read()
            except OSError:
                continue
            print("seen", path, {canary.encode()!r} in data)
    """
    try:
        control = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=True
        )
        assert b"True" in control.stdout, "the control must find it"
        tail = python(isolated, code).tail
    finally:
        holder.kill()
        holder.wait()
    assert "seen" in tail
    assert "True" not in tail


@needs_isolation
def test_files_besides_the_systems_are_not_there(isolated, tmp_path):
    secret = tmp_path / "settings.env"
    secret.write_text("KEY=1")
    private = isolated.home.parent / "private"
    private.mkdir()
    shown = isolated.home.parent / "shown"
    shown.write_text("yes")
    box = Sandbox(isolated.workspace, isolated.home.parent, readonly=[shown], level=isolated.level)
    code = f"""
        import os
        for path in ({str(secret)!r}, {str(private)!r}, "/etc/shadow", "/var", "/sys", "/home", {str(Path.home() / ".ssh")!r}):
            print(path, os.path.exists(path))
        print(open({str(shown)!r}).read())
        try:
            open({str(shown)!r}, "w")
        except OSError as error:
            print(error.strerror)
        for target in ("/usr/x", "/etc/x", "/x", "/proc/sys/kernel/core_pattern"):
            try:
                open(target, "r+" if "proc" in target else "w").close()
                print(target, "was opened")
            except OSError:
                pass
    """
    tail = python(box, code).tail
    assert "True" not in tail
    assert "was opened" not in tail
    assert "yes" in tail
    assert "Read-only file system" in tail


@needs_isolation
def test_no_capability_and_no_way_to_one(isolated):
    tail = isolated.run(["grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status"], timeout_seconds=20).tail
    values = dict(line.split(":\t") for line in tail.splitlines())
    assert {int(values[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert values["NoNewPrivs"] == "1"


def test_long_lines_and_much_output_have_limits(box, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 100_000)
    monkeypatch.setattr(module, "MAX_OUTPUT_BYTES", 3_000_000)
    lines = []
    finished = python(
        box,
        """
        print("x" * 1_000_000)
        print("short", flush=True)
        while True:
            print("y" * 1000)
        """,
        on_line=lambda _, text: lines.append(text),
    )
    assert finished.flooded
    assert lines[0] == "short"
    assert len(finished.tail) <= module.TAIL_CHARACTERS


def test_a_big_input_is_no_deadlock(box):
    finished = box.run(["sh", "-c", "sleep 0.1; wc -c"], stdin=b"x" * 1_000_000, timeout_seconds=20)
    assert finished.tail.strip() == "1000000"
