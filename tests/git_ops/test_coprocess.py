import os
import signal

import pytest

from git_ops import objects
from git_ops.errors import GitError, GitFailed, GitTimeout, OutputTooLarge, UnknownRef
from git_ops.process import Git

BATCH = ("cat-file", "--batch-check")


def test_one_answer_after_the_other(repo):
    oid = repo.commit({"a": "1\n"})
    with repo.git.asking(*BATCH) as git:
        for _ in range(3):
            git.tell(f"{oid}\n".encode())
            assert git.line().startswith(f"{oid} commit ".encode())
        pid = git._process
    assert pid.returncode == 0


def test_questions_and_answers_larger_than_the_pipes(repo):
    oid = repo.commit({"a": "x" * 200_000})
    blob = repo("rev-parse", f"{oid}:a")
    with repo.git.asking("cat-file", "--batch") as git:
        git.tell(f"{blob}\n".encode() * 300)
        for _ in range(300):
            assert git.line() == f"{blob} blob 200000".encode()
            assert len(git.exactly(200_001)) == 200_001


def test_death_is_told_with_code_and_reason(repo):
    with pytest.raises(GitFailed) as caught, repo.git.asking("cat-file", "--no-such-option") as git:
        git.line()
    assert caught.value.returncode == 129
    with repo.git.asking(*BATCH) as git:
        os.killpg(git._process.pid, signal.SIGKILL)
        git._process.wait()
        with pytest.raises(GitFailed) as caught:
            git.tell(b"HEAD\n" * 100_000)
    assert caught.value.returncode == -signal.SIGKILL


def test_silence_is_a_time_out_and_ends_the_process(repo):
    started = []
    with pytest.raises(GitTimeout), repo.git.replace(timeout_seconds=0.1).asking(*BATCH) as git:
        started.append(git._process) or git.line()
    assert started[0].returncode == -signal.SIGKILL


def test_reader_that_reads_nothing_is_a_time_out(repo):
    with repo.git.replace(timeout_seconds=0.1).asking(*BATCH) as git:
        os.killpg(git._process.pid, signal.SIGSTOP)
        with pytest.raises(GitTimeout):
            git.tell(b"x" * 10_000_000)
        os.killpg(git._process.pid, signal.SIGKILL)


def test_endless_line_is_given_up(repo):
    oid = repo.commit({"a": "x" * 3_000_000})
    with repo.git.asking("cat-file", "--batch") as git:
        git.tell(f"{oid}:a\n".encode())
        git.line()
        with pytest.raises(OutputTooLarge):
            git.line()


def test_kept_ones_are_used_again_and_ended_at_last(repo):
    oid = repo.commit({"a": "1\n"})
    with repo.git.session() as git:
        objects.read_commit(git, oid)
        with git.asking(*objects._READER) as one:
            process = one._process
        objects.tree_of(git, oid)
        assert process.poll() is None
        assert len(git.kept._kept) == 1
    assert process.returncode == 0


def test_one_that_failed_is_not_used_again(repo):
    oid = repo.commit({"a": "1\n"})
    with repo.git.session() as git:
        with git.asking(*objects._READER) as one:
            process = one._process
        with pytest.raises(UnknownRef):
            objects.read_commit(git, "0" * 40)
        assert process.returncode is not None
        assert objects.read_commit(git, oid).tree == repo.tree(oid)


def test_no_git_at_all(repo, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(GitError, match="install"), repo.git.asking(*BATCH):
        pass


def test_no_repository_there(tmp_path):
    with pytest.raises(GitError), Git(tmp_path / "gone").asking(*BATCH):
        pass
