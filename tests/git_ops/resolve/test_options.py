from git_ops.conflict import File
from git_ops.resolve.options import options_of


def numbered(word="line", count=20):
    return "".join(f"{word} {i} of {count}\n" for i in range(1, count + 1))


TEXT = numbered()
T, A = TEXT.replace("line 3 ", "target "), TEXT.replace("line 3 ", "agent ")


def options(situation, *sides):
    (conflict,), context = situation(*sides)
    return conflict, {option.name: option for option in options_of(conflict, context)}


def test_texts_and_generated_files_have_none(situation):
    assert options(situation, {"f": TEXT}, {"f": T}, {"f": A})[1] == {}


def test_generated_files_have_none(situation):
    assert options(situation, {"uv.lock": TEXT}, {"uv.lock": T}, {"uv.lock": A})[1] == {}


def test_a_text_that_merges_at_the_name_needs_no_second_question(situation):
    nine = TEXT.replace("line 9 ", "agent ")
    _, found = options(situation, {"f": TEXT}, {"f": None, "t": T}, {"f": None, "a": nine})
    merged = File(mode="100644", content=T.replace("line 9 ", "agent ").encode())
    assert found["target-name"].files == {"f": None, "a": None, "t": merged}
    assert found["agent-name"].files == {"f": None, "t": None, "a": merged}
    assert found["target-name"].rest is None


def test_a_text_that_does_not_is_the_rest(situation):
    _, found = options(situation, {"f": TEXT}, {"f": None, "t": T}, {"f": None, "a": A})
    assert found["agent-name"].files == {"f": None, "t": None}
    assert (found["agent-name"].rest.path, len(found["agent-name"].rest.hunks)) == ("a", 1)


def test_the_agents_file_goes_back_to_its_old_name(situation):
    conflict, found = options(
        situation, {"f.py": TEXT}, {"x.py": numbered("other")}, {"f.py": None, "x.py": TEXT}
    )
    assert found["keep-both"].files == {"x.py": File.of(conflict.target), "f.py": File.of(conflict.agent)}


def test_or_beside_to_a_name_that_is_free(situation):
    other = numbered("other")
    conflict, found = options(
        situation,
        {"f.py": TEXT, "x-2.py": "taken\n", "x-3.py/dir": "taken\n"},
        {"f.py": None, "x.py": TEXT},
        {"x.py": other},
    )
    assert found["keep-both"].files["x-4.py"] == File.of(conflict.agent)


def test_names_are_shown_safely(situation):
    _, found = options(situation, {"a\x1b": TEXT, "k": "k"}, {"a\x1b": None}, {"a\x1b": A})
    assert all("\x1b" not in option.meaning for option in found.values())
    assert "\\x1b" in found["keep-deleted"].meaning
