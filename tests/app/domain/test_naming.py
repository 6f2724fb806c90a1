import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.naming import MAX_SUBJECT, commit_subject, one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\r\nb\tc\u2028d\u00a0e", "a b c d e"),
        ("\x1b[31mred\x07", "[31mred"),
        ("ab\u200b\u200d\ufeffc", "abc"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("\u2066x\u2069", "x"),
        ("e\u0301 漢字 🎉", "e\u0301 漢字 🎉"),
        ("\U000e0041tag", "tag"),
        ("   ", ""),
        ("x" * 11, "x" * 9 + "…"),
    ],
)
def test_one_line(text, expected):
    assert one_line(text, 10 if text.startswith("x") else 100) == expected


@given(st.text(max_size=200), st.integers(1, 100))
def test_one_line_is_one_visible_bounded_line(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(ch)[0] == "C" or (ch.isspace() and ch != " ") for ch in line)
    assert one_line(line, limit) == line


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Add a greeting", "Add a greeting (#7)"),
        ("--amend it", "amend it (#7)"),
        ("# heading", "heading (#7)"),
        ("", "Work on the request (#7)"),
        ("\u202e\n", "Work on the request (#7)"),
        ("[skip ci]", "Work on the request (#7)"),
        ("Fix it [Skip CI] now ***no_ci***", "Fix it now (#7)"),
    ],
)
def test_commit_subjects(title, expected):
    assert commit_subject(title, 7) == expected


def test_without_a_number():
    assert commit_subject("Do it", None) == "Do it"


SKIPS = ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "***NO_CI***"]


@pytest.mark.parametrize(
    "title", ["x [skip [skip ci]ci]", "x [skip\u200b ci]", "x [skip \n ci]", "x [sk\u2060ip ci]", "x ***NO***NO_CI***_CI***",
              "x [skip\u00a0ci]", "x [no [ci skip]ci]"]
)  # fmt: skip
def test_a_skip_mark_cannot_be_smuggled_past_the_cleaning(title):
    assert_no_skip(commit_subject(title, 1))


PIECES = st.lists(
    st.sampled_from([*SKIPS, "[skip", "ci]", "[", "]", "skip", "ci", " ", "\u200b", "\n", "no", "***", "NO_CI", "-", "#", "x"]),
    max_size=14,
).map("".join)  # fmt: skip


@given(st.one_of(st.text(max_size=200), PIECES), st.one_of(st.none(), st.integers(1, 10**6)))
def test_a_subject_is_bounded_starts_with_no_dash_and_skips_no_ci(title, number):
    subject = commit_subject(title, number)
    assert 0 < len(subject) <= MAX_SUBJECT
    assert subject[0] not in "-# "
    assert "\n" not in subject
    assert_no_skip(subject)


def assert_no_skip(subject):
    assert not any(re.search(re.escape(mark), subject, re.IGNORECASE) for mark in SKIPS), subject
