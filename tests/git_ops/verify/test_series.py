import pytest

from git_ops.errors import GitTimeout
from git_ops.verify import CommandResult, end_tree, range_diff, repository_command
from git_ops.verify import series as series_module

ENV = {"GIT_AUTHOR_DATE": "1600000000 +0200"}


def test_end_tree():
    assert end_tree(oracle=None, result="1" * 40).passed
    assert end_tree(oracle="1" * 40, result="1" * 40).passed
    gate = end_tree(oracle="2" * 40, result="1" * 40)
    assert (gate.name, gate.passed) == ("end-tree", False)


def command(**verdicts):
    def run(oid):
        asked.append(oid)
        verdict = verdicts[oid]
        if isinstance(verdict, Exception):
            raise verdict
        return CommandResult(passed=verdict, summary=f"{oid} done")

    asked = []
    return repository_command(run, onto="onto", new_tip="tip"), asked


def test_command_that_passes_asks_the_target_nothing():
    gate, asked = command(tip=True)
    assert (gate.name, gate.passed, asked) == ("repository-command", True, ["tip"])


def test_command_that_fails_is_held_against_the_target():
    gate, asked = command(tip=False, onto=True)
    assert (gate.passed, gate.why) == (False, "it passes on the target and fails on the result: tip done")
    gate, asked = command(tip=False, onto=False)
    assert (gate.passed, gate.why) == (True, "red on the target, too: onto done")
    assert asked == ["tip", "onto"]


@pytest.mark.parametrize("error", [TimeoutError(), GitTimeout(("worktree",), 5), OSError("no such file")])
def test_command_that_cannot_be_run_is_no_pass(error):
    assert not command(tip=error)[0].passed
    assert not command(tip=False, onto=error)[0].passed


@pytest.fixture
def series(repo):
    """Two commits on a branch, replayed by plain git onto a target that moved."""
    start = repo.commit({"a": "1\n2\n3\n4\n5\n6\n7\n8\n", "b": "b\n"}, "base")
    repo("checkout", "-q", "-b", "work")
    one = repo.commit({"a": "1\nX\n3\n4\n5\n6\n7\n8\n"}, "one\n\n#12 kept\n")
    two = repo.commit({"b": "b\nc\n", "d": "d\n"}, "two\n", env=ENV)
    repo("checkout", "-q", "main")
    onto = repo.commit({"a": "1\n2\n3\n4\n5\n6\n7\nY\n"}, "target")

    class Series:
        old, new_base = (start, two), onto
        commits = (one, two)

        @staticmethod
        def replay(*names):
            repo("checkout", "-q", "--detach", onto)
            repo("-c", "commit.cleanup=verbatim", "cherry-pick", *names)
            return repo("rev-list", "--reverse", f"{onto}..HEAD").split()

        @staticmethod
        def check(mapping, tip=None):
            return range_diff(repo.git, old=(start, two), new=(onto, tip or repo.head()), mapping=mapping)

    return Series


def test_faithful_replay(series):
    gate, text = series.check(dict(zip(series.commits, series.replay(*series.commits), strict=True)))
    assert (gate.name, gate.passed, gate.why) == ("range-diff", True, "")
    assert text.count(b"\n") >= 2
    assert b" = " in text
    assert b"\x1b" not in text


def test_lost_commit(series):
    one, two = series.commits
    (new_two,) = series.replay(two)
    gate, text = series.check({two: new_two})
    assert (gate.passed, text) == (False, b"")
    assert gate.why == f"commit {one[:10]} is lost, and nothing says why"
    assert series.check({one: None, two: new_two})[0].passed


def test_commit_that_is_not_where_it_is_said_to_be(series):
    one, two = series.commits
    _, new_two = series.replay(one, two)
    gate, _ = series.check({one: one, two: new_two})
    assert (gate.passed, gate.why) == (
        False,
        f"commit {one[:10]} is said to be {one[:10]}, which isn't in the new series",
    )


@pytest.mark.parametrize(
    ("args", "env", "why"),
    [
        (("-m", "two too"), {}, "another message"),
        (("--no-edit", "--author=Eve <eve@example.org>"), {}, "another author or date"),
        (("--no-edit", "--date=1600000001 +0200"), {}, "another author or date"),
    ],
)
def test_author_date_and_message_are_kept(series, repo, args, env, why):
    one, two = series.commits
    new_one, _ = series.replay(one, two)
    repo("commit", "-q", "--amend", "--cleanup=verbatim", *args, env=env)
    gate, _ = series.check({one: new_one, two: repo.head()})
    assert not gate.passed
    assert why in gate.why


def test_commit_that_became_empty(series, repo):
    one, two = series.commits
    (new_one,) = series.replay(one)
    repo("commit", "-q", "--allow-empty", "-C", two)
    gate, _ = series.check({one: new_one, two: repo.head()})
    assert (gate.passed, gate.why) == (False, f"commit {two[:10]} became empty, and nothing says why")


def test_settled_commit_may_differ_and_that_is_told(series, repo):
    one, two = series.commits
    (new_one,) = series.replay(one)
    repo("cherry-pick", "-n", two)
    (repo.path / "d").write_text("other\n")
    repo("add", "-A")
    repo("commit", "-q", "-C", two)
    gate, text = series.check({one: new_one, two: repo.head()})
    assert gate.passed
    assert gate.why.startswith(f"1 of 2 commits have the same patch; {two[:10]} has ")
    assert b" ! " in text


def test_folded_commits_share_one_new_commit(series, repo):
    one, two = series.commits
    series.replay(one, two)
    repo("reset", "-q", "--soft", "HEAD~1")
    repo("commit", "-q", "--amend", "-m", "both")
    assert series.check({one: repo.head(), two: repo.head()})[0].passed


def test_merges_of_the_old_series_need_no_new_commit(series, repo):
    one, two = series.commits
    repo("checkout", "-q", "work")
    repo("merge", "-q", "--no-edit", "main")
    tip = repo.head()
    new = series.replay(one, two)
    gate, _ = range_diff(
        repo.git,
        old=(series.new_base, tip),
        new=(series.new_base, new[-1]),
        mapping=dict(zip((one, two), new, strict=True)),
    )
    assert gate.passed


def test_long_series_have_no_text(series, monkeypatch):
    monkeypatch.setattr(series_module, "MAX_RANGE_DIFF_COMMITS", 1)
    gate, text = series.check(dict(zip(series.commits, series.replay(*series.commits), strict=True)))
    assert (gate.passed, text, gate.why) == (True, b"", "no range-diff for more than 1 commits")


def test_no_program_of_the_repository_is_run(series, repo, tmp_path):
    """Neither a text conversion nor an external diff, whoever configured it."""
    trap = tmp_path / "ran"
    repo("config", "diff.evil.textconv", f"touch {trap}; cat")
    repo("config", "diff.evil.command", f"touch {trap}; true")
    repo("config", "diff.external", f"touch {trap}; true")
    new = series.replay(*series.commits)
    (repo.path / ".gitattributes").write_text("* diff=evil\n")
    repo("add", "-A")
    (repo.path / ".git" / "info" / "attributes").write_text("* diff=evil\n")
    gate, text = series.check(dict(zip(series.commits, new, strict=True)), tip=new[-1])
    assert gate.passed
    assert text
    assert not trap.exists()
