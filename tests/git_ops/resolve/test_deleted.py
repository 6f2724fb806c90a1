import pytest

from git_ops.conflict import Abstained, Reduced, Resolution
from git_ops.resolve.deleted import DeletedResolver


def numbered(word="line", count=20):
    return "".join(f"{word} {i} of {count}\n" for i in range(1, count + 1))


TEXT = numbered()
PART = "".join(f"line {i} of 20\n" if 6 <= i <= 13 else f"quite new {i}\n" for i in range(1, 21))
KEEP = {"keep": "kept\n"}


def changed(text, number, new):
    return text.replace(f"line {number} of 20", new)


@pytest.fixture
def resolve(situation):
    def resolve(*sides):
        (conflict,), context = situation(*sides)
        return DeletedResolver().resolve(conflict, context)

    return resolve


def test_an_edit_goes_where_the_file_is_now(resolve):
    answer = resolve(
        {"f.py": TEXT} | KEEP, {"f.py": None, "g/f.py": PART}, {"f.py": changed(TEXT, 10, "agent's")}
    )
    assert isinstance(answer, Reduced)
    assert answer.files == {"f.py": None}
    rest = answer.rest
    assert (rest.path, rest.kind, rest.hunks) == ("g/f.py", "content", ())
    assert rest.between == (changed(PART, 10, "agent's").encode(),)
    assert (rest.base.content, rest.target.content) == (TEXT.encode(), PART.encode())
    assert "f.py is g/f.py now" in answer.why


def test_an_edit_that_conflicts_there_is_a_smaller_conflict(resolve):
    answer = resolve(
        {"f.py": TEXT} | KEEP, {"f.py": None, "g/f.py": PART}, {"f.py": changed(TEXT, 3, "agent's")}
    )
    assert isinstance(answer, Reduced)
    assert answer.rest.hunks
    assert b"agent's" in b"".join(hunk.agent for hunk in answer.rest.hunks)
    assert answer.rest.stages.keys() == {"g/f.py"}


def test_a_conflict_at_an_unsure_place_is_none(resolve):
    """Other name, little in common: only a clean merge would have proved that it is the same file."""
    answer = resolve(
        {"f.py": TEXT} | KEEP, {"f.py": None, "g/x.py": PART}, {"f.py": changed(TEXT, 3, "agent's")}
    )
    assert isinstance(answer, Abstained)


def test_the_agents_move_gets_the_targets_edit(resolve):
    answer = resolve(
        {"f.py": TEXT} | KEEP, {"f.py": changed(TEXT, 10, "target's")}, {"f.py": None, "g/f.py": PART}
    )
    assert answer.files == {"f.py": None}
    assert (answer.rest.path, answer.rest.agent.content) == ("g/f.py", PART.encode())
    assert answer.rest.between == (changed(PART, 10, "target's").encode(),)


def test_where_both_moved_it_the_targets_name_wins(resolve):
    edited = changed(TEXT, 10, "edited")
    answer = resolve({"f.py": TEXT} | KEEP, {"f.py": None, "t/f.py": edited}, {"f.py": None, "a/f.py": PART})
    assert answer.files == {"a/f.py": None}
    assert answer.rest.path == "t/f.py"
    assert answer.rest.between == (changed(PART, 10, "edited").encode(),)


@pytest.mark.parametrize("after", [TEXT.replace("\n", "\r\n"), TEXT.replace(" of", "  of"), TEXT + "\n"])
def test_a_change_of_blanks_is_none(resolve, after):
    answer = resolve({"f": TEXT} | KEEP, {"f": None}, {"f": after})
    assert isinstance(answer, Resolution)
    assert answer.files == {"f": None}


@pytest.mark.parametrize("after", [TEXT + "one line\n", "", TEXT.replace("line", "Line")])
def test_a_real_edit_of_a_removed_file_is_a_question(resolve, after):
    answer = resolve({"f": TEXT} | KEEP, {"f": None}, {"f": after})
    assert isinstance(answer, Abstained)
    assert "no file has taken its place" in answer.why


def test_binary_is_never_compared_by_words(resolve):
    answer = resolve({"f": b"\0a b"} | KEEP, {"f": None}, {"f": b"\0a  b"})
    assert isinstance(answer, Abstained)
