from pathlib import Path

import pytest

from git_ops.errors import BadName, Busy, GitFailed, NotARepository, OutputTooLarge, UnknownRef
from git_ops.lock import locked
from git_ops.mirror import Mirror
from git_ops.process import Git


@pytest.fixture
def mirror(origin, tmp_path):
    mirror = Mirror(tmp_path / "mirrors" / "a.git", origin.url, allow_protocols=("file",))
    mirror.ensure()
    return mirror


def test_ensure_is_idempotent_and_leaves_nothing_else(mirror):
    mirror.ensure()
    assert sorted(p.name for p in mirror.path.parent.iterdir()) == ["a.git", "a.git.lock"]
    assert mirror.git.text("config", "gc.auto") == "0"
    assert mirror.git.text("rev-parse", "--is-bare-repository") == "true"


def test_a_crash_while_making_it_leaves_no_mirror(origin, tmp_path, monkeypatch):
    mirror = Mirror(tmp_path / "a.git", origin.url, allow_protocols=("file",))

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(type(tmp_path), "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            mirror.ensure()
    with pytest.raises(NotARepository):
        mirror.fetch()
    mirror.ensure()
    mirror.fetch()
    assert mirror.resolve("main")


def test_fetch_follows_branches_and_tags_and_spares_ours(origin, mirror):
    people = origin.people
    people("tag", "v1")
    people("branch", "old")
    origin.push("main", "old", "v1")
    mirror.fetch()
    first = mirror.resolve("main")
    mirror.git.run("update-ref", "refs/forgehand/jobs/1/1/head", first)
    assert mirror.resolve("old") == mirror.resolve("refs/tags/v1") == first
    people("commit", "-q", "--amend", "--allow-empty", "-m", "rewritten")
    origin.push("main", ":old")
    mirror.fetch()
    assert mirror.resolve("main") == people.head() != first
    with pytest.raises(UnknownRef):
        mirror.resolve("old")
    assert mirror.resolve("refs/forgehand/jobs/1/1/head") == first


def test_branch_that_becomes_a_folder(origin, mirror):
    origin.people("branch", "a")
    origin.push("a")
    mirror.fetch()
    origin.people("branch", "-M", "a", "a/b")
    origin.push(":a", "a/b")
    mirror.fetch()
    assert mirror.resolve("a/b")


def test_fetch_ref(origin, mirror):
    origin.push("main:refs/pull/7/head")
    mirror.fetch()
    with pytest.raises(UnknownRef):
        mirror.resolve("refs/pull/7/head")
    oid = mirror.fetch_ref("refs/pull/7/head", "refs/forgehand/pulls/7")
    assert oid == mirror.resolve("refs/forgehand/pulls/7") == mirror.resolve(oid)
    with pytest.raises(UnknownRef):
        mirror.fetch_ref("refs/heads/nope", "refs/forgehand/x")


def test_our_refs_are_hidden_from_readers(origin, mirror):
    mirror.fetch()
    mirror.git.run("update-ref", "refs/forgehand/x", mirror.resolve("main"))
    assert "forgehand" not in origin.people("ls-remote", f"file://{mirror.path}")


def test_read_blob(origin, mirror):
    people = origin.people
    oid = people.commit({"d/f": b"\xff\0", "weird\n[a]*": "w", "link": Path("d/f")})
    origin.push("main")
    mirror.fetch()
    assert mirror.read_blob(oid, "d/f", 10) == b"\xff\0"
    assert mirror.read_blob(oid, "weird\n[a]*", 10) == b"w"
    for nothing in ("nope", "d", "link", "../d/f", "/d/f", ""):
        assert mirror.read_blob(oid, nothing, 10) is None
    with pytest.raises(OutputTooLarge):
        mirror.read_blob(oid, "d/f", 1)


def test_default_branch(origin, mirror):
    assert mirror.default_branch() == "main"
    origin.people("--git-dir", str(origin.path), "symbolic-ref", "HEAD", "refs/heads/trunk")
    origin.push("main:trunk")
    assert mirror.default_branch() == "trunk"


def test_missing_remote_is_told_as_such(tmp_path):
    mirror = Mirror(tmp_path / "a.git", f"file://{tmp_path}/nowhere.git", allow_protocols=("file",))
    mirror.ensure()
    with pytest.raises(NotARepository):
        mirror.fetch()


def test_lock_that_is_held_is_busy(origin, mirror):
    mirror.timeout_seconds = 0.1
    with locked(mirror._lock, timeout_seconds=1), pytest.raises(Busy):
        mirror.fetch()
    mirror.fetch()


def test_a_history_with_old_defects_is_taken(tmp_path: Path) -> None:
    """Git of 2007 wrote zero-padded modes; histories that hold them can't be rewritten."""
    source = tmp_path / "old.git"
    git = Git(source)
    source.mkdir()
    git.run("init", "--quiet", "--bare", "--template=", "--initial-branch=main")
    blob = git.text("hash-object", "-w", "--stdin", stdin=b"text\n")
    inner = git.text("mktree", stdin=f"100644 blob {blob}\ta\n".encode())
    raw = b"040000 dir\0" + bytes.fromhex(inner)
    tree = git.text("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)
    commit = f"tree {tree}\nauthor A <a@b> 0 +051800\ncommitter A <a@b> 0 +0000\n\nold\n".encode()
    oid = git.text("hash-object", "-w", "-t", "commit", "--literally", "--stdin", stdin=commit)
    git.run("update-ref", "refs/heads/main", oid)
    mirror = Mirror(tmp_path / "mirror.git", f"file://{source}", allow_protocols=("file",))
    mirror.ensure()
    mirror.fetch()
    assert mirror.resolve("main") == oid


def test_named_branches_alone_and_what_is_gone_goes(origin, mirror):
    origin.push("main:refs/heads/work", "main:refs/heads/other")
    mirror.fetch("main", "work", "never-there")
    assert mirror.git.text("for-each-ref", "--format=%(refname:short)").split() == ["main", "work"]
    origin.push(":refs/heads/work")
    mirror.fetch("main", "work")
    assert mirror.git.text("for-each-ref", "--format=%(refname:short)").split() == ["main"]
    with pytest.raises(BadName):
        mirror.fetch("*")


def test_a_job_fetches_only_what_it_needs(origin, tmp_path):
    origin.push("main:refs/heads/other", "main:refs/heads/work")
    mirror = Mirror(tmp_path / "m.git", origin.url, allow_protocols=("file",))
    mirror.ensure()
    assert mirror.fetch_branches("main", "work") == {name: origin.people.head() for name in ("main", "work")}
    assert mirror.git.text("for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/heads/work",
    ]


def test_refs_and_commits_go_where_they_are_wanted(origin, tmp_path):
    first = origin.people.head()
    second = origin.people.commit({"f": "2"})
    origin.push("main")
    mirror = Mirror(tmp_path / "m.git", origin.url, allow_protocols=("file",))
    mirror.ensure()
    at = mirror.fetch_refs({"refs/heads/main": "refs/forgehand/a", first: "refs/forgehand/b"})
    assert at == {"refs/heads/main": second, first: first}
    assert mirror.resolve("refs/forgehand/b") == first
    with pytest.raises(UnknownRef):
        mirror.fetch_refs({"refs/heads/nothing": "refs/forgehand/c"})
    with pytest.raises(BadName):
        mirror.fetch_refs({"--all": "refs/forgehand/c"})


def missing(mirror, tip):
    listed = mirror.git.text("rev-list", "--objects", "--missing=print", tip)
    return sum(line.startswith("?") for line in listed.splitlines())


def test_a_blobless_mirror_is_filled_for_the_work_at_hand(origin, tmp_path):
    people = origin.people
    base = people.commit({f"f{i}": f"{i}\n" for i in range(20)})
    tip = people.commit({"f1": "new\n", "g": "g\n"})
    origin.push("main")
    for name in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        people("--git-dir", str(origin.path), "config", name, "true")
    mirror = Mirror(tmp_path / "m.git", origin.url, allow_protocols=("file",), blobless=True)
    mirror.ensure()
    mirror.fetch_branches("main")
    assert missing(mirror, tip) == 23  # all files of the whole history, and not one commit or tree
    assert mirror.fill(wanted=[tip], without=[base]) == 2
    assert missing(mirror, tip) == 21
    offline = mirror.git.replace(allow_protocols=())
    assert offline.text("show", f"{tip}:g") == "g"
    with pytest.raises(GitFailed):
        offline.text("show", f"{tip}:f7")
    assert mirror.read_blob(tip, "f7", 100) == b"7\n"  # comes as it is needed
    assert not (mirror.path / "shallow").exists()
    mirror.fetch()
    assert mirror.fill(wanted=[tip]) == 20
    assert mirror.fill(wanted=[tip]) == 0
