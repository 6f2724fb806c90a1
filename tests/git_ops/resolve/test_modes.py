import hashlib

import pytest

from git_ops.conflict import Abstained, Conflict, File, Side
from git_ops.process import Git
from git_ops.resolve.chain import Context
from git_ops.resolve.modes import ModeResolver

CONTEXT = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)


def side(content, mode="100644"):
    return Side(mode=mode, oid=hashlib.sha1(content).hexdigest(), content=content)


def conflict(kind, base, target, agent, path="f"):
    sides = {1: base, 2: target, 3: agent}
    stages = {path: {number: there for number, there in sides.items() if there}}
    return Conflict(path=path, kind=kind, paths=(path,), stages=stages, base=base, target=target, agent=agent)


@pytest.mark.parametrize(
    ("modes", "merged"),
    [
        ((None, "100644", "100755"), "100755"),
        ((None, "100755", "100644"), "100755"),
        (("100644", "100644", "100755"), "100755"),
        (("100755", "100644", "100755"), "100644"),
        (("100755", "100755", "100644"), "100644"),
    ],
)
def test_modes_merge_apart_from_content(modes, merged):
    base, target, agent = (mode and side(b"same\n", mode) for mode in modes)
    answer = ModeResolver().resolve(conflict("mode", base, target, agent), CONTEXT)
    assert answer.files == {"f": File(mode=merged, oid=target.oid)}


@pytest.mark.parametrize(
    ("target", "agent"),
    [
        (side(b"t\n"), side(b"a\n", "100755")),
        (side(b"same\n"), side(b"same\n", "120000")),
        (None, side(b"same\n")),
    ],
)
def test_anything_else_is_not_its_business(target, agent):
    assert isinstance(ModeResolver().resolve(conflict("mode", None, target, agent), CONTEXT), Abstained)
