import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from git_ops import moving
from git_ops.checkout import open_checkout
from git_ops.errors import (
    BranchMoved,
    Busy,
    DirtyWorkTree,
    GitFailed,
    OperationInProgress,
    UntrackedInTheWay,
)
from git_ops.moving import check_room, move, read_journal


class Case:
    """On `work` at `old`; `new` is somewhere else."""

    def __init__(self, repo, old, new):
        self.repo = repo
        base = repo.commit({"base": "0\n"})
        self.new = repo.commit(new, "new")
        repo("checkout", "-q", "-b", "work", base)
        self.old = repo.commit(old, "old")
        self.checkout = open_checkout(repo.path)

    def move(self):
        return move(self.checkout, self.checkout.ready(), self.new, reason="a test")

    def refs(self):
        return self.repo("for-each-ref", "--format=%(refname) %(objectname)")

    def status(self):
        return self.repo("status", "--porcelain", "--ignored")

    def files(self):
        root = self.repo.path
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(root).parts
        }


@pytest.fixture
def case(repo):
    repo.commit({"same": "s\n", "f": "1\n", "gone": "g\n"})
    return Case(repo, {"f": "2\n"}, {"f": "3\n", "gone": None, "dir/new": "n\n"})


def test_branch_and_files_move_together(case):
    moved = case.move()
    assert case.repo("symbolic-ref", "HEAD") == "refs/heads/work"
    assert case.repo.head() == moved.new == case.new
    assert case.status() == ""
    assert case.files() == {"base": b"0\n", "same": b"s\n", "f": b"3\n", "dir/new": b"n\n"}
    assert case.repo("rev-parse", moved.rescue_ref) == case.repo("rev-parse", "ORIG_HEAD") == case.old
    assert moved.rescue_ref.startswith("refs/forgehand/rescue/work/20")
    assert case.repo("log", "-1", "-g", "--format=%gs") == "a test"
    assert read_journal(case.checkout.git_dir) is None


def test_the_undo_command_undoes(case):
    before = case.files()
    moved = case.move()
    subprocess.run(moved.undo, shell=True, cwd=case.repo.path, check=True)
    assert (case.repo.head(), case.files(), case.status()) == (case.old, before, "")


def test_the_undo_command_is_safe_to_paste(repo):
    case = Case(repo, {"f": "1\n"}, {"f": "2\n"})
    repo("branch", "-m", "a;touch${IFS}x")
    moved = case.move()
    assert shlex.split(moved.undo)[-1] == moved.rescue_ref
    subprocess.run(moved.undo, shell=True, cwd=repo.path, check=True)
    assert (repo.head(), sorted(case.files())) == (case.old, ["base", "f"])


def test_what_git_does_not_know_stays(case):
    (case.repo.path / "dir").mkdir()
    (case.repo.path / "dir" / "mine").write_text("m")
    (case.repo.path / ".git" / "info").mkdir(exist_ok=True)
    (case.repo.path / ".git" / "info" / "exclude").write_text("ignored\n")
    (case.repo.path / "ignored").write_text("i")
    case.move()
    assert case.files().items() >= {"dir/mine": b"m", "ignored": b"i", "dir/new": b"n\n"}.items()


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("kind", ["file", "link", "folder-is-a-file", "folder-is-a-link"])
def test_untracked_in_the_way(case, tmp_path, ignored, kind):
    place = case.repo.path / "dir"
    if kind in {"file", "link"}:
        place.mkdir()
        place /= "new"
    if kind.endswith("link"):
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.write_text("mine")
    if ignored:
        (case.repo.path / ".git" / "info").mkdir(exist_ok=True)
        (case.repo.path / ".git" / "info" / "exclude").write_text("dir\nnew\n")
    refs, files = case.refs(), case.files()
    with pytest.raises(UntrackedInTheWay, match="move or remove those") as caught:
        case.move()
    assert caught.value.paths == (str(place.relative_to(case.repo.path)),)
    assert (case.refs(), case.files(), case.repo.head()) == (refs, files, case.old)


def test_a_folder_that_becomes_a_file(repo):
    repo.commit({"d/a": "1\n"})
    case = Case(repo, {"f": "1\n"}, {"d/a": None})
    repo("checkout", "-q", "--detach", case.new)
    new = repo.commit({"d": "a file\n"})
    repo("checkout", "-q", "work")
    case.new = new
    (repo.path / "d" / "mine").write_text("m")
    with pytest.raises(UntrackedInTheWay) as caught:
        case.move()
    assert caught.value.paths == ("d/mine",)
    (repo.path / "d" / "mine").unlink()
    case.move()
    assert case.files()["d"] == b"a file\n"


def test_a_file_that_becomes_a_folder(repo):
    repo.commit({"d": "1\n"})
    case = Case(repo, {"f": "1\n"}, {"d": None})
    repo("checkout", "-q", "--detach", case.new)
    case.new = repo.commit({"d/a": "x\n"})
    repo("checkout", "-q", "work")
    case.move()
    assert case.files()["d/a"] == b"x\n"


def test_the_persons_filters_and_line_ends_count(repo):
    repo.commit({".gitattributes": "*.big filter=swap\n*.txt text\n"})
    case = Case(repo, {"x": "1\n"}, {"a.big": "stored", "a.txt": "line\n"})
    repo("config", "filter.swap.smudge", "tr a-z A-Z")
    repo("config", "filter.swap.clean", "tr A-Z a-z")
    repo("config", "core.autocrlf", "true")
    case.move()
    assert (case.files()["a.big"], case.files()["a.txt"]) == (b"STORED", b"line\r\n")
    assert case.status() == ""


def test_no_hook_runs(case):
    for name in ("post-checkout", "reference-transaction", "post-rewrite"):
        hook = case.repo.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    case.move()
    assert case.repo("rev-parse", "refs/heads/work") == case.new


def test_changed_in_the_meantime(case):
    branch = case.checkout.ready()
    (case.repo.path / "f").write_text("while it went on")
    refs = case.refs()
    with pytest.raises(DirtyWorkTree):
        move(case.checkout, branch, case.new, reason="x")
    assert (case.refs(), case.files()["f"]) == (refs, b"while it went on")


def test_a_change_elsewhere_stays(case):
    branch = case.checkout.ready()
    (case.repo.path / "same").write_text("while it went on")
    move(case.checkout, branch, case.new, reason="x")
    assert (case.repo.head(), case.status()) == (case.new, "M same")
    assert case.files()["same"] == b"while it went on"


def test_the_branch_was_moved_in_the_meantime(case):
    branch = case.checkout.ready()
    other = case.repo.commit({"other": "o\n"})
    case.repo("update-ref", "refs/heads/work", case.old)  # the files of `other` stay, the tree is dirty
    case.repo("reset", "-q", "--hard", other)
    refs, files = case.refs(), case.files()
    with pytest.raises(BranchMoved):
        move(case.checkout, branch, case.new, reason="x")
    assert (case.refs(), case.files(), case.status()) == (refs, files, "")


def test_moved_by_someone_who_leaves_the_files(case, monkeypatch):
    """Between the files and the branch: the lease on the branch decides, and the files go back."""
    branch, before = case.checkout.ready(), case.files()
    take_files = moving._take_files

    def and_then_somebody_moves_it(*args):
        take_files(*args)
        case.repo("update-ref", "refs/heads/work", case.new + "^")

    monkeypatch.setattr(moving, "_take_files", and_then_somebody_moves_it)
    with pytest.raises(BranchMoved, match="Run it again"):
        move(case.checkout, branch, case.new, reason="x")
    case.repo("update-ref", "refs/heads/work", case.old)
    assert (case.files(), case.status()) == (before, "")
    assert "rescue" not in case.refs()


def test_a_filter_that_fails_half_way_is_put_back(repo):
    repo.commit({".gitattributes": "*.big filter=lfs\n", "a/x": "1\n", "k": "1\n"})
    new = {"a/x": None, "a/n/new": "n\n", "k": "2\n", "z.big": "stored"}
    case = Case(repo, {"f": "2\n"}, new)
    repo("config", "filter.lfs.smudge", "exit 1")
    repo("config", "filter.lfs.clean", "cat")
    repo("config", "filter.lfs.required", "true")
    before, refs = case.files(), case.refs()
    with pytest.raises(GitFailed, match="smudge filter lfs failed"):
        case.move()
    assert (case.files(), case.status(), case.refs()) == (before, "", refs)
    assert not (repo.path / "a" / "n").exists()
    case.checkout.ready()


SLOW_FILTER = """\
import pathlib, sys, time
pathlib.Path({flag!r}).touch()
time.sleep({seconds})
sys.stdout.write(sys.stdin.read())
"""
MOVE = """\
import sys
from pathlib import Path
from git_ops import moving
from git_ops.checkout import open_checkout
from git_ops.moving import move

checkout = open_checkout(Path(sys.argv[1]))
branch = checkout.ready()
stop = sys.argv[3]
if stop != "-":
    def die(*args):
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(moving, stop, die)
print("go", flush=True)
move(checkout, branch, sys.argv[2], reason="x")
print("moved", flush=True)
"""


def running(case, stop="-"):
    return subprocess.Popen(
        [sys.executable, "-c", MOVE, str(case.repo.path), case.new, stop], stdout=subprocess.PIPE, text=True
    )


def slow(case, tmp_path, seconds):
    """Make one of the new files take its time; gives back what is there once that has begun."""
    flag = tmp_path / "flag"
    script = tmp_path / "slow.py"
    script.write_text(SLOW_FILTER.format(flag=str(flag), seconds=seconds))
    case.repo("config", "filter.slow.smudge", f"{sys.executable} {script}")
    return flag


@pytest.fixture
def slow_case(repo):
    repo.commit({".gitattributes": "z filter=slow\n", "f": "1\n"})
    return Case(repo, {"f": "2\n"}, {"f": "3\n", "a": "new\n", "z": "slow\n"})


def wait_for(path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("stop", ["_write_journal", "_take_files", "_take_branch", "drop_journal"])
def test_killed_between_any_two_steps(case, stop):
    before = case.files()
    process = running(case, stop)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    rescue = case.repo("for-each-ref", "--format=%(objectname)", "refs/forgehand/rescue")
    assert rescue == case.old
    head, files = case.repo("rev-parse", "refs/heads/work"), case.files()
    if stop in {"_write_journal", "_take_files"}:  # nothing has happened, and the next run goes on
        assert (head, files) == (case.old, before)
        case.move()
    elif stop == "_take_branch":
        assert head == case.old
        assert files["f"] == b"3\n"
        with pytest.raises(OperationInProgress, match="move of the branch work isn't finished") as caught:
            case.move()
        recover(case, caught.value, before)
    else:
        assert head == case.new
        case.checkout.ready()
        assert read_journal(case.checkout.git_dir) is None


def recover(case, error, before):
    """Do what the sentence says: first giving it up, then finishing it."""
    finish, back = error.user_message.split("finish it with ")[1].split(", or give it up with ")
    subprocess.run(back.rstrip("."), shell=True, cwd=case.repo.path, check=True)
    assert (case.repo.head(), case.files(), case.status()) == (case.old, before, "")
    subprocess.run(finish, shell=True, cwd=case.repo.path, check=True)
    assert (case.repo.head(), case.status()) == (case.new, "")
    assert case.checkout.ready().tip == case.new


def test_killed_while_git_writes_the_files(slow_case, tmp_path):
    case, before = slow_case, slow_case.files()
    flag = slow(case, tmp_path, 600)
    process = running(case)
    wait_for(flag)
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, check=True
    )
    git = int(children.stdout.split()[0])
    process.kill()
    os.killpg(git, signal.SIGKILL)
    process.communicate()
    assert (case.repo.path / ".git" / "index.lock").exists()
    case.repo("config", "filter.slow.smudge", "cat")
    with pytest.raises(OperationInProgress, match=r"rm -f \S+index\.lock") as caught:
        case.move()
    recover(case, caught.value, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_waits_for_the_end(slow_case, tmp_path, number):
    case = slow_case
    flag = slow(case, tmp_path, 1)
    process = running(case)
    wait_for(flag)
    process.send_signal(number)
    out, _ = process.communicate()
    assert (process.returncode, out) == (0, "go\nmoved\n")  # it came too late
    assert (case.repo.head(), case.status()) == (case.new, "")


def test_two_at_once(slow_case, tmp_path):
    case = slow_case
    flag = slow(case, tmp_path, 1)
    branch = case.checkout.ready()
    process = running(case)
    wait_for(flag)
    with pytest.raises(Busy, match="Another run"):
        move(case.checkout, branch, case.new, reason="x")
    assert process.communicate()[0] == "go\nmoved\n"
    assert (case.repo.head(), case.status()) == (case.new, "")
    with pytest.raises(BranchMoved):
        move(case.checkout, branch, case.new, reason="x")
    assert (case.repo.head(), case.status()) == (case.new, "")


def test_another_git_was_faster(case, monkeypatch):
    branch, before, refs = case.checkout.ready(), case.files(), case.refs()
    write_journal = moving._write_journal

    def and_then_another_git_starts(*args):
        write_journal(*args)
        (case.checkout.git_dir / "index.lock").touch()
        (case.repo.path / "f").write_text("written by the other git")

    monkeypatch.setattr(moving, "_write_journal", and_then_another_git_starts)
    with pytest.raises(Busy, match="run it again"):
        move(case.checkout, branch, case.new, reason="x")
    assert case.files() == before | {"f": b"written by the other git"}
    assert case.refs() == refs
    assert read_journal(case.checkout.git_dir) is None


def test_an_interruption_counts_where_the_move_fails(case):
    with pytest.raises(KeyboardInterrupt), moving._uninterrupted():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_journal_that_cannot_be_read_is_none(case):
    (case.checkout.git_dir / moving._JOURNAL).write_text(json.dumps({"odd": 1}))
    assert read_journal(case.checkout.git_dir) is None
    case.move()


def test_there_is_room(case):
    check_room(case.checkout, case.old, case.new)
