import dataclasses

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from git_ops.conflict import Abstained, Conflict, Hunk, Reduced, Resolution
from git_ops.resolve import agreement
from git_ops.resolve.agreement import AgreementResolver
from git_ops.resolve.candidates import Candidate


def conflict(*hunks, path="f"):
    return Conflict(
        path=path,
        kind="content",
        paths=(path,),
        stages={path: {}},
        base=None,
        target=None,
        agent=None,
        between=tuple(b"-- %d --\n" % i for i in range(len(hunks) + 1)),
        hunks=tuple(
            Hunk(id=f"h{i}", base=base, target=target, agent=agent)
            for i, (base, target, agent) in enumerate(hunks, 1)
        ),
    )


NEIGHBOURS = (b"a\nb\n", b"A\nb\n", b"a\nB\n")
DISPUTE = (b"a\n", b"b\n", b"c\n")


def resolve(*hunks, **more):
    return AgreementResolver(**more).resolve(conflict(*hunks), None)


def test_two_families_are_an_answer():
    found = resolve(NEIGHBOURS)
    assert isinstance(found, Resolution)
    assert found.content_at("f") == b"-- 0 --\nA\nB\n-- 1 --\n"
    assert (found.source, found.why) == ("rule", "lines and tokens agree")


def test_some_hunks_make_the_conflict_smaller():
    found = resolve(NEIGHBOURS, DISPUTE)
    assert isinstance(found, Reduced)
    assert [hunk.id for hunk in found.rest.hunks] == ["h2"]
    assert found.rest.between == (b"-- 0 --\nA\nB\n-- 1 --\n", b"-- 2 --\n")
    assert isinstance(AgreementResolver().resolve(found.rest, None), Abstained)


@pytest.mark.parametrize(
    "hunk",
    [
        DISPUTE,
        (b"", b"t\n", b"a\n"),  # both insert: one family only
        (b"f(a, b)\n", b"g(a, b)\n", b"f(a, c)\n"),  # by tokens only
        (b"v = 1.2.3\n", b"v = 1.3.3\n", b"v = 1.2.4\n"),  # so that nobody makes up a version
        # beside a line that became another one: nothing says where what was inserted belongs
        (b"def f(a):\n", b"@new\ndef f(a):\n", b"class Other:\n"),
        (b"    f(a)\n", b"    g()\n    f(a)\n", b"    with b:\n        f(a)\n"),
    ],
)
def test_one_family_is_none(hunk):
    assert isinstance(resolve(hunk), Abstained)


@pytest.mark.parametrize(
    ("hunk", "expected"),
    [
        ((b"def f(a):\n", b"@new\ndef f(a):\n", b"def f(a, b):\n"), b"@new\ndef f(a, b):\n"),
        ((b"f(a)\n", b"f(a, b)\n", b"f(a)\nreturn\n"), b"f(a, b)\nreturn\n"),
    ],
)
def test_what_one_side_put_beside_a_line_stays_beside_what_the_line_became(hunk, expected):
    assert resolve(hunk).hunks[0].text == expected


def test_entries_of_a_change_log_are_evidence_of_their_own():
    hunks = conflict((b"", b"- t\n", b"- a\n"), path="CHANGES.md")
    assert AgreementResolver().resolve(hunks, None).hunks[0].text == b"- t\n- a\n"


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ("tokens=x lines=x", b"x"),
        ("tokens=x tokens=x", None),
        ("tokens=x lines=y", None),
        ("tokens=x lines=x structure=y", b"x"),
        ("tokens=x lines=x structure=y union=y", None),
        ("tokens=x lines=x structure=x union=y containment=y", b"x"),
        ("tokens=x lines=y structure=y lines=x", None),
        ("tokens=x", None),
        ("", None),
    ],
)
def test_votes(votes, expected, monkeypatch):
    cast = [vote.split("=") for vote in votes.split()]
    found = tuple(Candidate(name=f, family=f, texts={"h1": text.encode()}) for f, text in cast)
    monkeypatch.setattr(agreement, "candidates_of", lambda *_: found)
    answer = resolve(DISPUTE)
    assert (answer.hunks[0].text if isinstance(answer, Resolution) else None) == expected


def test_protected_paths_are_left_to_others():
    for pattern in ("f", "*", "[f]"):
        assert "protected" in resolve(NEIGHBOURS, protected=[pattern]).why
    assert isinstance(resolve(NEIGHBOURS, protected=["F", "f/*"]), Resolution)


def test_what_is_not_text_is_left_alone():
    question = dataclasses.replace(conflict(DISPUTE), hunks=(), between=())
    assert isinstance(AgreementResolver().resolve(question, None), Abstained)


WORDS = [b"alpha", b"beta", b"gamma", b"delta", b"eps"]
FILE = st.lists(st.lists(st.sampled_from(WORDS), min_size=3, max_size=5), min_size=2, max_size=6)


def text(rows):
    return b"".join(b" ".join(row) + b"\n" for row in rows)


def with_new_words(rows, spots):
    return text(
        [b"new%d%d" % (i, j) if (i, j) in spots else word for j, word in enumerate(row)]
        for i, row in enumerate(rows)
    )


@given(rows=FILE, data=st.data())
def test_where_the_truth_is_known_nothing_else_is_answered(rows, data):
    """Each side replaces words of its own by words of its own: the truth has both, and either it is said or nothing."""
    spots = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    chosen = data.draw(st.lists(st.sampled_from(spots), unique=True, min_size=2, max_size=6))
    cut = data.draw(st.integers(1, len(chosen) - 1))
    base, target, agent, truth = (
        with_new_words(rows, spots) for spots in ((), chosen[:cut], chosen[cut:], chosen)
    )
    answer = resolve((base, target, agent))
    assert isinstance(answer, Abstained) or answer.hunks[0].text == truth


LINE = st.sampled_from([b"a\n", b"b\n", b"c\n", b"d d\n", b"e e\n", b"\n"])
TEXT = st.lists(LINE, max_size=7).map(b"".join)


@given(base=TEXT, target=TEXT, agent=TEXT)
def test_no_line_is_invented_but_out_of_tokens(base, target, agent):
    assume(len({base, target, agent}) == 3)
    answer = resolve((base, target, agent))
    if isinstance(answer, Resolution) and "lines" in answer.why:
        known = {line for side in (base, target, agent) for line in side.splitlines()}
        assert set(answer.hunks[0].text.splitlines()) <= known


@given(base=TEXT, target=TEXT, agent=TEXT)
def test_it_makes_no_difference_who_is_who(base, target, agent):
    """Order matters to insertions only, and those never count alone."""
    one, other = resolve((base, target, agent)), resolve((base, agent, target))
    assert type(one) is type(other)
    if isinstance(one, Resolution):
        assert one.hunks[0].text == other.hunks[0].text
