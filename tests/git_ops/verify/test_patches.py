from collections import Counter

import pytest

from git_ops.errors import OutputTooLarge
from git_ops.verify.patches import changed_lines, patches_of

HEADERS = "-- a/x\n++ b/y\n@@ -1,2 +1,3 @@\ndiff --git a/x b/x\n"


def lines(repo, old, new):
    return {
        (line.path, line.added, line.text, line.row) for line in changed_lines(repo.git, old, new, max_mib=1)
    }


def test_lines_with_their_paths_and_rows(repo):
    old = repo.commit({"a b": "1\n2\n3\n", "gone": "x\n"})
    new = repo.commit({"a b": "0\n1\n2\nthree", "gone": None, "new": "y"})
    assert lines(repo, old, new) == {
        ("a b", True, b"0", 0), ("a b", False, b"3", 3), ("a b", True, b"three", 3),
        ("gone", False, b"x", -1), ("new", True, b"y", 0),
    }  # fmt: skip


def test_content_cannot_pass_for_a_header(repo):
    old = repo.commit({"a": HEADERS, "z": "1\n"})
    new = repo.commit({"a": "x\n", "z": "2\n"})
    found = lines(repo, old, new)
    assert {path for path, *_ in found} == {"a", "z"}
    assert {(added, text) for path, added, text, _ in found if path == "a"} == {
        (False, line.encode()) for line in HEADERS.splitlines()
    } | {(True, b"x")}


@pytest.mark.parametrize(
    "name", ["tab\there", 'quo"te', "new\nline", "back\\slash", "ümläut", "a\x01b", "é\udcff"]
)
def test_odd_names(repo, name):
    old = repo.commit({"x": "1"})
    new = repo.commit({name: "1\n"})
    assert lines(repo, old, new) == {(name, True, b"1", 0)}


def test_patches_of_many_commits(repo):
    one = repo.commit({"a": "1\n", "b": b"\0\1"})
    two = repo.commit({"a": "1\n1\n1\n"})
    three = repo.commit({"b": b"\0\2"})
    empty = repo.commit({})
    found = patches_of(repo.git, [three, one, two, empty, one])
    assert found[two] == Counter({b"+1": 2})
    assert found[one][b"+1"] == 1
    assert found[three]
    assert not found[empty]
    assert patches_of(repo.git, []) == {}


def test_mode_change_alone_is_a_patch(repo):
    repo.commit({"a": "1\n"})
    (repo.path / "a").chmod(0o755)
    assert patches_of(repo.git, [commit := repo.commit({})])[commit]


def test_too_large_a_diff(repo):
    old, new = repo.commit({"a": "1"}), repo.commit({"a": "x\n" * 1_000_000})
    with pytest.raises(OutputTooLarge):
        list(changed_lines(repo.git, old, new, max_mib=1))


def test_only_wanted_files_are_read(repo):
    old = repo.commit({"a": HEADERS, "b": "1\n", "c": b"\0\1"})
    new = repo.commit({"a": "x\n", "b": "2\n", "c": b"\0\2", "d/e": "1\n2\n"})
    asked = {}
    found = changed_lines(
        repo.git, old, new, max_mib=1, wanted=lambda path, n: bool(asked.setdefault(path, n)) and path == "b"
    )
    assert [(line.path, line.text) for line in found] == [("b", b"1"), ("b", b"2")]
    assert asked.keys() == {"a", "b", "d/e"}
    assert asked["d/e"] > 2
