from pathlib import Path

import pytest

from git_ops.conflict import HunkChoice, Resolution
from git_ops.objects import read_commit
from git_ops.rebase import rebase, touched
from git_ops.resolve.chain import Chain
from git_ops.resolve.oracle import OracleResolver
from git_ops.resolve.trivial import TrivialResolver


class Scripted:
    """A resolver that says what the test tells it to say for every hunk."""

    name = "scripted"

    def __init__(self, text, *, content=None):
        self.text = text
        self.content = content
        self.asked = []

    def resolve(self, conflict, context):
        self.asked.append((conflict.path, context.commit.subject, context.task))
        choices = tuple(HunkChoice(id=hunk.id, text=self.text) for hunk in conflict.hunks)
        whole = conflict.splice({c.id: c.text for c in choices}) if self.content is None else self.content
        return Resolution(resolver=self.name, source="model", why="both", content=whole, hunks=choices)


def run(repo, onto, tip, *resolvers, **options):
    chain = Chain([TrivialResolver(), OracleResolver(), *resolvers])
    before = repo.git.text("for-each-ref")
    report = rebase(repo.git, tip=tip, onto=onto, chain=chain, **options)
    assert repo.git.text("for-each-ref") == before
    return report


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
    assert scripted.asked == [("f", "agent's work", "please")]
    (fact,) = report.conflicts
    assert (fact.path, fact.kind, fact.resolver, fact.commit) == ("f", "content", "scripted", tip)
    assert fact.gates == ("marker-lines", "outside-hunks", "parses", "changes-preserved")


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


def test_work_that_is_taken_back_ends_in_gits_own_merge(repo):
    """The first commit conflicts, but the branch takes it back, so the tips merge cleanly."""
    repo.commit({"f": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"f": "1\nA\n3\n"}, "try")
    repo.commit({"f": "1\n2\n3\n", "g": "1\n"}, "take back")
    tip = repo.commit({"h": "1\n"}, "more")
    repo("checkout", "-q", "main")
    onto = repo.commit({"f": "1\nT\n3\n"}, "target")
    assert "later commit" in run(repo, onto, tip).conflicts[0].why
    report = run(repo, onto, tip, Scripted(b"T\nA\n"))
    assert report.outcome == "resolved"
    assert [fact.resolver for fact in report.conflicts] == ["scripted", "oracle"]
    assert repo.show(report.new_tip, "f") == b"1\nT\n3\n"
    assert len(report.commits) == 3


def twin_and_revert(repo):
    """The target took the branch's first commit and reverted it; the second conflicts, the tips don't."""
    repo.commit({"f": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"f": "1\nA\n3\n"}, "first")
    tip = repo.commit({"f": "1\nB\n3\n"}, "second")
    repo("checkout", "-q", "main")
    repo.commit({"f": "1\nA\n3\n"}, "the same first")
    return repo.commit({"f": "1\n2\n3\n", "g": "1\n"}, "revert"), tip


def test_oracle_settles_what_later_commits_leave_alone(repo):
    onto, tip = twin_and_revert(repo)
    report = run(repo, onto, tip)
    assert (report.outcome, [fact.resolver for fact in report.conflicts]) == ("resolved", ["oracle"])
    assert repo.show(report.new_tip, "f") == b"1\nB\n3\n"


def test_series_that_ends_elsewhere_than_gits_merge_is_refused(repo):
    onto, tip = twin_and_revert(repo)
    report = rebase(repo.git, tip=tip, onto=onto, chain=Chain([Scripted(b"2\nB\n")]))
    assert report.outcome == "conflicted"
    assert "gate end-tree" in report.detail


def test_evil_merge_is_escalated(repo):
    repo.commit({"a": "1\n"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"mine": "1\n"})
    repo("checkout", "-q", "main")
    repo.commit({"theirs": "1\n"})
    repo("checkout", "-q", "work")
    repo("merge", "-q", "--no-ff", "--no-commit", "main")
    tip = repo.commit({"by-hand": "only here\n"}, "merge")
    repo("checkout", "-q", "main")
    onto = repo.commit({"later": "1\n"})
    report = run(repo, onto, tip)
    assert report.outcome == "conflicted"
    assert "merge commits" in report.detail


def test_touched(repo):
    one = repo.commit({"a": "1", "b": "1"})
    two = repo.commit({"b": None, "c": "1"})
    assert touched(repo.git, (one, two)) == {"a", "b", "c"}
    assert touched(repo.git, (two,)) == {"b", "c"}
    assert touched(repo.git, ()) == frozenset()
