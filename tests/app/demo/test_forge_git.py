"""Real Git against the embedded forge over HTTP."""

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.forge import Person, RunningForge

pytestmark = pytest.mark.slow
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.invalid",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.invalid",
    "LANG": "C.UTF-8",
}


def git(*argv: str | Path, code: int = 0) -> str:
    done = subprocess.run(["git", *argv], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"git {argv}: {done.stdout}{done.stderr}"
    return done.stdout.strip() + done.stderr.strip()


@pytest.fixture
def owner(forge: RunningForge) -> Person:
    return forge.user()


@pytest.fixture
def clone(owner: Person, tmp_path: Path) -> Path:
    """A clone with the right to push."""
    git("clone", "-q", owner.git_url(owner.repo()), tmp_path / "clone")
    return tmp_path / "clone"


def commit(clone: Path, name: str, text: str = "x\n") -> str:
    (clone / name).write_text(text)
    git("-C", clone, "add", "-A")
    git("-C", clone, "commit", "-q", "-m", f"Add {name}")
    return git("-C", clone, "rev-parse", "HEAD")


def repo_of(clone: Path) -> str:
    return git("-C", clone, "remote", "get-url", "origin").split("/", 3)[3].removesuffix(".git")


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_a_public_repository_is_read_by_everybody_in_every_protocol(forge, owner, tmp_path, version):
    repo = owner.repo()
    folder = tmp_path / "clone"
    git("-c", f"protocol.version={version}", "clone", "-q", f"{forge.url}/{repo}.git", folder)
    assert (folder / "README.md").exists()
    trace = subprocess.run(
        ["git", "-c", f"protocol.version={version}", "ls-remote", f"{forge.url}/{repo}"],
        env={**ENVIRONMENT, "GIT_TRACE_PACKET": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("version 2" in trace.stderr) == (version == "2")
    assert "refs/heads/main" in trace.stdout


def test_a_push_arrives_and_is_there_after_a_restart_of_the_clone(owner, clone, tmp_path):
    tip = commit(clone, "a.txt")
    git("-C", clone, "push", "-q", "origin", "main")
    git("clone", "-q", owner.git_url(repo_of(clone)), tmp_path / "second")
    assert git("-C", tmp_path / "second", "rev-parse", "HEAD") == tip


def test_a_push_above_the_buffer_comes_in_chunks(owner, clone, tmp_path):
    (clone / "big.bin").write_bytes(os.urandom(3_000_000))
    commit(clone, "a.txt")
    traced = subprocess.run(
        ["git", "-C", clone, "push", "-q", "origin", "main"],
        env={**ENVIRONMENT, "GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Transfer-Encoding: chunked" in traced.stderr
    git("clone", "-q", owner.git_url(repo_of(clone)), tmp_path / "second")
    assert (tmp_path / "second" / "big.bin").stat().st_size == 3_000_000


def test_a_compressed_request_is_understood(forge, owner):
    answer = forge.http.post(
        f"{forge.url}/{owner.repo()}.git/git-upload-pack",
        content=gzip.compress(b"0014command=ls-refs\n0000"),
        headers={"Content-Encoding": "gzip", "Git-Protocol": "version=2"},
    )
    assert answer.headers["Content-Type"] == "application/x-git-upload-pack-result"
    assert b"refs/heads/main" in answer.content


def test_who_may_push(forge, owner, tmp_path):
    repo = owner.repo()
    reader, writer = forge.user(), forge.user()
    owner.invite(repo, reader.login, "read")
    owner.invite(repo, writer.login, "write")
    git("clone", "-q", owner.git_url(repo), tmp_path / "clone")
    commit(tmp_path / "clone", "a.txt")
    push = ("-C", tmp_path / "clone", "push", "-q")
    assert "remote rejected" in git(*push, reader.git_url(repo), "main:x", code=1)
    assert "could not read Username" in git(*push, f"{forge.url}/{repo}.git", "main:x", code=128)
    assert owner.api("GET", f"/repos/{repo}/branches/x", ok=False).status_code == 404
    git(*push, writer.git_url(repo), "main:x")
    assert owner.api("GET", f"/repos/{repo}/branches/x")["name"] == "x"


def test_a_private_repository_is_hidden(forge, owner):
    repo = owner.repo(private=True)
    stranger = forge.user()
    assert "could not read Username" in git("ls-remote", f"{forge.url}/{repo}.git", code=128)
    assert "not found" in git("ls-remote", stranger.git_url(repo), code=128)
    assert "refs/heads/main" in git("ls-remote", owner.git_url(repo))


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        (("read:repository",), True, False),
        (("write:repository",), True, True),
        (("write:issue",), False, False),
    ],
)
def test_a_token_reaches_as_far_as_its_scopes(forge, tmp_path, scopes, reads, writes):
    owner = forge.user()
    repo = owner.repo(private=True)
    narrow = forge.person(owner.login, scopes=scopes)
    git("ls-remote", narrow.git_url(repo), code=0 if reads else 128)
    git("clone", "-q", owner.git_url(repo), tmp_path / "clone")
    git("-C", tmp_path / "clone", "push", "-q", narrow.git_url(repo), "main:x", code=0 if writes else 128)


@pytest.mark.parametrize("scheme", ["token", "Bearer", "bearer"])
def test_the_header_schemes_that_gitea_takes(forge, owner, scheme):
    repo = owner.repo(private=True)
    git(
        "-c",
        f"http.extraHeader=Authorization: {scheme} {owner.token}",
        "ls-remote",
        f"{forge.url}/{repo}.git",
    )


def test_a_password_and_a_token_as_user_name_work_too(forge, owner):
    repo = owner.repo(private=True)
    host = forge.url.removeprefix("http://")
    git("ls-remote", f"http://{owner.login}:correct%20horse%20battery@{host}/{repo}.git")
    git("ls-remote", f"http://{owner.token}:x-oauth-basic@{host}/{repo}.git")
    assert "Authentication failed" in git(
        "ls-remote", f"http://{owner.login}:wrong@{host}/{repo}.git", code=128
    )


def test_a_lease_that_is_stale_is_refused(owner, clone, tmp_path):
    old = git("-C", clone, "rev-parse", "HEAD")
    owner.write(repo_of(clone), "other.txt", "someone else\n")
    commit(clone, "a.txt")
    refused = git("-C", clone, "push", "-q", f"--force-with-lease=main:{old}", "origin", "main", code=1)
    assert "rejected" in refused


def test_a_pull_request_follows_its_branch(owner, clone):
    repo = repo_of(clone)
    first = commit(clone, "a.txt")
    git("-C", clone, "push", "-q", "origin", "HEAD:topic")
    number = owner.pull(repo, "topic")
    assert f"{first}\trefs/pull/{number}/head" in git("-C", clone, "ls-remote", "origin")
    second = commit(clone, "b.txt")
    git("-C", clone, "push", "-q", "origin", "HEAD:topic")
    assert f"{second}\trefs/pull/{number}/head" in git("-C", clone, "ls-remote", "origin")
    assert owner.api("GET", f"/repos/{repo}/pulls/{number}")["head"]["sha"] == second


def test_a_pull_request_whose_branch_is_deleted_is_closed(owner, clone):
    repo = repo_of(clone)
    commit(clone, "a.txt")
    git("-C", clone, "push", "-q", "origin", "HEAD:topic")
    number = owner.pull(repo, "topic")
    git("-C", clone, "push", "-q", "origin", ":topic")
    found = owner.api("GET", f"/repos/{repo}/pulls/{number}")
    assert (found["state"], found["merged"]) == ("closed", False)


def test_only_the_two_services_are_served(forge, owner):
    repo = owner.repo()
    for service in ("git-upload-archive", "", "upload-pack", "git-upload-pack;id"):
        answer = forge.http.get(f"{forge.url}/{repo}.git/info/refs", params={"service": service})
        assert answer.status_code == 404
    assert forge.http.get(f"{forge.url}/{repo}.git/HEAD").status_code == 404


def test_a_body_that_is_no_conversation_breaks_nothing(forge, owner):
    repo = owner.repo()
    url = f"{forge.url}/{repo}.git/git-receive-pack"
    for headers in ({}, {"Content-Encoding": "gzip"}):
        answer = forge.http.post(url, content=b"not git", headers=headers, auth=(owner.login, owner.token))
        assert answer.status_code == 200
    assert len(owner.api("GET", f"/repos/{repo}/branches")) == 1
