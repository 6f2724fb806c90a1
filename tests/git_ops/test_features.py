import os
import stat

import pytest

from git_ops.features import features
from git_ops.process import Git


def fake(tmp_path, monkeypatch, script):
    """A git in front of the real one on PATH."""
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    real = next(p for p in os.environ["PATH"].split(":") if os.access(f"{p}/git", os.X_OK))
    program.write_text(f'#!/bin/sh\n{script}\nexec {real}/git "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_found_out_once_for_each_program(tmp_path, monkeypatch):
    log = tmp_path / "log"
    fake(tmp_path, monkeypatch, f'echo "$@" >> {log}')
    assert features() == features()
    assert len(log.read_text().splitlines()) == len(set(log.read_text().splitlines()))


def test_agrees_with_what_the_manual_of_this_git_says(tmp_path):
    found, help_ = features(), Git().run("merge-file", "-h", ok=(129,))
    assert found.diff_algorithm == (b"--diff-algorithm" in help_.stdout + help_.stderr)


@pytest.mark.parametrize("crash", ["kill -SEGV $$", "exit 129", "exit 0"])
def test_what_crashes_or_does_nothing_is_not_there(tmp_path, monkeypatch, crash):
    fake(
        tmp_path,
        monkeypatch,
        f'case "$*" in *--attr-source*|*--merge-base*|*diff-algorithm*) {crash};; esac',
    )
    found = features()
    assert not found.replay
    if crash != "exit 0":
        assert not any((found.attr_source, found.merge_base, found.diff_algorithm))
