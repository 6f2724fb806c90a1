import os
import subprocess

import pytest

from tests.support.desk import FolderHost


class Repository:
    """The repository on the forge, and plain git for whoever works on it."""

    def __init__(self, folder):
        self.bare, self.work, self._folder = folder / "origin.git", folder / "people", folder
        self("init", "-q", "--bare", "-b", "main", str(self.bare), cwd=folder)
        self("clone", "-q", str(self.bare), str(self.work), cwd=folder)
        self.base = self.commit({"README": "hello\n", "src/a.py": "x = 1\n"})
        self("push", "-q", "origin", "HEAD:refs/heads/main")

    def __call__(self, *args, cwd=None, ok=True, stdin=None, token=None):
        settings = {
            "user.name": "Ada",
            "user.email": "ada@example.org",
            "init.defaultBranch": "main",
            "protocol.version": "2",
        }
        if token:
            settings["http.extraHeader"] = f"Authorization: Bearer {token}"
        env = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        env["GIT_CONFIG_COUNT"] = str(len(settings))
        for i, (key, value) in enumerate(settings.items()):
            env |= {f"GIT_CONFIG_KEY_{i}": key, f"GIT_CONFIG_VALUE_{i}": value}
        done = subprocess.run(
            ["git", *args],
            cwd=cwd or self.work,
            env=env,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        if ok:
            assert done.returncode == 0, done.stderr.decode()
            return done.stdout.decode().strip()
        return done

    def commit(self, files, message="work"):
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", message)
        return self("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


@pytest.fixture
def broker(serve, repository):
    """A web process whose jobs work on `repository`."""
    return serve({"hosts": {"home": FolderHost(repository.bare)}}, max_pack_mib=1)
