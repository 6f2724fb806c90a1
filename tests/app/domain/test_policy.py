from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.policy import FORBIDDEN_PATHS, Bounds, judge, repo_is_allowed, who_may_ask

BOUNDS = Bounds(max_files=3, max_commits=2)


@dataclass
class File:
    path: str
    old_mode: str = "100644"
    new_mode: str = "100644"


def ask(actor, author):
    return who_may_ask(actor="ada", actor_permission=actor, author="bob", author_permission=author)


@pytest.mark.parametrize("actor", ["write", "admin"])
@pytest.mark.parametrize("author", ["write", "admin"])
def test_writers_may_ask(actor, author):
    assert ask(actor, author) is None


@pytest.mark.parametrize(
    "known", ["none", "read", "", "WRITE", "Write ", "owner", "triage", "maintain", "None"]
)
def test_everybody_else_may_not(known):
    assert not ask(known, "write").tell  # strangers get no answer
    refusal = ask("write", known)
    assert refusal.tell
    assert "bob" in refusal.reason


UNKNOWN = st.text().filter(lambda word: word not in {"write", "admin"})


@given(UNKNOWN, UNKNOWN)
def test_an_unknown_permission_is_no_permission(actor, author):
    assert ask(actor, author) is not None


@pytest.mark.parametrize(
    ("repo", "patterns", "allowed"),
    [
        ("ada/demo", ["ada/demo"], True),
        ("Ada/Demo", ["ada/demo"], True),
        ("ada/demo", ["ada/*"], True),
        ("ada/demo", ["*/*"], True),
        ("ada/demo", [], False),
        ("ada/demo", ["bob/demo", "ada/other"], False),
        ("adams/demo", ["ada/*"], False),
        ("ada/demo2", ["ada/demo"], False),
        ("ada/demo", ["*"], False),
        ("ada/x/demo", ["ada/demo"], False),
    ],
)
def test_the_operators_list_of_repositories(repo, patterns, allowed):
    assert repo_is_allowed(repo, patterns) is allowed


def test_a_harmless_change_passes():
    files = [File("src/a.py"), File("docs/.github-notes.md"), File("old.txt", new_mode="000000")]
    assert judge(files, commits=2, bounds=BOUNDS) is None


@pytest.mark.parametrize("path", FORBIDDEN_PATHS)
@pytest.mark.parametrize("spell", [str, str.upper, str.title, lambda path: path + "/deep/file.yml"])
@pytest.mark.parametrize("mode", ["100644", "100755", "000000"])
def test_forbidden_paths_in_any_spelling_nested_added_or_removed(path, spell, mode):
    reason = judge([File("ok.txt"), File(spell(path), new_mode=mode)], commits=1, bounds=BOUNDS)
    assert reason is not None
    assert spell(path) in reason


@pytest.mark.parametrize(
    "path",
    [".github/workflows/ci.yml", ".Gitea/Workflows/x.yaml", ".forgejo/workflows/a/b", ".woodpecker/x.yml",
     ".woodpecker.yaml", ".drone.yml", ".claude/settings.json", ".devcontainer/devcontainer.json", "a/b/.GIT/config",
     ".git"],
)  # fmt: skip
def test_what_runs_with_other_peoples_rights_needs_a_person(path):
    assert judge([File(path)], commits=1, bounds=BOUNDS)


@pytest.mark.parametrize(
    "path", ["workflows/ci.yml", "docs/github/workflows", ".github/ISSUE_TEMPLATE.md", "claude.md"]
)
def test_neighbours_of_forbidden_paths_are_free(path):
    assert judge([File(path)], commits=1, bounds=BOUNDS) is None


def test_submodules_and_links_need_a_person_but_may_go():
    assert "submodule 'lib'" in judge([File("lib", new_mode="160000")], commits=1, bounds=BOUNDS)
    assert "symbolic link 'x'" in judge([File("x", "100644", "120000")], commits=1, bounds=BOUNDS)
    assert "symbolic link 'x'" in judge([File("x", "120000", "120000")], commits=1, bounds=BOUNDS)
    gone = [File("lib", "160000", "000000"), File("x", "120000", "100644")]
    assert judge(gone, commits=1, bounds=BOUNDS) is None


def test_bounds():
    many = [File(f"{i}.txt") for i in range(4)]
    assert judge(many[:3], commits=2, bounds=BOUNDS) is None
    assert "changes 4 files; at most 3" in judge(iter(many), commits=2, bounds=BOUNDS)
    assert "has 3 commits; at most 2" in judge(many[:1], commits=3, bounds=BOUNDS)


def test_a_path_with_a_line_break_stays_one_sentence():
    assert "\n" not in judge([File(".claude/a\nb")], commits=1, bounds=BOUNDS)
