import dataclasses

import pytest

from git_ops.conflict import Abstained, File
from git_ops.errors import GitError
from git_ops.resolve.agentic import AgenticAnswer, AgenticResolver, Verdict
from git_ops.resolve.chain import Chain, Settled
from git_ops.verify import check_resolution

TEXT = ({"f": "1\n2\n3\n"}, {"f": "1\n2\nT = 1\n3\n"}, {"f": "1\n2\nA = 1\n3\n"})
DELETED = ({"f": "1\n2\n3\n", "x": "x"}, {"f": None}, {"f": "1\n2\n3\n4\n"})
BOTH = b"1\n2\nT = 1\nA = 1\n3\n"


class Agent:
    """Plays the one who works in the checkout: keeps the requests, gives the answer."""

    def __init__(self, files, settled):
        self.answer = AgenticAnswer(files=files, settled=settled)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        return self.answer


@pytest.fixture
def work(situation):
    def work(versions, files, settled, **context):
        conflicts, known = situation(*versions)
        agent = Agent(files, settled)
        resolver = AgenticResolver(agent)
        return resolver.resolve_together(conflicts, dataclasses.replace(known, **context)), agent

    return work


def test_answer_passes_the_gates_and_is_the_agents(situation):
    agent = Agent({"f": BOTH}, {"f": Verdict(why="both are needed")})
    (settled,) = Chain([AgenticResolver(agent)]).settle(*situation(*TEXT))
    assert isinstance(settled, Settled)
    assert (settled.resolution.source, settled.resolution.why) == ("agent", "both are needed")
    assert settled.resolution.files == {"f": File(mode="100644", content=BOTH)}
    assert settled.resolution.hunks[0].text == b"T = 1\nA = 1\n"


def test_tree_to_start_from_has_the_targets_lines_and_no_marker(work, repo):
    _, agent = work(TEXT, {}, {})
    tree = agent.requests[0].tree
    assert repo.show(tree, "f") == b"1\n2\nT = 1\n3\n"
    assert repo("ls-tree", "-r", "--name-only", tree) == "f"


def test_tree_has_the_targets_names(work, repo):
    _, agent = work(DELETED, {}, {})
    assert repo("ls-tree", "-r", "--name-only", agent.requests[0].tree) == "x"


def test_tree_has_what_was_settled_before(situation, repo):
    versions = tuple({"f": v["f"], "g": v["f"]} for v in TEXT)
    (one, other), context = situation(*versions)
    agent = Agent({}, {})
    first = AgenticResolver(Agent({"f": BOTH}, {"f": Verdict(why="w")})).resolve_together([one], context)["f"]
    settled = Settled(conflict=one, resolution=first, gates=check_resolution(one, first))
    AgenticResolver(agent).resolve_together([other], dataclasses.replace(context, settled=(settled,)))
    assert repo.show(agent.requests[0].tree, "f") == BOTH
    assert repo.show(agent.requests[0].tree, "g") == TEXT[1]["g" if "g" in TEXT[1] else "f"].encode()


def test_description_is_fenced_and_complete(work):
    _, agent = work(TEXT, {}, {})
    for part in ("Make it better", "<p1-h1-TARGET fence=", "+T = 1", "agent's work", "target's work"):
        assert part in agent.requests[0].description


def test_what_isnt_said_to_be_settled_isnt(work):
    found, _ = work(TEXT, {"f": BOTH}, {})
    assert found == {"f": Abstained(why="the agent left it as it was")}


def test_untouched_but_settled_is_the_targets_state_and_the_gates_see_it(work):
    found, agent = work(TEXT, {}, {"f": Verdict(why="nothing to do")})
    assert found["f"].content_at("f") == b"1\n2\nT = 1\n3\n"
    gates = check_resolution(agent.requests[0].conflicts[0], found["f"])
    assert "changes-preserved" in {gate.name for gate in gates if not gate.passed}


def test_untouched_but_settled_may_mean_gone(work):
    found, _ = work(DELETED, {}, {"f": Verdict(why="it may go")})
    assert found["f"].files == {"f": None}


def test_named_drops_reach_the_gates(situation):
    agent = Agent({}, {"f": Verdict(why="obsolete", dropped=("A = 1",))})
    (settled,) = Chain([AgenticResolver(agent)]).settle(*situation(*TEXT))
    assert isinstance(settled, Settled)


def test_edits_elsewhere_belong_to_a_conflict(work):
    versions = tuple({"callers.py": "f()\n"} | v for v in TEXT)
    verdict = Verdict(why="the caller, too", elsewhere=frozenset({"callers.py", "untouched.py"}))
    found, _ = work(versions, {"f": BOTH, "callers.py": b"f(1)\n"}, {"f": verdict})
    assert found["f"].elsewhere == {"callers.py"}
    assert found["f"].content_at("callers.py") == b"f(1)\n"


def test_stray_edits_refuse_everything(work):
    found, _ = work(TEXT, {"f": BOTH, "stray\n": b"x"}, {"f": Verdict(why="w")})
    assert found["f"] == Abstained(why="the agent changed stray\\n, and no conflict needs that")


def test_links_are_no_files_to_write(work, repo):
    versions = ({"f": TEXT[0]["f"], "link": "x"}, TEXT[1], TEXT[2])
    (repo.path / "real").symlink_to("/etc/passwd")
    versions[0]["real"] = (repo.path / "real").readlink()
    verdict = Verdict(why="w", elsewhere=frozenset({"real"}))
    found, _ = work(versions, {"f": BOTH, "real": b"x"}, {"f": verdict})
    assert found["f"] == Abstained(why="the agent changed real, which is no regular file")


@pytest.mark.parametrize("bad", ["../x", ".git/config", "/etc/passwd"])
def test_names_outside_the_tree_are_refused_by_a_gate(situation, bad):
    verdict = Verdict(why="w", elsewhere=frozenset({bad}))
    (open_one,) = Chain([AgenticResolver(Agent({"f": BOTH, bad: b"x"}, {"f": verdict}))]).settle(
        *situation(*TEXT)
    )
    assert "refused by gate path-set" in open_one.why


def test_markers_are_refused_by_a_gate(situation):
    marked = b"1\n2\n<<<<<<< T\nT = 1\n=======\nA = 1\n>>>>>>> A\n3\n"
    (open_one,) = Chain([AgenticResolver(Agent({"f": marked}, {"f": Verdict(why="w")}))]).settle(
        *situation(*TEXT)
    )
    assert "refused by gate marker-lines" in open_one.why


def test_no_answer_is_an_abstention(situation):
    conflicts, context = situation(*TEXT)
    assert AgenticResolver(lambda request: None).resolve_together(conflicts, context) == {
        "f": Abstained(why="the agent couldn't settle it")
    }


def test_an_abstention_keeps_its_sentence(situation):
    conflicts, context = situation(*TEXT)
    abstained = Abstained(why="time was up")
    assert AgenticResolver(lambda _request: abstained).resolve_together(conflicts, context) == {
        "f": abstained
    }


def test_another_conflict_is_not_elsewhere(situation):
    versions = tuple({"f": v["f"], "g": v["f"]} for v in TEXT)
    verdicts = {
        "f": Verdict(why="w", elsewhere=frozenset({"g"})),
        "g": Verdict(why="w", elsewhere=frozenset({"f"})),
    }
    settled = Chain([AgenticResolver(Agent({"f": BOTH, "g": BOTH}, verdicts))]).settle(*situation(*versions))
    assert [set(one.resolution.files) for one in settled] == [{"f"}, {"g"}]
    assert not any(one.resolution.elsewhere for one in settled)


def test_git_error_is_an_abstention(situation):
    def fail(request):
        raise GitError("The disk is full")

    conflicts, context = situation(*TEXT)
    assert "The disk is full" in AgenticResolver(fail).resolve_together(conflicts, context)["f"].why


def test_nothing_left_asks_nobody(situation):
    agent = Agent({}, {})
    _, context = situation(*TEXT)
    assert AgenticResolver(agent).resolve_together([], context) == {}
    assert agent.requests == []


def test_executable_bit_is_the_three_way_merge(situation, repo):
    agent = Agent({"f": BOTH}, {"f": Verdict(why="w")})
    conflicts, context = situation(*TEXT)
    sides = dataclasses.replace(conflicts[0].agent, mode="100755")
    conflict = dataclasses.replace(conflicts[0], agent=sides)
    found = AgenticResolver(agent).resolve_together([conflict], context)
    assert found["f"].files["f"].mode == "100755"
