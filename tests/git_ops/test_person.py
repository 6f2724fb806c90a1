from git_ops.person import PersonGit


def test_the_persons_settings_count_and_the_callers_repository_does_not(repo, tmp_path, monkeypatch):
    repo.commit({"f": "1"})
    (tmp_path / "config").write_text("[user]\n name = Zoë\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS"):
        monkeypatch.setenv(name, "/nowhere")
    git = PersonGit(work_tree=repo.path)
    assert git.text("config", "user.name") == "Zoë"
    assert git.text("rev-parse", "HEAD") == repo.head()


def test_no_hook_runs(repo):
    oid = repo.commit({"f": "1"})
    hook = repo.path / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {repo.path}/ran\n")
    hook.chmod(0o755)
    repo("update-ref", "refs/x/y", oid)
    assert (repo.path / "ran").exists()
    (repo.path / "ran").unlink()
    PersonGit(work_tree=repo.path).run("update-ref", "refs/x/z", oid)
    assert not (repo.path / "ran").exists()


def test_messages_are_english_and_the_locale_is_the_persons(repo, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    env = PersonGit(work_tree=repo.path).environment()
    assert (env["LANGUAGE"], env["LC_ALL"]) == ("en", "de_DE.UTF-8")
