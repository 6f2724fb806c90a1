"""A judge that says what a test tells it to, and a rebase with it."""

from git_ops.conflict import Abstained, File, HunkChoice, Resolution
from git_ops.rebase import rebase
from git_ops.resolve.chain import Chain
from git_ops.resolve.trivial import TrivialResolver


class Scripted:
    """A resolver that says what the test tells it to say for every hunk."""

    name = "scripted"

    def __init__(self, text, *, content=None):
        self.text = text
        self.content = content
        self.asked = []

    def resolve(self, conflict, context):
        if not conflict.textual:
            return Abstained(why="no text")
        self.asked.append((conflict.path, context.task))
        choices = tuple(HunkChoice(id=hunk.id, text=self.text) for hunk in conflict.hunks)
        whole = conflict.splice({c.id: c.text for c in choices}) if self.content is None else self.content
        files = {conflict.path: File(mode="100644", content=whole)}
        return Resolution(resolver=self.name, source="model", why="both", files=files, hunks=choices)


def run(repo, onto, tip, *resolvers, **options):
    chain = Chain([TrivialResolver(), *resolvers])
    before = repo.git.text("for-each-ref")
    report = rebase(repo.git, tip=tip, onto=onto, chain=chain, **options)
    assert repo.git.text("for-each-ref") == before
    return report
