import json
import threading
import time

import pytest

from app.demo import greeter
from app.demo.rehearsal.scenario import Fail, Hang, Hold, Rewrite, Say, Scenario, Script, Swap, Use
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


def settling(*steps):
    """What the agent does where it is asked to settle conflicts."""
    return Script(when=(r"Settle the conflicts of a rebase",), steps=(*steps, (Say(text="settled"),)))


def read(path):
    return Use(tool="Read", input={"file_path": "{cwd}/" + path})


def verdict(*settled):
    values = {
        "file_path": "{cwd}/.forgehand-conflict/settled.json",
        "content": json.dumps({"settled": settled}),
    }
    return Use(tool="Write", input=values)


def greeting(text):
    """Puts another `greet` in place of what TARGET has."""
    swaps = (Swap(pattern=r"def greet\(name: str\) -> str:\n    return .*", replacement=text),)
    return Rewrite(path="greeter.py", swaps=swaps)


BOTH = 'def greet(name: str, ending: str = "!") -> str:\n    return "Good day, " + name + ending'


def test_what_claude_leaves_open_the_agent_settles(origin, spec, brokers, rehearse, runner):
    steps = settling(
        (read(".forgehand-conflict/about.md"), read("greeter.py")),
        (greeting(BOTH),),
        (bash("python3 -m unittest -q"),),
        (verdict({"conflict": "p1", "why": "words and ending are independent"}),),
    )
    rehearsal = rehearse(Scenario(name="settling", scripts=(steps, *STORY.scripts)))
    broker = brokers(spec(task=ISSUE, verify=VERIFY), rehearsal)
    process = runner(broker)
    wait_for(lambda: rehearsal.state()["holding"] or process.poll() is not None)
    onto = origin.commit(greeter.MAIN_COLLIDES_SUBJECT, greeter.MAIN_COLLIDES)
    rehearsal.released.set()
    assert end(process) == (OK, "")

    result = broker.result
    assert (result.outcome, result.rebase.outcome, result.rebase.detail) == ("changed", "resolved", "")
    (conflict,) = result.rebase.conflicts
    assert (conflict.resolver, conflict.path, conflict.elsewhere) == ("agent", "greeter.py", ())
    assert conflict.why == "words and ending are independent"
    assert greeter.EXPECTED_LINE in origin.show(f"{QUARANTINE}:greeter.py").splitlines()
    assert origin.log(QUARANTINE) == f"Agent|Do it|{onto}"
    assert [(run.exit_code, run.sha) for run in result.verifications] == [(0, result.head_sha)]
    assert "forgehand-conflict" not in origin.show(QUARANTINE)
    told = str([request["body"] for request in rehearsal.requests()][-2])
    assert "Greet politely" in told, "it must have read what both sides wanted"


@pytest.fixture
def colliding(origin, spec, brokers, rehearse, runner):
    """`colliding(*steps, verify=…)`: the result of a rebase job in which the agent takes these steps."""

    def run(*steps, **options):
        mine = greeter.GREETER_PY.replace("(name: str)", '(name: str, ending: str = "!")')
        mine = mine.replace('name + "!"', "name + ending")
        branch = origin.commit("An ending", {"greeter.py": mine}, branch="topic")
        origin.reset(origin.base)
        onto = origin.commit(greeter.MAIN_COLLIDES_SUBJECT, greeter.MAIN_COLLIDES)
        scenario = Scenario(name="settling", scripts=(settling(*steps),))
        broker = brokers(spec(kind="rebase", start_sha=branch, base_sha=onto, **options), rehearse(scenario))
        assert end(runner(broker))[0] == OK
        return broker.result

    return run


@pytest.mark.parametrize("works", [True, False])
def test_an_edit_elsewhere_needs_the_tests(origin, colliding, works):
    text = BOTH if works else BOTH.replace('"Good day, "', '"Good day, " * 1 + missing')
    elsewhere = Rewrite(
        path="test_greeter.py",
        swaps=(Swap(pattern=r'greet\("Ada"\)\.endswith', replacement='greet("Ada", "!").endswith'),),
    )
    said = {"conflict": "p1", "why": "its test, too", "elsewhere": ["test_greeter.py"]}
    result = colliding(
        (read("greeter.py"), read("test_greeter.py")),
        (greeting(text), elsewhere),
        (verdict(said),),
        verify=VERIFY,
    )
    (conflict,) = result.rebase.conflicts
    assert (conflict.resolver, conflict.elsewhere) == ("agent", ("test_greeter.py",))
    if works:
        assert (result.outcome, result.rebase.outcome) == ("changed", "resolved")
        assert 'greet("Ada", "!")' in origin.show(f"{QUARANTINE}:test_greeter.py")
        assert result.verifications[-1].exit_code == 0
    else:
        assert (result.outcome, result.rebase.outcome) == ("failed", "conflicted")
        assert "outside-hunks" in result.rebase.detail
        assert not origin.has(QUARANTINE)


TRUST = verdict({"conflict": "p1", "why": "trust me"})
MARKED = BOTH.replace("\n", "\n<<<<<<< TARGET\n    pass\n=======\n")


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (((read("greeter.py"),), (greeting(MARKED),), (TRUST,)), "refused by gate marker-lines"),
        (((TRUST,),), "refused by gate changes-preserved"),
        (
            ((read("greeter.py"),), (greeting(BOTH), bash("echo x > x.txt")), (TRUST,)),
            "changed x.txt, and no",
        ),
        (((read("greeter.py"),), (greeting(BOTH),)), "the agent didn't say what it settled"),
        (((TRUST,), (Fail(status=400, type="invalid_request_error", message="rehearsed"),)), "400"),
    ],
)
def test_what_the_agent_does_badly_is_in_the_result(origin, colliding, steps, told):
    result = colliding(*steps)
    assert (result.outcome, result.rebase.outcome) == ("failed", "conflicted")
    (conflict,) = result.rebase.conflicts
    assert conflict.resolver is None
    assert told in conflict.why.partition("agent: ")[2]
    assert not origin.has(QUARANTINE)


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


def test_what_the_tests_leave_at_home_isnt_there_for_the_targets(origin, spec, brokers, rehearse, runner):
    branch = origin.commit("Mine", {"mine.txt": "1\n"}, branch="topic")
    origin.reset(origin.base)
    onto = origin.commit(greeter.MAIN_HARMLESS_SUBJECT, greeter.MAIN_HARMLESS)
    verify = "test -e ~/was-here && exit 0; touch ~/was-here; exit 1"
    job = spec(kind="rebase", start_sha=branch, base_sha=onto, verify=verify)
    broker = brokers(job, rehearse((Say(text="nobody asks me"),)))
    assert end(runner(broker))[0] == OK
    assert [run.exit_code for run in broker.result.verifications] == [1, 1]
    assert (broker.result.outcome, broker.result.rebase.outcome) == ("changed", "clean")


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
