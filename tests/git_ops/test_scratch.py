import pytest

from git_ops.scratch import read_branch, scratch, set_branch


def test_works_on_the_objects_of_another_and_has_nothing_else_of_it(repo, tmp_path):
    oid = repo.commit({"a": "1\n"})
    repo("config", "merge.x.driver", "false")
    git = scratch(tmp_path, like=repo.git, oid=oid, objects=repo.path / ".git" / "objects")
    assert git.text("cat-file", "blob", f"{oid}:a") == "1"
    assert git.text("for-each-ref") == ""
    assert git.text("config", "merge.x.driver", ok=(1,)) == ""


def test_branches_are_its_own(repo, tmp_path):
    oid = repo.commit({"a": "1\n"})
    git = scratch(tmp_path, like=repo.git, oid=oid, objects=repo.path / ".git" / "objects")
    assert git.text("rev-parse", set_branch(git, "x", oid)) == oid == read_branch(git, "x")
    with pytest.raises(ValueError, match="scratch"):
        set_branch(repo.git, "x", oid)


def test_ids_of_64_digits(tmp_path):
    git = scratch(tmp_path, oid="0" * 64)
    assert len(git.text("hash-object", "-w", "--stdin", stdin=b"x")) == 64
