import json
import os
import subprocess

import pytest

from git_ops.rebase import rebase
from git_ops.resolve.agentic import AgenticResolver
from git_ops.resolve.chain import Chain
from git_ops.verify import CommandResult
from git_ops.workspace import Workspace
from runner import conflicts
from runner.conflicts import FOLDER, VERDICT, Settler

BASE = "def fee(n):\n    return n\n"
TARGET = "def fee(n):\n    return n + 1\n"
AGENT = "def fee(n, rate):\n    return n * rate\n"
BOTH = "def fee(n, rate):\n    return (n + 1) * rate\n"
CALLER = "from fee import fee\n\nprint(fee(1))\n"
NEW_CALLER = CALLER.replace("fee(1)", "fee(1, 2)")
GIVEN_UP = ["    return n * rate", "    return n + 1"]
SETTLED = {"conflict": "p1", "why": "both", "dropped": GIVEN_UP}


class Bench:
    """A branch and a target in conflict, a workspace, and somebody who plays the agent in it."""

    def __init__(self, origin, folder):
        base = {"fee.py": BASE, "caller.py": CALLER, "other.txt": "other\n"}
        fork = origin.commit("Fees", base)
        origin.reset(fork)
        self.tip = origin.commit("A rate", {"fee.py": AGENT}, branch="topic")
        origin.reset(fork)
        self.onto = origin.commit("One more", {"fee.py": TARGET})
        self.space = Workspace(
            folder / "private", folder / "tree", allow_protocols=("file",), exclude=["*.pyc"]
        )
        self.space.clone(f"file://{origin.bare}", refs=[self.tip, self.onto])
        self.space.checkout(self.tip)
        self.tree = self.space.work_tree
        self.prompts, self.about = [], ""

    def rebase(self, work, *, passed=None, **options):
        def at_work(prompt):
            self.prompts.append(prompt)
            self.about = (self.tree / FOLDER / "about.md").read_text()
            return work(self.tree)

        def check(sha):
            return CommandResult(passed=passed)

        settler = Settler(self.space, at_work, may_go_elsewhere=True)
        return rebase(
            self.space.git,
            tip=self.tip,
            onto=self.onto,
            chain=Chain([AgenticResolver(settler)]),
            check=None if passed is None else check,
            **options,
        )

    def why(self, work):
        report = self.rebase(work)
        assert report.outcome == "conflicted"
        assert report.new_tip == self.tip
        self.is_laid_out()
        return report.conflicts[0].why

    def is_laid_out(self):
        assert not list((self.space.git_dir / "objects").glob("tmp_objdir*"))
        assert sorted(path.name for path in self.tree.iterdir()) == sorted(
            ["caller.py", "fee.py", "other.txt", "greeter.py", "test_greeter.py", "README.md", "CLAUDE.md",
             ".forgehand.yml"]
        )  # fmt: skip
        assert (self.tree / "fee.py").read_text() == AGENT
        assert self.space.snapshot(self.tip) == self.space.git.text("rev-parse", f"{self.tip}^{{tree}}")


@pytest.fixture
def bench(origin, tmp_path):
    return Bench(origin, tmp_path / "bench")


def say(tree, *settled):
    (tree / FOLDER / VERDICT).write_text(json.dumps({"settled": list(settled)}))


def settle(tree):
    (tree / "fee.py").write_text(BOTH)
    say(tree, SETTLED)


def test_what_the_agent_finds(bench):
    found = {}

    def look(tree):
        found.update({p.name: p.read_text() for p in (tree / FOLDER / "p1").iterdir()})
        found["fee.py"] = (tree / "fee.py").read_text()

    bench.why(look)
    assert found == {"BASE": BASE, "TARGET": TARGET, "AGENT": AGENT, "fee.py": TARGET}
    assert "+    return n * rate" in bench.about
    assert "One more" in bench.about
    assert "p1: fee.py (content)" in bench.prompts[0]


def test_both_intents(bench):
    report = bench.rebase(settle)
    assert (report.outcome, report.detail) == ("resolved", "")
    assert report.conflicts[0].resolver == "agent"
    assert bench.space.git.text("show", f"{report.new_tip}:fee.py") == BOTH.removesuffix("\n")
    bench.is_laid_out()
    bench.space.checkout(report.new_tip)
    assert (bench.tree / "fee.py").read_text() == BOTH


def settle_with_caller(tree):
    settle(tree)
    (tree / "caller.py").write_text(NEW_CALLER)
    say(tree, SETTLED | {"elsewhere": ["./caller.py"]})


@pytest.mark.parametrize(
    ("passed", "outcome"), [(True, "resolved"), (False, "conflicted"), (None, "conflicted")]
)
def test_an_edit_elsewhere_counts_only_with_a_passing_command(bench, passed, outcome):
    report = bench.rebase(settle_with_caller, passed=passed, check_only_doubts=True)
    assert report.outcome == outcome
    assert report.conflicts[0].elsewhere == ("caller.py",)
    if passed:
        assert bench.space.git.text("show", f"{report.new_tip}:caller.py") == NEW_CALLER.removesuffix("\n")
    else:
        assert "outside-hunks" in report.detail


def test_where_nothing_hangs_on_it_the_command_isnt_asked(bench):
    report = bench.rebase(settle, passed=False, check_only_doubts=True)
    assert report.outcome == "resolved"
    assert "repository-command" not in {gate.name for gate in report.gates}


def test_no_verdict(bench):
    assert "didn't say what it settled" in bench.why(lambda tree: (tree / "fee.py").write_text(BOTH) and None)


def test_a_failed_agents_work_doesnt_count(bench):
    def fail(tree):
        settle(tree)
        return "Claude Code was still working when time was up."

    assert "still working when time was up" in bench.why(fail)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"\xff", b"{" * 200_000, b"[" * 300_000, b'{"settled": [{"conflict": "p1"}]}',
        b'{"settled": [], "more": 1}', b'{"settled": [{"conflict": "p1", "why": "\\ud800"}]}',
        b'{"settled": [{"conflict": 1, "why": "w"}]}',
    ],
)  # fmt: skip
def test_a_verdict_that_isnt_one(bench, raw):
    why = bench.why(lambda tree: (tree / FOLDER / VERDICT).write_bytes(raw) and None)
    assert "what it settled" in why


def test_a_conflict_that_isnt_there(bench):
    assert "p2, which nobody asked for" in bench.why(lambda tree: say(tree, {"conflict": "p2", "why": "w"}))


def verdict_as_link(tree):
    (tree / FOLDER / VERDICT).symlink_to("/etc/passwd")


def verdict_as_pipe(tree):
    os.mkfifo(tree / FOLDER / VERDICT)


def folder_as_link(tree):
    subprocess.run(["rm", "-r", tree / FOLDER], check=True)
    outside = tree.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / VERDICT).write_text(json.dumps({"settled": [SETTLED]}))
    (tree / FOLDER).symlink_to(outside)


def folder_gone(tree):
    subprocess.run(["rm", "-r", tree / FOLDER], check=True)


@pytest.mark.parametrize("trick", [verdict_as_link, verdict_as_pipe, folder_as_link, folder_gone])
def test_a_verdict_that_is_no_plain_file(bench, trick):
    assert "didn't say what it settled" in bench.why(trick)


def with_verdict(trick):
    def work(tree):
        settle(tree)
        trick(tree)

    return work


def test_what_the_agent_may_not_leave(bench, tmp_path):
    def link(tree):
        (tree / "other.txt").unlink()
        (tree / "other.txt").symlink_to("/etc/passwd")

    def nested(tree):
        subprocess.run(["git", "init", "-q", str(tree / "sub")], check=True)
        (tree / "sub" / "a").write_text("a")

    def pipe(tree):
        (tree / "fee.py").unlink()
        os.mkfifo(tree / "fee.py")

    assert "touched other.txt, a link" in bench.why(with_verdict(link))
    assert "sub: a Git repository inside" in bench.why(with_verdict(nested))
    assert "can't be committed" in bench.why(with_verdict(pipe))
    assert (bench.tree / "other.txt").read_text() == "other\n"


def test_a_repository_made_of_the_workspace_is_nothing(bench):
    def own(tree):
        settle(tree)
        subprocess.run(["git", "init", "-q", str(tree)], check=True)

    assert bench.rebase(own).outcome == "resolved"
    bench.is_laid_out()


def test_too_much(bench, monkeypatch):
    monkeypatch.setattr(conflicts, "MAX_FILES", 3)
    monkeypatch.setattr(conflicts, "MAX_MIB", 0.01)
    many = with_verdict(lambda tree: [(tree / f"{i}.txt").write_text("x") for i in range(3)])
    large = with_verdict(lambda tree: (tree / "large.txt").write_text("x" * 20_000))
    assert "changed 4 files" in bench.why(many)
    assert "more than the 0.01 MiB" in bench.why(large)


def test_a_stray_file_names_itself(bench):
    stray = with_verdict(lambda tree: (tree / "stray.txt").write_text("x"))
    assert "changed stray.txt, and no conflict needs that" in bench.why(stray)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("<<<<<<< T\n" + TARGET + "=======\n" + AGENT + ">>>>>>> A\n", "marker-lines"),
        (TARGET, "changes-preserved"),
        (AGENT, "changes-preserved"),
        (BOTH + "def (\n", "parses"),
    ],
)
def test_lies_meet_their_gate(bench, text, gate):
    def lie(tree):
        (tree / "fee.py").write_text(text)
        say(tree, {"conflict": "p1", "why": "trust me"})

    assert f"refused by gate {gate}" in bench.why(lie)


def test_an_exception_of_ours_goes_through_and_leaves_the_workspace_whole(bench):
    class Cancelled(Exception):
        pass

    def cancel(tree):
        settle(tree)
        raise Cancelled

    with pytest.raises(Cancelled):
        bench.rebase(cancel)
    bench.is_laid_out()


def test_nobody_is_asked_about_links(origin, tmp_path):
    (origin.work / "link").symlink_to("a")
    fork = origin.commit("Link", {})
    ends = []
    for name in "bc":
        origin.reset(fork)
        (origin.work / "link").unlink()
        (origin.work / "link").symlink_to(name)
        ends.append(origin.commit(name, {}, branch=f"to-{name}"))
    space = Workspace(tmp_path / "private", tmp_path / "tree", allow_protocols=("file",))
    space.clone(f"file://{origin.bare}", refs=ends)
    asked = []
    chain = Chain([AgenticResolver(Settler(space, asked.append, may_go_elsewhere=True))])
    report = rebase(space.git, tip=ends[0], onto=ends[1], chain=chain)
    assert "nothing can be settled by editing" in report.conflicts[0].why
    assert asked == []


def test_a_repository_that_has_the_folder(origin, tmp_path):
    origin.commit("Trap", {f"{FOLDER}/about.md": "obey"})
    bench = Bench(origin, tmp_path / "bench")
    report = bench.rebase(settle)
    assert FOLDER in report.conflicts[0].why
    assert bench.prompts == []


def test_modes_alone_are_no_change(bench):
    report = bench.rebase(with_verdict(lambda tree: (tree / "other.txt").chmod(0o755)))
    assert report.outcome == "resolved"
    assert bench.space.git.text("ls-tree", report.new_tip, "other.txt").startswith("100644")
