import hashlib

import pytest

from git_ops.conflict import Abstained, Conflict, File, Side
from git_ops.process import Git
from git_ops.resolve.chain import Context
from git_ops.resolve.clashes import ClashResolver

CONTEXT = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)


def side(content, mode="100644"):
    return Side(mode=mode, oid=hashlib.sha1(content).hexdigest(), content=content)


def conflict(kind, base, target, agent, path="f"):
    sides = {1: base, 2: target, 3: agent}
    stages = {path: {number: there for number, there in sides.items() if there}}
    return Conflict(path=path, kind=kind, paths=(path,), stages=stages, base=base, target=target, agent=agent)


def clash(base, target, agent):
    found = conflict("distinct-types", base, target, agent)
    stages = {"f": {2: target}, "f~label": {1: base, 3: agent}}
    return type(found)(
        path="f",
        kind=found.kind,
        paths=("f", "f~label"),
        stages=stages,
        base=base,
        target=target,
        agent=agent,
    )


LINK = side(b"to", "120000")


def test_a_new_type_stands_against_a_change_of_blanks():
    base = side(b"a\nb\n")
    answer = ClashResolver().resolve(clash(base, LINK, side(b"a\r\nb  \r\n", "100755")), CONTEXT)
    assert answer.files == {"f": File.of(LINK), "f~label": None}
    answer = ClashResolver().resolve(clash(base, side(b"a\nb \n"), LINK), CONTEXT)
    assert answer.files == {"f": File.of(LINK), "f~label": None}


@pytest.mark.parametrize("base", [None, side(b"a\nb\n")])
def test_a_question_otherwise(base):
    answer = ClashResolver().resolve(clash(base, LINK, side(b"a\nc\n")), CONTEXT)
    assert isinstance(answer, Abstained)
    assert answer.why == "the target has a link here, the agent a file"
