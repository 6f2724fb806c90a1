import os
import signal
import time

import psutil
import pytest

from app.demo.rehearsal.scenario import Use
from app.demo.rehearsal.scenarios import GENERIC
from runner.main import FENCED, MISCONFIGURED, OK, main, take_door


@pytest.fixture
def spec(origin, job_spec):
    return lambda **changes: job_spec(origin, **changes)


def bash(command):
    return Use(tool="Bash", input={"command": command, "description": "run"})


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def end(process):
    _, errors = process.communicate(timeout=90)
    return process.returncode, errors


@pytest.mark.slow
@pytest.mark.parametrize("ending", [("cancel", OK), ("sigterm", OK), ("fenced", FENCED)])
def test_stopped_from_outside(spec, brokers, rehearse, runner, ending):
    how, code = ending
    rehearsal = rehearse((bash("python3 -c 'import time; time.sleep(300)' forgehand-test-marker"),))
    broker = brokers(spec(), rehearsal)
    process = runner(broker)
    wait_for(lambda: _marked() or process.poll() is not None)
    assert _marked()
    if how == "sigterm":
        process.send_signal(signal.SIGTERM)
    else:
        setattr(broker, how, True)
    assert end(process)[0] == code
    if code == OK:
        assert broker.result.outcome == "failed"
        assert ("cancelled" if how == "cancel" else "told to stop") in broker.result.error
    assert not _marked()
    assert list(runner.scratch.iterdir()) == []


@pytest.mark.slow
def test_kill_9_leaves_no_process(spec, brokers, rehearse, runner):
    rehearsal = rehearse((bash("python3 -c 'import time; time.sleep(300)' forgehand-test-marker"),))
    process = runner(brokers(spec(), rehearsal))
    wait_for(lambda: _marked() or process.poll() is not None)
    assert _marked()
    process.kill()
    process.wait()
    wait_for(lambda: not _marked(), 15)


def _marked():
    found = []
    for process in psutil.process_iter():
        try:
            if "forgehand-test-marker" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
def test_a_wrong_token_ends_it_at_once(spec, brokers, rehearse, runner):
    broker = brokers(spec(), rehearse(GENERIC))
    code, errors = end(runner(broker, token="wrong"))
    assert code == FENCED
    assert "no longer knows this attempt" in errors
    assert broker.events == []


def test_the_token_is_taken_out_of_the_environment(monkeypatch, capsys):
    environ = {"FORGEHAND_BROKER_URL": "http://127.0.0.1:1/broker/", "FORGEHAND_JOB_TOKEN": "secret"}
    door = take_door(environ)
    assert "FORGEHAND_JOB_TOKEN" not in environ
    assert door.url == "http://127.0.0.1:1/broker"
    assert "secret" not in repr(door)
    assert take_door({"FORGEHAND_BROKER_URL": "http://x"}) is None
    monkeypatch.delenv("FORGEHAND_BROKER_URL", raising=False)
    assert main() == MISCONFIGURED
    assert "must be set" in capsys.readouterr().err
    assert "FORGEHAND_JOB_TOKEN" not in os.environ
