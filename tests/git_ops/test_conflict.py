import pytest

from git_ops.conflict import Conflict, Hunk, Side, merged_mode


def side(mode):
    return Side(mode=mode, oid="1" * 40) if mode else None


@pytest.mark.parametrize(
    ("base", "target", "agent", "merged"),
    [
        ("100644", "100644", "100755", "100755"),
        ("100644", "100755", "100644", "100755"),
        ("100755", "100644", "100755", "100644"),
        (None, "100644", "100755", "100755"),
        (None, "100755", "100644", "100755"),
    ],
)
def test_modes_merge_three_ways(base, target, agent, merged):
    conflict = Conflict(
        path="f", kind="content", paths=("f",), base=side(base), target=side(target), agent=side(agent)
    )
    assert merged_mode(conflict) == merged


def test_splice_keeps_what_is_between():
    hunks = tuple(Hunk(id=name, base=b"", target=b"", agent=b"") for name in ("h1", "h2"))
    conflict = Conflict(
        path="f", kind="content", paths=("f",), base=None, target=None, agent=None,
        between=(b"a\r\n", b"\xff", b""), hunks=hunks,
    )  # fmt: skip
    assert conflict.splice({"h2": b"2", "h1": b"1"}) == b"a\r\n1\xff2"


@pytest.mark.parametrize(
    ("kind", "paths", "simple"),
    [("content", ("f",), True), ("content", ("f", "g"), False), ("submodule", ("f",), False)],
)
def test_only_conflicts_of_one_path_are_simple(kind, paths, simple):
    conflict = Conflict(path="f", kind=kind, paths=paths, base=None, target=None, agent=None)
    assert conflict.simple is simple
