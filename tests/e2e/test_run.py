"""`forgehand run` on repositories of every kind, with no forge and no lasting service."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo.rehearsal.scenarios import GENERIC
from app.demo.rehearsal.server import Rehearsal
from tests.support.forge import running_forge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def claude() -> Iterator[str]:
    import threading

    with Rehearsal(GENERIC) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.url
        server.stopping.set()
        server.shutdown()
        thread.join()


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "a person")
    git(folder, "config", "user.email", "person@example.org")
    (folder / "README.md").write_text("# A project\n")
    (folder / ".forgehand.yml").write_text("verify: test -s README.md\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def forgehand(tmp_path: Path, claude: str, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env |= {"HOME": str(tmp_path), "FORGEHAND_DATA_DIR": str(tmp_path / "data")}
    if claude:
        env["ANTHROPIC_BASE_URL"] = claude
    argv = [sys.executable, "-m", "app.cli", "run", *words]
    return subprocess.run(
        argv, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )


def test_a_local_repository_gets_a_branch_and_nothing_else(repo: Path, tmp_path: Path, claude: str) -> None:
    (repo / "README.md").write_text("# A project\nnot committed yet\n")
    before = git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")
    done = forgehand(
        tmp_path,
        claude,
        "--repo",
        str(repo),
        "--task",
        "Say more in the README",
        "--branch",
        "more",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["branch"] == "more"
    assert [file["path"] for file in answer["facts"]["files"]] == ["README.md"]
    assert [run["exit_code"] for run in answer["result"]["verifications"]] == [0]
    assert "Rehearsed" in git(repo, "show", "more:README.md")
    assert git(repo, "rev-parse", "more~1") == before[1]
    assert (git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")) == before
    assert "Claude works" in done.stderr  # progress while it works


def test_push_goes_to_origin(repo: Path, tmp_path: Path, claude: str) -> None:
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo), str(origin))
    git(repo, "remote", "add", "origin", str(origin))
    done = forgehand(
        tmp_path, claude, "--repo", str(repo), "--task", "Say more", "--branch", "more", "--push"
    )
    assert done.returncode == 0, done.stderr
    assert "Rehearsed" in git(origin, "show", "more:README.md")
    assert "more" not in git(repo, "branch", "--list").split()


def test_our_own_checkout(tmp_path: Path, claude: str) -> None:
    """A repository with a real history; a clone, so that the checkout itself stays as it is."""
    clone = tmp_path / "self"
    git(tmp_path, "clone", "-q", f"file://{ROOT}", str(clone))
    target = git(clone, "symbolic-ref", "--short", "HEAD")
    done = forgehand(
        tmp_path, claude, "--repo", str(clone), "--task", "Say more", "--target", target, "--branch", "more"
    )
    assert done.returncode == 0, done.stderr
    assert "README.md | +" in done.stderr


def test_a_url_without_push_leaves_a_ref_to_fetch(tmp_path: Path, claude: str) -> None:
    with running_forge(tmp_path / "forge") as forge:
        owner = forge.user("maria")
        name = owner.repo("demo")
        url = f"{forge.url}/{name}.git"
        done = forgehand(tmp_path, claude, "--repo", url, "--task", "Say more", "--branch", "more", "--json")
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        git(tmp_path, "init", "-q", "mine")
        git(tmp_path / "mine", "fetch", "-q", answer["repository"], answer["branch"])
        assert "Rehearsed" in git(tmp_path / "mine", "show", "FETCH_HEAD:README.md")
        assert "more" not in git(tmp_path, "ls-remote", url)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--repo", "nowhere", "--task", "x"), "is no Git repository"),
        (("--repo", "git@example.org:a/b.git", "--task", "x"), "only paths and http(s) URLs work"),
        (("--repo", "https://me:secret@example.org/a/b", "--task", "x"), "FORGEHAND_GIT_TOKEN"),
        (("--repo", "project", "--task", "x", "--target", "nope"), "nope"),
        (("--repo", "project", "--task", "x", "--target=--upload-pack=x"), "--upload-pack=x"),
        (("--repo", "project", "--task", "x", "--branch", "main"), "a branch of its own"),
        (("--repo", "project", "--task", "x", "--branch", "taken"), "taken"),
        (("--repo", "project", "--task", " "), "the task is empty"),
    ],
)
def test_bad_input_is_one_clear_sentence(
    repo: Path, tmp_path: Path, claude: str, words: tuple[str, ...], says: str
) -> None:
    git(repo, "commit", "-q", "--allow-empty", "-m", "second")
    git(repo, "branch", "taken", "HEAD~1")
    done = forgehand(tmp_path, claude, *words)
    assert done.returncode == 1, done.stderr
    assert says in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_credential_it_says_what_to_do(repo: Path, tmp_path: Path) -> None:
    done = forgehand(tmp_path, "", "--repo", str(repo), "--task", "x")
    assert done.returncode == 1
    assert "ANTHROPIC_API_KEY" in done.stderr
