import pytest

from git_ops.conflict import Conflict, File, Hunk, HunkChoice, Resolution, Side, by_hunks, merged_mode


def side(mode):
    return Side(mode=mode, oid="1" * 40) if mode else None


def conflict(**changes):
    values = {
        "path": "f",
        "kind": "content",
        "paths": ("f",),
        "stages": {},
        "base": None,
        "target": None,
        "agent": None,
    }
    return Conflict(**values | changes)


@pytest.mark.parametrize(
    ("base", "target", "agent", "merged"),
    [
        ("100644", "100644", "100755", "100755"),
        ("100644", "100755", "100644", "100755"),
        ("100755", "100644", "100755", "100644"),
        (None, "100644", "100755", "100755"),
        (None, "100755", "100644", "100755"),
    ],
)
def test_modes_merge_three_ways(base, target, agent, merged):
    assert merged_mode(conflict(base=side(base), target=side(target), agent=side(agent))) == merged


def two_hunks():
    hunks = tuple(Hunk(id=name, base=b"", target=b"", agent=b"") for name in ("h1", "h2"))
    return conflict(between=(b"a\r\n", b"\xff", b""), hunks=hunks, target=side("100755"))


def test_splice_keeps_what_is_between():
    assert two_hunks().splice({"h2": b"2", "h1": b"1"}) == b"a\r\n1\xff2"


def test_an_answer_by_hunks_is_the_whole_file():
    choices = (HunkChoice(id="h1", text=b"1"), HunkChoice(id="h2", text=b"2"))
    answer = by_hunks(two_hunks(), choices, resolver="r", source="rule", why="")
    assert answer.files == {"f": File(mode="100755", content=b"a\r\n1\xff2")}
    assert (answer.content_at("f"), answer.content_at("g")) == (b"a\r\n1\xff2", None)


def test_a_file_is_bytes_or_an_object():
    assert File.of(Side(mode="120000", oid="2" * 40)) == File(mode="120000", oid="2" * 40)
    for values in ({}, {"content": b"", "oid": "1" * 40}):
        with pytest.raises(ValueError, match="either"):
            File(mode="100644", **values)


def test_texts_or_not():
    assert two_hunks().textual
    assert not conflict(kind="binary").textual
    assert Resolution(resolver="r", source="rule", why="", files={"f": None}).content_at("f") is None
