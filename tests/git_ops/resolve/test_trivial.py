import pytest

from git_ops.conflict import Abstained, Conflict, Hunk, Side
from git_ops.resolve.trivial import TrivialResolver


def side(content, mode="100644"):
    return None if content is None else Side(mode=mode, oid=content.hex().ljust(40, "0"), content=content)


def resolve(base, target, agent, **more):
    conflict = Conflict(
        path="f",
        kind=more.pop("kind", "content"),
        paths=("f",),
        base=base,
        target=target,
        agent=agent,
        **more,
    )
    return TrivialResolver().resolve(conflict, None)


def test_same_content_with_another_mode():
    found = resolve(None, side(b"x"), side(b"x", "100755"), kind="add/add")
    assert (found.content, found.mode) == (b"x", "100755")
    found = resolve(side(b"y", "100755"), side(b"x", "100755"), side(b"x", "100644"))
    assert found.mode == "100644"


def test_side_that_changed_nothing_gives_way():
    assert resolve(side(b"1"), side(b"1"), side(b"2")).content == b"2"
    assert resolve(side(b"1"), side(b"2"), side(b"1")).content == b"2"


def test_trailing_blanks_are_no_question():
    hunk = Hunk(id="h1", base=b"a\n", target=b"b \nc\n", agent=b"b\nc\t\n")
    found = resolve(side(b"a\n"), side(b"b \nc\n"), side(b"b\nc\t\n"), between=(b"", b""), hunks=(hunk,))
    assert (found.content, found.source) == (b"b \nc\n", "rule")


@pytest.mark.parametrize("agent", [b"other\n", b" b\n", b"b\nb\n"])
def test_everything_else_is_a_question(agent):
    hunk = Hunk(id="h1", base=b"a\n", target=b"b\n", agent=agent)
    found = resolve(side(b"a\n"), side(b"b\n"), side(agent), between=(b"", b""), hunks=(hunk,))
    assert isinstance(found, Abstained)


def test_links_and_names_are_left_alone():
    link = side(b"x", "120000")
    assert isinstance(resolve(None, link, link, kind="add/add"), Abstained)
    assert isinstance(resolve(side(b"1"), side(b"1"), side(b"2"), kind="rename/rename"), Abstained)
    assert isinstance(resolve(side(b"1"), None, side(b"1"), kind="modify/delete"), Abstained)
