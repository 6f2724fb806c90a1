"""The command itself, started as a person starts it, in real checkouts."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.git_ops.conftest import Repo
from tests.git_ops.resolve.conftest import Api, Say

COMMAND = (sys.executable, "-m", "app.cli", "rebase")
ROOT = Path(__file__).parents[2]


class Person:
    """Somebody in a checkout, with a name, and no key unless told otherwise."""

    def __init__(self, repo, home):
        self.repo = repo
        (home / "config").write_text("[user]\n name = Zoë\n email = zoe@example.org\n")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_GLOBAL": str(home / "config"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(ROOT),
        }

    def __call__(self, *args, at=None, env=None):
        done = subprocess.run(
            (*COMMAND, *args),
            cwd=at or self.repo.path,
            env=self.env | (env or {}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    def json(self, *args, **more):
        done = self("--json", *args, **more)
        return done.returncode, json.loads(done.stdout)

    def state(self):
        """All that a failure must leave alone."""
        git = self.repo.path / ".git"
        files = {
            str(path.relative_to(self.repo.path)): path.read_bytes()
            for path in self.repo.path.rglob("*")
            if path.is_file() and git not in path.parents and path != git
        }
        refs = self.repo("for-each-ref", "--format=%(refname) %(objectname)")
        return (
            files,
            refs,
            self.repo("--no-optional-locks", "status", "--porcelain"),
            (git / "HEAD").read_text(),
        )


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "people")


@pytest.fixture
def person(repo, tmp_path):
    return Person(repo, tmp_path)


@pytest.fixture
def clean(repo):
    repo.fork({"f": "1\n"}, {"target": "t\n"}, {"agent": "a\n"})
    repo("checkout", "-q", "work")
    return repo


@pytest.fixture
def conflicting(repo):
    base = {"f.txt": "alpha\nbeta\ngamma\n"}
    repo.fork(base, {"f.txt": "alpha\nby target\ngamma\n"}, {"f.txt": "alpha\nby agent\ngamma\n"})
    repo("checkout", "-q", "work")
    return repo


def test_a_clean_rebase(person, clean):
    old, main = clean.head(), clean("rev-parse", "main")
    done = person()
    assert done.returncode == 0, done.stderr
    assert "work onto the branch main" in done.stdout
    assert clean("rev-parse", "HEAD^") == main
    assert clean("log", "-1", "--format=%an %cn %ce") == "Ada Zoë zoe@example.org"
    assert clean("status", "--porcelain") == ""
    assert (clean.path / "target").read_text() == "t\n"
    undo = re.search(r"^Undo: (.*)$", done.stdout, re.MULTILINE)[1]
    subprocess.run(undo, shell=True, cwd=clean.path, check=True)
    assert (clean.head(), clean("status", "--porcelain")) == (old, "")


def test_again_there_is_nothing_to_do(person, clean):
    person()
    state = person.state()
    code, said = person.json()
    assert (code, said["ok"], said["outcome"], said["moved"]) == (0, True, "up_to_date", False)
    assert person.state() == state


def test_dry_run_moves_nothing(person, clean):
    state = person.state()
    code, said = person.json("--dry-run")
    assert (code, said["outcome"], said["moved"], said["dry_run"]) == (0, "clean", False, True)
    assert person.state() == state
    assert said["report"]["undo"] is None
    new = said["report"]["new_tip"]
    assert clean("rev-parse", f"{new}^") == clean("rev-parse", "main")  # it can be looked at
    assert f"{new[:10]}" in said["next_steps"][0]


def test_the_json_document(person, clean):
    code, said = person.json("--onto", "main")
    assert code == 0
    assert said["target"] == {"name": "main", "oid": clean("rev-parse", "main"), "how": "the branch main"}
    assert said["report"]["new_tip"] == clean.head()
    assert clean("rev-parse", said["report"]["rescue_ref"]) == said["report"]["old_tip"]
    assert said["report"]["undo"] == f"git reset --keep {said['report']['rescue_ref']}"


def test_from_a_folder_below_and_in_a_linked_work_tree(person, clean, tmp_path):
    linked = tmp_path / "linked"
    clean("worktree", "add", "-q", "-b", "other", str(linked), "work")
    (linked / "below").mkdir()
    code, said = person.json(at=linked / "below")
    assert (code, said["branch"]) == (0, "other")
    assert clean("rev-parse", "other^") == clean("rev-parse", "main")
    assert clean("rev-parse", "HEAD") == clean("rev-parse", "work")
    assert clean("-C", str(linked), "status", "--porcelain") == ""


def test_a_conflict_that_nobody_settles(person, conflicting):
    state = person.state()
    done = person()
    assert done.returncode == 1
    assert person.state() == state
    for told in ("f.txt: content", "target: target's work", "branch: agent's work", "git rebase --continue"):
        assert told in done.stdout
    command = re.search(r"^  (git rebase (?!-).*)$", done.stdout, re.MULTILINE)[1]
    subprocess.run(command, shell=True, cwd=conflicting.path, check=False, capture_output=True)
    assert (conflicting.path / ".git" / "rebase-merge").is_dir()  # the very conflict that was told
    code, said = person.json()
    assert (code, said["kind"]) == (1, "OperationInProgress")
    subprocess.run(["git", "rebase", "--abort"], cwd=conflicting.path, check=True)
    assert person.state()[0] == state[0]


def test_the_conflict_as_json(person, conflicting):
    code, said = person.json()
    assert (code, said["ok"], said["outcome"], said["moved"]) == (1, False, "conflicted", False)
    fact = said["report"]["conflicts"][0]
    assert (fact["path"], fact["kind"], fact["resolver"]) == ("f.txt", "content", None)
    assert fact["why"]


def test_suspicious_is_moved_only_when_told(person, repo):
    base = {"lib.py": "def old_name():\n    return 1\n", "use.py": "import lib\n"}
    target = {"lib.py": "def new_name():\n    return 1\n"}
    agent = {"more.py": "import lib\n\nprint(lib.old_name())\n"}
    repo.fork(base, target, agent)
    repo("checkout", "-q", "work")
    state = person.state()
    code, said = person.json()
    assert (code, said["ok"], said["outcome"], said["moved"]) == (1, False, "suspicious", False)
    assert person.state() == state
    assert "forgehand rebase --accept-suspicious" in said["next_steps"][2]
    code, said = person.json("--accept-suspicious")
    assert (code, said["ok"], said["outcome"], said["moved"]) == (0, True, "suspicious", True)


def test_autosquash(person, clean):
    clean.commit({"agent": "better\n"}, "fixup! agent's work")
    assert person("--autosquash").returncode == 0
    assert clean("log", "--format=%s", "main..") == "agent's work"
    assert (clean.path / "agent").read_text() == "better\n"


def test_sha256(tmp_path, person):
    path = tmp_path / "new"
    subprocess.run(["git", "init", "-q", "--object-format=sha256", "-b", "main", path], check=True)
    repo = Repo.__new__(Repo)
    repo.path = path
    repo.fork({"f": "1\n"}, {"target": "t\n"}, {"agent": "a\n"})
    repo("checkout", "-q", "work")
    code, said = person.json(at=path)
    assert (code, said["moved"], len(repo("rev-parse", "HEAD"))) == (0, True, 64)


def damaged(repo):
    oid = repo("rev-parse", "main^{tree}")
    place = repo.path / ".git" / "objects" / oid[:2] / oid[2:]
    place.chmod(0o644)
    place.write_bytes(b"nothing of an object")


def untracked_in_the_way(repo):
    (repo.path / "target").write_text("mine\n")


def shallow(repo):
    (repo.path / ".git" / "shallow").write_text(repo("rev-parse", "main~1") + "\n")


def half_a_rebase(repo):
    repo.commit({"target": "other\n"})
    repo("rebase", "main", ok=(1,))


BAD = {
    "DetachedHead": (lambda repo: repo("checkout", "-q", "--detach"), (), "git switch"),
    "UnbornBranch": (lambda repo: repo("checkout", "-q", "--orphan", "new"), (), "commit something first"),
    "DirtyWorkTree": (lambda repo: (repo.path / "agent").write_text("x"), (), "git stash"),
    "UntrackedInTheWay": (untracked_in_the_way, (), "move or remove those"),
    "ShallowClone": (shallow, (), "git fetch --unshallow"),
    "CorruptObject": (damaged, (), "git fsck --full"),
    "OperationInProgress": (half_a_rebase, (), "git rebase --abort"),
    "UnknownRef": (lambda _repo: None, ("--onto", "mian"), "Did you mean main"),
    "BadName": (
        lambda _repo: None,
        ("--onto", "--all"),
        "takes a branch, a tag or a commit id; '--all' is none",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_changes_nothing(person, clean, kind):
    spoil, args, told = BAD[kind]
    spoil(clean)
    state = person.state() if kind != "CorruptObject" else None
    done = person("--json", *args)
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["kind"]) == (2 if kind == "BadName" else 1, False, kind)
    assert told in said["error"]
    assert told in " ".join(done.stderr.split())
    assert state is None or person.state() == state


def test_not_a_repository(person, tmp_path):
    code, said = person.json(at=tmp_path)
    assert (code, said["kind"]) == (1, "NotARepository")


def test_nobody_is_known(person, clean):
    state = person.state()
    code, said = person.json(env={"GIT_CONFIG_GLOBAL": os.devnull})
    assert (code, said["kind"]) == (1, "NoIdentity")
    assert person.state() == state


def fake_git(tmp_path, script):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(textwrap.dedent(script))
    (folder / "git").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_git_too_old_by_its_word(person, clean, tmp_path):
    state = person.state()
    code, said = person.json(env=fake_git(tmp_path, "#!/bin/sh\necho git version 2.25.1\n"))
    assert (code, said["kind"]) == (1, "GitTooOld")
    assert "2.25.1" in said["error"]
    assert person.state() == state


def test_git_too_old_by_what_it_cannot_do(person, clean, tmp_path):
    """It says that it is new enough, and doesn't know what is asked of it, as Git before 2.38 doesn't."""
    state, real = person.state(), subprocess.check_output(["which", "git"], text=True).strip()
    old = f"""\
        #!/bin/sh
        for word; do
            if [ "$word" = merge-tree ]; then
                echo 'usage: git merge-tree <base-tree> <branch1> <branch2>' >&2
                exit 129
            fi
        done
        exec {real} "$@"
        """
    code, said = person.json(env=fake_git(tmp_path, old))
    assert (code, said["kind"]) == (1, "GitTooOld")
    assert person.state() == state


@pytest.mark.slow
def test_the_disk_is_full(person, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        repo = person.repo = Repo(place / "r")
        repo.fork({"f": "1\n"}, {"target": os.urandom(900_000)}, {"agent": "a\n"})
        repo("checkout", "-q", "work")
        state = person.state()
        (place / "ballast").write_bytes(os.urandom(8_192))
        with (place / "ballast").open("ab") as ballast:
            while True:
                try:
                    os.write(ballast.fileno(), bytes(4_096))
                except OSError:
                    break
        code, said = person.json()
        assert (code, said["kind"]) == (1, "DiskFull")
        assert "free some space" in said["error"]
        assert person.state() == state
        (place / "ballast").unlink()
        assert person.json()[0] == 0
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_full_when_the_files_are_written(person, tmp_path):
    """Objects still fit, the new files don't: what was written is taken back."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        repo = person.repo = Repo(place / "r")
        # easy to compress: small as an object, large as a file
        repo.fork({"f": "1\n"}, {"a": "x\n", "f": "2\n", "big": b"easy\n" * 400_000}, {"agent": "a\n"})
        repo("checkout", "-q", "work")
        state = person.state()
        (place / "ballast").write_bytes(b"\0" * 2_500_000)
        code, said = person.json()
        assert (code, said["kind"]) == (1, "DiskFull")
        assert "unable to write file big" in said["error"]
        assert person.state() == state
        (place / "ballast").unlink()
        assert person.json()[0] == 0
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_ctrl_c_leaves_everything_as_it_was(person, clean, tmp_path):
    flag = tmp_path / "merging"
    real = subprocess.check_output(["which", "git"], text=True).strip()
    slow = f"""\
        #!/bin/sh
        for word; do
            if [ "$word" = merge-tree ]; then touch {flag}; sleep 60; fi
        done
        exec {real} "$@"
        """
    env = person.env | fake_git(tmp_path, slow)
    state = person.state()
    process = subprocess.Popen(COMMAND, cwd=clean.path, env=env, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not flag.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert person.state() == state
    assert person.json()[0] == 0


def test_nothing_of_the_service_is_loaded(person, clean):
    code = (
        "import sys; sys.argv = ['forgehand', 'rebase', '--json']\n"
        "from app import cli\n"
        "try:\n    cli.main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "bad = {'flask', 'redis', 'rq', 'anthropic', 'httpx', 'gunicorn'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=clean.path,
        env=person.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["moved"]


def test_a_env_file_of_the_repository_is_not_read(person, conflicting):
    (conflicting.path / ".env").write_text(
        "ANTHROPIC_API_KEY=sk-of-the-repository\nANTHROPIC_BASE_URL=http://127.0.0.1:9\n"
    )
    code, said = person.json()
    assert (code, said["outcome"]) == (1, "conflicted")
    assert "claude" not in said["report"]["conflicts"][0]["why"]


@pytest.mark.slow
def test_with_a_key_claude_is_asked(person, conflicting):
    """Nobody listens at the address, which is told as the reason; the branch stays."""
    state = person.state()
    env = {"ANTHROPIC_API_KEY": "sk-of-the-person", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    code, said = person.json(env=env)
    assert (code, said["outcome"]) == (1, "conflicted")
    assert "claude" in said["report"]["conflicts"][0]["why"]
    assert "sk-of-the-person" not in json.dumps(said)
    assert person.state() == state


@pytest.fixture
def api():
    server = Api()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_claude_settles_it_and_is_asked_only_once(person, conflicting, api):
    answer = Say.lines("by target", "by agent")
    api.answers = [answer] * 2  # a doubtful hunk is asked twice
    env = {"ANTHROPIC_API_KEY": "sk-of-the-person", "ANTHROPIC_BASE_URL": api.url}
    code, said = person.json(env=env)
    assert (code, said["outcome"], said["moved"]) == (0, "resolved", True)
    assert (conflicting.path / "f.txt").read_text() == "alpha\nby target\nby agent\ngamma\n"
    fact = said["report"]["conflicts"][0]
    assert (fact["resolver"], fact["source"]) == ("claude", "model")
    # which header carries it is the library's business
    keys = {headers.get("x-api-key") or headers["authorization"] for headers in api.headers}
    assert {key.removeprefix("Bearer ") for key in keys} == {"sk-of-the-person"}
    assert said["report"]["spent"]["usd"] > 0
    asked = len(api.requests)
    subprocess.run(said["report"]["undo"], shell=True, cwd=conflicting.path, check=True)
    code, said = person.json(env=env)
    assert (code, said["outcome"]) == (0, "resolved")
    assert said["report"]["conflicts"][0]["source"] == "memory"
    assert len(api.requests) == asked


def test_settings_that_are_wrong(person, conflicting):
    env = {"ANTHROPIC_API_KEY": "sk-of-the-person", "FORGEHAND_NONSENSE": "1"}
    code, said = person.json(env=env)
    assert (code, said["kind"]) == (2, "WrongSettingsError")
