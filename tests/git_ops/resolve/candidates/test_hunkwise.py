import pytest

from git_ops.resolve.candidates.hunkwise import MAX_BYTES, by_hunk, lines


def target_of(hunk):
    return hunk.target


def test_rules_are_not_asked_what_is_no_question(one_hunk):
    never = {}.__getitem__  # raises whatever it is asked
    assert by_hunk(one_hunk(b"a\n", b"a\n", b"b\n"), never) == {"h1": b"b\n"}
    assert by_hunk(one_hunk(b"a\n", b"b\n", b"a\n"), never) == {"h1": b"b\n"}
    assert by_hunk(one_hunk(b"a\n", b"b\n", b"b\n"), never) == {"h1": b"b\n"}


@pytest.mark.parametrize(
    ("base", "target", "agent", "expected"),
    [
        (b"a", b"b\n", b"c", b"b\n"),  # the target ended the line
        (b"a\n", b"b", b"c\n", b"b"),
        (b"a\n", b"b\n", b"c", b"b"),
        (b"a\r\n", b"b\r\n", b"c", b"b"),
        (b"a", b"b", b"c", b"b"),
    ],
)
def test_final_newline_is_merged_apart(one_hunk, base, target, agent, expected):
    assert by_hunk(one_hunk(base, target, agent), target_of) == {"h1": expected}


def test_only_the_files_last_line_can_lack_its_end(whole):
    middle = b"".join(b"same %d\n" % i for i in range(9))
    conflict = whole(b"a\n" + middle + b"z", b"b\n" + middle + b"y", b"c\n" + middle + b"x")
    assert by_hunk(conflict, target_of) == {"h1": b"b\n", "h2": b"y"}


def test_huge_hunks_are_not_shown(one_hunk):
    assert by_hunk(one_hunk(b"", b"x" * MAX_BYTES, b"y"), target_of) == {}


def test_many_hunks_share_one_limit(whole):
    middle = b"".join(b"same %d\n" % i for i in range(9))
    long = b"x" * (MAX_BYTES // 2)
    conflict = whole(
        b"a\n" + middle + b"b\n" + middle + b"c\n",
        b"t\n" + middle + long + b"\n" + middle + b"t\n",
        b"u\n" + middle + long + b"y\n" + middle + b"u\n",
    )
    assert by_hunk(conflict, target_of).keys() == {"h1", "h3"}


def test_only_newlines_end_lines():
    assert lines(b"a\rb\x0cc\x85\nd") == [b"a\rb\x0cc\x85\n", b"d"]
    assert lines(b"") == []
