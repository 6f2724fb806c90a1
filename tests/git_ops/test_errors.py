import errno
import inspect
import random
import subprocess

import pytest

from git_ops import errors
from git_ops.errors import (
    CorruptObject,
    DiskFull,
    GitError,
    GitFailed,
    GitTooOld,
    LeaseLost,
    NestedRepository,
    NotReady,
    from_os_error,
    from_stderr,
)


def test_the_tree_in_the_docstring_is_the_tree():
    classes = {c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, GitError)}
    depth = {}
    for line in errors.__doc__.splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if name in {c.__name__ for c in classes}:
            depth[name] = (len(line) - len(line.lstrip("│├└─ "))) // 4
    assert depth == {c.__name__: len(c.__mro__) - len(GitError.__mro__) for c in classes}


def test_sentences():
    assert str(GitFailed(("git", "-c", "a=b", "fetch"), 128, "noise\nfatal: why\n")) == (
        "git fetch failed with exit code 128: fatal: why"
    )
    lost = LeaseLost("main", expected="1" * 40, actual=None)
    assert "it was at 1111111111 when it was read and is gone now" in lost.user_message
    many = NestedRepository([f"d{i}" for i in range(7)])
    assert many.user_message.startswith("d0, d1, d2, d3, d4 and more: a Git repository")


@pytest.mark.parametrize("kind", sorted(NotReady.__subclasses__(), key=lambda c: c.__name__))
def test_whatever_keeps_a_checkout_from_being_moved_names_a_way_out(kind):
    wanted = {"branch": "b", "where": "w", "paths": ["p"], "expected": "1" * 40, "actual": None}
    wanted |= {"operation": "rebase", "finish": "git f", "abort": "git a"}
    names = set(inspect.signature(kind).parameters)
    said = kind(**{name: value for name, value in wanted.items() if name in names}).user_message
    assert any(
        word in said for word in ("git ", "commit something", "move or remove", "Run it again", "go to it")
    )


OID = "f" * 40


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        (f"error: inflate: data stream error\nerror: unable to unpack {OID} header\n", CorruptObject),
        (f"fatal: loose object {OID} (stored in .git/objects/ff/f) is corrupt\n", CorruptObject),
        (f"error: object file .git/objects/ff/{OID} is empty\n", CorruptObject),
        (f"fatal: unable to read tree {OID}\n", CorruptObject),
        (f"error: Could not read {OID}\nfatal: revision walk setup failed\n", CorruptObject),
        ("fatal: index file corrupt\n", CorruptObject),
        ("fatal: too-short tree object\n", CorruptObject),
        ("fatal: empty filename in tree entry\n", CorruptObject),
        (f"error: Object {OID} not a commit\n", CorruptObject),
        ("fatal: sha1 file '/x' write error: No space left on device\n", DiskFull),
        ("error: unable to write file a/b\nfatal: write error: Disk quota exceeded\n", DiskFull),
        ("error: unknown switch `z'\nusage: git merge-tree <a> <b>\n", GitFailed),
        ("git: 'replay' is not a git command. See 'git --help'.\n", GitTooOld),
        ("fatal: not something we can merge\n", GitFailed),
        ("remote: fatal: write error: No space left on device\nfatal: early EOF\n", GitFailed),
        (f"remote: error: object file objects/ff/{OID} is empty\nfatal: early EOF\n", GitFailed),
        ("", GitFailed),
    ],
)
def test_what_git_says(stderr, kind):
    assert type(from_stderr(("git", "x"), 128, stderr)) is kind


def test_a_usage_error_is_an_old_git():
    old = from_stderr(("git", "merge-tree"), 129, "error: unknown switch `z'\nusage: git merge-tree <a>\n")
    assert isinstance(old, GitTooOld)
    assert "can't do what is needed, and 2.38 or newer" in old.user_message


def test_the_damaged_object_is_named():
    said = from_stderr(("git", "x"), 128, f"fatal: loose object {OID} (stored in x) is corrupt")
    assert said.object_id == OID
    assert f"object {OID} is broken or missing" in said.user_message


def test_what_the_system_says():
    assert isinstance(from_os_error(OSError(errno.ENOSPC, "No space left on device")), DiskFull)
    denied = from_os_error(PermissionError(errno.EACCES, "Permission denied", "a\nb"))
    assert type(denied) is GitError
    assert denied.user_message == "The system refused to go on: Permission denied ('a\\nb')"


def test_os_errors_become_ours():
    with pytest.raises(DiskFull), errors.os_errors():
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("how", ["garbage", "empty", "gone"])
@pytest.mark.parametrize("what", ["tree", "blob"])
def test_a_damaged_repository_is_told_as_one(repo, how, what):
    """What this machine's git prints is recognised."""
    repo.commit({"f": "1\n", "g": "2\n"})
    oid = repo("rev-parse", "HEAD^{tree}" if what == "tree" else "HEAD:f")
    place = repo.path / ".git" / "objects" / oid[:2] / oid[2:]
    place.chmod(0o644)
    if how == "gone":
        place.unlink()
    else:
        place.write_bytes(b"garbage" if how == "garbage" else b"")
    with pytest.raises(CorruptObject, match="git fsck"):
        repo.git.run("archive", "HEAD")


def test_a_full_disk_is_told_as_one(repo, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        git = repo.git.replace(git_dir=place / "r.git")
        (place / "r.git").mkdir()
        git.run("init", "-q", "--bare", "--template=")
        with pytest.raises(DiskFull, match="free some space"):
            git.run(
                "hash-object",
                "-w",
                "--stdin",
                stdin=bytes(range(256)) * 8_000 + random.Random(1).randbytes(900_000),
            )
    finally:
        subprocess.run(["umount", str(place)], check=True)
