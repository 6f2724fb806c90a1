import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from git_ops import objects
from git_ops import quarantine as module
from git_ops.errors import CorruptObject, DiskFull, GitError, GitFailed, NotARepository, UnknownRef
from git_ops.objects import RawCommit
from git_ops.process import Git
from git_ops.quarantine import common_directory, object_directory, quarantine


def stored(repo):
    """Every object file and pack of the repository, leftovers included."""
    root = repo.path / ".git" / "objects"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def ids(git):
    listed = git.text("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(listed.split())


def a_commit(git, parent, *, files=1):
    """A commit with new files on top of `parent`; return its id and the ids of all that is new."""
    blobs = {f"new{i}": objects.write_blob(git, f"content {i}\n".encode()) for i in range(files)}
    tree = objects.edit_tree(
        git, objects.tree_of(git, parent), {name: ("100644", oid) for name, oid in blobs.items()}
    )
    person = b"Ada <ada@example.org> 0 +0000"
    commit = RawCommit(tree=tree, parents=(parent,), author=person, committer=person, message=b"new\n")
    tip = objects.write_commit(git, commit)
    return tip, {tip, tree, *blobs.values()}


@pytest.mark.parametrize("files", [1, 200])
def test_only_what_is_kept_and_reachable_arrives(repo, files):
    base = repo.commit({"a": "1\n"})
    before = ids(repo.git)
    with quarantine(repo.git) as place:
        tip, new = a_commit(place.git, base, files=files)
        objects.write_blob(place.git, b"never asked for")
        with pytest.raises(UnknownRef):
            objects.read_commit(repo.git, tip)
        assert place.keep(tip, have=(base,)) == len(new)
        assert objects.read_commit(place.git, tip).parents == (base,)
    assert ids(repo.git) == before | new
    assert len(list((repo.path / ".git/objects/pack").glob("*.pack"))) == (files > 100)
    repo("fsck", "--strict", "--no-dangling")


def test_repository_is_as_it_was_unless_something_is_kept(repo):
    base = repo.commit({"a": "1\n"})
    before = stored(repo)
    with quarantine(repo.git) as place:
        a_commit(place.git, base)
    assert stored(repo) == before
    with pytest.raises(UnknownRef), quarantine(repo.git) as place:
        objects.read_commit(place.git, a_commit(place.git, base)[0][::-1])
    assert stored(repo) == before


def test_what_the_repository_has_is_kept_already(repo):
    base = repo.commit({"a": "1\n"})
    with quarantine(repo.git) as place:
        assert place.keep(base) == 0


def test_keeping_what_is_not_there_fails_and_changes_nothing(repo):
    repo.commit({"a": "1\n"})
    before = stored(repo)
    with pytest.raises(GitFailed), quarantine(repo.git) as place:
        place.keep("1" * 40)
    assert stored(repo) == before


def test_damaged_object_is_a_typed_error_and_changes_nothing(repo):
    base = repo.commit({"a": "1\n"})
    before = stored(repo)
    with quarantine(repo.git) as place:
        tip, _ = a_commit(place.git, base)
        tree = objects.tree_of(place.git, tip)
        broken = place.folder / tree[:2] / tree[2:]
        broken.chmod(0o644)
        broken.write_bytes(b"damaged")
        with pytest.raises(CorruptObject):
            place.keep(tip, have=(base,))
    assert stored(repo) == before


def test_full_disk_is_a_typed_error(repo, monkeypatch):
    repo.commit({"a": "1\n"})

    def full(*_args, **_named):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(module.tempfile, "mkdtemp", full)
    with pytest.raises(DiskFull), quarantine(repo.git):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system that is small")
def test_full_disk_while_objects_are_written(repo, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", "size=256k", "none", str(small)), check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine doesn't let us mount")
    try:
        git = Git(repo.bare(small / "bare.git"))
        with pytest.raises(DiskFull), quarantine(git) as place:
            objects.write_blob(place.git, os.urandom(2**20))
    finally:
        subprocess.run(("umount", str(small)), check=True)


def test_read_only_repository_gets_a_quarantine_elsewhere(repo, monkeypatch):
    base = repo.commit({"a": "1\n"})
    mkdtemp = module.tempfile.mkdtemp

    def refusing(prefix, **place):
        if place:
            raise OSError(30, os.strerror(30))
        return mkdtemp(prefix=prefix)

    monkeypatch.setattr(module.tempfile, "mkdtemp", refusing)
    with quarantine(repo.git) as place:
        assert not place.folder.is_relative_to(repo.path)
        tip, _ = a_commit(place.git, base)
        place.keep(tip, have=(base,))
    assert objects.read_commit(repo.git, tip).parents == (base,)
    assert not place.folder.exists()


def test_another_directory_for_it(repo, tmp_path):
    base = repo.commit({"a": "1\n"})
    with quarantine(repo.git, inside=tmp_path) as place:
        assert place.folder.parent == tmp_path
        tip, new = a_commit(place.git, base)
        assert place.keep(tip, have=(base,)) == len(new)
    assert objects.read_commit(repo.git, tip).parents == (base,)


def test_leftovers_of_the_dead_are_swept_and_the_living_left_alone(repo):
    repo.commit({"a": "1\n"})
    root = repo.path / ".git" / "objects"
    dead, young = root / "tmp_objdir-rebase-dead", root / "tmp_objdir-rebase-young"
    long_ago = time.time() - 100_000
    for folder in (dead, young):
        (folder / "ab").mkdir(parents=True)
    os.utime(dead, (long_ago, long_ago))
    with quarantine(repo.git) as living:
        os.utime(living.folder, (long_ago, long_ago))
        with quarantine(repo.git):
            assert not dead.exists()
            assert young.exists()
            assert living.folder.exists()


def test_killed_process_leaves_a_usable_repository(repo, tmp_path):
    base = repo.commit({"a": "1\n"})
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from git_ops import objects\n"
        "from git_ops.process import Git\n"
        "from git_ops.quarantine import quarantine\n"
        "with quarantine(Git(Path(sys.argv[1]))) as place:\n"
        "    objects.write_blob(place.git, b'half-way')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    before = ids(repo.git)
    subprocess.run((sys.executable, "-c", script, str(repo.path / ".git")), check=False, timeout=60)
    (left,) = (repo.path / ".git" / "objects").glob("tmp_objdir-rebase-*")
    assert ids(repo.git) == before
    repo("fsck", "--strict")
    os.utime(left, (0, 0))
    with quarantine(repo.git) as place:
        tip, new = a_commit(place.git, base)
        place.keep(tip, have=(base,))
    assert not left.exists()
    assert ids(repo.git) == before | new


def test_linked_work_tree_shares_the_objects(repo, tmp_path):
    base = repo.commit({"a": "1\n"})
    linked = tmp_path / "linked"
    repo("worktree", "add", "-q", "--detach", str(linked))
    for git_dir in (linked / ".git", repo.path / ".git" / "worktrees" / "linked"):
        assert object_directory(Git(git_dir)) == (repo.path / ".git" / "objects").resolve()
    with quarantine(Git(repo.path / ".git" / "worktrees" / "linked")) as place:
        tip, _ = a_commit(place.git, base)
        place.keep(tip, have=(base,))
    assert objects.read_commit(repo.git, tip).parents == (base,)


def test_alternates_of_the_repository_go_on_working(repo, tmp_path):
    base = repo.commit({"a": "1\n"})
    borrower = tmp_path / 'odd "name"\n' / "borrower.git"
    repo("clone", "-q", "--bare", "--shared", str(repo.path), str(borrower))
    git = Git(borrower)
    with quarantine(git) as place:
        tip, new = a_commit(place.git, base)
        assert place.keep(tip, have=(base,)) == len(new)
    assert objects.read_commit(git, tip).parents == (base,)
    with pytest.raises(UnknownRef):
        objects.read_commit(repo.git, tip)


def test_a_quarantine_in_a_quarantine(repo):
    base = repo.commit({"a": "1\n"})
    with quarantine(repo.git) as outer:
        with quarantine(outer.git) as inner:
            tip, _ = a_commit(inner.git, base)
            inner.keep(tip, have=(base,))
        assert objects.read_commit(outer.git, tip).parents == (base,)
        with pytest.raises(UnknownRef):
            objects.read_commit(repo.git, tip)


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")]
)
def test_no_repository_is_a_typed_error(tmp_path, make):
    make(tmp_path / "nothing")
    with pytest.raises(NotARepository):
        common_directory(Git(tmp_path / "nothing"))
    with pytest.raises(GitError):
        common_directory(Git())


def test_processes_of_the_session_end_with_it(repo):
    base = repo.commit({"a": "1\n"})
    with quarantine(repo.git) as place:
        a_commit(place.git, base)
        running = [one._process for one in place.git.kept._kept.values()]
        assert running
        assert all(process.poll() is None for process in running)
    assert all(process.returncode is not None for process in running)
    assert not Path(place.folder).exists()
