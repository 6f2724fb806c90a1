"""A hijacked runner can push any commits to its quarantine ref and say anything: what of it gets through."""

import os
import subprocess
from dataclasses import replace

import pytest

from app.domain.job import State
from app.jobs.examine import RejectedError, _History, examine
from app.jobs.launch import launch
from app.jobs.publish import publish
from app.jobs.spec import spec_of
from git_ops import Git, Identity, diff_facts
from git_ops.guided import carrier, folded
from git_ops.objects import read_commits, write_commit
from runner.protocol import AgentRun, ConflictFact, RebaseFacts, Result, Verification

pytestmark = pytest.mark.slow


class Hijacked:
    """A runner at work on a human's pull request with two commits, free to build any history."""

    def __init__(self, place, kind="@agent tidy up"):
        self.place = place
        owner = place.owner
        owner.write(place.repo, "feature.txt", "one\n", new_branch="feature")
        owner.write(place.repo, "feature.txt", "one\ntwo\n", branch="feature")
        self.number = owner.pull(place.repo, "feature")
        place.deliver(*place.comment_event(self.number, place.say(self.number, kind)))
        launch(place.desk, place.jobs()[0].id)
        job = place.jobs()[0]
        self.job = place.desk.jobs.move(job.id, State.RUNNING, cause="test", attempt=job.attempt)
        self.spec = spec_of(place.desk, self.job)
        self.work = place.folder / "hijacked"
        self.mirror = str(place.desk.mirror_of(self.job).path)
        place.git("clone", "-q", self.mirror, str(self.work), cwd=place.folder)
        self.git("checkout", "-q", "--detach", self.job.start_sha)

    def git(self, *args, who=("A", "a@b.c"), committer=None):
        by = committer or who
        env = {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent",
            "GIT_AUTHOR_NAME": who[0], "GIT_AUTHOR_EMAIL": who[1],
            "GIT_COMMITTER_NAME": by[0], "GIT_COMMITTER_EMAIL": by[1],
        }  # fmt: skip
        done = subprocess.run(
            ["git", *args], cwd=self.work, env=env, capture_output=True, check=True, timeout=60
        )
        return done.stdout.decode().strip()

    @property
    def us(self):
        return (self.spec.identity.name, self.spec.identity.email)

    def commit(self, path, text, message=None, who=None):
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
        self.git("add", "-A", "-f")
        subject = message or f"{self.spec.commit_subject}\n"
        self.git("commit", "-q", "--cleanup=verbatim", "-m", subject, who=who or self.us)

    def hand_in(self, **result):
        head = self.git("rev-parse", "HEAD")
        self.git("push", "-q", self.mirror, f"+HEAD:{self.job.quarantine_ref}")
        values = {"outcome": "changed", "head_sha": head, "agent": AgentRun(ok=True, text="done")} | result
        move = self.place.desk.jobs.move
        return move(
            self.job.id,
            State.PUBLISHING,
            cause="test",
            attempt=self.job.attempt,
            changes={"result": Result(**values)},
        )

    def rejected(self):
        job = self.hand_in()
        mirror = self.place.desk.mirror_of(job)
        with pytest.raises(RejectedError) as caught:
            examine(self.place.desk, job, mirror, job.result)
        publish(self.place.desk, job.id)
        assert self.place.get(job).state == State.FAILED
        assert self.place.branch("feature") == self.job.start_sha
        return str(caught.value)


@pytest.fixture
def hijacked(place):
    return Hijacked(place)


def test_one_commit_of_ours_on_top_is_what_was_asked_for(hijacked):
    hijacked.commit("new.txt", "new\n")
    publish(hijacked.place.desk, hijacked.hand_in().id)
    assert hijacked.place.get(hijacked.job).state == State.SUCCEEDED


def test_commits_of_the_branch_that_are_missing(hijacked):
    hijacked.git("reset", "-q", "--hard", hijacked.job.base_sha)
    hijacked.commit("new.txt", "new\n")
    assert "is missing from the result" in hijacked.rejected()


def test_a_workflow_that_comes_and_goes_in_two_commits(hijacked):
    hijacked.commit(".gitea/workflows/evil.yml", "on: push\n")
    hijacked.commit(".gitea/workflows/evil.yml", None)
    assert "nobody asked for" in hijacked.rejected()


def test_a_workflow_in_the_one_commit(hijacked):
    hijacked.commit(".gitea/workflows/evil.yml", "on: push\n")
    assert "only a person may change" in hijacked.rejected()


def test_an_author_who_is_somebody_else(hijacked):
    hijacked.commit("new.txt", "new\n", who=("maria", "maria@example.org"))
    assert "nobody asked for" in hijacked.rejected()


def test_a_message_of_its_own(hijacked):
    hijacked.commit("new.txt", "new\n", message="Closes #1 @maria [skip ci]\n")
    assert "nobody asked for" in hijacked.rejected()


def test_a_merge_of_something_else(hijacked):
    hijacked.git("checkout", "-q", "-b", "side", hijacked.job.base_sha)
    hijacked.commit("side.txt", "side\n", message="side\n")
    hijacked.git("checkout", "-q", "--detach", hijacked.job.start_sha)
    hijacked.git("merge", "-q", "--no-ff", "-m", hijacked.spec.commit_subject, "side", who=hijacked.us)
    assert "nobody asked for" in hijacked.rejected()


def test_a_replayed_commit_that_touches_more_than_it_did(hijacked):
    first, second = hijacked.git(
        "rev-list", "--reverse", f"{hijacked.job.base_sha}..{hijacked.job.start_sha}"
    ).split()
    hijacked.git("checkout", "-q", "--detach", first)
    hijacked.git("cherry-pick", "--no-commit", second)
    (hijacked.work / "setup.py").write_text("evil\n")
    hijacked.git("add", "-A")
    hijacked.git("commit", "-q", "-C", second, who=hijacked.us)
    hijacked.commit("new.txt", "new\n")
    assert "nobody asked for" in hijacked.rejected()


def replay_folded(hijacked, files, *, message=None):
    """Both commits of the branch as one, as the engine folds them, with these files."""
    git = Git(hijacked.work / ".git")
    span = f"{hijacked.job.base_sha}..{hijacked.job.start_sha}"
    commits = read_commits(git, hijacked.git("rev-list", "--reverse", span).split())
    hijacked.git("checkout", "-q", "--detach", hijacked.job.base_sha)
    for path, text in files.items():
        (hijacked.work / path).write_text(text)
    hijacked.git("add", "-A", "-f")
    one = replace(
        folded(commits),
        tree=hijacked.git("write-tree"),
        parents=(hijacked.job.base_sha,),
        committer=Identity(name=hijacked.us[0], email=hijacked.us[1]).line(1_900_000_000),
    )
    if message is not None:
        one = replace(one, message=message)
    hijacked.git("checkout", "-q", "-f", "--detach", write_commit(git, one))


def fold_with_ours(hijacked, files, *, count=2, author=None):
    """Our work and the branch's last commits as one, as the engine folds them where all change one conflicted file."""
    git = Git(hijacked.work / ".git")
    span = f"{hijacked.job.base_sha}..{hijacked.job.start_sha}"
    before = hijacked.git("rev-list", "--reverse", span).split()[-count:]
    hijacked.commit("mine.txt", "mine\n")
    commits = read_commits(git, [*before, hijacked.git("rev-parse", "HEAD")])
    hijacked.git("checkout", "-q", "--detach", f"{before[0]}~1")
    for path, text in files.items():
        (hijacked.work / path).parent.mkdir(parents=True, exist_ok=True)
        (hijacked.work / path).write_text(text)
    hijacked.git("add", "-A", "-f")
    one = replace(
        folded(commits),
        tree=hijacked.git("write-tree"),
        parents=(hijacked.git("rev-parse", "HEAD"),),
        committer=Identity(name=hijacked.us[0], email=hijacked.us[1]).line(1_900_000_000),
    )
    one = replace(one, author=author) if author else one
    hijacked.git("checkout", "-q", "-f", "--detach", write_commit(git, one))


@pytest.mark.parametrize("count", [1, 2])
def test_our_work_may_be_folded_with_the_branchs_last_commits(hijacked, count):
    fold_with_ours(hijacked, {"feature.txt": "one\ntwo\nthree\n", "new.txt": "new\n"}, count=count)
    publish(hijacked.place.desk, hijacked.hand_in().id)
    assert hijacked.place.get(hijacked.job).state == State.SUCCEEDED


def test_what_is_folded_in_is_judged(hijacked):
    fold_with_ours(hijacked, {"feature.txt": "one\ntwo\n", ".gitea/workflows/evil.yml": "on: push\n"})
    assert "only a person may change" in hijacked.rejected()


def test_what_only_looks_folded_with_ours(hijacked):
    fold_with_ours(hijacked, {"feature.txt": "x\n"}, author=b"Somebody <else@example.org> 1 +0000")
    assert "nobody asked for" in hijacked.rejected()


def test_commits_that_were_folded_on_the_way(hijacked):
    replay_folded(hijacked, {"feature.txt": "one\ntwo\n"})
    hijacked.commit("new.txt", "new\n")
    publish(hijacked.place.desk, hijacked.hand_in().id)
    assert hijacked.place.get(hijacked.job).state == State.SUCCEEDED


@pytest.mark.parametrize("lie", ["a file more", "another message"])
def test_commits_that_only_look_folded(hijacked, lie):
    files = {"feature.txt": "one\ntwo\n"}
    if lie == "a file more":
        replay_folded(hijacked, files | {"setup.py": "evil\n"})
    else:
        replay_folded(hijacked, files, message=b"one commit instead\n")
    hijacked.commit("new.txt", "new\n")
    assert "nobody asked for" in hijacked.rejected()


def squash_into_target(hijacked, files):
    """The target gets a commit with these files, which isn't the patch of any of the branch's."""
    hijacked.git("checkout", "-q", "--detach", hijacked.job.base_sha)
    for path, text in {**files, "beside.txt": "beside\n"}.items():
        (hijacked.work / path).write_text(text)
    hijacked.git("add", "-A")
    hijacked.git("commit", "-q", "-m", "squashed")
    hijacked.git("push", "-q", hijacked.mirror, f"+HEAD:refs/heads/{hijacked.job.target_branch}")


def examined(hijacked):
    job = hijacked.hand_in()
    return examine(hijacked.place.desk, job, hijacked.place.desk.mirror_of(job), job.result)


def test_commits_that_the_target_has_by_a_squash_merge_may_be_left_out(hijacked):
    squash_into_target(hijacked, {"feature.txt": "one\ntwo\n"})
    hijacked.commit("new.txt", "new\n")
    assert examined(hijacked).head == hijacked.git("rev-parse", "HEAD")


def test_commits_of_which_the_target_has_only_a_part_may_not(hijacked):
    squash_into_target(hijacked, {"feature.txt": "one\n"})
    hijacked.commit("new.txt", "new\n")
    with pytest.raises(RejectedError, match="is missing from the result"):
        examined(hijacked)


def test_what_merges_hold_is_carried_over_once(hijacked):
    git, before = Git(hijacked.work / ".git"), hijacked.job.start_sha
    hijacked.git("checkout", "-q", "-b", "side", f"{before}~1")
    hijacked.commit("side.txt", "side\n", message="side\n")
    hijacked.git("checkout", "-q", "--detach", before)
    hijacked.git("merge", "-q", "--no-ff", "--no-commit", "side")
    (hijacked.work / "side.txt").write_text("by hand\n")
    hijacked.git("commit", "-q", "-a", "-m", "merge")
    merged = hijacked.git("rev-parse", "HEAD")
    spec = hijacked.spec.model_copy(update={"start_sha": merged})
    target = hijacked.job.base_sha

    def carried(text):
        (hijacked.work / "side.txt").write_text(text)
        hijacked.git("add", "-A")
        parents = (hijacked.git("rev-parse", "HEAD"),)
        one = replace(
            carrier(git, [merged]),
            tree=hijacked.git("write-tree"),
            parents=parents,
            committer=Identity(name=hijacked.us[0], email=hijacked.us[1]).line(1_900_000_000),
        )
        hijacked.git("checkout", "-q", "-f", "--detach", write_commit(git, one))
        return diff_facts(git, target, hijacked.git("rev-parse", "HEAD"))

    hijacked.git("checkout", "-q", "--detach", before)
    hijacked.git("cherry-pick", "side", who=hijacked.us)
    history = _History(git, spec, target)
    assert history.made_by_us(carried("by hand\n")) == []
    with pytest.raises(RejectedError, match="nobody asked for"):
        history.made_by_us(carried("twice\n"))


def edited_elsewhere(hijacked, *steps):
    """The branch's second commit replayed with more files in it, further commits of ours; what `examine` says."""
    onto = hijacked.git("rev-parse", hijacked.job.base_sha)
    first, second = hijacked.git("rev-list", "--reverse", f"{onto}..{hijacked.job.start_sha}").split()
    hijacked.git("checkout", "-q", "--detach", first)
    hijacked.git("cherry-pick", "--no-commit", second)
    (path, text), *later = steps
    (hijacked.work / path).parent.mkdir(parents=True, exist_ok=True)
    (hijacked.work / path).write_text(text)
    hijacked.git("add", "-A", "-f")
    hijacked.git("commit", "-q", "-C", second, who=("maria", "maria@example.org"), committer=hijacked.us)
    for path, text in later:
        hijacked.commit(path, text)
    return onto


def told(hijacked, onto, *paths, outcome="resolved"):
    """Hand it in, with a report that names these paths."""
    head = hijacked.git("rev-parse", "HEAD")
    fact = ConflictFact(path="feature.txt", kind="content", resolver="agent", elsewhere=paths)
    facts = RebaseFacts(
        outcome=outcome, old_tip=hijacked.job.start_sha, new_tip=head, onto=onto, conflicts=(fact,)
    )
    job = hijacked.hand_in(rebase=facts)
    return examine(hijacked.place.desk, job, hijacked.place.desk.mirror_of(job), job.result)


def test_an_edit_elsewhere_that_is_told_is_published_and_shown(hijacked):
    onto = edited_elsewhere(hijacked, ("callers.py", "fee(1)\n"))
    examined = told(hijacked, onto, "callers.py")
    assert examined.head == hijacked.git("rev-parse", "HEAD")
    assert examined.result.rebase.conflicts[0].elsewhere == ("callers.py",)


@pytest.mark.parametrize(
    ("paths", "outcome"), [((), "resolved"), (("other.py",), "resolved"), (("callers.py",), "clean")]
)
def test_an_edit_elsewhere_that_isnt_told_is_refused(hijacked, paths, outcome):
    onto = edited_elsewhere(hijacked, ("callers.py", "fee(1)\n"))
    with pytest.raises(RejectedError, match="nobody asked for"):
        told(hijacked, onto, *paths, outcome=outcome)


WORKFLOW = ".gitea/workflows/evil.yml"


@pytest.mark.parametrize("steps", [((WORKFLOW, "on: push\n"),), ((WORKFLOW, "on: push\n"), (WORKFLOW, None))])
def test_a_workflow_that_is_told_is_refused_even_if_it_goes_again(hijacked, steps):
    onto = edited_elsewhere(hijacked, *steps)
    with pytest.raises(RejectedError, match="only a person may change"):
        told(hijacked, onto, WORKFLOW)


def test_claims_about_other_commits_commands_and_targets_are_dropped(hijacked):
    hijacked.commit("new.txt", "new\n")
    lies = {
        "verifications": (Verification(command="make test", exit_code=0, seconds=1, tail="", sha="a" * 40),),
        "rebase": RebaseFacts(outcome="clean", old_tip="b" * 40, new_tip="c" * 40, onto="d" * 40),
    }
    job = hijacked.hand_in(**lies)
    publish(hijacked.place.desk, job.id)
    done = hijacked.place.get(job)
    assert done.state == State.SUCCEEDED
    assert done.result.verifications == ()
    assert done.result.rebase is None
