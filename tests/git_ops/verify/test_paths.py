import dataclasses

import pytest

from git_ops.conflict import Conflict, File, Resolution, Side
from git_ops.verify import path_set
from git_ops.verify.paths import resolution_paths

LABEL = "a" * 40


def one(mode, digit, content=b"x"):
    return Side(mode=mode, oid=digit * 40, content=content)


def conflict(*, path="f", paths=("f",), modes=("100644",) * 3):
    sides = [one(mode, digit) for mode, digit in zip(modes, "123", strict=True)]
    stages = {path: dict(enumerate(sides, 1))}
    return Conflict(
        path=path, kind="content", paths=paths, stages=stages, base=sides[0], target=sides[1], agent=sides[2]
    )


def verdict(files, of=None, *, source="model", elsewhere=frozenset()):
    found = Resolution(resolver="x", source=source, why="", files=files, elsewhere=elsewhere)
    return resolution_paths(of or conflict(), found)


FILE = File(mode="100644", content=b"x")


def test_every_staged_path_must_be_decided():
    assert verdict({"f": FILE}).passed
    assert verdict({"f": None}).passed
    gate = verdict({})
    assert (gate.passed, gate.why) == (False, "f is left undecided")


@pytest.mark.parametrize("source", ["git", "rule", "memory"])
def test_other_paths_are_refused(source):
    gate = verdict({"f": FILE, "g": FILE}, source=source, elsewhere=frozenset({"g"}))
    assert gate.why == "g has nothing to do with the conflict"


@pytest.mark.parametrize("source", ["model", "agent"])
def test_other_paths_must_be_declared(source):
    assert verdict({"f": FILE, "g": FILE}, source=source, elsewhere=frozenset({"g"})).passed
    assert not verdict({"f": FILE, "g": FILE}, source=source).passed


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x", "a/../../x", "a//b", "./x", "a/", ".git/config", "a/.GIT/hooks/x", ".git. /x",
     "GIT~1/config", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/config", "x\0y", f"p~{LABEL}", f"p~{LABEL}_1"],
)  # fmt: skip
def test_bad_names_never_get_a_file(path):
    of = conflict(paths=("f", path))
    for source in ("git", "rule", "model", "agent"):
        assert not verdict({"f": FILE, path: FILE}, of, source=source).passed
    assert verdict({"f": FILE, path: None}, of, source="rule").passed


@pytest.mark.parametrize("path", [".gitignore", "a/.github/x", "git", "a.git", "x~1", "..."])
def test_odd_but_good_names(path):
    assert verdict({"f": FILE, path: FILE}, conflict(paths=("f", path))).passed


@pytest.mark.parametrize("mode", ["040000", "100664", "", "160001"])
def test_impossible_modes(mode):
    assert not verdict({"f": File(mode=mode, oid="2" * 40)}, source="rule").passed


@pytest.mark.parametrize("source", ["git", "rule", "memory", "model", "agent"])
@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_links_and_submodules_are_only_ever_a_sides_own(source, mode):
    of = conflict(modes=(mode, mode, "100644"))
    assert verdict({"f": File(mode=mode, oid="2" * 40)}, of, source=source).passed
    assert not verdict({"f": File(mode=mode, oid="3" * 40)}, of, source=source).passed
    assert not verdict({"f": File(mode=mode, oid="9" * 40)}, of, source=source).passed
    assert not verdict({"f": File(mode=mode, content=b"../../etc")}, of, source=source).passed
    assert not verdict({"f": File(mode=mode, content=b"x")}, source=source).passed


@pytest.mark.parametrize("source", ["memory", "model", "agent"])
def test_untrusted_answers_keep_the_merged_mode(source):
    of = conflict(modes=("100644", "100755", "100644"))
    assert verdict({"f": File(mode="100755", content=b"y")}, of, source=source).passed
    assert not verdict({"f": File(mode="100644", content=b"y")}, of, source=source).passed
    assert verdict({"f": File(mode="100644", oid="3" * 40)}, of, source=source).passed


def test_only_rules_may_name_an_object_that_no_side_has():
    files = {"f": File(mode="100644", oid="9" * 40)}
    assert verdict(files, source="rule").passed
    assert not verdict(files, source="model").passed


def test_mode_where_the_sides_merge_to_a_link():
    of = conflict(modes=("100644", "120000", "100644"))
    assert verdict({"f": File(mode="100644", content=b"y")}, of).passed
    assert not verdict({"f": File(mode="100755", content=b"y")}, of).passed


def test_conflict_without_stages_allows_its_path():
    of = dataclasses.replace(conflict(), stages={}, base=None)
    assert verdict({}, of).passed
    assert verdict({"f": FILE}, of).passed


def test_path_set(repo):
    before = repo.tree(repo.commit({"a": "1", "b": "1"}))
    after = repo.tree(repo.commit({"a": "2", "b": "2"}))
    assert path_set(repo.git, merged=before, result=after, allowed={"a", "b"}).passed
    gate = path_set(repo.git, merged=before, result=after, allowed={"a"})
    assert (gate.name, gate.passed, gate.why) == ("path-set", False, "b was changed, too")
