import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from git_ops.errors import BadName, GitFailed, GitTimeout, OutputTooLarge, RemoteUnreachable
from git_ops.process import Git, HeaderAuth
from git_ops.remote import ls_remote

SECRET = "Authorization: token s3cret-value"


class Listener(ThreadingHTTPServer):
    """Answers 503 to everything and remembers path, header and the argv of git while it waits."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []
        self.argv = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        for child in psutil.Process(os.getpid()).children(recursive=True):
            self.server.argv.append(Path(f"/proc/{child.pid}/cmdline").read_bytes())
        self.send_response(503)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def listener():
    server = Listener()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_output_and_one_trailing_newline(repo):
    oid = repo.commit({"a": "x\n\n"})
    assert repo.git.text("cat-file", "blob", f"{oid}:a") == "x\n"
    assert repo.git.run("cat-file", "blob", f"{oid}:a").stdout == b"x\n\n"


def test_failure_tells_the_command_and_reason(repo):
    with pytest.raises(GitFailed) as caught:
        repo.git.run("cat-file", "blob", "0" * 40)
    assert caught.value.returncode == 128
    assert "cat-file" in caught.value.user_message
    assert not caught.value.retryable


def test_expected_exit_codes_are_no_error(repo):
    repo.commit({"a": "1"})
    assert repo.git.run("diff-index", "--quiet", "HEAD", "--", ok=(0, 1)).returncode in (0, 1)


def test_output_is_capped(repo):
    oid = repo.commit({"a": "x" * 300_000})
    with pytest.raises(OutputTooLarge):
        repo.git.run("cat-file", "blob", f"{oid}:a", max_output_mib=0.1)


def test_large_input_and_output_at_once(repo):
    oid = repo.commit({"a": "x" * 1000})
    asked = f"{oid}:a\n".encode() * 2_000
    assert len(repo.git.run("cat-file", "--batch", stdin=asked).stdout) > 2_000_000


def test_time_out_ends_git_and_its_children(repo, tmp_path):
    repo.commit({"a": "1"})
    # An alias is a program that git starts: it must go together with git.
    pid_file = tmp_path / "pid"
    alias = f"alias.slow=!echo $$ > {pid_file}; sleep 60"
    with pytest.raises(GitTimeout) as caught:
        repo.git.run("-c", alias, "slow", timeout_seconds=1)
    assert caught.value.retryable
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_environment_is_built_from_nothing(monkeypatch, repo):
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("GIT_SSH_COMMAND", "touch x")
    env = repo.git.environment()
    assert not {"GIT_EXTERNAL_DIFF", "https_proxy", "GIT_SSH_COMMAND"} & env.keys()
    assert repo.git.text("config", "core.hooksPath") == "/dev/null"


def test_repository_settings_cannot_start_programs(repo, tmp_path):
    marker = tmp_path / "ran"
    repo.commit({"a": "1"})
    for key in ("core.fsmonitor", "core.sshCommand", "diff.external", "core.pager"):
        repo("config", key, f"touch {marker}")
    hook = repo.path / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    repo.git.replace(work_tree=repo.path).run("status", "--porcelain")
    repo.git.run("update-ref", "refs/heads/x", repo.git.text("rev-parse", "HEAD"))
    repo.git.run("diff-tree", "-p", "--root", "HEAD")
    assert not marker.exists()


def test_local_paths_are_refused_by_default(repo):
    repo.commit({"a": "1"})
    with pytest.raises(GitFailed, match="not allowed"):
        Git().run("ls-remote", "--", f"file://{repo.path}")


def test_header_reaches_its_prefix_and_no_argv(listener):
    git = Git(auth=HeaderAuth(f"{listener.url}/mine/", SECRET))
    for place in ("mine/a.git", "other/b.git"):
        with pytest.raises(RemoteUnreachable) as caught:
            ls_remote(git, f"{listener.url}/{place}", "refs/heads/main")
        assert "s3cret" not in str(caught.value)
        assert "s3cret" not in str(caught.value.__cause__.argv) + caught.value.__cause__.stderr
    headers = {path.split("/")[1]: header for path, header in listener.seen}
    assert headers == {"mine": "token s3cret-value", "other": None}
    assert any(b"remote-http" in argv for argv in listener.argv)
    assert not any(b"s3cret" in argv for argv in listener.argv)


def test_redaction():
    git = Git(auth=HeaderAuth("https://forge.example/", SECRET))
    assert "s3cret-value" not in repr(git)
    told = git.redact("https://me:pw@forge.example/x said s3cret-value")
    assert told == "https://[hidden]@forge.example/x said [hidden]"


@pytest.mark.parametrize(
    ("prefix", "header"),
    [
        ("https://user:pw@host/", SECRET),
        ("host/", SECRET),
        ("https://host/", "Authorization: a\nEvil: b"),
        ("https://host/", "nocolon"),
    ],
)
def test_odd_credentials_are_refused(prefix, header):
    with pytest.raises(BadName):
        HeaderAuth(prefix, header)


def test_popen_streams(repo):
    repo.commit({"a": "1"})
    process = repo.git.popen("rev-parse", "HEAD")
    out, _err = process.communicate(timeout=10)
    assert out.decode().strip() == repo.head()
