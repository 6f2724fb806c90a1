"""Real git against the broker: what a runner may read and write, and that nothing else changes."""

import gzip
import hashlib
import subprocess

import httpx
import pytest

from app.domain.job import State
from app.jobs.desk import mirror_path
from git_ops import Git

pytestmark = pytest.mark.slow  # a dozen Git processes each


class Runner:
    """A runner's git: a clone through the broker, with the job's token."""

    def __init__(self, broker, repository, folder):
        self.job, self.token = broker.start_job()
        self.url, self._git, self.folder = f"{broker.url}/broker/git", repository, folder
        self.mirror = Git(mirror_path(broker.desk.settings.data_dir, "home", "ada/demo"))

    def __call__(self, *args, **options):
        return self._git(*args, cwd=options.pop("cwd", self.folder), token=self.token, **options)

    def clone(self):
        self._git("clone", "-q", self.url, str(self.folder), cwd=self.folder.parent, token=self.token)

    def commit(self, name="new.txt", text="new\n"):
        (self.folder / name).write_text(text)
        self("add", "-A")
        self("commit", "-q", "-m", "work")
        return self("rev-parse", "HEAD")

    def push(self, spec, *flags, **options):
        return self("push", *flags, self.url, spec, ok=False, **options)

    def refs(self):
        return self.mirror.text("for-each-ref", "--format=%(refname) %(objectname)")


@pytest.fixture
def runner(broker, repository, tmp_path):
    found = Runner(broker, repository, tmp_path / "clone")
    found.clone()
    return found


def test_a_clone_is_the_forges_newest(runner, repository):
    assert runner("rev-parse", "HEAD") == repository.base
    newer = repository.commit({"b.txt": "b"})
    repository("push", "-q", "origin", "HEAD:refs/heads/main")
    runner("fetch", "-q", "origin")
    assert runner("rev-parse", "origin/main") == newer


@pytest.mark.parametrize("version", ["0", "2"])
def test_both_protocols_are_spoken(runner, repository, version):
    shown = runner("-c", f"protocol.version={version}", "ls-remote", runner.url)
    assert f"{repository.base}\trefs/heads/main" in shown


def test_a_push_to_the_own_quarantine_ref(runner):
    head = runner.commit()
    assert runner.push(f"HEAD:{runner.job.quarantine_ref}").returncode == 0
    assert f"{runner.job.quarantine_ref} {head}" in runner.refs()
    again = runner.commit(text="more\n")
    assert runner.push(f"+HEAD:{runner.job.quarantine_ref}").returncode == 0
    assert again in runner.refs()


def test_no_other_ref_can_be_pushed(runner):
    runner.commit()
    before = runner.refs()
    for ref in (
        "refs/heads/main",
        "refs/heads/new",
        "refs/tags/v1",
        "refs/forgehand/jobs/{id}/2/head",
        "refs/forgehand/jobs/{id}/1/other",
        "refs/forgehand/jobs/job99999999/1/head",
        "refs/forgehand/backup/{id}",
        "refs/forgehand/jobs/{id}/1/head/../../../../heads/main",
    ):
        assert runner.push(f"HEAD:{ref.format(id=runner.job.id)}").returncode != 0, ref
    assert runner.refs() == before


def test_one_foreign_ref_refuses_the_whole_push(runner):
    runner.commit()
    before = runner.refs()
    refused = runner("push", runner.url, f"HEAD:{runner.job.quarantine_ref}", "HEAD:refs/heads/x", ok=False)
    assert b"403" in refused.stderr
    assert runner.refs() == before


def test_nothing_can_be_deleted(runner):
    runner.commit()
    runner.push(f"HEAD:{runner.job.quarantine_ref}")
    before = runner.refs()
    for ref in (runner.job.quarantine_ref, "refs/heads/main"):
        assert runner.push(f":{ref}").returncode != 0
    assert runner.refs() == before


def test_an_attempt_that_is_over_can_neither_read_nor_push(runner, broker):
    runner.commit()
    broker.desk.jobs.move(runner.job.id, State.QUEUED, cause="lost")
    before = runner.refs()
    assert runner.push(f"HEAD:{runner.job.quarantine_ref}").returncode != 0
    assert runner("fetch", runner.url, ok=False).returncode != 0
    assert runner.refs() == before


def test_other_jobs_refs_are_not_shown_and_not_fetched(runner, broker, repository, tmp_path):
    other = Runner(broker, repository, tmp_path / "other")
    other.clone()
    secret = other.commit(text="of the other job\n")
    assert other.push(f"HEAD:{other.job.quarantine_ref}").returncode == 0
    for version in ("0", "2"):
        shown = runner("-c", f"protocol.version={version}", "ls-remote", runner.url)
        assert secret not in shown
        assert "refs/forgehand" not in shown
    assert runner("fetch", runner.url, other.job.quarantine_ref, ok=False).returncode != 0
    assert runner("fetch", runner.url, "refs/forgehand/*:refs/stolen/*", ok=False).stderr.find(b"->") < 0


def test_a_runner_cannot_name_a_repository(runner):
    for path in ("/../ada/other.git", "/ada/other.git", "/HEAD", "/%2e%2e/x"):
        assert runner("ls-remote", runner.url + path, ok=False).returncode != 0, path


def raw_tree(git, *entries):
    """Store a tree that git itself would never write."""
    body = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return git("hash-object", "--literally", "-w", "-t", "tree", "--stdin", stdin=body)


@pytest.mark.parametrize(
    "bad", ["dot git", "dot GIT", "dot dot", "slash", "bad gitmodules", "no such object"]
)
def test_a_pack_with_a_bad_object_is_refused(runner, bad):
    blob = runner("hash-object", "-w", "--stdin", stdin=b"x\n")
    evil = runner("hash-object", "-w", "--stdin", stdin=b'[submodule "a"]\n\tpath = a\n\turl = -u./evil\n')
    sub = runner("write-tree")
    entries = {
        "dot git": [(b"40000", b".git", sub)],
        "dot GIT": [(b"40000", b".GIT", sub)],
        "dot dot": [(b"40000", b"..", sub)],
        "slash": [(b"100644", b"a/b", blob)],
        "bad gitmodules": [(b"100644", b".gitmodules", evil)],
        "no such object": [(b"100644", b"a", "1" * 40)],
    }[bad]
    tree = raw_tree(runner, *entries)
    commit = runner("commit-tree", tree, "-m", "evil")
    before = runner.refs()
    if bad == "no such object":
        pack = runner_pack(runner, commit, tree)
        answer = send(runner, push_body(runner.job.quarantine_ref, commit, pack))
        assert b"unpack ok" not in answer.content
    else:
        assert runner.push(f"{commit}:{runner.job.quarantine_ref}").returncode != 0
    assert runner.refs() == before


def runner_pack(runner, *oids):
    done = subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=runner.folder,
        input="".join(f"{oid}\n" for oid in oids).encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout


def push_body(ref, new, pack=b"", *, old="0" * 40, capabilities="report-status"):
    line = f"{old} {new} {ref}\0{capabilities}".encode()
    return f"{len(line) + 4:04x}".encode() + line + b"0000" + pack


def send(runner, body, service="receive-pack", **headers):
    sent = {
        "Authorization": f"Bearer {runner.token}",
        "Content-Type": f"application/x-git-{service}-request",
        **headers,
    }
    return httpx.post(
        f"{runner.url}/git-{service}", content=body, headers=sent, timeout=20, trust_env=False, verify=False
    )


def test_a_pack_that_is_cut_short_changes_nothing(runner):
    head = runner.commit()
    pack = runner_pack(runner, head, runner("rev-parse", "HEAD^{tree}"))
    before = runner.refs()
    answer = send(runner, push_body(runner.job.quarantine_ref, head, pack[:-10]))
    assert b"unpack ok" not in answer.content
    assert runner.refs() == before


def test_a_pack_that_is_too_large_is_refused(runner):
    noise = b"".join(
        hashlib.sha256(b"%d" % n).digest() for n in range(40_000)
    )  # 1.2 MiB that doesn't compress
    (runner.folder / "noise").write_bytes(noise)
    runner.commit()
    before = runner.refs()
    refused = runner.push(f"HEAD:{runner.job.quarantine_ref}")
    assert refused.returncode != 0
    assert b"413" in refused.stderr
    assert runner.refs() == before


def test_a_gzip_bomb_is_refused(runner):
    bomb = gzip.compress(b"0" * 64 * 1024 * 1024)
    assert len(bomb) < 100_000
    for service in ("receive-pack", "upload-pack"):
        assert send(runner, bomb, service, **{"Content-Encoding": "gzip"}).status_code == 413


def test_what_is_no_gzip_is_refused(runner):
    assert send(runner, b"not gzip", **{"Content-Encoding": "gzip"}).status_code == 400


def test_a_zipped_push_is_understood(runner):
    head = runner.commit()
    pack = runner_pack(runner, head, runner("rev-parse", "HEAD^{tree}"), runner("rev-parse", "HEAD:new.txt"))
    body = gzip.compress(push_body(runner.job.quarantine_ref, head, pack))
    assert b"unpack ok" in send(runner, body, **{"Content-Encoding": "gzip"}).content
    assert head in runner.refs()


A, B = "a" * 40, "b" * 40


NO_PUSH = [
    b"",
    b"00",
    b"junk",
    b"0001",
    b"0004",
    b"0003",
    b"+05f" + b"x" * 95,
    b"0_5f" + b"x" * 95,
    b"ffff0000",
    f"0035shallow {A}\n".encode(),
    b"0014push-cert\0caps\n0000",
    push_body("refs/heads/ma\nin", B),
    push_body("refs/heads/a b", B),
    push_body("", B),
    push_body("refs/forgehand/x", "short"),
    push_body("refs/heads/main", "0" * 40, old=A),
]


def test_what_is_no_plain_push_is_refused(runner):
    before = runner.refs()
    for body in NO_PUSH:
        assert send(runner, body).status_code in {400, 403}, body
    assert runner.refs() == before


def test_a_ref_hidden_behind_the_capabilities_is_seen(runner):
    head = runner.commit()
    own = f"{'0' * 40} {head} {runner.job.quarantine_ref}\0report-status".encode()
    foreign = f"{'0' * 40} {head} refs/heads/sneaky\0x".encode()
    body = b"".join(f"{len(one) + 4:04x}".encode() + one for one in (own, foreign)) + b"0000"
    assert send(runner, body).status_code == 403


def test_only_the_two_services_are_advertised(runner):
    headers = {"Authorization": f"Bearer {runner.token}"}
    for query in (
        "",
        "?service=git-upload-archive",
        "?service=upload-pack",
        "?service=git-upload-pack%20--x",
    ):
        answer = httpx.get(f"{runner.url}/info/refs{query}", headers=headers, trust_env=False, verify=False)
        assert answer.status_code == 403
    answer = httpx.get(
        f"{runner.url}/info/refs?service=git-receive-pack", headers=headers, trust_env=False, verify=False
    )
    assert answer.headers["Content-Type"] == "application/x-git-receive-pack-advertisement"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.content.startswith(b"001f# service=git-receive-pack\n0000")


def test_a_forge_that_cannot_be_read_is_a_clear_answer(runner, repository):
    repository.bare.rename(repository.bare.with_name("gone.git"))
    refused = runner("fetch", runner.url, ok=False)
    assert b"503" in refused.stderr
    assert runner.token.encode() not in refused.stderr
