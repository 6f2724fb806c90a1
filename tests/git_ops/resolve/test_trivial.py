import hashlib

import pytest

from git_ops.conflict import Abstained, Conflict, Hunk, Reduced, Resolution, Side
from git_ops.hunks import split
from git_ops.process import Git
from git_ops.resolve.chain import Context
from git_ops.resolve.trivial import TrivialResolver

CONTEXT = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)


def side(content, mode="100644"):
    return (
        None if content is None else Side(mode=mode, oid=hashlib.sha1(content).hexdigest(), content=content)
    )


def conflict(base, target, agent, **more):
    sides = {1: base, 2: target, 3: agent}
    stages = {"f": {stage: there for stage, there in sides.items() if there}}
    more = {"kind": "content", "path": "f", "paths": ("f",), "stages": stages} | more
    return Conflict(base=base, target=target, agent=agent, **more)


def resolve(base, target, agent, **more):
    return TrivialResolver().resolve(conflict(base, target, agent, **more), CONTEXT)


def texts(base, target, agent):
    """The conflict that Git makes of three texts."""
    found = split(Git(), base=base, target=target, agent=agent)
    return conflict(*map(side, (base, target, agent)), between=found.between, hunks=found.hunks)


def test_same_content_with_another_mode():
    found = resolve(None, side(b"x"), side(b"x", "100755"), kind="add/add")
    assert (found.files["f"].oid, found.files["f"].mode) == (side(b"x").oid, "100755")
    found = resolve(side(b"y", "100755"), side(b"x", "100755"), side(b"x", "100644"))
    assert found.files["f"].mode == "100644"


def test_side_that_changed_nothing_gives_way():
    assert resolve(side(b"1"), side(b"1"), side(b"2")).files["f"].oid == side(b"2").oid
    assert resolve(side(b"1"), side(b"2"), side(b"1")).files["f"].oid == side(b"2").oid


def test_trailing_blanks_are_no_question():
    found = TrivialResolver().resolve(texts(b"a\n", b"b \nc\n", b"b\nc\t\n"), CONTEXT)
    assert (found.content_at("f"), found.source) == (b"b \nc\n", "rule")


@pytest.mark.parametrize("agent", [b"other\n", b" b\n", b"b\nb\n"])
def test_everything_else_is_a_question(agent):
    hunk = Hunk(id="h1", base=b"a\n", target=b"b\n", agent=agent)
    found = resolve(side(b"a\n"), side(b"b\n"), side(agent), between=(b"", b""), hunks=(hunk,))
    assert isinstance(found, Abstained)


def test_links_and_names_are_left_alone():
    link = side(b"x", "120000")
    assert isinstance(resolve(None, link, link, kind="add/add"), Abstained)
    two = {"f": {1: side(b"1")}, "g": {2: side(b"1")}}
    assert isinstance(resolve(side(b"1"), side(b"1"), side(b"2"), stages=two), Abstained)
    assert isinstance(resolve(side(b"1"), None, side(b"1"), kind="modify/delete"), Abstained)


def test_some_hunks_are_settled_and_the_rest_is_smaller():
    between = b"".join(b"same %d\n" % i for i in range(9))
    whole = texts(b"a\n" + between + b"z\n", b"b \n" + between + b"y\n", b"b\n" + between + b"x\n")
    assert len(whole.hunks) == 2
    found = TrivialResolver().resolve(whole, CONTEXT)
    assert isinstance(found, Reduced)
    assert (found.rest.between, found.rest.hunks) == ((b"b \n" + between, b""), whole.hunks[1:])


@pytest.mark.parametrize(
    ("base", "target", "agent", "merged"),
    [
        (b"x\na", b"x\na\n", b"x\nb", b"x\nb\n"),  # the target only ended the last line
        (b"x\na\n", b"x\nb\n", b"x\na", b"x\nb"),  # the agent only took its end away
        (b"x\na", b"x\nb", b"x\nb\n", b"x\nb\n"),
    ],
)
def test_final_newline_is_merged_apart(base, target, agent, merged):
    assert TrivialResolver().resolve(texts(base, target, agent), CONTEXT).content_at("f") == merged


LONG = b"".join(b"line %d\n" % i for i in range(20))


def crlf(text):
    return text.replace(b"\n", b"\r\n")


def test_changed_line_ends_of_a_whole_file_are_no_change_of_its_lines():
    edited = LONG.replace(b"line 7\n", b"line seven\nand a half\n")
    for base, target, agent, merged in [
        (LONG, crlf(LONG), edited, crlf(edited)),
        (LONG, edited, crlf(LONG), crlf(edited)),
        (crlf(LONG), LONG, crlf(edited), edited),
        (crlf(LONG), crlf(edited), LONG.replace(b"line 15\n", b""), edited.replace(b"line 15\n", b"")),
    ]:
        assert TrivialResolver().resolve(texts(base, target, agent), CONTEXT).content_at("f") == merged


def test_what_conflicts_but_for_line_ends_is_left_and_left_again():
    whole = texts(LONG, crlf(LONG.replace(b"line 7", b"seven")), LONG.replace(b"line 7", b"VII"))
    found = TrivialResolver().resolve(whole, CONTEXT)
    assert isinstance(found, Reduced)
    (hunk,) = found.rest.hunks
    assert (hunk.base, hunk.target, hunk.agent) == (b"line 7\r\n", b"seven\r\n", b"VII\r\n")
    assert isinstance(TrivialResolver().resolve(found.rest, CONTEXT), Abstained)


def test_mixed_line_ends_are_nobodys_change_of_all():
    mixed = LONG.replace(b"\n", b"\r\n", 3)
    whole = texts(LONG, mixed.replace(b"line 1\r", b"one\r"), LONG.replace(b"line 1\n", b"eins\n"))
    assert isinstance(TrivialResolver().resolve(whole, CONTEXT), Abstained)


def test_same_line_ends_are_a_plain_merge():
    assert isinstance(TrivialResolver().resolve(texts(b"a\n", b"b\n", b"c\n"), CONTEXT), Abstained)
    assert isinstance(
        TrivialResolver().resolve(texts(LONG, LONG + b"x\n", LONG + b"x \n"), CONTEXT), Resolution
    )
