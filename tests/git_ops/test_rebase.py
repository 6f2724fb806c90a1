import dataclasses
import sys
from pathlib import Path

import pytest

from git_ops.conflict import File
from git_ops.errors import CorruptObject, UnknownRef, Unmergeable
from git_ops.objects import read_commit
from git_ops.rebase import rebase
from git_ops.report import Texts
from git_ops.resolve.chain import Chain
from git_ops.resolve.default import default_chain
from git_ops.verify import CommandResult
from tests.git_ops.scripted import Scripted, run


def content_conflict(repo):
    _, onto, tip = repo.fork({"f": "1\n2\n3\n"}, {"f": "1\nT\n3\n"}, {"f": "1\nA\n3\n"})
    return onto, tip


def test_up_to_date(repo):
    onto = repo.commit({"a": "1"})
    tip = repo.commit({"b": "1"})
    report = run(repo, onto, tip)
    assert (report.outcome, report.new_tip) == ("up_to_date", tip)


def test_clean_without_a_chain(repo):
    _, onto, tip = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    report = rebase(repo.git, tip=tip, onto=onto)
    assert report.outcome == "clean"
    assert read_commit(repo.git, report.new_tip).parents == (onto,)


def test_all_of_it_is_already_there(repo):
    base = repo.commit({"a": "1\n"})
    tip = repo.commit({"b": "1\n"})
    onto = repo.commit({"c": "1\n"})
    report = run(repo, onto, tip)
    assert (report.outcome, report.new_tip, report.detail) == (
        "clean", onto, "The target already has all of the branch's changes.",
    )  # fmt: skip
    assert base != tip


def test_nothing_in_common(repo):
    onto = repo.commit({"a": "1\n"})
    repo("checkout", "-q", "--orphan", "other")
    tip = repo.commit({"b": "1\n"})
    report = run(repo, onto, tip)
    assert (report.outcome, report.new_tip) == ("conflicted", tip)
    assert "no commit in common" in report.detail


def test_resolved(repo):
    onto, tip = content_conflict(repo)
    scripted = Scripted(b"T\nA\n")
    report = run(repo, onto, tip, scripted, task="please")
    assert report.outcome == "resolved"
    assert repo.show(report.new_tip, "f") == b"1\nT\nA\n3\n"
    assert scripted.asked == [("f", "please")]
    (fact,) = report.conflicts
    assert (fact.path, fact.kind, fact.resolver, fact.source) == ("f", "content", "scripted", "model")
    assert {"path-set", "marker-lines", "outside-hunks", "parses", "changes-preserved"} <= set(fact.gates)


def test_nobody_to_ask(repo):
    onto, tip = content_conflict(repo)
    report = rebase(repo.git, tip=tip, onto=onto)
    assert (report.outcome, report.new_tip) == ("conflicted", tip)
    assert [(f.path, f.resolver) for f in report.conflicts] == [("f", None)]


@pytest.mark.parametrize(
    ("liar", "gate"),
    [
        (Scripted(b"T\n"), "changes-preserved"),
        (Scripted(b"A\n"), "changes-preserved"),
        (Scripted(b"<<<<<<< x\nT\n=======\nA\n>>>>>>> y\n"), "marker-lines"),
        (Scripted(b"T\nA\n", content=b"elsewhere\nT\nA\n3\n"), "outside-hunks"),
    ],
)
def test_liar_is_caught_by_the_gate_named(repo, liar, gate):
    onto, tip = content_conflict(repo)
    report = run(repo, onto, tip, liar)
    assert (report.outcome, report.new_tip) == ("conflicted", tip)
    assert f"refused by gate {gate}" in report.conflicts[0].why


def test_next_resolver_is_asked_after_a_liar(repo):
    onto, tip = content_conflict(repo)
    report = run(repo, onto, tip, Scripted(b"T\n"), Scripted(b"T\nA\n"))
    assert report.outcome == "resolved"


@pytest.mark.parametrize(
    ("base", "target", "agent"),
    [
        ({"f": "1\n"}, {"f": None}, {"f": "2\n"}),
        ({"f": "1\n"}, {"f": "2\n"}, {"f": None}),
        ({"f": b"\0a"}, {"f": b"\0b"}, {"f": b"\0c"}),
        ({"f": Path("a")}, {"f": Path("b")}, {"f": Path("../../etc/x")}),
        ({}, {"p": "file\n"}, {"p/q": "inside\n"}),
    ],
    ids=["deleted-by-target", "deleted-by-agent", "binary", "symlink", "file-directory"],
)
def test_what_is_no_text_stays_a_conflict(repo, base, target, agent):
    _, onto, tip = repo.fork(base | {"x": "x"}, target, agent)
    report = run(repo, onto, tip)
    assert (report.outcome, report.new_tip) == ("conflicted", tip)
    assert report.conflicts[0].resolver is None


@pytest.mark.parametrize(
    ("versions", "text", "result"),
    [
        ((b"1\r\n2\r\n", b"1\r\nT\r\n", b"1\r\nA\r\n"), b"T\r\nA\r\n", b"1\r\nT\r\nA\r\n"),
        ((b"1\n2", b"1\nT", b"1\nA"), b"T\nA", b"1\nT\nA"),
        ((b"h\n=======\n1\n", b"h\n=======\nT\n", b"h\n=======\nA\n"), b"T\nA\n", b"h\n=======\nT\nA\n"),
        ((b"\xe9\n2\n", b"\xe9\nT\n", b"\xe9\nA\n"), b"T\nA\n", b"\xe9\nT\nA\n"),
    ],
    ids=["crlf", "no-final-newline", "look-alike", "latin-1"],
)
def test_bytes_outside_the_conflict_are_kept(repo, versions, text, result):
    _, onto, tip = repo.fork(*({"f": content} for content in versions))
    report = run(repo, onto, tip, Scripted(text))
    assert report.outcome == "resolved"
    assert repo.show(report.new_tip, "f") == result


def test_add_add(repo):
    _, onto, tip = repo.fork({"x": "x"}, {"f": "T\n"}, {"f": "A\n"})
    report = run(repo, onto, tip, Scripted(b"T\nA\n"))
    assert repo.show(report.new_tip, "f") == b"T\nA\n"
    assert report.conflicts[0].kind == "add/add"


def test_add_add_of_the_same_text_keeps_the_executable_bit(repo):
    base = repo.commit({"x": "x"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"f": "same\n"})
    (repo.path / "f").chmod(0o755)
    tip = repo.commit({"g": "1"})
    repo("reset", "-q", "--soft", base)
    tip = repo.commit({}, "one commit")
    repo("checkout", "-q", "main")
    onto = repo.commit({"f": "same\n", "h": "1"})
    report = run(repo, onto, tip)
    assert report.outcome in {"resolved", "clean"}
    assert repo("ls-tree", report.new_tip, "f").startswith("100755")


def test_union_in_a_bare_repository_needs_nobody(repo, tmp_path):
    start = {"CHANGES": "top\n\nend\n", ".gitattributes": "CHANGES merge=union\n"}
    _, onto, tip = repo.fork(start, {"CHANGES": "top\nT\n\nend\n"}, {"CHANGES": "top\nA\n\nend\n"})
    git = repo.git.replace(git_dir=repo.bare(tmp_path / "bare.git"))
    scripted = Scripted(b"")
    report = rebase(git, tip=tip, onto=onto, chain=Chain([scripted]))
    assert (report.outcome, scripted.asked) == ("clean", [])


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ({"new": True}, "resolved"),
        ({"new": False, "onto": False}, "resolved"),
        ({"new": False, "onto": True}, "conflicted"),
    ],
    ids=["green", "red on the target, too", "red"],
)
def test_the_repositorys_own_command_has_the_last_word(repo, verdicts, outcome):
    onto, tip = content_conflict(repo)
    asked = []

    def check(oid):
        asked.append("onto" if oid == onto else "new")
        assert repo.git.text("cat-file", "-t", oid) == "commit"
        return CommandResult(passed=verdicts[asked[-1]], summary="exit code 1")

    report = rebase(repo.git, tip=tip, onto=onto, chain=Chain([Scripted(b"T\nA\n")]), check=check)
    assert report.outcome == outcome
    assert asked == list(verdicts)


def renamed_under_a_new_caller(repo):
    lib = "def fetch_all(url):\n    return url\n\n\ndef other():\n    return 1\n"
    caller = "from lib import fetch_all\n\nprint(fetch_all('x'))\n"
    _, onto, tip = repo.fork(
        {"lib.py": lib}, {"lib.py": lib.replace("fetch_all", "fetch_every")}, {"use.py": caller}
    )
    return onto, tip


def test_a_suspicion_gives_way_to_a_command_that_passes(repo):
    onto, tip = renamed_under_a_new_caller(repo)
    assert run(repo, onto, tip).outcome == "suspicious"
    report = run(repo, onto, tip, check=lambda _oid: CommandResult(passed=True, summary=""))
    assert report.outcome == "clean"
    assert any(gate.name == "stale-symbols" and not gate.passed for gate in report.gates)


def test_only_answers_that_came_through_are_remembered(repo):
    class Keeps(Scripted):
        def remember(self, settled, *, commit):
            self.kept = ([one.conflict.path for one in settled], commit)

    onto, tip = content_conflict(repo)
    good, bad = Keeps(b"T\nA\n"), Keeps(b"T\nA\n")
    report = rebase(repo.git, tip=tip, onto=onto, chain=Chain([good]))
    assert good.kept == (["f"], report.new_tip)
    failing = rebase(
        repo.git,
        tip=tip,
        onto=onto,
        chain=Chain([bad]),
        check=lambda oid: CommandResult(passed=oid == onto, summary=""),
    )
    assert failing.outcome == "conflicted"
    assert not hasattr(bad, "kept")


def test_texts_and_intents_are_told(repo):
    onto, tip = content_conflict(repo)
    (fact,) = run(repo, onto, tip, Scripted(b"T\nA\n")).conflicts
    assert fact.texts == Texts(base="1\n2\n3\n", target="1\nT\n3\n", agent="1\nA\n3\n", result="1\nT\nA\n3\n")
    assert (fact.target_intent, fact.agent_intent) == (("target's work",), ("agent's work",))
    (hunk,) = fact.hunks
    assert (hunk.base, hunk.target, hunk.agent, hunk.result) == ("2\n", "T\n", "A\n", "T\nA\n")


def test_several_commits_that_conflict_ask_once(repo):
    repo.commit({"f": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    for i in range(4):
        tip = repo.commit({"f": f"1\nA{i}\n3\n", f"n{i}": "x"}, f"step {i}")
    repo("checkout", "-q", "main")
    onto = repo.commit({"f": "1\nT\n3\n"}, "target")
    scripted = Scripted(b"T\nA3\n")
    report = run(repo, onto, tip, scripted)
    assert report.outcome == "resolved", report.text()
    assert len(scripted.asked) == 1
    assert repo.show(report.new_tip, "f") == b"1\nT\nA3\n3\n"
    assert {commit.new for commit in report.commits} == {report.new_tip}


def test_too_many_commits_are_refused(repo, monkeypatch):
    monkeypatch.setattr(sys.modules["git_ops.replay"], "MAX_COMMITS", 1)
    repo.commit({"f": "1\n"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"a": "1"})
    tip = repo.commit({"b": "1"})
    repo("checkout", "-q", "main")
    onto = repo.commit({"c": "1"})
    with pytest.raises(Unmergeable, match="squash some"):
        rebase(repo.git, tip=tip, onto=onto)


def test_history_that_isnt_all_there_is_damage_and_no_stranger(repo):
    """Git passes over a commit that it can't read: the branches would seem to have nothing in common."""
    fork, onto, tip = repo.fork({"a": "1\n"}, {"a": "2\n"}, {"b": "1\n"})
    (repo.path / ".git" / "objects" / fork[:2] / fork[2:]).unlink()
    with pytest.raises(CorruptObject, match=fork):
        rebase(repo.git, tip=tip, onto=onto)
    with pytest.raises(UnknownRef, match="no commit 0000000000"):
        rebase(repo.git, tip=tip, onto="0" * 40)


def test_grafts_count_for_nothing(repo):
    """A file in the repository could cut history off where it likes."""
    _fork, onto, tip = repo.fork({"a": "1\n"}, {"a": "2\n"}, {"b": "1\n"})
    info = repo.path / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "grafts").write_text(f"{tip}\n{onto}\n")
    report = rebase(repo.git, tip=tip, onto=onto)
    assert (report.outcome, read_commit(repo.git, report.new_tip).parents) == ("clean", (onto,))


def test_path_longer_than_a_command_line(repo):
    """Git stores it, no system has it: a conflict there is told like any other."""
    name = "n" * 200_000

    def commit(content, *parents):
        blob = repo("hash-object", "-w", "--stdin", stdin=content)
        tree = repo("mktree", stdin=f"100644 blob {blob}\t{name}\n".encode())
        return repo("commit-tree", tree, *(word for one in parents for word in ("-p", one)), stdin=b"x")

    fork = commit(b"0\n")
    report = rebase(repo.git, tip=commit(b"1\n", fork), onto=commit(b"2\n", fork))
    assert (report.outcome, [fact.path for fact in report.conflicts]) == ("conflicted", [name])


def test_fixups_are_folded_where_conflicts_had_to_be_settled(repo):
    repo.commit({"f": "1\n2\n3\n", "b": "1\n"})
    repo("checkout", "-q", "-b", "work")
    one, two = repo.commit({"b": "2\n"}, "one"), repo.commit({"f": "1\nA\n3\n"}, "two")
    tip = repo.commit({"b": "3\n"}, "fixup! one")
    repo("checkout", "-q", "main")
    onto = repo.commit({"f": "1\nT\n3\n"}, "target")
    report = run(repo, onto, tip, Scripted(b"T\nA\n"), autosquash=True)
    assert report.outcome == "resolved", report.text()
    new = {commit.old: commit.new for commit in report.commits}
    assert (new[tip], new[two]) == (new[one], report.new_tip)
    assert report.commits[-1].reason == f"folded into {one[:10]}, which its subject names"
    assert read_commit(repo.git, new[one]).message == b"one"


def test_fixups_that_cant_be_folded_are_told(repo):
    repo.commit({"f": "1\n", "b": "1\n"})
    repo("checkout", "-q", "-b", "work")
    for i, subject in enumerate(("one", "two", "fixup! one")):
        tip = repo.commit({"b": f"{i}\n"}, subject)
    repo("checkout", "-q", "main")
    report = run(repo, repo.commit({"f": "2\n"}, "target"), tip, autosquash=True)
    assert (report.outcome, len({commit.new for commit in report.commits})) == ("clean", 3)
    assert "left as they are" in report.detail


def test_two_answers_for_one_path_are_refused(repo):
    """Two files that the target joined in a third: each answer alone would lose the other file's edit."""
    one, two, rest = (
        "".join(f"{word} {i} of the text\n" for i in range(12)) for word in ("alpha", "beta", "more")
    )
    edited = {"a.txt": one.replace("alpha 5", "ALPHA 5"), "b.txt": two.replace("beta 5", "BETA 5")}
    joined = {"a.txt": None, "b.txt": None, "c.txt": one + rest + two}
    _, onto, tip = repo.fork({"a.txt": one, "b.txt": two}, joined, edited)
    report = rebase(repo.git, tip=tip, onto=onto, chain=default_chain())
    assert (report.outcome, report.new_tip) == ("conflicted", tip)
    assert "two different contents" in report.detail


def test_a_command_that_is_red_on_the_target_proves_nothing(repo):
    """An answer on condition that the command passes isn't let through by one that fails anyway."""

    class Elsewhere(Scripted):
        def resolve(self, conflict, context):
            answer = super().resolve(conflict, context)
            more = {**answer.files, "other": File(mode="100644", content=b"changed\n")}
            return dataclasses.replace(answer, files=more, elsewhere=frozenset({"other"}))

    onto, tip = content_conflict(repo)
    for passed, outcome in ((False, "conflicted"), (True, "resolved")):
        report = run(
            repo, onto, tip, Elsewhere(b"T\nA\n"), check=lambda _oid, ok=passed: CommandResult(passed=ok)
        )
        assert report.outcome == outcome, report.text()


def test_more_conflicts_than_anybody_is_asked(repo, monkeypatch):
    monkeypatch.setattr(sys.modules["git_ops.rebase"], "MAX_CONFLICTED_PATHS", 2)
    names = ["a", "b", "c"]
    _fork, onto, tip = repo.fork(*(dict.fromkeys(names, text) for text in ("0\n", "1\n", "2\n")))
    report = rebase(repo.git, tip=tip, onto=onto, chain=Chain([Unasked()]))
    assert (report.outcome, report.new_tip, report.conflicts) == ("conflicted", tip, ())
    assert report.detail == "3 paths conflict; more than 2 aren't put to anybody."


class Unasked:
    name = "unasked"

    def resolve(self, conflict, context):
        raise AssertionError(conflict.path)


def test_a_command_that_is_only_for_doubts_isnt_asked_without_one(repo):
    onto, tip = content_conflict(repo)
    asked = []
    report = run(repo, onto, tip, Scripted(b"T\nA\n"), check=asked.append, check_only_doubts=True)
    assert (report.outcome, asked) == ("resolved", [])


@pytest.mark.parametrize(("passed", "outcome"), [(True, "clean"), (False, "conflicted")])
def test_a_command_that_is_only_for_doubts_is_asked_where_there_is_one(repo, passed, outcome):
    onto, tip = renamed_under_a_new_caller(repo)
    verdicts = {onto: CommandResult(passed=True)}
    report = run(
        repo,
        onto,
        tip,
        check=lambda oid: verdicts.get(oid, CommandResult(passed=passed)),
        check_only_doubts=True,
    )
    assert report.outcome == outcome
