import pytest

from git_ops.conflict import Abstained, Reduced
from git_ops.resolve.renamed import BetterBaseResolver, RenamedResolver


def numbered(word="line", count=20):
    return "".join(f"{word} {i} of {count}\n" for i in range(1, count + 1))


TEXT = numbered()
T, A = TEXT.replace("line 3 ", "target "), TEXT.replace("line 3 ", "agent ")


@pytest.mark.parametrize(
    ("old", "target", "agent", "merged"),
    [
        ("f", "t", "a", "t"),
        ("d/f", "e/f", "d/g", "e/g"),
        ("d/f", "d/g", "e/f", "e/g"),
        ("d/f", "e/f", "g/f", "e/f"),
        ("d/f", "e/g", "d/h", "e/g"),
        ("f", "d/f", "g", "d/g"),
        ("d/f", "f", "d/g", "g"),
    ],
)
def test_names_merge_by_their_parts(situation, old, target, agent, merged):
    (conflict,), context = situation(
        {old: TEXT, "d/keep": "kept\n"}, {old: None, target: T}, {old: None, agent: A}
    )
    answer = RenamedResolver().resolve(conflict, context)
    assert isinstance(answer, Reduced)
    rest = answer.rest
    assert (rest.path, rest.kind, len(rest.hunks)) == (merged, "content", 1)
    assert rest.stages.keys() == {merged}
    assert answer.files == dict.fromkeys({old, target, agent} - {merged})
    assert (rest.target.content, rest.agent.content) == (T.encode(), A.encode())


def test_a_merged_name_that_is_taken_is_not_used(situation):
    (conflict,), context = situation(
        {"d/f": TEXT, "d/keep": "kept\n"},
        {"d/f": None, "e/f": T, "e/g": "another\n"},
        {"d/f": None, "d/g": A},
    )
    assert RenamedResolver().resolve(conflict, context).rest.path == "e/f"


def test_more_than_two_names_is_not_its_business(situation):
    (conflict,), context = situation(
        {"f": TEXT}, {"f": None, "t": T}, {"f": None, "a": A, "t": numbered("other")}
    )
    assert isinstance(RenamedResolver().resolve(conflict, context), Abstained)


def test_unrelated_files_have_no_common_base(situation):
    (conflict,), context = situation(
        {"f": TEXT, "keep": "kept\n"}, {"f": None, "x": TEXT}, {"x": numbered("other"), "keep": "more\n"}
    )
    assert conflict.kind == "rename/add"
    assert isinstance(BetterBaseResolver().resolve(conflict, context), Abstained)


def test_a_rename_that_only_one_side_shows(situation):
    """The target's is a rename to Git, the agent's a deletion and an addition: one file all the same."""
    padded = A + numbered("more from the agent", 12)
    (conflict,), context = situation({"f": TEXT}, {"f": None, "x": T}, {"f": None, "x": padded})
    answer = BetterBaseResolver().resolve(conflict, context)
    assert isinstance(answer, Reduced)
    assert (answer.rest.kind, answer.rest.base.content) == ("content", TEXT.encode())
    assert answer.rest.agent.content == padded.encode()
