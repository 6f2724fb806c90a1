import hashlib

import pytest

from git_ops.conflict import Abstained, Conflict, File, Side
from git_ops.process import Git
from git_ops.resolve.chain import Context
from git_ops.resolve.links import LinkResolver, leaves_repository

CONTEXT = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)


def side(content, mode="100644"):
    return Side(mode=mode, oid=hashlib.sha1(content).hexdigest(), content=content)


def conflict(kind, base, target, agent, path="f"):
    sides = {1: base, 2: target, 3: agent}
    stages = {path: {number: there for number, there in sides.items() if there}}
    return Conflict(path=path, kind=kind, paths=(path,), stages=stages, base=base, target=target, agent=agent)


def link(to):
    return side(to, "120000")


def resolve(base, target, agent, path="d/l"):
    return LinkResolver().resolve(conflict("symlink", base, target, agent, path), CONTEXT)


def test_the_side_that_changed_it_wins():
    base, new = link(b"old"), link(b"new")
    assert resolve(base, base, new).files == {"d/l": File(mode="120000", oid=new.oid)}
    assert resolve(base, new, base).files == {"d/l": File(mode="120000", oid=new.oid)}
    assert resolve(None, new, new).files == {"d/l": File(mode="120000", oid=new.oid)}


def test_two_changes_are_a_question():
    answer = resolve(link(b"old"), link(b"t\x1b[31m"), link(b"a"))
    assert isinstance(answer, Abstained)
    assert "target has t\\x1b[31m, agent has a" in answer.why


@pytest.mark.parametrize("to", [b"/etc/passwd", b"../../x", b"a/../../../x", b"C:\\x", b"\\\\host\\x", b".."])
def test_an_agents_link_out_of_the_repository_is_not_taken(to):
    base, out = link(b"old"), link(to)
    path = "l" if to == b".." else "d/l"
    answer = resolve(base, base, out, path)
    assert isinstance(answer, Abstained)
    assert "leaves the repository" in answer.why
    assert not isinstance(resolve(base, out, base, path), Abstained)
    assert not isinstance(resolve(base, out, out, path), Abstained)


@pytest.mark.parametrize("to", [b"../x", b"x", b"./x/../y", b"..x", b"a/../../d/x"])
def test_links_that_stay_inside(to):
    assert not leaves_repository("d/l", link(to))


def test_a_file_is_no_link():
    assert isinstance(resolve(link(b"x"), link(b"x"), side(b"y")), Abstained)
