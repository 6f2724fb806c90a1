from pathlib import Path

import pytest

from git_ops import lookup
from git_ops.conflict import Side
from git_ops.hunks import MAX_TEXT_BYTES

ODD = ["a\tb", "a\nb", 'a"b', "a\udcff", "*", ":(top)a", "a~main"]


def test_sides_at_odd_names(repo):
    commit = repo.commit(
        {name: name.encode("utf-8", "surrogateescape") for name in ODD} | {"d/f": "x", "l": Path("d")}
    )
    found = lookup.sides_at(repo.git, commit, [*ODD, "d", "l", "d/f", "none", "", "/etc", "d/f/x"])
    assert found.keys() == {*ODD, "l", "d/f"}
    assert found["l"].mode == "120000"
    contents = lookup.read(repo.git, found.values())
    assert all(contents[found[name].oid] == name.encode("utf-8", "surrogateescape") for name in ODD)
    assert [name for name in ("d", "l", "d/f", "none") if lookup.is_directory(repo.git, commit, name)] == [
        "d"
    ]


def test_a_directory_beside_something_below_it(repo):
    commit = repo.commit({"a/b/c": "1", "a/b/d": "2", "a/e": "3"})
    assert lookup.sides_at(repo.git, commit, ["a", "a/b", "a/b/c"]).keys() == {"a/b/c"}


def test_more_paths_than_a_command_line_takes(repo):
    names = [f"{'long' * 40}{i}" for i in range(1000)]
    commit = repo.commit(dict.fromkeys(names, "x\n"))
    assert lookup.sides_at(repo.git, commit, names).keys() == set(names)


def test_below(repo):
    commit = repo.commit({"d/f": "1", "d/e/g": "2", "d\nx/h": "3", "top": "4"})
    assert lookup.below(repo.git, commit, "d") == ("d/e/g", "d/f")
    assert lookup.below(repo.git, commit, "d", deep=False) == ("d/f",)
    assert lookup.below(repo.git, commit, "", deep=False) == ("top",)
    assert lookup.below(repo.git, commit, "none") == ()


def test_what_is_too_large_stays_unread(repo):
    commit = repo.commit({"small": "x", "large": b"x" * (MAX_TEXT_BYTES + 1)})
    sides = lookup.sides_at(repo.git, commit, ["small", "large"])
    gone = Side(mode="100644", oid="1" * 40)
    contents = lookup.read(repo.git, [*sides.values(), gone])
    assert contents == {sides["small"].oid: b"x"}
    assert lookup.filled(sides["large"], contents).content is None


def test_submodules_are_not_read(repo):
    assert lookup.read(repo.git, [Side(mode="160000", oid="1" * 40)]) == {}


@pytest.fixture
def two(repo):
    text = "".join(f"line {i}\n" for i in range(20))
    old = repo.commit({"a": text, "b": "b\n", "c": "c\n"})
    return repo.git, old, repo.commit({"a": None, "a\nnew": text + "more\n", "b": None, "d": "quite new\n"})


def test_renames_added_removed(two):
    git, old, new = two
    (rename,) = lookup.renames(git, old, new)
    assert (rename.old, rename.new) == ("a", "a\nnew")
    assert 90 < rename.similarity < 100
    assert lookup.added(git, old, new).keys() == {"a\nnew", "d"}
    assert lookup.removed(git, old, new) == {"a", "b"}
