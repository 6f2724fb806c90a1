import json
import logging

import pytest
import structlog

from app.telemetry import logs


@pytest.fixture(autouse=True)
def restore():
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_one_event_is_one_line_whatever_is_in_it(capsys, log_format):
    logs.configure(log_format)
    logs.get().info("job_created", repo="ada/demo\n2026 level=info event=forged", by="\x1b[2J")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert "\x1b" not in captured.err


def test_json_lines_carry_level_time_and_context(capsys):
    logs.configure("json")
    with structlog.contextvars.bound_contextvars(task="launch"):
        logs.get().warning("runner_lost", job="j1")
    entry = json.loads(capsys.readouterr().err)
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {"event": "runner_lost", "level": "warning", "job": "j1", "task": "launch"}


def test_debug_lines_are_left_out(capsys):
    logs.configure("json")
    logs.get().debug("task_waits")
    assert capsys.readouterr().err == ""
