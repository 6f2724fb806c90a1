import os
import subprocess
from pathlib import Path

import pytest

from git_ops.errors import BadName, NestedRepository, WorkTreeRefused
from git_ops.objects import Identity, edit_tree, read_commit, tree_of, write_blob
from git_ops.quarantine import quarantine
from git_ops.workspace import Workspace

AGENT = Identity(name="Forge Hand", email="hand@example.org")


@pytest.fixture
def space(origin, repo, tmp_path):
    files = {".gitignore": "*.log\ndeps/\n", "src/a.py": "a\n", "run": "#!/bin/sh\n"}
    tip = repo.commit(files, "second")
    origin.push("main")
    space = Workspace(tmp_path / "private.git", tmp_path / "tree", allow_protocols=("file",))
    space.clone(origin.url, refs=["refs/heads/main", tip])
    space.checkout(tip)
    space.tip = tip
    return space


def commit(space, message="work"):
    return space.commit_all(message, author=AGENT, parent=space.tip)


def names(space, oid):
    return space.git.text("ls-tree", "-r", "--name-only", oid).split("\n")


def test_clone_and_checkout(space):
    assert (space.work_tree / "src/a.py").read_text() == "a\n"
    assert not (space.work_tree / ".git").exists()
    assert space.git.text("rev-parse", f"refs/forgehand/wanted/{space.tip}") == space.tip


def test_alternates_borrow_objects(origin, tmp_path, space):
    other = Workspace(tmp_path / "p2.git", tmp_path / "t2", allow_protocols=("file",))
    other.clone(origin.url, refs=["refs/heads/main"], alternates=[space.git_dir / "objects"])
    other.checkout(space.tip)
    assert not list((other.git_dir / "objects").glob("??"))
    assert not list((other.git_dir / "objects" / "pack").iterdir())


def test_unchanged_tree_is_no_commit(space):
    assert commit(space) is None
    (space.work_tree / "x.log").write_text("ignored")
    assert commit(space) is None


def test_commit_keeps_the_message_and_sees_every_change(space):
    tree = space.work_tree
    (tree / "src/a.py").unlink()
    (tree / "new\tname").write_bytes(b"\xff\0")
    (tree / "run").chmod(0o755)
    message = "#12 is the ticket\n\n\n\n# not a comment\ntrailing  "
    oid = commit(space, message)
    made = read_commit(space.git, oid)
    assert made.message == message.encode()
    assert made.parents == (space.tip,)
    assert made.author.startswith(b"Forge Hand <hand@example.org> ")
    raw = space.git.text("diff-tree", "-r", "--name-status", "-z", space.tip, oid)
    assert raw.split("\0")[:-1] == ["A", "new\tname", "M", "run", "D", "src/a.py"]


def test_checkout_restores_the_tree(space):
    tree = space.work_tree
    (tree / "src/a.py").write_text("changed")
    (tree / "README").unlink()
    (tree / "extra/deep").mkdir(parents=True)
    (tree / "x.log").write_text("ignored")
    space.checkout(space.tip, keep_ignored=True)
    assert (tree / "x.log").exists()
    space.checkout(space.tip)
    found = sorted(str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file())
    assert found == [".gitignore", "README", "run", "src/a.py"]
    assert (tree / "src/a.py").read_text() == "a\n"


def test_checkout_survives_a_hostile_tree(space, tmp_path):
    tree, outside = space.work_tree, tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("precious")
    (tree / "src/a.py").unlink()
    (tree / "src").rmdir()
    (tree / "src").symlink_to(outside)
    (tree / "README").unlink()
    (tree / "README").symlink_to(outside / "a.py")
    (tree / "loop").symlink_to("loop")
    subprocess.run(("git", "init", "-q", str(tree / "nested")), check=True, timeout=10)
    (tree / ".git").write_text("gitdir: /nonexistent\n")
    (tree / "closed").mkdir()
    (tree / "closed/file").write_text("x")
    (tree / "closed").chmod(0)
    os.mkfifo(tree / "pipe")
    space.checkout(space.tip)
    assert (outside / "a.py").read_text() == "precious"
    assert sorted(p.name for p in tree.iterdir()) == [".gitignore", "README", "run", "src"]
    assert not (tree / "src").is_symlink()
    assert commit(space) is None


def test_nothing_in_the_tree_is_run(space, tmp_path):
    tree, marker = space.work_tree, tmp_path / "ran"
    evil = tree / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    evil.chmod(0o755)
    subprocess.run(("git", "init", "-q", str(tree)), check=True, timeout=10)
    for key in (
        "core.fsmonitor",
        "filter.evil.clean",
        "filter.evil.process",
        "core.sshCommand",
        "diff.evil.textconv",
    ):
        subprocess.run(("git", "-C", str(tree), "config", key, str(evil)), check=True, timeout=10)
    for hook in ("pre-commit", "post-index-change", "reference-transaction", "post-checkout", "pre-push"):
        path = tree / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(evil.read_text())
        path.chmod(0o755)
    (tree / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (tree / "src/a.py").write_text("b\n")
    oid = commit(space)
    assert space.git.run("cat-file", "blob", f"{oid}:src/a.py").stdout == b"b\n"
    assert ".git/config" not in names(space, oid)
    space.checkout(oid)
    assert not marker.exists()


def test_symlinked_directory_is_stored_as_a_link(space, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("k")
    (space.work_tree / "src/a.py").unlink()
    (space.work_tree / "src").rmdir()
    (space.work_tree / "src").symlink_to(tmp_path / "secret")
    oid = commit(space)
    assert space.git.text("ls-tree", oid, "src").startswith("120000 ")


@pytest.mark.parametrize("with_commit", [True, False])
def test_nested_repository_is_an_error_that_names_it(space, with_commit):
    nested = space.work_tree / "vendor" / "thing"
    subprocess.run(("git", "init", "-q", str(nested)), check=True, timeout=10)
    (nested / "file").write_text("x")
    if with_commit:
        for args in (("add", "."), ("-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x")):
            subprocess.run(("git", "-C", str(nested), *args), check=True, timeout=10)
    with pytest.raises(NestedRepository, match="vendor/thing") as caught:
        commit(space)
    assert caught.value.paths == ("vendor/thing",)
    (space.work_tree / "src/a.py").write_text("more\n")
    subprocess.run(("rm", "-r", str(nested / ".git")), check=True, timeout=10)
    assert "vendor/thing/file" in names(space, commit(space))


def test_repository_in_an_ignored_directory_is_no_problem(space):
    subprocess.run(("git", "init", "-q", str(space.work_tree / "deps" / "x")), check=True, timeout=10)
    (space.work_tree / "src/a.py").write_text("b\n")
    assert "deps/x" not in names(space, commit(space))


def test_git_folder_inside_a_tracked_directory_is_left_out(space):
    subprocess.run(("git", "init", "-q", str(space.work_tree / "src")), check=True, timeout=10)
    (space.work_tree / "src/b.py").write_text("b\n")
    assert [n for n in names(space, commit(space)) if n.startswith("src")] == ["src/a.py", "src/b.py"]


def test_device_in_place_of_a_file_does_not_hang(space):
    (space.work_tree / "README").unlink()
    os.mkfifo(space.work_tree / "README")
    with pytest.raises(WorkTreeRefused):
        commit(space)


def test_submodule_that_is_not_checked_out_stays(space, repo, origin):
    repo("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repo("commit", "-qm", "with a submodule")
    tip = repo.head()
    origin.push("main")
    space.clone(origin.url, refs=[tip])
    space.checkout(tip)
    (space.git_dir / "index").unlink()
    (space.work_tree / "src/a.py").write_text("b\n")
    oid = space.commit_all("x", author=AGENT, parent=tip)
    assert space.git.text("ls-tree", oid, "sub").startswith("160000 commit 1111")


def test_lock_of_a_killed_git_is_taken_away(space):
    (space.git_dir / "index.lock").write_text("")
    (space.work_tree / "src/a.py").write_text("b\n")
    assert commit(space)


def test_push_to_quarantine(space, origin):
    (space.work_tree / "src/a.py").write_text("b\n")
    oid = commit(space)
    space.push(origin.url, sha=oid, ref="refs/forgehand/jobs/1/1/head")
    assert origin.at("refs/forgehand/jobs/1/1/head") == oid


def test_private_repository_must_lie_outside(tmp_path):
    with pytest.raises(BadName):
        Workspace(tmp_path / "tree" / "private.git", tmp_path / "tree")
    assert Path(tmp_path).exists()


def test_a_tree_in_a_quarantine_comes_and_goes(space):
    before = tree_of(space.git, space.tip)
    with quarantine(space.git) as place:
        oid = write_blob(place.git, b"only here\n")
        tree = edit_tree(place.git, before, {"src/a.py": ("100644", oid), "run": None})
        inside = space.with_objects(place.git.object_directory)
        inside.checkout(tree)
        assert (space.work_tree / "src/a.py").read_text() == "only here\n"
        assert inside.snapshot(tree) == tree
        (space.work_tree / "new").write_text("mine\n")
        after = inside.snapshot(tree)
        assert place.git.text("show", f"{after}:new") == "mine"
        space.checkout(space.tip)
    assert space.git.run("cat-file", "-e", after, ok=(0, 1, 128)).returncode != 0
    assert space.snapshot(space.tip) == before
    assert (space.work_tree / "run").exists()
