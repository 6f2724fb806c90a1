import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_ops import objects
from git_ops.errors import BadName, CorruptObject, OutputTooLarge, UnknownRef, Unmergeable
from git_ops.objects import Identity
from tests.git_ops.conftest import Repo


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


def test_an_edit_costs_no_more_in_a_larger_tree(repo, monkeypatch):
    """Only the directories on the way are read, however many others there are."""
    tree = repo.tree(repo.commit({f"d{i}/e/x": "1" for i in range(9)}))
    blob = objects.write_blob(repo.git, b"new")
    asked = []
    read_tree = objects.read_tree
    monkeypatch.setattr(objects, "read_tree", lambda git, oid: asked.append(oid) or read_tree(git, oid))
    objects.edit_tree(repo.git, tree, {"d3/e/x": ("100644", blob)})
    assert len(asked) == 3


def edited_by_an_index(repo, tree, changes, tmp_path):
    """What Git's own index makes of the same changes."""
    env = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    (tmp_path / "index").unlink(missing_ok=True)
    repo("read-tree", tree, env=env)
    removed = b"".join(b"0 " + b"0" * 40 + b"\t" + path.encode() + b"\0" for path in changes)
    added = b"".join(
        f"{new[0]} {new[1]}\t{path}".encode() + b"\0" for path, new in changes.items() if new is not None
    )
    repo("update-index", "-z", "--index-info", stdin=removed + added, env=env)
    return repo("write-tree", env=env)


PATHS = ["a", "b", "d", "d/a", "d/e", "d/e/a", "d/e/f/g", "é/x", "a/b"]


@settings(max_examples=40, deadline=None)
@given(
    start=st.sets(st.sampled_from(PATHS)),
    changes=st.dictionaries(st.sampled_from(PATHS), st.sampled_from([None, "100644", "100755", "120000"])),
)
def test_an_edit_is_what_an_index_makes_of_it(tmp_path_factory, start, changes):
    def tops(paths):
        """Without those that lie in a file."""
        return {path for path in paths if not any(path.startswith(f"{other}/") for other in paths)}

    folder = tmp_path_factory.mktemp("edit")
    repo = Repo(folder / "repo")
    blob = objects.write_blob(repo.git, b"new")
    added = tops({path for path, mode in changes.items() if mode})
    changes = {
        path: (mode, blob) if mode else None for path, mode in changes.items() if not mode or path in added
    }
    empty = objects.write_tree(repo.git, {})
    tree = objects.edit_tree(repo.git, empty, dict.fromkeys(tops(start), ("100644", blob)))
    assert repo("ls-tree", "-r", "--name-only", "-z", tree).split("\0")[:-1] == sorted(tops(start))
    assert objects.edit_tree(repo.git, tree, changes) == edited_by_an_index(repo, tree, changes, folder)


def test_a_file_that_is_a_directory_too_is_refused(repo):
    blob = objects.write_blob(repo.git, b"x")
    empty = objects.write_tree(repo.git, {})
    with pytest.raises(Unmergeable, match="at once"):
        objects.edit_tree(repo.git, empty, {"a": ("100644", blob), "a/b": ("100644", blob)})


@pytest.mark.parametrize("new", [("100644", "1" * 40), ("040000", "1" * 40), ("100600", "1" * 40)])
def test_what_is_not_stored_or_has_no_mode_is_refused(repo, new):
    empty = objects.write_tree(repo.git, {})
    with pytest.raises(Unmergeable):
        objects.edit_tree(repo.git, empty, {"a": new})


@pytest.mark.parametrize("path", [".GIT/x", "d/.git", ".git /x", "git~1/x", ".", "a/./b", "a/", ""])
def test_paths_that_other_systems_take_for_git_are_refused(repo, path):
    blob = objects.write_blob(repo.git, b"new")
    empty = objects.write_tree(repo.git, {})
    with pytest.raises(Unmergeable):
        objects.edit_tree(repo.git, empty, {path: ("100644", blob)})


def test_hostile_depth_needs_no_recursion(repo):
    blob = objects.write_blob(repo.git, b"deep")
    empty = objects.write_tree(repo.git, {})
    with repo.git.session() as git:
        tree = objects.edit_tree(git, empty, {"a/" * 1_500 + "x": ("100644", blob)})
        assert objects.edit_tree(git, tree, {"a/" * 1_500 + "x": None}) == empty


def test_damaged_object_is_told_as_such(repo):
    oid = repo.commit({"a": "1"})
    broken = repo.path / ".git" / "objects" / oid[:2] / oid[2:]
    broken.chmod(0o644)
    broken.write_bytes(b"damaged")
    with pytest.raises(CorruptObject):
        objects.read_commit(repo.git, oid)


@pytest.mark.parametrize("raw", [b"\n\nx", b"tree %s\n\nx", b"tree \xff\nauthor x\ncommitter x\n\nx", b""])
def test_commit_that_isnt_whole(repo, raw):
    """Git takes it in a push where it isn't told to look."""
    raw = raw.replace(b"%s", repo.tree(repo.commit({"a": "1"})).encode())
    oid = repo("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    with pytest.raises(CorruptObject, match=oid):
        objects.read_commit(repo.git, oid)


@pytest.mark.parametrize("raw", [b"garbage", b"100644 a", b"\xff a\0" + b"1" * 20])
def test_tree_that_isnt_whole(repo, raw):
    oid = repo("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    with pytest.raises(CorruptObject, match=oid):
        objects.read_tree(repo.git, oid)
