import pytest

from git_ops import lookup
from git_ops.resolve.homes import alike, best_match, find_home
from git_ops.similarity import telling_lines


def numbered(word, count=20):
    return "".join(f"{word} {i} of {count}\n" for i in range(1, count + 1))


HEADER = "".join(f"# Licence, paragraph {i}, that every file has\n" for i in range(4))
TEXT = numbered("line")
PART = "".join(f"line {i} of 20\n" if 6 <= i <= 13 else f"quite new {i}\n" for i in range(1, 21))


def home(repo, before, *steps, old="f.py"):
    fork = repo.commit(before, "base")
    for files in steps:
        tip = repo.commit(files)
    base = lookup.sides_at(repo.git, fork, [old])[old]
    filled = lookup.filled(base, lookup.read(repo.git, [base]))
    return find_home(repo.git, fork=fork, tip=tip, old=old, base=filled)


def test_the_new_file_that_has_most_of_it(repo):
    found = home(repo, {"f.py": TEXT}, {"f.py": None, "g/x.py": PART, "g/y.py": numbered("other")})
    assert (found.path, found.side.content, found.sure) == ("g/x.py", PART.encode(), False)


def test_the_same_name_makes_it_sure(repo):
    found = home(repo, {"f.py": TEXT}, {"f.py": None, "g/f.py": PART})
    assert (found.path, found.sure) == ("g/f.py", True)


def test_renames_are_followed_commit_by_commit(repo):
    """Each step is a rename to Git; the first and the last text have nothing in common."""
    middle = "".join(f"line {i} of 20\n" if i <= 12 else f"new {i}\n" for i in range(1, 21))
    end = "".join(f"end {i}\n" if i <= 12 else f"new {i}\n" for i in range(1, 21))
    found = home(
        repo, {"f.py": TEXT}, {"f.py": None, "g.rs": middle}, {"g.rs": None, "h.c": middle}, {"h.c": end}
    )
    assert (found.path, found.side.content, found.sure) == ("h.c", end.encode(), True)
    assert "renamed it" in found.why


@pytest.mark.parametrize(
    "after",
    [
        {"f.py": None},
        {"f.py": None, "g.py": numbered("other")},
        {"f.py": None, "g.rs": PART},
        {"f.py": None, "g.py": PART, "h.py": PART.replace("quite", "really")},
    ],
    ids=["removed", "unrelated", "another language", "two that are alike"],
)
def test_no_home(repo, after):
    assert home(repo, {"f.py": TEXT, "keep": "kept\n"}, after) is None


def test_a_licence_is_no_likeness(repo):
    before = {"f.py": HEADER + TEXT, "a.py": HEADER + "a = 1\n", "b.py": HEADER + "b = 1\n"}
    assert home(repo, before, {"f.py": None, "g.py": HEADER + numbered("other")}) is None


def test_another_files_successor_is_not_asked(repo):
    """Git itself pairs g.py with h.py; f.py shares much with it but is another file."""
    other = TEXT + numbered("more", 20)
    assert home(repo, {"f.py": TEXT, "g.py": other}, {"f.py": None, "g.py": None, "h.py": other}) is None


def test_alike_puts_the_same_name_first():
    names = ["b.py", "a/f.py", "f.rs", "z/f.py", "no", ".py"]
    assert alike("f.py", names) == ["a/f.py", "z/f.py", "b.py"]
    assert alike("Makefile", ["x/Makefile", "other"]) == ["x/Makefile"]


def test_best_match_must_be_clearly_better():
    text, half = telling_lines(TEXT.encode()), telling_lines(PART.encode())
    assert best_match(text, {"a": half}) == ("a", pytest.approx(0.36, abs=0.06))
    assert best_match(text, {"a": half, "b": half}) is None
    assert best_match(text, {}) is None
