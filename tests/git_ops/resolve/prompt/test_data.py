import dataclasses

from git_ops.conflict import HunkChoice, by_hunks
from git_ops.resolve.chain import Settled
from git_ops.resolve.prompt import sheet_of, write_data

LONG = "".join(f"line {n}\n" for n in range(3_000))


def data(conflicts, context):
    return write_data(sheet_of(conflicts, context), context)


def test_commits_of_both_sides_and_those_that_touch_the_file(situation, repo):
    conflicts, context = situation({"f": "1\n", "g": "1\n"}, {"f": "T\n"}, {"f": "A\n"})
    repo("checkout", "-q", "-f", "work")
    tip = repo.commit({"g": "2\n"}, "Unrelated to f\n\nBut of the branch.")
    text = data(conflicts, dataclasses.replace(context, tip=tip))
    whole, _, of_file = text.partition("<p1-path")
    assert "But of the branch." in whole
    assert "agent's work" in whole
    assert "But of the branch." not in of_file
    assert "agent's work" in of_file
    assert "target's work" in of_file


def test_large_files_and_tasks_are_cut(situation):
    target, agent = LONG.replace("line", "TARGET"), LONG.replace("line", "AGENT")
    conflicts, context = situation({"f": LONG}, {"f": target}, {"f": agent}, task="x" * 100_000)
    text = data(conflicts, context)
    assert len(text) < 150_000
    assert text.count("characters left out") == 3


def test_small_change_in_a_large_file_shows_little(situation):
    versions = ({"f": LONG.replace("line 1500\n", f"line 1500\n{more}")} for more in ("", "T\n", "A\n"))
    text = data(*situation(*versions))
    assert "line 1495" in text
    assert "line 1400" not in text
    assert len(text) < 3_000


def test_function_as_long_as_the_file_isnt_shown_whole(situation):
    body = "".join(f"  line {n}\n" for n in range(1_000))
    versions = ({"f": body.replace("  line 500\n", f"  line 500\n{more}")} for more in ("", "  T\n", "  A\n"))
    text = data(*situation(*versions))
    assert "line 495" in text
    assert "line 400" not in text


def test_renames_are_told(situation):
    body = "".join(f"{n}\n" for n in range(50))
    base = {"old\nname": body, "f": "1\n"}
    text = data(*situation(base, {"old\nname": None, "new": body, "f": "T\n"}, {"f": "A\n"}))
    assert "TARGET: old\\nname -> new" in text


def test_odd_paths_are_shown_safely(situation):
    text = data(*situation({"a\nb": "1\n"}, {"a\nb": "T\n"}, {"a\nb": "A\n"}))
    assert "a\\nb" in text
    assert "a\nb" not in text


def test_names_and_objects_of_a_closed_question(situation):
    text = data(*situation({"f": "1\n2\n3\n"}, {"f": None, "x": "x"}, {"f": "1\n2\n4\n"}))
    assert "modify/delete" in text
    assert "TARGET at f: nothing" in text
    assert "AGENT at f: mode 100644" in text


def test_what_was_settled_before(situation):
    (conflict,), context = situation({"f": "1\n"}, {"f": "T\n"}, {"f": "A\n"})
    choices = (HunkChoice(id="h1", text=b"T\n"),)
    done = by_hunks(conflict, choices, resolver="tokens", source="rule", why="\x1bclean")
    settled = Settled(conflict=dataclasses.replace(conflict, path="g"), resolution=done, gates=())
    assert "g (content), by tokens: \\x1bclean" in data(
        [conflict], dataclasses.replace(context, settled=(settled,))
    )


def test_the_same_question_gives_the_same_bytes(situation):
    conflicts, context = situation({"f": "1\n"}, {"f": "T\n"}, {"f": "A\n"})
    assert data(conflicts, context) == data(conflicts, context)
