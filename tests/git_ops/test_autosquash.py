import pytest

from git_ops.autosquash import arrange, folded_message, subject
from git_ops.objects import RawCommit


def moves(*messages):
    commits = [
        (
            f"{i:040x}".replace("0", "a", 7),
            RawCommit(tree="", parents=(), author=b"", committer=b"", message=text.encode()),
        )
        for i, text in enumerate(messages)
    ]
    return [(move.index, move.verb) for move in arrange(commits)]


def test_nothing_to_do():
    assert moves("one", "two") == [(0, "pick"), (1, "pick")]


def test_behind_what_is_named_in_order():
    found = moves("one", "two", "fixup! one", "squash! two", "amend! one")
    assert found == [(0, "pick"), (2, "fixup"), (4, "amend"), (1, "pick"), (3, "squash")]


def test_by_the_start_of_a_subject_and_by_object_id():
    assert moves("one thing", "two", "fixup! one") == [(0, "pick"), (2, "fixup"), (1, "pick")]
    assert moves("one", "two", f"fixup! {'a' * 7}{0:033x}") == [(0, "pick"), (2, "fixup"), (1, "pick")]


def test_a_fixup_of_a_fixup_goes_to_the_same_commit():
    assert moves("one", "two", "fixup! one", "fixup! fixup! one") == [
        (0, "pick"),
        (2, "fixup"),
        (3, "fixup"),
        (1, "pick"),
    ]


@pytest.mark.parametrize("named", ["fixup! nobody", "fixup!one", "Fixup! one", "fixup! later"])
def test_who_names_nobody_stays(named):
    assert moves("one", named, "later")[1] == (1, "pick")


def test_the_first_of_one_name_is_meant():
    assert moves("same", "same", "fixup! same") == [(0, "pick"), (2, "fixup"), (1, "pick")]


@pytest.mark.parametrize(
    ("verb", "addition", "expected"),
    [
        ("fixup", b"fixup! one\n\nmore\n", b"one\n\nbody\n"),
        ("squash", b"squash! one\n", b"one\n\nbody\n"),
        ("squash", b"squash! one\n\n#1 why\n\n\n", b"one\n\nbody\n\n#1 why\n"),
        ("amend", b"amend! one\n\nnew\n\nbody\n", b"new\n\nbody\n"),
        ("amend", b"amend! one\n", b"one\n\nbody\n"),
    ],
)
def test_messages(verb, addition, expected):
    assert folded_message(verb, b"one\n\nbody\n", addition) == expected


def test_subject_is_the_first_paragraph_on_one_line():
    assert subject(b"\n one\n  two \n\nbody") == b"one two"
