import pytest

from git_ops.errors import BadName, LeaseLost, NotARepository, PushRejected
from git_ops.process import Git
from git_ops.push import push, push_ref


@pytest.fixture
def ours(origin, repo):
    """A clone of our own that has a commit to push; `people` work elsewhere meanwhile."""
    base = repo.head()
    sha = repo.commit({"new": "x\n"}, "ours")
    repo("checkout", "-q", "--detach", base)
    return repo.git, base, sha


def hook(origin, name, script):
    path = origin.path / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_new_branch_and_again(origin, ours):
    git, _base, sha = ours
    done = push(git, url=origin.url, sha=sha, branch="agent/1", expected=None)
    assert (done.already_there, origin.at("refs/heads/agent/1")) == (False, sha)
    again = push(git, url=origin.url, sha=sha, branch="agent/1", expected=None)
    assert again.already_there


def test_moves_a_branch_and_saves_the_old_tip(origin, ours):
    git, base, sha = ours
    done = push(
        git, url=origin.url, sha=sha, branch="main", expected=base, backup_ref="refs/forgehand/backup/1/main"
    )
    assert done.previous == base
    assert origin.at("refs/heads/main") == sha
    assert origin.at("refs/forgehand/backup/1/main") == base


def test_lease_lost_when_someone_pushed(origin, ours, repo):
    git, base, sha = ours
    theirs = repo.commit({"human": "h"}, "by hand")
    origin.push(f"{theirs}:refs/heads/main")
    with pytest.raises(LeaseLost) as caught:
        push(git, url=origin.url, sha=sha, branch="main", expected=base, backup_ref="refs/forgehand/backup/1")
    assert caught.value.actual == theirs
    assert origin.at("refs/heads/main") == theirs
    assert origin.at("refs/forgehand/backup/1") is None


def test_lease_lost_when_a_new_branch_exists_or_an_old_one_is_gone(origin, ours):
    git, base, sha = ours
    with pytest.raises(LeaseLost):
        push(git, url=origin.url, sha=sha, branch="main", expected=None)
    with pytest.raises(LeaseLost, match="gone"):
        push(git, url=origin.url, sha=sha, branch="deleted", expected=base)
    assert origin.at("refs/heads/deleted") is None


def test_rewriting_is_allowed_under_the_lease(origin, ours, repo):
    git, _base, sha = ours
    old = repo.commit({"old": "o"}, "old work")
    origin.push(f"{old}:refs/heads/work")
    push(git, url=origin.url, sha=sha, branch="work", expected=old)
    assert origin.at("refs/heads/work") == sha


def test_refusal_tells_the_cleaned_reason(origin, ours):
    git, base, sha = ours
    hook(origin, "pre-receive", r"printf '\033[31mno pushes\033[0m on Fridays\n' >&2; exit 1")
    with pytest.raises(PushRejected) as caught:
        push(git, url=origin.url, sha=sha, branch="main", expected=base)
    assert not isinstance(caught.value, LeaseLost)
    assert "no pushes on Fridays" in caught.value.user_message
    assert "\x1b" not in caught.value.user_message
    assert origin.at("refs/heads/main") == base


def test_push_that_did_not_stick_is_noticed(origin, ours):
    git, base, sha = ours
    hook(origin, "post-receive", f"git update-ref refs/heads/main {base}")
    with pytest.raises(LeaseLost):
        push(git, url=origin.url, sha=sha, branch="main", expected=base)


def test_protected_and_odd_branches_are_refused_before_anything(origin, ours):
    git, base, sha = ours
    with pytest.raises(PushRejected):
        push(git, url=origin.url, sha=sha, branch="main", expected=base, never={"main"})
    for bad in ("refs/heads/main", "--receive-pack=touch x", "a:b"):
        with pytest.raises(BadName):
            push(git, url=origin.url, sha=sha, branch=bad, expected=None)
    assert origin.at("refs/heads/main") == base


def test_existing_backup_is_not_overwritten(origin, ours, repo):
    git, base, sha = ours
    other = repo.commit({"o": "o"}, "another old tip")
    origin.push(f"{other}:refs/forgehand/backup/1")
    with pytest.raises(PushRejected):
        push(git, url=origin.url, sha=sha, branch="main", expected=base, backup_ref="refs/forgehand/backup/1")
    assert (origin.at("refs/heads/main"), origin.at("refs/forgehand/backup/1")) == (base, other)


def test_own_hooks_do_not_run(origin, ours, repo, tmp_path):
    git, _base, sha = ours
    path = repo.path / ".git" / "hooks" / "pre-push"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    path.chmod(0o755)
    push(git, url=origin.url, sha=sha, branch="x", expected=None)
    assert not (tmp_path / "ran").exists()


def test_push_ref_is_for_our_refs_only(origin, ours):
    git, base, sha = ours
    ref = "refs/forgehand/jobs/1/1/head"
    push_ref(git, url=origin.url, sha=sha, ref=ref)
    push_ref(git, url=origin.url, sha=base, ref=ref)
    assert origin.at(ref) == base
    with pytest.raises(PushRejected):
        push_ref(git, url=origin.url, sha=sha, ref="refs/heads/main")


def test_no_repository_there(ours, tmp_path):
    git, _base, sha = ours
    with pytest.raises(NotARepository):
        push(git, url=f"file://{tmp_path}/none.git", sha=sha, branch="x", expected=None)
    assert isinstance(git, Git)


def test_a_branch_cannot_hang_on_itself(origin, ours):
    git, base, sha = ours
    with pytest.raises(PushRejected):
        push(git, url=origin.url, sha=sha, branch="main", expected=base, unmoved={"main": base})
    assert origin.at("refs/heads/main") == base


def test_where_both_moved_it_is_the_branch_that_counts(origin, ours, repo):
    git, base, sha = ours
    origin.push(f"{base}:refs/heads/work")
    theirs = repo.commit({"human": "h"}, "by hand")
    origin.push(f"{theirs}:refs/heads/main", f"{theirs}:refs/heads/work")
    with pytest.raises(LeaseLost):
        push(git, url=origin.url, sha=sha, branch="work", expected=base, unmoved={"main": base})
    assert origin.at("refs/heads/work") == theirs
