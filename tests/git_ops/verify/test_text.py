import dataclasses

import pytest

from git_ops.verify import check_resolution
from git_ops.verify.text import outside_hunks

HEADING = b"One\n=======\n"


@pytest.mark.parametrize(
    "marker",
    [
        b"<<<<<<< HEAD\n",
        b"=======\r\n",
        b">>>>>>> x\n",
        b"|||||||||| base\n",
        b"=======\n",
        b"<<<<<<<\n",
        b">>>>>>>\n",
    ],
)
def test_new_marker_lines_are_caught(case, marker):
    assert "marker-lines" in case.failed(case.hunk(b"old = 2\nnew = 3\n" + marker))


def test_what_only_resembles_a_marker_is_text(case):
    assert case.failed(case.hunk(b"old = 2\nnew = 3\n<<<<<< x\n ======= \n=======x\n-------\n")) == []


def test_marker_lines_that_a_side_has_may_stay(make_case):
    case = make_case(b"old\n", b"=======\nold\n2\n", b"old\n3\n")
    assert case.failed(case.hunk(b"=======\nold\n2\n3\n")) == []
    assert case.failed(case.hunk(b"=======\n=======\nold\n2\n3\n")) == ["marker-lines"]


def test_each_side_may_add_an_underlined_heading(make_case):
    case = make_case(b"", b"Ann\n=======\n", b"Bob\n=======\n", head=HEADING)
    assert case.failed(case.hunk(b"Ann\n=======\nBob\n=======\n")) == []
    assert case.failed(case.hunk(b"Ann\n=======\nBob\n=======\n=======\n")) == ["marker-lines"]


def test_markers_in_another_file_are_caught(case, file_of):
    def other(content):
        files = {
            "f.txt": file_of(content=b"head\nold = 2\nnew = 3\ntail\n"),
            "g.txt": file_of(content=content),
        }
        return case.whole(None, files=files, elsewhere=frozenset({"g.txt"}))

    assert case.failed(other(b"<<<<<<< x\n")) == ["marker-lines"]
    assert case.failed(other(HEADING)) == []


@pytest.mark.parametrize("source", ["rule", "memory", "model"])
@pytest.mark.parametrize(
    "content",
    [
        b"HEAD\nold = 2\nnew = 3\ntail\n",
        b"head\nold = 2\nnew = 3\ntail\nevil\n",
        b"old = 2\nnew = 3\n",
        b"head\r\nold = 2\nnew = 3\r\ntail\n",
    ],
)
def test_edit_elsewhere_is_caught(case, source, content):
    assert "outside-hunks" in case.failed(case.whole(content, source=source))


def test_whole_file_is_held_to_the_clean_parts(make_case):
    case = make_case(b"", b"a\n", b"b\n", head=b"x\n", tail=b"x\n")
    assert case.failed(case.whole(b"x\na\nb\nx\n", source="rule")) == []
    assert (
        case.failed(case.whole(b"x\n", source="rule"))[0] == "outside-hunks"
    )  # the two parts may not overlap
    assert case.failed(case.whole(b"x\na\nb\nx", source="rule"))[0] == "outside-hunks"


def test_file_may_not_be_removed_for_a_question_of_text(case):
    assert case.failed(case.whole(None, source="model")) == ["outside-hunks"]


def test_agent_may_edit_further_and_the_tier_says_how_far(case):
    gate = case.gates(case.whole(b"HEAD\nold = 2\nnew = 3\ntail\n"))["outside-hunks"]
    assert (gate.passed, gate.tier) == (True, "3")


def test_agent_that_declares_other_files_is_in_the_third_tier(case, file_of):
    files = {"f.txt": file_of(content=b"head\nold = 2\nnew = 3\ntail\n"), "g.txt": file_of(content=b"x\n")}
    gate = case.gates(case.whole(None, files=files, elsewhere=frozenset({"g.txt"})))["outside-hunks"]
    assert (gate.passed, gate.tier) == (True, "3")


@pytest.mark.parametrize("source", ["rule", "model", "agent"])
def test_last_line_may_not_run_into_the_next(case, source):
    assert case.failed(case.hunk(b"old = 2\nnew = 3", source=source)) == ["outside-hunks"]


def test_file_may_end_without_newline(make_case):
    case = make_case(b"old", b"old\n2", b"old\n3", tail=b"")
    assert case.failed(case.hunk(b"old\n2\n3")) == []


def test_agent_that_goes_further_in_a_question_of_names_is_in_the_third_tier(case, file_of):
    names = dataclasses.replace(case.conflict, kind="modify/delete", hunks=(), between=())
    for files, tier in (({"f.txt": None}, None), ({"f.txt": None, "g.txt": file_of(content=b"x\n")}, "3")):
        given = case.whole(None, files=files, elsewhere=frozenset({"g.txt"}))
        assert outside_hunks(names, given).tier == tier
        assert all(gate.passed for gate in check_resolution(names, given))
