import hashlib

import pytest

from git_ops.conflict import Abstained, Conflict, File, Side
from git_ops.process import Git
from git_ops.resolve.chain import Context
from git_ops.resolve.rest import CleanTextResolver, clean_text, rest_at

CONTEXT = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)
OLD = Conflict(
    path="old", kind="rename/rename", paths=("old", "x"), stages={}, base=None, target=None, agent=None
)
TEXT = "".join(f"line {i}\n" for i in range(9)).encode()
T, A = TEXT.replace(b"line 1", b"t"), TEXT.replace(b"line 7", b"a")


def side(content, mode="100644"):
    return Side(mode=mode, oid=hashlib.sha1(content).hexdigest(), content=content)


def rest(base, target, agent, path="new"):
    return rest_at(Git(), OLD, path, base=base, target=target, agent=agent)


@pytest.mark.parametrize(
    ("sides", "path", "kind"),
    [
        ((side(TEXT), side(T), side(T.replace(b"t", b"x"))), "new", "content"),
        ((None, side(b"t\n"), side(b"a\n")), "new", "add/add"),
        ((side(b"\0"), side(b"\0t"), side(b"\0a")), "new", "binary"),
        ((side(b"x", "120000"), side(b"t", "120000"), side(b"a", "120000")), "new", "symlink"),
        ((side(b"x"), side(b"t", "120000"), side(b"a")), "new", "distinct-types"),
        ((side(b"x", "160000"), side(b"t", "160000"), side(b"a", "160000")), "new", "submodule"),
        ((side(TEXT), side(T), side(A)), "d/uv.lock", "generated"),
        ((side(TEXT), side(b"version https://git-lfs.github.com/spec/v1\n"), side(A)), "new", "lfs-pointer"),
        ((side(TEXT), Side(mode="100644", oid="1" * 40), side(A)), "new", "large"),
    ],
)
def test_kinds(sides, path, kind):
    found = rest(*sides, path=path)
    assert (found.kind, found.path) == (kind, path)
    assert found.stages == {path: {number: there for number, there in enumerate(sides, 1) if there}}
    assert set(found.paths) == {path, "old", "x"}


def test_a_text_that_merges_needs_nobody():
    found = rest(side(TEXT), side(T), side(A, "100755"))
    file = File(mode="100755", content=T.replace(b"line 7", b"a"))
    assert clean_text(found) == file
    answer = CleanTextResolver().resolve(found, CONTEXT)
    assert (answer.files, answer.elsewhere) == ({"new": file}, {"new"})


@pytest.mark.parametrize(
    "found",
    [OLD, rest(side(TEXT), side(T), side(T.replace(b"t", b"x"))), rest(None, side(b"\0"), side(b"\0\0"))],
)
def test_anything_else_does(found):
    assert clean_text(found) is None
    assert isinstance(CleanTextResolver().resolve(found, CONTEXT), Abstained)
