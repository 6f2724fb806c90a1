import json
import os
import threading

import pytest

from app.demo.rehearsal.scenario import Fail, Hang, Say, Use
from runner import agent, stream
from runner.errors import AgentUnsafe, SandboxBroken
from runner.sandbox import Finished

WRITE = Use(tool="Write", input={"file_path": "{cwd}/made.txt", "content": "made\n"})


def bash(command):
    return Use(tool="Bash", input={"command": command, "description": "run"})


def finished(**changes):
    values = {
        "exit_code": 0,
        "timed_out": False,
        "cancelled": False,
        "flooded": False,
        "seconds": 1.0,
        "tail": "",
    }
    return Finished(**{**values, **changes})


def ended(**changes):
    values = {
        "is_error": False,
        "subtype": "success",
        "terminal_reason": "completed",
        "text": "done",
        "session_id": "s",
        "turns": 2,
        "denials": 0,
        "api_status": None,
        "api_error": "",
    }
    return stream.Ended(**{**values, **changes})


@pytest.fixture
def order(tmp_path):
    return agent.Order(
        prompt="p",
        model="m",
        max_turns=3,
        timeout_seconds=9,
        socket=tmp_path / "api",
        folder=tmp_path,
        session_id="s",
    )


def judge(order, done, last, *, init_seen=True):
    return agent.outcome(done, last, init_seen=init_seen, order=order)


def test_ok_needs_code_result_init_and_no_error(order):
    assert judge(order, finished(), ended()).run.ok
    assert not judge(order, finished(exit_code=1), ended()).run.ok
    assert not judge(order, finished(), None).run.ok
    assert not judge(order, finished(), ended(is_error=True)).run.ok
    assert not judge(order, finished(), ended(), init_seen=False).run.ok


@pytest.mark.parametrize(
    ("done", "last", "sentence", "retryable"),
    [
        ({"timed_out": True}, None, "still working when time was up", False),
        ({"exit_code": 137}, None, "killed by signal 9", True),
        (
            {"exit_code": 1, "tail": "a\nerror: unknown option"},
            None,
            "no result (error: unknown option)",
            False,
        ),
        ({"exit_code": 1}, {"subtype": "error_max_turns"}, "did not finish in 3 turns", False),
        (
            {"exit_code": 1},
            {"subtype": "error_max_budget_usd", "terminal_reason": "budget_exhausted"},
            "budget",
            False,
        ),
        (
            {"exit_code": 1},
            {"api_status": 403, "text": "this job's budget of $1 is spent"},
            "budget is used up",
            False,
        ),
        ({"exit_code": 1}, {"api_status": 401}, "operator must check the API key", False),
        ({"exit_code": 1}, {"api_status": 529}, "failed with 529", True),
        ({"exit_code": 1}, {"api_status": 400}, "did not take our request", False),
        ({"exit_code": 1}, {"terminal_reason": "api_error", "text": ""}, "could not be reached", True),
        ({"exit_code": 1}, {"text": "Not logged in · Run /login"}, "not logged in", False),
        ({"exit_code": 0}, {"subtype": "error_during_execution"}, "error_during_execution", False),
    ],
)
def test_every_failure_is_one_sentence(order, done, last, sentence, retryable):
    outcome = judge(order, finished(**done), ended(is_error=True, **last) if last is not None else None)
    assert not outcome.run.ok
    assert sentence in outcome.run.error
    assert outcome.run.error.endswith(".")
    assert "\n" not in outcome.run.error
    assert outcome.retryable is retryable


def init(**changes):
    values = {
        "session_id": "s",
        "version": "2",
        "permission_mode": "acceptEdits",
        "mcp_servers": (),
        "tools": ("Bash",),
    }
    return stream.Init(**{**values, **changes})


def test_an_unlocked_start_is_refused():
    agent.check_init(init())
    for changes in (
        {"mcp_servers": ("x",)},
        {"permission_mode": "bypassPermissions"},
        {"tools": ("WebFetch",)},
    ):
        with pytest.raises(AgentUnsafe):
            agent.check_init(init(**changes))


def test_the_binary_is_found_or_missed_clearly(monkeypatch, tmp_path):
    monkeypatch.delenv("FORGEHAND_CLAUDE_BINARY", raising=False)
    assert os.access(agent.claude_binary(), os.X_OK)
    monkeypatch.setenv("FORGEHAND_CLAUDE_BINARY", str(tmp_path / "nothing"))
    with pytest.raises(SandboxBroken, match="FORGEHAND_CLAUDE_BINARY"):
        agent.claude_binary()


@pytest.mark.slow
def test_works_without_network_and_credential(rehearse, claude, scratch):
    rehearsal = rehearse(
        (Say(text="I write."), WRITE), (bash("cat made.txt; env"),), (Say(text="All done."),)
    )
    outcome, logged = claude(rehearsal, system="The house rules: be kind.")
    assert outcome.run.ok, outcome.run.error
    assert outcome.run.text == "All done."
    assert outcome.run.turns == 3
    assert (scratch / "workspace" / "made.txt").read_text() == "made\n"
    assert ("agent", "I write.") in logged
    assert ("tool", "Write made.txt") in logged
    requests = rehearsal.requests()
    assert {request["headers"]["Authorization"] for request in requests} == {"Bearer job-token-3f9d0c2b"}
    assert "x-api-key" not in {name.lower() for request in requests for name in request["headers"]}
    sent = json.dumps([request["body"] for request in requests])
    assert "be kind" in sent
    assert "job-token" not in sent, "what Bash sees as its environment holds no token"


@pytest.mark.slow
def test_a_denied_tool_is_counted(rehearse, claude):
    rehearsal = rehearse(
        (Use(tool="Read", input={"file_path": "/etc/passwd"}),),
        (Use(tool="Write", input={"file_path": "{cwd}/.claude/settings.json", "content": "{}"}),),
        (Say(text="I couldn't."),),
    )
    outcome, _ = claude(rehearsal)
    assert outcome.run.ok
    assert outcome.run.denials >= 1
    assert "root:x:0" not in json.dumps([request["body"] for request in rehearsal.requests()])


@pytest.mark.slow
def test_turns_run_out(rehearse, claude):
    rehearsal = rehearse((bash("echo 1"),), (bash("echo 2"),), (bash("echo 3"),), (bash("echo 4"),))
    outcome, _ = claude(rehearsal, max_turns=2)
    assert not outcome.run.ok
    assert "did not finish in 2 turns" in outcome.run.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (401, "authentication_error", False),
        (403, "permission_error", False),
        (429, "rate_limit_error", True),
        (529, "overloaded_error", True),
    ],
)
def test_the_api_refuses(rehearse, claude, status, kind, retryable):
    outcome, _ = claude(rehearse((Fail(status=status, type=kind, message="rehearsed"),)))
    assert not outcome.run.ok
    assert str(status) in outcome.run.error
    assert outcome.retryable is retryable


@pytest.mark.slow
def test_an_api_that_says_nothing_is_left_when_time_is_up(rehearse, claude):
    outcome, _ = claude(rehearse((Hang(seconds=60),)), timeout_seconds=4)
    assert not outcome.run.ok
    assert "time was up" in outcome.run.error


@pytest.mark.slow
def test_cancelled_from_outside(rehearse, claude):
    cancel = threading.Event()
    rehearsal = rehearse((Hang(seconds=60),))

    def cancel_once_asked():
        while not rehearsal.requests():
            cancel.wait(0.05)
        cancel.set()

    thread = threading.Thread(target=cancel_once_asked)
    thread.start()
    outcome, _ = claude(rehearsal, cancel=cancel)
    thread.join()
    assert not outcome.run.ok
    assert "stopped because the job was" in outcome.run.error


@pytest.mark.slow
def test_killed_from_inside(rehearse, claude):
    outcome, _ = claude(rehearse((bash("kill -9 $PPID"),), (Say(text="still here"),)))
    assert not outcome.run.ok
    assert "killed by signal 9" in outcome.run.error
    assert outcome.retryable
