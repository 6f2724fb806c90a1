import pytest

from git_ops.resolve.candidates.changelog import Changelog, is_changelog


@pytest.mark.parametrize(
    ("base", "target", "agent", "expected"),
    [
        (b"", b"- t\n", b"- a\n", b"- t\n- a\n"),
        (b"", b"- t\n  more\n- t2\n", b"- a\n  - sub\n", b"- t\n  more\n- t2\n- a\n  - sub\n"),
        (b"", b"- t\n- same\n", b"- same\n- a\n", b"- t\n- same\n- a\n"),
        (b"- old\n", b"- t\n- old\n", b"- a\n- old\n", b"- t\n- a\n- old\n"),
        (b"", b"* t\n\n", b"* a\n\n", b"* t\n\n* a\n\n"),
        (b"", b"* t\n", b"- a\n", None),
        (b"", b"* t\n\n", b"* a\n", None),
        (b"", b"## 2.0\n- t\n", b"- a\n", None),
        (b"", b"- t\n\n1.9\n---\n", b"- a\n", None),
        (b"", b"- t\ntext\n", b"- a\n", None),
        (b"- old\n", b"- t\n", b"- a\n- old\n", None),
        (b"- old\n", b"- t\n- old\n", b"- old\n- a\n", None),  # not at one place
        (b"", b"text\n", b"- a\n", None),
    ],
)
def test_entries(one_hunk, base, target, agent, expected):
    found = Changelog().propose(one_hunk(base, target, agent, "docs/CHANGES.rst"))
    assert found == ({} if expected is None else {"h1": expected})


def test_other_files_are_not_looked_at(one_hunk):
    assert Changelog().propose(one_hunk(b"", b"- t\n", b"- a\n", "list.md")) == {}


@pytest.mark.parametrize(
    "path", ["CHANGES", "a/CHANGELOG.md", "History.txt", "news.rst", "RELEASE_NOTES.md", "changelog-2.x.md"]
)
def test_names(path):
    assert is_changelog(path)


@pytest.mark.parametrize("path", ["changes.py", "CHANGES/f", "newsletter.md", "history.c", "exchanges.md"])
def test_other_names(path):
    assert not is_changelog(path)
