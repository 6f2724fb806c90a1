import pytest

from git_ops.conflict import Abstained, Conflict
from git_ops.objects import read_commit
from git_ops.resolve.chain import Context
from git_ops.resolve.oracle import OracleResolver


@pytest.fixture
def ask(repo):
    tip = repo.commit({"f": b"\xff\r\n", "d/x": "1"})

    def ask(path, *, kind="content", oracle=True, later=()):
        context = Context(
            git=repo.git, task="", fork=tip, onto=tip, commit=read_commit(repo.git, tip),
            oracle_tree=repo.tree(tip) if oracle else None, later_paths=frozenset(later),
        )  # fmt: skip
        conflict = Conflict(path=path, kind=kind, paths=(path,), base=None, target=None, agent=None)
        return OracleResolver().resolve(conflict, context)

    return ask


def test_takes_what_the_merge_has(ask):
    found = ask("f")
    assert (found.content, found.mode, found.source) == (b"\xff\r\n", "100644", "git")
    assert ask("gone", kind="modify/delete").content is None


@pytest.mark.parametrize(
    ("path", "options"),
    [("f", {"oracle": False}), ("f", {"later": ["f"]}), ("f", {"kind": "rename/delete"}), ("d", {})],
)
def test_abstains(ask, path, options):
    assert isinstance(ask(path, **options), Abstained)
