import pytest

from git_ops import objects
from git_ops.errors import BadName, OutputTooLarge, UnknownRef, Unmergeable
from git_ops.objects import Identity


def test_commit_round_trip_is_exact(repo):
    oid = repo.commit({"a": "1"}, "subject\n\n\n#1\n")
    commit = objects.read_commit(repo.git, oid)
    assert objects.write_commit(repo.git, commit) == oid
    assert (commit.subject, commit.committed_at) == ("subject", 1_700_000_100)
    assert commit.committer_identity() == Identity(name="Carl", email="carl@example.org")
    with pytest.raises(UnknownRef):
        objects.read_commit(repo.git, "0" * 40)


def test_blobs(repo):
    one, two = (objects.write_blob(repo.git, content) for content in (b"a\r\n", b""))
    assert objects.read_blobs(repo.git, [one, two, one]) == [b"a\r\n", b"", b"a\r\n"]
    assert objects.read_blobs(repo.git, []) == []
    assert objects.read_blob(repo.git, one, max_bytes=3) == b"a\r\n"
    with pytest.raises(OutputTooLarge):
        objects.read_blob(repo.git, one, max_bytes=2)
    with pytest.raises(UnknownRef):
        objects.read_blobs(repo.git, ["0" * 40])


def test_edit_tree(repo):
    tree = repo.tree(repo.commit({"a": "1", "d/x": "1", "gone": "1"}))
    blob = objects.write_blob(repo.git, b"new")
    name = "tab\tname\udcff"
    edited = objects.edit_tree(repo.git, tree, {"gone": None, "a": ("100755", blob), name: ("100644", blob)})
    raw = repo.git.run("ls-tree", "-r", "-z", edited).stdout
    assert b"100755 blob " + blob.encode() + b"\ta\0" in raw
    assert b"\ttab\tname\xff\0" in raw
    assert b"gone" not in raw
    assert b"\td/x\0" in raw


def test_file_may_replace_a_directory(repo):
    tree = repo.tree(repo.commit({"d/x": "1"}))
    blob = objects.write_blob(repo.git, b"new")
    edited = objects.edit_tree(repo.git, tree, {"d/x": None, "d": ("100644", blob)})
    assert repo.git.text("ls-tree", "-r", "--name-only", edited) == "d"


@pytest.mark.parametrize("path", [".git/config", "../x", "/x", "a//b"])
def test_paths_git_must_not_have_are_refused(repo, path):
    tree = repo.tree(repo.commit({"a": "1"}))
    blob = objects.write_blob(repo.git, b"new")
    with pytest.raises(Unmergeable):
        objects.edit_tree(repo.git, tree, {path: ("100644", blob)})


def test_entry(repo):
    oid = repo.commit({"d/x": "12", "*": "star"})
    found = objects.entry(repo.git, oid, "d/x")
    assert (found.mode, found.kind, found.size) == ("100644", "blob", 2)
    assert objects.entry(repo.git, oid, "d").kind == "tree"
    assert objects.entry(repo.git, oid, "*").size == 4
    assert objects.entry(repo.git, oid, "d/*") is None


def test_paths_survive_and_show_safely():
    for raw in (b"\xff", "é".encode(), b"\n"):
        assert objects.encode_path(objects.decode_path(raw)) == raw
    assert objects.show_path("a\nb\udcff\u202e é") == "a\\nb\\udcff\\u202e é"


@pytest.mark.parametrize(("name", "email"), [("", "a@b"), ("a\nb", "c"), ("a", "b>"), (" ", "")])
def test_identities_that_would_break_a_commit(name, email):
    with pytest.raises(BadName):
        Identity(name=name, email=email)
