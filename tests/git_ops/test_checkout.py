import os
import subprocess

import pytest

from git_ops import checkout as module
from git_ops.checkout import Branch, open_checkout
from git_ops.errors import (
    BadName,
    BranchInUse,
    Busy,
    CorruptObject,
    DetachedHead,
    DirtyWorkTree,
    GitTooOld,
    NoIdentity,
    NotARepository,
    OperationInProgress,
    ShallowClone,
    UnbornBranch,
    UnknownRef,
)


@pytest.fixture
def forked(repo):
    """On `work`, with the target's commit on `main`."""
    repo.fork({"f": "1\n"}, {"g": "2\n"}, {"h": "3\n"})
    repo("checkout", "-q", "work")
    return repo


def target(repo, wanted):
    checkout = open_checkout(repo.path)
    return checkout.find_target(wanted, checkout.ready())


def test_it_is_found_from_a_folder_below(forked):
    below = forked.path / "a" / "b"
    below.mkdir(parents=True)
    checkout = open_checkout(below)
    assert checkout.root == forked.path
    assert checkout.ready() == Branch(ref="refs/heads/work", tip=forked.head())
    assert checkout.ready().name == "work"


def test_a_linked_work_tree(forked, tmp_path):
    linked = tmp_path / "linked"
    forked("worktree", "add", "-q", "-b", "other", str(linked), "main")
    checkout = open_checkout(linked)
    assert (checkout.root, checkout.common_dir) == (linked, forked.path / ".git")
    assert checkout.git_dir == forked.path / ".git" / "worktrees" / "linked"
    assert checkout.ready().name == "other"


def test_a_path_with_dollars_is_a_path(make_repo, monkeypatch):
    monkeypatch.setenv("HOME", "/nowhere")
    repo = make_repo("a $HOME b")
    repo.commit({"f": "1"})
    assert open_checkout(repo.path).ready().name == "main"


@pytest.mark.parametrize("place", ["nothing", "there-is-no-such-folder"])
def test_no_repository(tmp_path, place):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(NotARepository, match="git clone"):
        open_checkout(tmp_path / place)


def test_a_bare_repository_has_no_files(repo, tmp_path):
    repo.commit({"f": "1"})
    with pytest.raises(NotARepository, match="git worktree add"):
        open_checkout(repo.bare(tmp_path / "bare.git"))


def test_a_repository_of_somebody_else(forked, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for path in (forked.path, forked.path / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(NotARepository, match=r"safe\.directory"):
        open_checkout(forked.path).ready()


def test_git_too_old(tmp_path, monkeypatch):
    old = tmp_path / "git"
    old.write_text("#!/bin/sh\necho git version 2.30.2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitTooOld, match=r"is Git 2\.30\.2, and 2\.38 or newer is needed"):
        open_checkout(tmp_path)


def test_no_git_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitTooOld, match=r"There is no git on PATH, and 2\.38 .* install it"):
        open_checkout(tmp_path)


def test_detached(forked):
    forked("checkout", "-q", "--detach")
    with pytest.raises(DetachedHead, match="git switch"):
        open_checkout(forked.path).ready()


def test_unborn(make_repo):
    with pytest.raises(UnbornBranch, match="Branch main has no commit yet"):
        open_checkout(make_repo("empty").path).ready()


def test_shallow(forked, tmp_path):
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{forked.path}", shallow], check=True)
    with pytest.raises(ShallowClone, match="git fetch --unshallow"):
        open_checkout(shallow).ready()


def test_dirty_is_what_is_tracked(forked):
    (forked.path / "untracked").write_text("mine")
    open_checkout(forked.path).ready()
    (forked.path / "f").write_text("changed")
    (forked.path / "new\tfile").write_text("staged")
    forked("add", "new\tfile")
    with pytest.raises(DirtyWorkTree, match="git stash") as caught:
        open_checkout(forked.path).ready()
    assert caught.value.paths == ("f", "new\\tfile")


def test_a_conflict_that_was_left_over_is_dirty(forked):
    (forked.path / "f").write_text("stashed\n")
    forked("stash")
    forked.commit({"f": "other\n"})
    forked("stash", "pop", ok=(1,))
    with pytest.raises(DirtyWorkTree):
        open_checkout(forked.path).ready()


def test_touched_is_not_dirty(forked):
    os.utime(forked.path / "f", (1, 1))
    open_checkout(forked.path).ready()


def test_line_ends_as_the_person_has_them_are_not_dirty(forked):
    forked("config", "core.autocrlf", "true")
    (forked.path / "f").unlink()
    forked("checkout", "f")
    assert (forked.path / "f").read_bytes() == b"1\r\n"
    open_checkout(forked.path).ready()


def start(repo, *args):
    repo("checkout", "-q", "-B", "a", "main")
    repo.commit({"f": "A\n"})
    repo("checkout", "-q", "-B", "b", "main")
    repo.commit({"f": "B\n"})
    repo(*args, ok=(0, 1))


@pytest.mark.parametrize(
    ("args", "operation", "abort"),
    [
        (("rebase", "a"), "rebase", "git rebase --abort"),
        (("rebase", "--apply", "a"), "rebase", "git rebase --abort"),
        (("merge", "a"), "merge", "git merge --abort"),
        (("cherry-pick", "a"), "cherry-pick", "git cherry-pick --abort"),
        (("revert", "--no-edit", "main"), None, None),
        (("bisect", "start"), "bisect", "git bisect reset"),
    ],
)
def test_an_operation_that_is_not_finished(forked, args, operation, abort):
    start(forked, *args)
    if operation is None:
        open_checkout(forked.path).ready()  # it went through
        return
    with pytest.raises(OperationInProgress, match=f"give it up with {abort}") as caught:
        open_checkout(forked.path).ready()
    assert caught.value.operation == operation


def test_a_revert_that_is_not_finished(forked):
    forked.commit({"f": "X\n"})
    forked.commit({"f": "Y\n"})
    forked("revert", "--no-edit", "HEAD~1", ok=(1,))
    with pytest.raises(OperationInProgress, match="git revert --abort"):
        open_checkout(forked.path).ready()


def test_another_git_at_work(forked):
    (forked.path / ".git" / "index.lock").touch()
    with pytest.raises(Busy, match=r"remove \S+index\.lock"):
        open_checkout(forked.path).ready()


def test_another_work_tree_has_the_branch(forked, tmp_path):
    linked = tmp_path / "linked"
    forked("worktree", "add", "-q", "--force", str(linked), "work")
    with pytest.raises(BranchInUse, match=str(linked)):
        open_checkout(forked.path).ready()
    subprocess.run(["rm", "-r", linked], check=True)
    open_checkout(forked.path).ready()  # a work tree that is gone uses nothing


def test_another_work_tree_rebases_the_branch(forked, tmp_path):
    start(forked)
    linked = tmp_path / "linked"
    forked("worktree", "add", "-q", "--detach", str(linked), "main")
    forked("-C", str(linked), "rebase", "main", "work", ok=(0,))
    forked("-C", str(linked), "rebase", "a", "b", ok=(128,))  # b is checked out here
    forked("checkout", "-q", "work", ok=(0, 128))
    forked("checkout", "-q", "main")
    forked("-C", str(linked), "rebase", "a", "b", ok=(1,))
    forked("symbolic-ref", "HEAD", "refs/heads/b")
    forked("reset", "-q", "--hard")
    with pytest.raises(BranchInUse, match="Branch b is in use"):
        open_checkout(forked.path).ready()


def damage(repo, oid):
    place = repo.path / ".git" / "objects" / oid[:2] / oid[2:]
    place.chmod(0o644)
    place.write_bytes(b"nothing of an object")


@pytest.mark.parametrize("how", ["damaged", "missing"])
def test_a_branch_whose_commit_cannot_be_read(forked, how):
    oid = forked.head()
    if how == "damaged":
        damage(forked, oid)
    else:
        (forked.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(CorruptObject, match="git fsck --full"):
        open_checkout(forked.path).ready()


def test_a_target_whose_commit_cannot_be_read(forked):
    damage(forked, forked("rev-parse", "main"))
    with pytest.raises(CorruptObject, match="git fsck --full"):
        target(forked, "main")


def test_the_committer_is_the_persons(forked, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoIdentity, match=r"git config --global user\.name"):
        open_checkout(forked.path).committer()
    (tmp_path / "config").write_text("[user]\n name = Zoë Z\n email = z@example.org\n")
    found = open_checkout(forked.path).committer()
    assert (found.name, found.email) == ("Zoë Z", "z@example.org")


def test_what_onto_may_be(forked):
    main = forked("rev-parse", "main")
    forked("tag", "-a", "-m", "x", "v1", "main")
    forked("update-ref", "refs/remotes/origin/topic", main)
    forked("update-ref", "refs/forgehand/x/y", main)
    hows = {
        "main": "the branch main",
        "origin/topic": "the branch origin/topic",
        "v1": "the tag v1",
        main: f"the commit {main[:10]}",
        main[:8]: f"the commit {main[:10]}",
        "refs/forgehand/x/y": "the ref refs/forgehand/x/y",
    }
    for wanted, how in hows.items():
        found = target(forked, wanted)
        assert (found.oid, found.how) == (main, how)


def test_a_branch_goes_before_a_tag_and_an_id(forked):
    forked("tag", "main", "work")
    assert target(forked, "main").oid == forked("rev-parse", "refs/heads/main")
    forked("branch", "abcd", "work")
    assert target(forked, "abcd").how == "the branch abcd"


def test_onto_that_is_not_there(forked):
    with pytest.raises(UnknownRef, match=r"no branch, tag or commit maim here\. Did you mean main\?"):
        target(forked, "maim")
    with pytest.raises(UnknownRef, match=r"here\. Bring it here with git fetch"):
        target(forked, "0123456789abcdef")
    forked("update-ref", "refs/tags/blob", forked("rev-parse", "main:f"))
    with pytest.raises(UnknownRef, match=r"^blob is no commit"):
        target(forked, "blob")


@pytest.mark.parametrize(
    "wanted",
    ["--all", "a b", "main..work", "main^{tree}", "", "@{-1}", ":/fix", "a\nb", "HEAD~1", "HEAD", "@"],
)
def test_onto_that_is_no_name(forked, wanted):
    with pytest.raises(BadName, match="takes a branch, a tag or a commit id"):
        target(forked, wanted)


def test_what_only_git_understands_is_told_how_to_be_an_id(forked):
    with pytest.raises(BadName, match=r"git rev-parse 'HEAD~1' may tell; 'HEAD~1' is none"):
        target(forked, "HEAD~1")


def test_the_default_is_the_remotes(forked, make_repo):
    other = make_repo("other")
    other.commit({"f": "1"})
    other("branch", "-m", "trunk")
    forked("remote", "add", "up", str(other.path))
    forked("fetch", "-q", "up")
    assert target(forked, None).name == "main"  # nobody said which of the remote's branches it is
    forked("remote", "set-head", "up", "trunk")
    found = target(forked, None)
    assert (found.name, found.how) == ("up/trunk", "up/trunk, the default branch of up")
    assert found.oid == other.head()


def test_of_several_remotes_the_branchs_own(forked):
    main, work = forked("rev-parse", "main"), forked.head()
    for remote, oid in (("origin", main), ("mine", work)):
        forked("remote", "add", remote, "file:///nowhere")
        forked("update-ref", f"refs/remotes/{remote}/main", oid)
    assert target(forked, None).name == "origin/main"
    forked("branch", "--set-upstream-to=mine/main")
    assert target(forked, None).name == "mine/main"


def test_no_default(forked):
    forked("branch", "-m", "main", "trunk")
    with pytest.raises(UnknownRef, match="--onto BRANCH"):
        target(forked, None)


def test_sha256(tmp_path):
    path = tmp_path / "new"
    subprocess.run(["git", "init", "-q", "--object-format=sha256", "-b", "main", path], check=True)
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
        cwd=path,
        check=True,
    )
    branch = open_checkout(path).ready()
    assert len(branch.tip) == 64
    assert open_checkout(path).find_target(branch.tip, branch).oid == branch.tip


def test_a_version_that_cannot_be_read_is_given_a_try(tmp_path, monkeypatch):
    odd = tmp_path / "git"
    odd.write_text("#!/bin/sh\necho git version of my own\n")
    odd.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    module._check_version()
