import pytest

from git_ops.resolve.prompt.codec import lines_of
from git_ops.resolve.prompt.places import Place, places

BASE = "def a():\n    x\n\n\ndef b():\n    x\n    return 1\n"
TARGET = "# new\n# lines\n" + BASE.replace("return 1", "return 2")
AGENT = BASE.replace("return 1", "return 3").replace("def a():\n    x", "def a():\n    y")


def place(situation, base, target, agent, side):
    (conflict,), _ = situation({"f.py": base}, {"f.py": target}, {"f.py": agent})
    text = {"base": base, "target": target, "agent": agent}[side]
    found = places(conflict, lines_of(text.encode()), lambda hunk: getattr(hunk, side))
    assert len(found) == len(conflict.hunks)
    return found


@pytest.mark.parametrize(("side", "row"), [("base", 6), ("target", 8), ("agent", 6)])
def test_hunk_is_found_in_each_version(situation, side, row):
    assert place(situation, BASE, TARGET, AGENT, side) == [Place(row, row + 1)]


def test_nothing_is_found_between_its_neighbours(situation):
    base = "".join(f"{n}\n" for n in range(20))
    target, agent = base.replace("7\n", "7\nT\n", 1), base.replace("7\n", "7\nA\n", 1)
    assert place(situation, base, target, agent, "base") == [Place(8, 8)]


def test_of_equal_lines_the_one_with_the_right_neighbours(situation):
    block = "if x:\n    go\nend {}\n"
    base = "".join(block.format(n) for n in range(9))
    target = base.replace("go\nend 5", "T\nend 5")
    agent = base.replace("go\nend 5", "A\nend 5")
    assert place(situation, base, target, agent, "base") == [Place(16, 17)]


def test_file_added_by_both_has_no_base(situation):
    (conflict,), _ = situation({"x": "x"}, {"f": "T\n"}, {"f": "A\n"})
    assert places(conflict, [], lambda hunk: hunk.base) == [Place(0, 0)]
    assert places(conflict, [b"A\n"], lambda hunk: hunk.agent) == [Place(0, 1)]
    assert places(conflict, [b"other\n"], lambda hunk: hunk.agent) == [None]
