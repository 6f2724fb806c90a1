import os
import signal
import stat
import subprocess
import sys
import threading

import pytest
from dotenv import dotenv_values
from hypothesis import example, given
from hypothesis import strategies as st

from app import settings_file
from app.settings_file import SettingsFileError, read, update

NAMES = ("FORGEHAND_A", "FORGEHAND_B")
NEW = st.dictionaries(
    st.sampled_from(NAMES),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
    max_size=2,
)
PIECES = st.sampled_from(
    ["FORGEHAND_A", "forgehand_b", "OTHER", "export ", "=", " ", "\t", "\n", "\r\n", "\r", "'", '"', "\\", "#", " # why", "x", "${OTHER}", "${X:-y}", "é", "'a b'", '"c"', "\ufeff", "\f", "\x85"]
)  # fmt: skip
FILES = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",))), st.lists(PIECES, max_size=25).map("".join)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("settings")


def written(path, text):
    path.write_bytes(text.encode())
    return path


def put(path, **values):
    return update(path, lambda _: values)


def others(path, new):
    """The other lines as they are written: what they fill in may be what was changed."""
    return {
        name: value
        for name, value in dotenv_values(path, interpolate=False).items()
        if name.upper() not in new
    }


@given(text=FILES, new=NEW)
@example(text="X='abc", new={"FORGEHAND_A": "1"})
@example(text="FORGEHAND_A=1\nforgehand_a=2\nFORGEHAND_A=3\n", new={"FORGEHAND_A": "4"})
@example(text="FORGEHAND_A='x' # why\r\n", new={"FORGEHAND_A": "${HOME} '\\ \"\r\n"})
@example(text="OTHER=${FORGEHAND_A}\n", new={"FORGEHAND_A": "1"})
@example(text="FORGEHAND_A=\n#x", new={"FORGEHAND_A": ""})
def test_any_file_survives_any_change(folder, text, new):
    """Afterwards the file says what was asked for, and nothing else in it has changed; or it is as it was."""
    path = written(folder / ".env", text)
    before = path.read_bytes()
    try:
        values, kept = read(path), others(path, new)
        changed = update(path, lambda _: new)
    except SettingsFileError:
        assert path.read_bytes() == before
        return
    assert {name: read(path)[name] for name in new} == new
    assert others(path, new) == kept
    assert changed == {name for name in new if values.get(name) != new[name]}
    assert [one.name for one in folder.iterdir()] == [".env"]
    if not changed:
        assert path.read_bytes() == before
    again = path.read_bytes()
    assert update(path, lambda _: new) == frozenset()
    assert path.read_bytes() == again


@given(text=FILES)
def test_it_reads_what_the_settings_read(folder, text):
    path = written(folder / ".env", text)
    try:
        ours = read(path)
    except SettingsFileError:
        return
    assert ours == {name.upper(): value or "" for name, value in dotenv_values(path).items()}


@given(
    comment=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20),
    value=st.text("ab '\"\\#${}=", max_size=8),
)
def test_lines_comments_and_order_are_kept(folder, comment, value):
    lines = (
        f"# {comment}",
        "",
        "OTHER='two\nlines'",
        "  export FORGEHAND_A='old' # why",
        "",
        "BROKEN 'line",
        "LAST=1 # x",
    )
    path = written(folder / ".env", "\n".join(lines))
    put(path, FORGEHAND_A=value, FORGEHAND_B="new")
    text = path.read_text()
    head, _, tail = "\n".join(lines).partition("'old'")
    assert text.startswith(head)
    assert text.endswith(f"{tail}\nFORGEHAND_B=new\n")
    assert read(path)["FORGEHAND_A"] == value


@pytest.mark.parametrize(("was", "becomes"), [(0o600, 0o600), (0o640, 0o640), (0o666, 0o640), (0o777, 0o640)])
def test_who_may_read_it_stays_and_is_never_everybody(tmp_path, was, becomes):
    """The service may run as another account of the file's group."""
    path = tmp_path / "new" / ".env"
    put(path, FORGEHAND_A="s3cret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(was)
    put(path, FORGEHAND_A="s3cret2")
    assert stat.S_IMODE(path.stat().st_mode) == becomes


KILLED = """
import os, pathlib, signal, sys
from app import settings_file
pathlib.Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
settings_file.update(pathlib.Path(sys.argv[1]), lambda _: {"FORGEHAND_A": "s3cret"})
"""


def test_what_a_killed_writer_leaves_is_removed_by_the_next(tmp_path):
    path = written(tmp_path / ".env", "A=1\n")
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == -signal.SIGKILL
    (left,) = [one for one in tmp_path.iterdir() if one != path]
    assert not left.stat().st_mode & 0o027
    assert path.read_text() == "A=1\n"
    put(path, FORGEHAND_A="x")
    assert list(tmp_path.iterdir()) == [path]


def test_what_somebody_put_beside_it_is_not_written_into(tmp_path):
    path, theirs = tmp_path / ".env", written(tmp_path / "theirs", "mine\n")
    (tmp_path / ".env.forgehand").symlink_to(theirs)
    put(path, FORGEHAND_A="s3cret")
    assert theirs.read_text() == "mine\n"
    assert read(path) == {"FORGEHAND_A": "s3cret"}
    (tmp_path / ".env.forgehand").mkdir()
    with pytest.raises(SettingsFileError, match=r"\.env can't be written: \.env\.forgehand beside it"):
        put(path, FORGEHAND_A="other")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_it_stays_the_services_own_file(tmp_path):
    path = written(tmp_path / ".env", "A=1\n")
    os.chown(path, 12345, 12346)
    put(path, FORGEHAND_A="x")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)


def test_a_link_stays_one(tmp_path):
    real = written(tmp_path / "real", "A=1\n")
    (tmp_path / ".env").symlink_to(real)
    put(tmp_path / ".env", FORGEHAND_A="x")
    assert (tmp_path / ".env").is_symlink()
    assert read(real) == {"A": "1", "FORGEHAND_A": "x"}


def test_two_writers_wait_for_each_other(tmp_path):
    path = tmp_path / ".env"

    def add():
        for _ in range(20):
            update(path, lambda values: {"FORGEHAND_A": str(int(values.get("FORGEHAND_A", "0")) + 1)})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(path) == {"FORGEHAND_A": "80"}


@pytest.mark.parametrize("moment", ["fsync", "fchown", "replace"])
def test_what_fails_half_way_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, moment):
    path = written(tmp_path / ".env", "A=1\n")

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(settings_file.Path, "rename", fail) if moment == "replace" else monkeypatch.setattr(
        settings_file.os, moment, fail
    )
    with pytest.raises(SettingsFileError, match="the disk is full"):
        put(path, FORGEHAND_A="x")
    assert path.read_text() == "A=1\n"
    assert [one.name for one in tmp_path.iterdir()] == [".env"]


def test_what_is_no_text_is_said_and_left(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff\n")
    with pytest.raises(SettingsFileError, match=r"\.env can't be read"):
        put(path, FORGEHAND_A="x")
    assert path.read_bytes() == b"A=\xff\n"
    with pytest.raises(SettingsFileError, match="can't be read"):
        put(tmp_path, FORGEHAND_A="x")
