import hashlib

import pytest

from git_ops.conflict import Abstained, Conflict, File, Side
from git_ops.process import Git
from git_ops.resolve.chain import Context
from git_ops.resolve.whole import WholeResolver

CONTEXT = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)


def side(content, mode="100644"):
    return Side(mode=mode, oid=hashlib.sha1(content).hexdigest(), content=content)


def conflict(kind, base, target, agent, path="f"):
    sides = {1: base, 2: target, 3: agent}
    stages = {path: {number: there for number, there in sides.items() if there}}
    return Conflict(path=path, kind=kind, paths=(path,), stages=stages, base=base, target=target, agent=agent)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"
KINDS = ("binary", "lfs-pointer", "large")


@pytest.mark.parametrize("kind", KINDS)
def test_the_side_that_changed_it_is_taken_by_its_object(kind):
    base, new = side(b"\0old"), side(b"\0new")
    for target, agent in ((base, new), (new, base), (new, new)):
        answer = WholeResolver().resolve(conflict(kind, base, target, agent), CONTEXT)
        assert answer.files == {"f": File(mode="100644", oid=new.oid)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("base", [None, side(b"\0old")])
def test_two_different_ones_are_a_question(kind, base):
    answer = WholeResolver().resolve(conflict(kind, base, side(b"\0t"), side(b"\0a")), CONTEXT)
    assert isinstance(answer, Abstained)
    assert kind in answer.why


def test_the_mode_merges_apart():
    base, target, agent = side(b"\0"), side(b"\0new"), side(b"\0", "100755")
    answer = WholeResolver().resolve(conflict("binary", base, target, agent), CONTEXT)
    assert answer.files == {"f": File(mode="100755", oid=target.oid)}


def test_pointers_to_one_object_are_equal():
    one, other = (
        POINTER % (b"1" * 64, 5),
        (POINTER % (b"1" * 64, 5)).replace(b"v1\n", b"v1\next-0-x sha256:5\n"),
    )
    answer = WholeResolver().resolve(conflict("lfs-pointer", None, side(one), side(other)), CONTEXT)
    assert answer.files == {"f": File.of(side(one))}


@pytest.mark.parametrize(
    "agent",
    [
        POINTER % (b"2" * 64, 5),
        POINTER % (b"1" * 64, 6),
        (POINTER % (b"1" * 64, 5)) + b"oid sha256:" + b"2" * 64 + b"\n",
        b"oid sha256:" + b"1" * 64 + b"\nsize 5\n",
    ],
)
def test_pointers_to_other_objects_are_not(agent):
    target = side(POINTER % (b"1" * 64, 5))
    answer = WholeResolver().resolve(conflict("lfs-pointer", None, target, side(agent)), CONTEXT)
    assert isinstance(answer, Abstained)


def test_only_its_own_kinds():
    same = side(b"x\n")
    assert isinstance(WholeResolver().resolve(conflict("content", same, same, same), CONTEXT), Abstained)
