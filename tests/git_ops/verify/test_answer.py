import pytest


def test_honest_answer_passes_every_gate(case):
    gates = case.gates(case.hunk(b"old = 2\nnew = 3\n"))
    assert list(gates) == [
        "path-set", "marker-lines", "parses", "outside-hunks", "no-duplicates", "changes-preserved",
    ]  # fmt: skip
    assert all(gate.passed for gate in gates.values())
    assert gates["outside-hunks"].tier == "1"


@pytest.mark.parametrize("source", ["rule", "memory", "model", "agent"])
def test_nobody_but_git_may_lose_a_change(case, source):
    assert case.failed(case.hunk(b"old = 2\n", source=source)) == ["changes-preserved"]
    assert case.failed(case.hunk(b"old = 2\n", source="git")) == []


def test_git_is_held_to_what_git_could_fail(case):
    assert case.failed(case.hunk(b"<<<<<<< x\n", source="git")) == ["marker-lines"]
    assert list(case.gates(case.hunk(b"", source="git"))) == ["path-set", "marker-lines", "parses"]


def test_side_taken_whole_by_its_object_needs_no_proof_of_its_text(case, file_of):
    took = case.whole(None, source="rule", files={"f.txt": file_of(oid="2" * 40)})
    assert case.failed(took) == []
