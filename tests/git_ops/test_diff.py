from pathlib import Path

from git_ops.diff import commit_facts, diff_facts


def test_every_kind_of_change(repo):
    base = repo.commit({"a": "1\n2\n", "gone": "x\n", "bin": b"\0", "link": Path("a"), "odd\tname": "1\n"})
    (repo.path / "a").chmod(0o755)
    tip = repo.commit(
        {"a": "1\n3\n4\n", "gone": None, "bin": b"\0\1", "link": "now a file\n", "odd\tname": "2\n"}
    )
    facts = diff_facts(repo.git, base, tip)
    found = {f.path: (f.status, f.old_mode, f.new_mode, f.added, f.removed) for f in facts.files}
    assert found == {
        "a": ("M", "100644", "100755", 2, 1),
        "bin": ("M", "100644", "100644", None, None),
        "gone": ("D", "100644", "000000", 0, 1),
        "link": ("T", "120000", "100644", 1, 1),
        "odd\tname": ("M", "100644", "100644", 1, 1),
    }
    assert (facts.added, facts.removed) == (4, 4)
    assert len(facts.commits) == 1


def test_rename_is_two_paths(repo):
    base = repo.commit({"old": "same\n"})
    tip = repo.commit({"old": None, "new": "same\n"})
    assert [(f.path, f.status) for f in diff_facts(repo.git, base, tip).files] == [("new", "A"), ("old", "D")]


def test_submodule_link_is_seen(repo):
    base = repo.commit({"a": "1"})
    repo("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repo("commit", "-qm", "link")
    (file,) = diff_facts(repo.git, base, repo.head()).files
    assert (file.path, file.new_mode, file.new_oid) == ("sub", "160000", "1" * 40)


def test_commits_oldest_first_and_bounded(repo):
    base = repo.commit({"a": "1"})
    one = repo.commit({"a": "2"}, "subject one\n\nbody")
    two = repo.commit({"a": "3"}, "subject two")
    facts = commit_facts(repo.git, base, two)
    assert [(c.oid, c.subject, c.parents) for c in facts] == [
        (one, "subject one", (base,)),
        (two, "subject two", (one,)),
    ]
    assert (facts[0].author_name, facts[0].committer_email, facts[0].authored_at) == (
        "Ada", "carl@example.org", 1_700_000_000,
    )  # fmt: skip
    assert [c.oid for c in commit_facts(repo.git, base, two, max_commits=1)] == [two]
    assert commit_facts(repo.git, two, two) == ()


def test_commits_of_a_bare_repository_that_borrows_objects(repo, tmp_path):
    base, tip = repo.commit({"a": "1"}), repo.commit({"a": "2"}, "é")
    bare = tmp_path / "borrower.git"
    repo("init", "-q", "--bare", str(bare))
    (bare / "objects/info/alternates").write_text(f"{repo.path}/.git/objects\n")
    assert [c.subject for c in commit_facts(repo.git.replace(git_dir=bare), base, tip)] == ["é"]


def test_nothing_of_the_callers_environment_gets_in(repo, monkeypatch):
    base, tip = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nonexistent")
    assert len(diff_facts(repo.git, base, tip).commits) == 1
