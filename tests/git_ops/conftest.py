"""Real repositories for the tests of `git_ops`: fixed identity and dates, no setting of this machine."""

import os
import subprocess
from pathlib import Path

import pytest

from git_ops.process import Git

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Carl",
    "GIT_COMMITTER_EMAIL": "carl@example.org",
    "GIT_AUTHOR_DATE": "1700000000 +0530",
    "GIT_COMMITTER_DATE": "1700000100 +0000",
}


class Repo:
    """An ordinary checkout that plays the people: it commits, branches and rebases with plain git."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self("init", "-q", "-b", "main")
        self.git = Git(path / ".git", allow_protocols=("file",))

    def __call__(self, *args, ok=(0,), stdin=None, env=None):
        done = subprocess.run(
            ("git", *args),
            cwd=self.path,
            env=ENV | (env or {}),
            capture_output=True,
            input=stdin,
            timeout=60,
            check=False,
        )
        assert done.returncode in ok, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def commit(self, files, message="change", *, env=None):
        """Write (bytes or str), delete (None) or link (Path) files, and commit all; return the id."""
        for name, content in files.items():
            place = self.path / name
            if place.is_symlink() or (content is None and place.exists()):
                place.unlink()
            if content is None:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                place.symlink_to(content)
            else:
                place.write_bytes(content.encode() if isinstance(content, str) else content)
        self("add", "-A")
        self(
            "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", stdin=message.encode(), env=env
        )
        return self.head()

    def head(self):
        return self("rev-parse", "HEAD")

    def tree(self, commit):
        return self("rev-parse", f"{commit}^{{tree}}")

    def show(self, commit, path):
        return self.git.run("cat-file", "blob", f"{commit}:{path}").stdout

    def fork(self, base, target, agent, *, target_mode=None):
        """Three commits: the base, the target on `main` and the agent's on `work`. Each is a dict of files."""
        start = self.commit(base, "base")
        self("checkout", "-q", "-b", "work")
        tip = self.commit(agent, "agent's work")
        self("checkout", "-q", "main")
        onto = self.commit(target, "target's work")
        return start, onto, tip

    def bare(self, path):
        subprocess.run(
            ("git", "clone", "-q", "--bare", str(self.path), str(path)), env=ENV, check=True, timeout=60
        )
        return path


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "people")


@pytest.fixture
def make_repo(tmp_path):
    return lambda name: Repo(tmp_path / name)


@pytest.fixture
def origin(repo, tmp_path):
    """A bare remote that the people push to; `origin.url` is how we reach it."""
    repo.commit({"README": "hello\n"}, "first")
    return Origin(repo, repo.bare(tmp_path / "origin.git"))


class Origin:
    def __init__(self, people, path):
        self.people = people
        self.path = path
        self.url = f"file://{path}"

    def push(self, *refspecs):
        self.people("push", "-q", "--force", self.url, *refspecs)

    def at(self, ref):
        return self.people("ls-remote", self.url, ref).partition("\t")[0] or None
