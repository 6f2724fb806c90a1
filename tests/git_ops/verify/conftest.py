"""Conflicts and answers as values, for the gates."""

import pytest

from git_ops.conflict import Conflict, File, Hunk, HunkChoice, Resolution, Side, by_hunks
from git_ops.verify import check_resolution

OIDS = {1: "1" * 40, 2: "2" * 40, 3: "3" * 40}


def side(stage, content, mode="100644"):
    return None if content is None else Side(mode=mode, oid=OIDS[stage], content=content)


class Case:
    """One textual conflict of one hunk: `head` and `tail` around three versions of the middle."""

    def __init__(self, base, target, agent, *, path="f.txt", head=b"head\n", tail=b"tail\n", modes=None):
        modes = modes or ("100644",) * 3
        whole = [None if text is None else head + text + tail for text in (base, target, agent)]
        sides = {i: side(i, text, mode) for i, (text, mode) in enumerate(zip(whole, modes, strict=True), 1)}
        self.conflict = Conflict(
            path=path,
            kind="content",
            paths=(path,),
            stages={path: {stage: one for stage, one in sides.items() if one}},
            base=sides[1],
            target=sides[2],
            agent=sides[3],
            between=(head, tail),
            hunks=(Hunk(id="h1", base=base or b"", target=target, agent=agent),),
        )

    def hunk(self, text, *, source="model", dropped=()):
        """The answer that settles the hunk with this text."""
        choice = HunkChoice(id="h1", text=text, dropped=dropped)
        return by_hunks(self.conflict, (choice,), resolver="liar", source=source, why="both kept")

    def whole(self, content, *, source="agent", mode="100644", elsewhere=frozenset(), files=None):
        """The answer that gives the whole file."""
        files = files or {self.conflict.path: content and File(mode=mode, content=content)}
        return Resolution(resolver="liar", source=source, why="both kept", files=files, elsewhere=elsewhere)

    def gates(self, resolution):
        return {gate.name: gate for gate in check_resolution(self.conflict, resolution)}

    def failed(self, resolution):
        return [gate.name for gate in check_resolution(self.conflict, resolution) if not gate.passed]


@pytest.fixture
def make_case():
    return Case


@pytest.fixture
def case():
    return Case(b"old = 1\n", b"old = 2\n", b"old = 1\nnew = 3\n")


@pytest.fixture
def file_of():
    return lambda mode="100644", content=None, oid=None: File(mode=mode, content=content, oid=oid)
