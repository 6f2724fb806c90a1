import threading
import time

import pytest

from app.demo import greeter
from app.demo.rehearsal.scenario import Fail, Hang, Hold, Say, Scenario, Use
from app.demo.rehearsal.scenarios import GENERIC, STORY
from runner.main import OK
from runner.protocol import Task

QUARANTINE = "refs/forgehand/jobs/j1/1/head"
ISSUE = Task(title=greeter.ISSUE_TITLE, body=greeter.ISSUE_BODY, author="ada", number=1)
VERIFY = "python3 -m unittest -q"

pytestmark = pytest.mark.slow


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


def test_the_story(origin, spec, brokers, rehearse, runner):
    rehearsal = rehearse(STORY)
    broker = brokers(
        spec(task=ISSUE, commit_subject="Let the caller choose the ending", verify=VERIFY), rehearsal
    )
    process = runner(broker)
    wait_for(lambda: rehearsal.state()["holding"] or process.poll() is not None)
    onto = origin.commit(greeter.MAIN_COLLIDES_SUBJECT, greeter.MAIN_COLLIDES)
    rehearsal.released.set()
    code, errors = end(process)
    assert code == OK
    assert errors == ""

    result = broker.result
    assert (result.outcome, result.error) == ("changed", None)
    assert result.agent.ok
    assert result.rebase.outcome == "resolved"
    assert result.rebase.onto == onto
    assert [fact.resolver for fact in result.rebase.conflicts] == ["claude"]
    assert greeter.EXPECTED_LINE in origin.show(f"{QUARANTINE}:greeter.py").splitlines()
    assert origin.log(QUARANTINE) == f"Agent|Let the caller choose the ending|{onto}"
    (verification,) = result.verifications
    assert (verification.exit_code, verification.sha) == (0, result.head_sha)
    assert broker.phases == ["clone", "edit", "commit", "rebase", "verify", "push"]
    assert [event.seq for event in broker.events] == list(range(1, len(broker.events) + 1))
    assert list(runner.scratch.iterdir()) == [], "nothing may be left behind"

    first_head = result.head_sha
    task = ISSUE.model_copy(update={"request": "please rename it to `punctuation`"})
    again = brokers(spec(task=task, base_sha=onto, start_sha=first_head, verify=VERIFY), rehearsal)
    assert end(runner(again)) == (OK, "")
    assert again.result.rebase.outcome == "up_to_date"
    assert greeter.EXPECTED_LINE_AFTER_COMMENT in origin.show(f"{QUARANTINE}:greeter.py").splitlines()
    assert again.result.verifications[0].exit_code == 0


def test_nothing_of_the_token_reaches_the_sandbox(origin, spec, brokers, rehearse, runner):
    canary = "job-token-3f9d0c2b"
    look = "env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' ' '; grep -rs job-tok[e]n $HOME /tmp /run; ls -laR ..; true"
    rehearsal = rehearse((bash(look),), (Say(text="looked"),))
    broker = brokers(spec(), rehearsal)
    assert end(runner(broker))[0] == OK
    assert broker.result.outcome == "no_changes"
    bodies = [str(request["body"]["messages"]) for request in rehearsal.requests()]
    assert "ANTHROPIC_UNIX_SOCKET" in bodies[-1], "the look must have worked"
    assert canary not in "".join(bodies)


def test_no_change_is_never_done(spec, brokers, rehearse, runner, origin):
    broker = brokers(spec(), rehearse((Say(text="I made a wonderful change."),)))
    assert end(runner(broker))[0] == OK
    assert broker.result.outcome == "no_changes"
    assert broker.result.head_sha is None
    assert not origin.has(QUARANTINE)


def test_a_failed_agents_work_is_saved(origin, spec, brokers, rehearse, runner):
    failing = (Fail(status=400, type="invalid_request_error", message="rehearsed"),)
    broker = brokers(spec(), rehearse((bash("echo half > half.txt"),), failing))
    assert end(runner(broker))[0] == OK
    result = broker.result
    assert result.outcome == "failed"
    assert "400" in result.error
    assert origin.show(f"{QUARANTINE}:half.txt") == "half"
    assert result.head_sha


def test_an_unsolved_conflict_leaves_the_work_unrebased(origin, spec, brokers, rehearse, runner):
    scenario = Scenario(name="alone", scripts=STORY.scripts)
    rehearsal = rehearse(scenario)
    broker = brokers(spec(task=ISSUE), rehearsal)
    process = runner(broker)
    wait_for(lambda: rehearsal.state()["holding"] or process.poll() is not None)
    origin.commit(greeter.MAIN_COLLIDES_SUBJECT, greeter.MAIN_COLLIDES)
    rehearsal.released.set()
    assert end(process)[0] == OK
    result = broker.result
    assert (result.outcome, result.rebase.outcome) == ("changed", "conflicted")
    assert result.rebase.conflicts[0].resolver is None
    assert 'return "Hello, " + name + ending' in origin.show(f"{QUARANTINE}:greeter.py")


def test_a_rebase_job(origin, spec, brokers, rehearse, runner):
    branch = origin.commit("Mine", {"mine.txt": "1\n"}, branch="topic")
    origin.reset(origin.base)
    onto = origin.commit(greeter.MAIN_HARMLESS_SUBJECT, greeter.MAIN_HARMLESS)
    rehearsal = rehearse((Say(text="nobody asks me"),))
    broker = brokers(spec(kind="rebase", start_sha=branch, base_sha=onto), rehearsal)
    assert end(runner(broker)) == (OK, "")
    assert (broker.result.outcome, broker.result.rebase.outcome) == ("changed", "clean")
    assert origin.show(f"{QUARANTINE}:mine.txt") == "1"
    assert rehearsal.requests() == []
    assert broker.phases == ["clone", "rebase", "push"]


def test_a_rebase_job_with_a_conflict_says_so_and_pushes_nothing(origin, spec, brokers, rehearse, runner):
    branch = origin.commit("Mine", {"README.md": "mine\n"}, branch="topic")
    origin.reset(origin.base)
    onto = origin.commit("Theirs", {"README.md": "theirs\n"})
    broker = brokers(spec(kind="rebase", start_sha=branch, base_sha=onto), rehearse((Say(text="x"),)))
    assert end(runner(broker))[0] == OK
    assert broker.result.outcome == "failed"
    assert "README.md (content)" in broker.result.error
    assert not origin.has(QUARANTINE)


def test_failing_tests_are_a_fact_not_a_failure(spec, brokers, rehearse, runner):
    broker = brokers(spec(verify="echo 'it broke'; exit 3"), rehearse(GENERIC))
    assert end(runner(broker))[0] == OK
    (verification,) = broker.result.verifications
    assert (broker.result.outcome, verification.exit_code) == ("changed", 3)
    assert "it broke" in verification.tail


def test_a_nested_repository_is_named(spec, brokers, rehearse, runner):
    # Claude Code refuses to write into a .git, but an interpreter doesn't ask it.
    code = (
        "import pathlib as p; [p.Path('sub/.g' + 'it', n).mkdir(parents=True) for n in ('objects', 'refs')]"
    )
    more = "p.Path('sub/.g' + 'it/HEAD').write_text('ref: refs/heads/x'); p.Path('sub/a').write_text('a')"
    plant = bash(f'python3 -c "{code}; {more}"')
    broker = brokers(spec(), rehearse((plant,), (Say(text="done"),)))
    assert end(runner(broker))[0] == OK
    assert broker.result.outcome == "failed"
    assert "sub" in broker.result.error


def test_time_is_up(spec, brokers, rehearse, runner, job_limits):
    broker = brokers(spec(limits=job_limits(max_turns=5, timeout_seconds=4)), rehearse((Hang(seconds=60),)))
    assert end(runner(broker))[0] == OK
    assert broker.result.outcome == "failed"
    assert "time was up" in broker.result.error


def test_a_service_that_restarts_loses_nothing(spec, brokers, rehearse, runner):
    rehearsal = rehearse((Hold(seconds=60), bash("echo 1 > one.txt")), (Say(text="done"),))
    broker = brokers(spec(), rehearsal)
    broker.unavailable = 2
    process = runner(broker)
    wait_for(lambda: rehearsal.state()["holding"] or process.poll() is not None)
    broker.unavailable = 3
    threading.Timer(0.5, rehearsal.released.set).start()
    assert end(process)[0] == OK
    assert broker.result.outcome == "changed"
    assert [event.seq for event in broker.events] == list(range(1, len(broker.events) + 1))
