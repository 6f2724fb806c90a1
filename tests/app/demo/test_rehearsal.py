import json
import re
import signal
import subprocess
import sys
import threading

import anthropic
import httpx
import pytest

from app.demo import greeter
from app.demo.rehearsal import conflicts, scenarios, steps, wire
from app.demo.rehearsal.scenario import (
    Fail,
    Hold,
    Rewrite,
    Say,
    Scenario,
    ScenarioError,
    Script,
    Swap,
    Use,
    load,
)
from app.demo.rehearsal.server import Rehearsal
from git_ops import Conflict, Context, Git, Hunk, Side
from git_ops.resolve.prompt.question import write_question
from git_ops.resolve.prompt.sheet import sheet_of


def user(text):
    return {
        "role": "user",
        "content": [
            {"type": "text", "text": "<system-reminder>x</system-reminder>"},
            {"type": "text", "text": text},
        ],
    }


def assistant(*content):
    return {"role": "assistant", "content": list(content)}


def tool_result(name, text):
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": name, "content": text}]}


@pytest.fixture
def serve():
    servers = []

    def start(scenario):
        server = Rehearsal(scenario)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def one(*actions):
    return Scenario(name="test", scripts=(Script(steps=(actions,)),))


def test_the_step_is_counted_from_the_last_real_prompt():
    messages = [
        user("first"),
        assistant(),
        tool_result("a", "x"),
        assistant(),
        user("second"),
        assistant(),
        tool_result("b", "y"),
    ]
    assert steps.turn(messages) == steps.Turn(prompt="second", index=1)
    assert steps.turn(messages[:3]) == steps.Turn(prompt="first", index=1)
    assert steps.turn([{"role": "user", "content": "plain"}]).prompt == "plain"


def test_the_first_script_whose_patterns_are_all_found_is_played():
    scenario = Scenario(
        name="x",
        scripts=(
            Script(when=("a", "b"), steps=((Say(text="both"),),)),
            Script(when=("a",), steps=((Say(text="one"),),)),
        ),
    )
    assert steps.choose(scenario, steps.Turn(prompt="b a", index=0)) == (Say(text="both"),)
    assert steps.choose(scenario, steps.Turn(prompt="a", index=0)) == (Say(text="one"),)
    assert steps.choose(scenario, steps.Turn(prompt="a", index=5)) == (Say(text="Done."),)
    assert "no script" in steps.choose(scenario, steps.Turn(prompt="c", index=0))[0].text


def numbered(text):
    return "\n".join(f"{number:6}\t{line}" for number, line in enumerate(text.split("\n"), 1))


def edit_of(text, *swaps):
    read = {"type": "tool_use", "id": "r", "name": "Read", "input": {"file_path": "./f.py"}}
    request = {"messages": [user("x"), assistant(read), tool_result("r", numbered(text))]}
    (block,) = steps.answer((Rewrite(path="f.py", swaps=swaps),), request)
    return block


def test_a_rewrite_is_an_edit_of_what_was_read():
    block = edit_of(
        "one\ntwo\nthree\nfour",
        Swap(pattern="^two$", replacement="2"),
        Swap(pattern="thr", replacement="THR"),
    )
    assert block["input"] == {
        "file_path": "./f.py",
        "old_string": "one\ntwo\nthree",
        "new_string": "one\n2\nTHRee",
    }


def test_a_rewrite_that_fits_nothing_says_so():
    assert (
        edit_of("one", Swap(pattern="zero", replacement="")).get("text")
        == "f.py has nothing for me to change."
    )
    (block,) = steps.answer((Rewrite(path="f.py", swaps=()),), {"messages": [user("x")]})
    assert "have not read" in block["text"]


def test_the_storys_edits_fit_its_files_and_the_conflict_is_real():
    swaps = scenarios.STORY.scripts[1].steps[1][1].swaps
    text = greeter.GREETER_PY
    for swap in swaps:
        text = re.sub(swap.pattern, swap.replacement, text, flags=re.MULTILINE)
    assert 'def greet(name: str, ending: str = "!") -> str:' in text
    assert "name + ending" in text
    assert all(greeter.MAIN_COLLIDES[name] != greeter.FILES[name] for name in greeter.MAIN_COLLIDES)


def conflict_request(base, target, agent):
    """What the engine asks, written by the engine."""
    hunk = Hunk(id="h1", base=base.encode(), target=target.encode(), agent=agent.encode())
    sides = {
        role: Side(mode="100644", oid="1" * 40, content=getattr(hunk, role))
        for role in ("base", "target", "agent")
    }
    conflict = Conflict(
        path="f", kind="content", paths=("f",), stages={}, between=(b"", b""), hunks=(hunk,), **sides
    )
    context = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)
    text = write_question(sheet_of([conflict], context), {"p1": ["h1"]})
    return {
        "messages": [{"role": "user", "content": text}],
        "output_config": {"format": {"type": "json_schema"}},
    }


def told(rules, request):
    (file,) = json.loads(conflicts.answer(rules, request)[0]["text"])["files"]
    (hunk,) = file["hunks"]
    return hunk


def test_conflicts_are_settled_by_rule_and_every_lost_line_is_named():
    base, target, agent = '"Hello, " + "!"\n', '"Good day, " + "!"\n', '"Hello, " + ending\n'
    request = conflict_request(base, target, agent)
    assert conflicts.is_conflict_request(request)
    hunk = told(scenarios.STORY.conflicts, request)
    assert hunk["decision"] == "resolve"
    assert hunk["lines"] == ['"Good day, " + ending']
    assert [drop["line"] for drop in hunk["dropped"]] == ['"Good day, " + "!"', '"Hello, " + ending']


def test_a_conflict_without_a_rule_is_abstained_from():
    hunk = told((), conflict_request("a\n", "b\n", "c\n"))
    assert hunk["decision"] == "abstain"
    assert hunk["lines"] == []


def test_the_stream_builds_the_same_message_as_the_json(serve):
    content = (Say(text="ä" * 100), Use(tool="Bash", input={"command": "ls"}))
    server = serve(one(*content))
    with anthropic.Anthropic(base_url=server.url, auth_token="t", max_retries=0) as client:
        request = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "x"}]}
        whole = client.messages.create(**request)
        with client.messages.stream(**request) as stream:
            streamed = stream.get_final_message()
        assert client.messages.count_tokens(model="m", messages=request["messages"]).input_tokens > 0
    assert [block.model_dump() for block in streamed.content] == [
        block.model_dump() for block in whole.content
    ]
    assert (streamed.stop_reason, whole.stop_reason) == ("tool_use", "tool_use")
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert [entry["headers"]["Authorization"] for entry in server.requests()] == ["Bearer t"] * 2


def test_errors_and_bad_requests(serve):
    server = serve(one(Fail(status=529, type="overloaded_error", message="busy")))
    answer = httpx.post(f"{server.url}/v1/messages", json={"messages": []})
    assert (answer.status_code, answer.json()["error"]["message"]) == (529, "busy")
    assert httpx.post(f"{server.url}/v1/messages", content=b"no").status_code == 400
    assert httpx.post(f"{server.url}/v1/other", json={}).status_code == 404
    assert httpx.get(f"{server.url}/").status_code == 404


def test_a_held_step_goes_on_when_released(serve):
    server = serve(one(Hold(seconds=60), Say(text="at last")))
    answers = []
    body = {"messages": [{"role": "user", "content": "x"}]}
    asking = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{server.url}/v1/messages", json=body, timeout=30))
    )
    asking.start()
    while not httpx.get(f"{server.url}/rehearsal/state").json()["holding"]:
        pass
    assert answers == []
    assert httpx.post(f"{server.url}/rehearsal/release").json()["released"]
    asking.join()
    assert answers[0].json()["content"][0]["text"] == "at last"
    assert len(httpx.get(f"{server.url}/rehearsal/requests").json()) == 1


def test_a_scenario_file_is_parsed_strictly(tmp_path):
    path = tmp_path / "scenario.json"
    path.write_text(scenarios.STORY.model_dump_json())
    assert load(path) == scenarios.STORY
    path.write_text('{"name": "x", "scripts": [{"steps": [[{"do": "say", "txt": "x"}]]}]}')
    with pytest.raises(ScenarioError, match=r"scripts\.0\.steps"):
        load(path)
    with pytest.raises(ScenarioError, match="can't be read"):
        load(tmp_path / "nothing")


def test_tokens_are_never_zero():
    assert wire.tokens("") == 1


def test_runs_as_a_process_and_ends_when_told(tmp_path):
    path = tmp_path / "scenario.json"
    path.write_text(one(Say(text="hi")).model_dump_json())
    argv = [sys.executable, "-m", "app.demo.rehearsal", "--port", "0", "--scenario-file", str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        word, url = process.stdout.readline().split()
        assert word == "READY"
        answer = httpx.post(f"{url}/v1/messages", json={"messages": [{"role": "user", "content": "x"}]})
        assert answer.json()["content"][0]["text"] == "hi"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
