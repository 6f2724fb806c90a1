import hashlib

import pytest

from git_ops.conflict import Conflict, Hunk, Side
from git_ops.hunks import split
from git_ops.process import Git


def _side(content):
    return (
        None
        if content is None
        else Side(mode="100644", oid=hashlib.sha1(content).hexdigest(), content=content)
    )


def _conflict(path, contents, between, hunks):
    sides = tuple(map(_side, contents))
    stages = {path: {i: side for i, side in enumerate(sides, 1) if side}}
    return Conflict(
        path=path,
        kind="content" if sides[0] else "add/add",
        paths=(path,),
        stages=stages,
        base=sides[0],
        target=sides[1],
        agent=sides[2],
        between=between,
        hunks=hunks,
    )


@pytest.fixture(scope="session")
def one_hunk():
    """A file that is one hunk."""

    def build(base, target, agent, path="f"):
        hunk = Hunk(id="h1", base=base, target=target, agent=agent)
        return _conflict(path, (base, target, agent), (b"", b""), (hunk,))

    return build


@pytest.fixture(scope="session")
def whole():
    """The conflict that Git makes of three whole files."""

    def build(base, target, agent, path="f"):
        found = split(Git(), base=base or b"", target=target, agent=agent)
        assert found.hunks, "no conflict"
        return _conflict(path, (base, target, agent), found.between, found.hunks)

    return build
