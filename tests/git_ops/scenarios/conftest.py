import pytest

from git_ops.conflict import Abstained, HunkChoice, by_hunks
from git_ops.rebase import rebase
from git_ops.resolve.default import default_chain


class Model:
    """A judge that says what the test tells it to: `say` takes a hunk and returns its text, or none to abstain."""

    name = "model"

    def __init__(self, say=lambda hunk: None, *, dropped=()):
        self.say = say
        self.dropped = dropped
        self.asked = []

    def resolve_together(self, conflicts, context):
        return {conflict.path: self._answer(conflict) for conflict in conflicts}

    def _answer(self, conflict):
        self.asked.append((conflict.path, conflict.kind))
        texts = [self.say(hunk) for hunk in conflict.hunks]
        if not texts or None in texts:
            return Abstained(why="the model doesn't know")
        choices = tuple(
            HunkChoice(id=hunk.id, text=text, dropped=self.dropped)
            for hunk, text in zip(conflict.hunks, texts, strict=True)
        )
        return by_hunks(conflict, choices, resolver=self.name, source="model", why="as told")


class Stage:
    """A repository of people, its bare remote, and the engine between them."""

    def __init__(self, repo, tmp_path):
        self.repo = repo
        self.tmp_path = tmp_path

    def rebase(self, onto, tip, model=None, **options):
        """Rebase in the bare remote; no ref of it moves, and what stays conflicted leaves no object behind."""
        self.bare = self.repo.bare(self.tmp_path / "origin.git")
        git = self.repo.git.replace(git_dir=self.bare)
        refs, objects = git.text("for-each-ref"), git.text("count-objects", "-v")
        report = rebase(git, tip=tip, onto=onto, chain=default_chain(claude=model), **options)
        assert git.text("for-each-ref") == refs
        if report.new_tip == tip:
            assert git.text("count-objects", "-v") == objects
        git.run("fsck", "--strict", "--no-dangling")
        self.git = git
        return report

    def paths(self, commit):
        raw = self.git.run("ls-tree", "-r", "-z", "--name-only", commit).stdout
        return {path.decode("utf-8", "surrogateescape") for path in raw.split(b"\0") if path}

    def show(self, commit, path):
        return self.git.run("cat-file", "blob", f"{commit}:{path}").stdout

    def raw(self, commit):
        return self.git.run("cat-file", "commit", commit).stdout

    def tree(self, commit):
        return self.git.text("rev-parse", f"{commit}^{{tree}}")

    def count(self, report):
        return int(self.git.text("rev-list", "--count", f"{report.onto}..{report.new_tip}"))


@pytest.fixture
def stage(repo, tmp_path):
    return Stage(repo, tmp_path)


@pytest.fixture
def model():
    return Model
