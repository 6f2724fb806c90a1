import hashlib

import pytest

from git_ops.conflict import Abstained, Conflict, File, Side
from git_ops.process import Git
from git_ops.resolve.chain import Context
from git_ops.resolve.submodule import SubmoduleResolver

CONTEXT = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)


def side(content, mode="100644"):
    return Side(mode=mode, oid=hashlib.sha1(content).hexdigest(), content=content)


def conflict(kind, base, target, agent, path="f"):
    sides = {1: base, 2: target, 3: agent}
    stages = {path: {number: there for number, there in sides.items() if there}}
    return Conflict(path=path, kind=kind, paths=(path,), stages=stages, base=base, target=target, agent=agent)


B, T, A = (Side(mode="160000", oid=digit * 40) for digit in "123")


def history(*older_to_newer):
    """A port that knows one line of commits."""

    def contains(path, one, other):
        assert path == "f"
        if one not in older_to_newer or other not in older_to_newer:
            return None
        return max(one, other, key=older_to_newer.index)

    return contains


def resolve(base, target, agent, contains=None):
    return SubmoduleResolver(contains).resolve(conflict("submodule", base, target, agent), CONTEXT)


def test_one_side_moved_it():
    assert resolve(B, B, A).files == {"f": File.of(A)}
    assert resolve(B, T, B).files == {"f": File.of(T)}


def test_the_descendant_wins():
    assert resolve(B, T, A, history(B.oid, T.oid, A.oid)).files == {"f": File.of(A)}
    assert resolve(B, T, A, history(B.oid, A.oid, T.oid)).files == {"f": File.of(T)}
    assert resolve(None, T, A, history(A.oid, T.oid)).files == {"f": File.of(T)}


@pytest.mark.parametrize(
    "contains",
    [None, history(), history(B.oid, T.oid), history(T.oid, B.oid, A.oid), lambda *_: "9" * 40],
    ids=["no port", "unknown", "one unknown", "target went back", "neither"],
)
def test_a_question(contains):
    answer = resolve(B, T, A, contains)
    assert isinstance(answer, Abstained)
    assert T.oid[:10] in answer.why


def test_a_file_is_no_submodule():
    assert isinstance(resolve(B, B, side(b"x")), Abstained)
