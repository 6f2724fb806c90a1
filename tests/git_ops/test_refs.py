import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from git_ops.errors import BadName
from git_ops.refs import branch_ref, branch_slug, check_branch, check_oid, check_ref, check_url, is_oid

NASTY = st.text(
    st.one_of(st.sampled_from("ab/.-@{}~^:?*[\\ \t\n\x7f#+=,_éß日"), st.characters(codec="utf-8")),
    max_size=12,
)


def git_accepts(ref):
    done = subprocess.run(("git", "check-ref-format", ref), capture_output=True, timeout=10, check=False)
    return done.returncode == 0


@settings(max_examples=80, deadline=None)
@given(NASTY)
@example("a.lock/b")
@example("a/.b")
@example("a@{1}")
@example("größe/日本")
@example("--upload-pack=x")
def test_what_we_accept_git_accepts(name):
    try:
        check_branch(name)
    except BadName:
        return
    assert git_accepts(f"refs/heads/{name}")
    assert not name.startswith("-")


@pytest.mark.parametrize(
    "name", ["main", "feature/größe", "agent/12-fix", "v1.2", "a+b", "user@host", "fix-#12"]
)
def test_ordinary_branches(name):
    assert branch_ref(name) == f"refs/heads/{name}"


@pytest.mark.parametrize(
    "name",
    ["", "-x", "a..b", "a@{0}", "HEAD", "@", "refs/heads/main", "a.lock", "a.lock/b", "a b", "a\x00", "a/", "/a",
     "a//b", "a~1", "a:b", "a^", ".a", "a.", "x" * 300, "0" * 40, "a/-b", "FETCH_HEAD", "--upload-pack=touch x"],
)  # fmt: skip
def test_bad_branches_say_what_is_wrong(name):
    with pytest.raises(BadName, match="can't be used as a branch name"):
        check_branch(name)


def test_full_refs():
    assert check_ref("refs/forgehand/jobs/1/1/head")
    for bad in ("main", "refs/heads", "refs/heads/../x", "-refs/heads/x", "refs/heads/a:refs/heads/b"):
        with pytest.raises(BadName):
            check_ref(bad)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_slug_is_always_a_safe_part_of_a_name(text):
    slug = branch_slug(text)
    assert 1 <= len(slug) <= 40
    assert check_branch(f"agent/1-{slug}")


def test_slug_reads_well():
    assert branch_slug("Fix: café menu (crashes!) -- again") == "fix-cafe-menu-crashes-again"
    assert branch_slug("日本") == "change"
    assert (
        branch_slug("one two three four five six seven eight nine")
        == "one-two-three-four-five-six-seven-eight"
    )


def test_oids():
    assert is_oid("a" * 40)
    assert is_oid("a" * 64)
    assert check_oid("b" * 40)
    for bad in ("a" * 39, "A" * 40, "a" * 40 + "\n", "HEAD"):
        with pytest.raises(BadName):
            check_oid(bad)


def test_urls():
    assert check_url("https://forge.example/o/n.git")
    for bad in (
        "https://token@forge.example/o/n",
        "--upload-pack=x",
        "/local",
        "ext::sh -c x",
        "https://a b/",
    ):
        with pytest.raises(BadName):
            check_url(bad)
