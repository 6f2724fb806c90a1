import json

import pytest

from git_ops.diff import diff_facts
from git_ops.report import (
    MAX_TEXT,
    ConflictFact,
    GateFact,
    HunkFact,
    RebaseReport,
    ReplayedCommit,
    Texts,
    shorten,
)

OLD, NEW, ONTO = "a" * 40, "b" * 40, "c" * 40


def report(**changes):
    return RebaseReport(**{"outcome": "resolved", "old_tip": OLD, "new_tip": NEW, "onto": ONTO, **changes})


def test_json_forms_are_plain_and_printable(repo):
    base = repo.commit({"a": "1"})
    tip = repo.commit({"a\u202etxt.exe": "1"}, "evil \x1b[31m subject")
    told = json.dumps(diff_facts(repo.git, base, tip).to_dict(), ensure_ascii=False)
    assert "\x1b" not in told
    assert "\u202e" not in told
    hunk = HunkFact(id="h1", base="", target="a\n\tb\n", agent="\x07")
    conflict = ConflictFact(path="f\udcff", kind="content", gates=("parses",), hunks=(hunk,))
    value = json.loads(report(conflicts=(conflict,)).to_json())
    (fact,) = value["conflicts"]
    assert (fact["path"], fact["gates"], fact["texts"]["base"]) == ("f\\udcff", ["parses"], None)
    assert (fact["hunks"][0]["target"], fact["hunks"][0]["agent"]) == ("a\n\tb\n", "\\x07")


def test_the_text_says_what_happened_to_everything():
    commits = (
        ReplayedCommit(old="1" * 40, new="2" * 40),
        ReplayedCommit(old="3" * 40, new=None, reason="the target already has the same patch"),
    )
    settled = ConflictFact(
        path="f.py", kind="content", resolver="trivial", why="the same", target_intent=("T",)
    )
    open_one = ConflictFact(
        path="g", kind="modify/delete", why="who knows", agent_intent=("A",), options=("keep: x",)
    )
    gates = (
        GateFact(name="end-tree", passed=True),
        GateFact(name="range-diff", passed=False, why="lost\x1b[1m"),
    )
    text = report(
        commits=commits, carried="4" * 40, conflicts=(settled, open_one), gates=gates, undo="git reset"
    ).text()
    for said in (
        "1111111111 -> 2222222222", "3333333333 -> dropped", "the same patch", "4444444444  (added",
        "f.py: content, settled by trivial", "target: T", "g: modify/delete, not settled", "branch: A",
        "possible: keep: x", "gate range-diff: lost", "Undo: git reset",
    ):  # fmt: skip
        assert said in text
    assert "\x1b" not in text
    assert "end-tree" not in text


@pytest.mark.parametrize("outcome", ["up_to_date", "clean", "resolved", "suspicious", "conflicted"])
def test_every_outcome_has_its_words(outcome):
    assert report(outcome=outcome, detail="Because").text().splitlines()[0].endswith("Because")


def test_long_texts_are_cut_and_say_so():
    assert shorten(b"\0") is None
    assert shorten(None) is None
    assert shorten(b"caf\xe9") == "caf\\xe9"
    assert shorten(b"x" * (MAX_TEXT + 1)).endswith(f"[cut: {MAX_TEXT + 1} characters in all]\n")
    assert Texts(base="x") != Texts()
