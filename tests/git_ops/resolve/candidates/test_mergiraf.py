"""Against a stand-in that obeys the same command line, `mergiraf merge BASE LEFT RIGHT`: the tests don't need the program."""

import pytest

from git_ops.resolve.candidates import mergiraf
from git_ops.resolve.candidates.mergiraf import Mergiraf

BASE, TARGET, AGENT = b"a = 1\nsame\n", b"a = 2\nsame\n", b"a = 3\nsame\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a shell script called mergiraf on PATH."""

    def put(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "mergiraf"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        mergiraf.executable.cache_clear()

    yield put
    monkeypatch.undo()
    mergiraf.executable.cache_clear()


@pytest.fixture
def conflict(whole):
    return whole(BASE, TARGET, AGENT, "dir/f.py")


def test_its_answer_is_cut_into_hunks(install, conflict):
    install('[ "$1" = merge ] && [ $# = 4 ] || exit 9; cat "$2" "$3" "$4" | grep -v same; echo same')
    assert Mergiraf().propose(conflict) == {"h1": b"a = 1\na = 2\na = 3\n"}


def test_it_sees_the_files_name_and_nothing_of_ours(install, conflict, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    install('for f in "$2" "$3" "$4"; do basename "$f"; done; env | grep -c SECRET; echo same')
    assert Mergiraf().propose(conflict) == {"h1": b"f.py\nf.py\nf.py\n0\n"}


@pytest.mark.parametrize(
    "script",
    [
        'cat "$3"; exit 1',  # conflicts are left
        "echo 'another text'",  # not what stands between the hunks
        "exit 0",
        "kill -9 $$",
        "yes same | head -c 100000",
    ],
)
def test_anything_else_is_no_proposal(install, conflict, script):
    install(script)
    assert Mergiraf().propose(conflict) == {}


def test_it_is_ended_in_time(install, conflict, monkeypatch):
    monkeypatch.setattr(mergiraf, "_TIMEOUT_SECONDS", 0.2)
    install("exec sleep 60")
    assert Mergiraf().propose(conflict) == {}


def test_a_broken_program_is_no_proposal(install, conflict, tmp_path):
    install("true")
    (tmp_path / "bin" / "mergiraf").write_text("#!/nonexistent\n")
    assert Mergiraf().propose(conflict) == {}


@pytest.mark.parametrize("name", ["-o", "a b.py", "é.py", "x" * 90])
def test_odd_names_are_not_passed_on(install, whole, name):
    install('cat "$3"')
    assert Mergiraf().propose(whole(BASE, TARGET, AGENT, name)) == {}


def test_without_it_there_is_nothing(conflict, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    mergiraf.executable.cache_clear()
    assert Mergiraf().propose(conflict) == {}
    monkeypatch.undo()
    mergiraf.executable.cache_clear()
