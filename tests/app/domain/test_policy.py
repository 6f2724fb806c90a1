from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.policy import (
    FORBIDDEN_PATHS,
    Asker,
    Bounds,
    is_out_of_bounds,
    judge,
    may_trigger,
    may_write,
)
from app.domain.repo_config import Allow

BOUNDS = Bounds(max_files=3, max_commits=2)


@dataclass
class File:
    path: str
    old_mode: str = "100644"
    new_mode: str = "100644"


OURS, BOT = 1, 50


def asker(permission="write", **changes):
    return Asker(**{"id": 7, "login": "Ada", "permission": permission, "is_bot": False, **changes})


def refusal(someone, bots=(), **allow):
    return may_trigger(someone, Allow(**allow), bots=bots, ours=OURS)


@pytest.mark.parametrize("permission", ["write", "maintain", "admin"])
def test_writers_may_ask(permission):
    assert refusal(asker(permission)) is None
    assert may_write(asker(permission))


@pytest.mark.parametrize("known", ["none", "read", "", "WRITE", "Write ", "owner", "triage", "None"])
def test_everybody_else_may_not(known):
    assert not refusal(asker(known)).tell  # strangers get no answer
    assert not may_write(asker(known))


@given(st.text().filter(lambda word: word not in {"write", "maintain", "admin"}))
def test_an_unknown_permission_is_no_permission(word):
    assert refusal(asker(word)) is not None


def test_our_own_account_may_not_even_as_an_administrator():
    assert "our own account" in refusal(asker("admin", id=OURS)).reason


def test_machine_accounts_need_their_id_on_the_list_and_the_right():
    assert "machine account" in refusal(asker(id=BOT, is_bot=True)).reason
    assert refusal(asker(id=BOT, is_bot=True), bots=(BOT,)) is None
    assert refusal(asker("read", id=BOT, is_bot=True), bots=(BOT,)) is not None
    assert refusal(asker(id=BOT, is_bot=True, login="ada"), bots=(BOT + 1,)) is not None


@pytest.mark.parametrize(("permission", "may"), [("write", False), ("maintain", True), ("admin", True)])
def test_a_repository_may_want_maintainers(permission, may):
    found = refusal(asker(permission), who="maintain")
    assert (found is None) == may
    assert may or found.tell  # who may write may read why not


def test_a_repository_may_name_accounts_but_a_name_gives_no_right():
    assert refusal(asker(), who=("bob", "ADA")) is None
    assert refusal(asker(), who=("bob",)).tell
    assert not refusal(asker("read"), who=("ada",)).tell


def test_what_a_repository_wants_to_have_done():
    assert is_out_of_bounds(Allow(), kind="code", target="main") is None
    assert "`code`" in is_out_of_bounds(Allow(kinds=("rebase",)), kind="code", target="main")
    some = Allow(targets=("main", "release/*"))
    assert is_out_of_bounds(some, kind="code", target="release/1.x") is None
    assert "`dev`" in is_out_of_bounds(some, kind="code", target="dev")


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
