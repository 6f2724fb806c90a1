"""Publishing as the service does it, over a forge's own HTTP: branch and backup ref at once, under a lease."""

from dataclasses import dataclass

import pytest

from app.forges.port import Forge
from git_ops.errors import LeaseLost, PushRejected
from git_ops.process import Git, HeaderAuth
from git_ops.push import push, push_ref
from tests.contract.conftest import Scene

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Clone:
    """A bare clone of a repository, with the credential of one account."""

    git: Git
    url: str

    @classmethod
    def of(cls, forge: Forge, repo: str, folder) -> "Clone":
        access = forge.git_access(repo)
        auth = HeaderAuth(access.url, access.header)
        Git(auth=auth).run("clone", "--quiet", "--bare", "--", access.url, str(folder))
        return cls(Git(folder, auth=auth), access.url)

    def commit(self, *parents: str, message: str) -> str:
        who = {
            f"GIT_{role}_{key}": "x@example.invalid"
            for role in ("AUTHOR", "COMMITTER")
            for key in ("NAME", "EMAIL")
        }
        flags = [part for parent in parents for part in ("-p", parent)]
        tree = f"{parents[0]}^{{tree}}"
        return self.git.run("commit-tree", *flags, "-m", message, tree, env=who).stdout.decode().strip()

    def refs(self) -> dict[str, str]:
        """All of the forge's refs, without HEAD."""
        lines = self.git.text("ls-remote", "--refs", "--", self.url).splitlines()
        return {ref: sha for sha, ref in (line.split("\t") for line in lines)}


@pytest.fixture
def repo(scene: Scene) -> str:
    repo = scene.owner.repo()
    scene.owner.invite(repo, scene.bot.login, "write")
    return repo


@pytest.fixture
def clone(scene: Scene, repo: str, tmp_path) -> Clone:
    return Clone.of(scene.forge, repo, tmp_path / "clone")


def test_a_branch_is_made_moved_and_rewritten_and_every_old_tip_is_kept(clone):
    main = clone.refs()["refs/heads/main"]
    tips = [clone.commit(main, message=text) for text in ("one", "two", "three")]
    form = {"url": clone.url, "branch": "agent/issue-1"}
    push(clone.git, **form, sha=tips[0], expected=None, backup_ref="refs/forgehand/backup/1")
    for number in (1, 2):
        backup = f"refs/forgehand/backup/{number + 1}"
        done = push(clone.git, **form, sha=tips[number], expected=tips[number - 1], backup_ref=backup)
        again = push(clone.git, **form, sha=tips[number], expected=tips[number - 1], backup_ref=backup)
        assert (done.already_there, again.already_there) == (False, True)
    assert clone.refs() == {
        "refs/heads/main": main,
        "refs/heads/agent/issue-1": tips[2],
        "refs/forgehand/backup/2": tips[0],
        "refs/forgehand/backup/3": tips[1],
    }


def test_what_somebody_else_pushed_is_not_overwritten_and_nothing_is_left_behind(scene, repo, clone):
    main = clone.refs()["refs/heads/main"]
    ours, next_one = clone.commit(main, message="ours"), clone.commit(main, message="next")
    push(clone.git, url=clone.url, sha=ours, branch="topic", expected=None)
    theirs = scene.owner.write(repo, "theirs.txt", "x\n", branch="topic")
    with pytest.raises(LeaseLost) as caught:
        push(
            clone.git,
            url=clone.url,
            sha=next_one,
            branch="topic",
            expected=ours,
            backup_ref="refs/forgehand/backup/1",
        )
    assert caught.value.actual == theirs
    assert clone.refs()["refs/heads/topic"] == theirs
    assert "refs/forgehand/backup/1" not in clone.refs()


def test_a_ref_of_our_own_is_set(clone):
    main = clone.refs()["refs/heads/main"]
    for sha in (main, clone.commit(main, message="x")):
        push_ref(clone.git, url=clone.url, sha=sha, ref="refs/forgehand/jobs/1")
        assert clone.refs()["refs/forgehand/jobs/1"] == sha


def test_a_reader_pushes_nothing(server, scene, repo, tmp_path):
    reader = server.user()
    scene.owner.invite(repo, reader.login, "read")
    clone = Clone.of(scene.connect(reader.token), repo, tmp_path / "theirs")
    sha = clone.commit(clone.refs()["refs/heads/main"], message="x")
    with pytest.raises(PushRejected):
        push(clone.git, url=clone.url, sha=sha, branch="topic", expected=None)
    assert "refs/heads/topic" not in clone.refs()
