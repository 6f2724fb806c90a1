import pytest

from git_ops.conflict import Abstained, File, Resolution
from git_ops.resolve.directories import DirectoryRenameResolver, directories

DIR = {f"d/{i}.py": "".join(f"file {i}, line {j}\n" for j in range(12)) for i in range(4)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("d/f", "e/f", ("d", "e")),
        ("d/sub/f", "e/sub/f", ("d", "e")),
        ("a/d/f", "b/d/f", ("a", "b")),
        ("d/f", "d/e/f", ("d", "d/e")),
        ("d/f", "f", ("d/f", "f")),
    ],
)
def test_directories(old, new, expected):
    assert directories(old, new) == expected


def moved(to):
    return dict.fromkeys(DIR) | {path.replace("d/", to, 1): text for path, text in DIR.items()}


def test_the_file_follows_its_directory(situation):
    (conflict,), context = situation(DIR, moved("e/"), {"d/new.py": "new\n"})
    answer = DirectoryRenameResolver().resolve(conflict, context)
    assert isinstance(answer, Resolution)
    assert answer.files == {"e/new.py": File.of(conflict.agent)}
    assert "refers to the old name" in answer.why


def test_a_sibling_that_went_elsewhere_makes_it_a_question(situation):
    there = moved("e/") | {"e/3.py": None, "g/3.py": DIR["d/3.py"]}
    (conflict,), context = situation(DIR, there, {"d/new.py": "new\n"})
    assert isinstance(DirectoryRenameResolver().resolve(conflict, context), Abstained)


def test_what_happened_further_up_does_not_matter(situation):
    inner = {f"d/in/{i}.py": text.replace("file", "inner") for i, text in enumerate(DIR.values())}
    there = dict.fromkeys(inner) | {f"e/{path}": text for path, text in inner.items()}
    there |= dict.fromkeys(DIR) | {path.replace("d/", "g/"): text for path, text in DIR.items()}
    (conflict,), context = situation(DIR | inner, there, {"d/in/new.py": "new\n"})
    assert (conflict.kind, conflict.path) == ("directory-rename", "e/d/in/new.py")
    assert isinstance(DirectoryRenameResolver().resolve(conflict, context), Resolution)


def test_a_sibling_that_was_deleted_does_not(situation):
    there = moved("e/")
    del there["e/3.py"]
    (conflict,), context = situation(DIR, there, {"d/new.py": "new\n"})
    assert isinstance(DirectoryRenameResolver().resolve(conflict, context), Resolution)
