"""A replay in memory is what `git rebase` does in a checkout: over generated histories.

`EQUALS_GIT_EXAMPLES` says how many; more than the default are for patient people.
"""

import contextlib
import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_ops.replay import Replayed, replay
from tests.git_ops.conftest import Repo

pytestmark = pytest.mark.slow

SETTINGS = (
    "core.hooksPath=/dev/null",
    "merge.directoryRenames=conflict",
    "merge.renameLimit=7000",
    "merge.renames=true",
    "protocol.file.allow=always",
)
NAMES = ("a", "b", "d/a", "d/b", "d/e/c", "x")
LINES = tuple(f"line {i}\n" for i in range(6))
name = st.sampled_from(NAMES)
EDITS = st.one_of(
    st.tuples(st.just("line"), name, st.integers(0, 5), st.sampled_from(["one\n", "two\n", ""])),
    st.tuples(st.just("line"), name, st.integers(0, 5), st.sampled_from(["one\n", "two\n", ""])),
    st.tuples(st.just("add"), st.sampled_from(["new", "d/new", "d", "x/y"]), st.sampled_from(["1\n", "2"])),
    st.tuples(st.just("delete"), name),
    st.tuples(st.just("rename"), name, st.sampled_from(["moved", "d/moved", "e/moved"])),
    st.tuples(st.just("move directory"), st.sampled_from(["to", "elsewhere"])),
    st.tuples(st.just("executable"), name),
    st.tuples(st.just("link"), name, st.sampled_from(["there", "elsewhere"])),
    st.tuples(st.just("binary"), name, st.sampled_from([b"\0one", b"\0two"])),
    st.tuples(st.just("empty")),
)
COMMITS = st.lists(st.lists(EDITS, min_size=1, max_size=2), max_size=4)
HISTORIES = st.fixed_dictionaries({
    "target": COMMITS,
    "work": COMMITS,
    "twins": st.sets(st.integers(0, 3)),
    "merge_target_at": st.none() | st.integers(0, 3),
    "merge_side": st.none() | COMMITS,
})  # fmt: skip


class Tree(Repo):
    """A checkout in which edits are made whether they make sense or not."""

    def edit(self, kind, *rest):
        with contextlib.suppress(OSError):
            getattr(self, "_" + kind.replace(" ", "_"))(*rest)

    def _place(self, path):
        place = self.path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _line(self, path, number, text):
        place = self.path / path
        if place.is_symlink():
            return
        lines = place.read_bytes().splitlines(keepends=True)
        lines[number : number + 1] = [text.encode()]
        place.write_bytes(b"".join(lines))

    def _add(self, path, text):
        place = self._place(path)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        place.write_text(text)

    def _delete(self, path):
        (self.path / path).unlink()

    def _rename(self, old, new):
        (self.path / old).rename(self._place(new))

    def _move_directory(self, to):
        (self.path / "d").rename(self._place(to))

    def _executable(self, path):
        if not (self.path / path).is_symlink():
            (self.path / path).chmod(0o755)

    def _link(self, path, to):
        self._place(path).unlink(missing_ok=True)
        self._place(path).symlink_to(to)

    def _binary(self, path, content):
        if not (self.path / path).is_symlink():
            self._place(path).write_bytes(content)

    def _empty(self):
        pass

    def grow(self, commits, label):
        """Commit each list of edits; return the ids."""
        made = []
        for i, edits in enumerate(commits):
            for edit in edits:
                self.edit(*edit)
            made.append(self.commit({}, f"{label} {i}\n\n# kept\n\n\nend"))
        return made

    def rebase(self, onto):
        """("done", log) or ("stopped", commit, stages) of the branch that is checked out."""
        words = [word for setting in SETTINGS for word in ("-c", setting)]
        self(*words, "rebase", "-q", "--merge", "--empty=drop", onto, ok=(0, 1))
        if not (self.path / ".git" / "rebase-merge").exists():
            return "done", self.log(onto, "HEAD")
        records = self("ls-files", "-u", "-z").split("\0")[:-1]
        heads = (record.partition("\t") for record in records)
        stages = sorted((unlabelled(path), *head.split()) for head, _, path in heads)
        return "stopped", self("rev-parse", "REBASE_HEAD"), stages

    def log(self, onto, tip):
        return self("log", "--reverse", "--topo-order", "--format=%T %an %ae %ad %B", f"{onto}..{tip}")


def unlabelled(path):
    """Git parks a file that is in the way at `path~label`, and labels differ."""
    return re.sub(r"~[^/]*$", "~", path)


def in_memory(repo, base, onto, tip):
    result = replay(repo.git, base=base, tip=tip, onto=onto)
    if isinstance(result, Replayed):
        return "done", repo.log(onto, result.new_tip)
    stages = [
        (unlabelled(path), side.mode, side.oid, str(stage))
        for path, sides in result.merged.stages.items()
        for stage, side in sides.items()
    ]
    return "stopped", result.step.oid, sorted(stages)


def build(path, history):
    """Make the history; return the repository, base, target's tip and branch's tip (checked out)."""
    repo = Tree(path)
    base = repo.commit({name: "".join(LINES) + name + "\n" for name in NAMES if name != "x"}, "base")
    repo("checkout", "-q", "-b", "work")
    work = repo.grow(history["work"], "work")
    repo("checkout", "-q", "main")
    repo.grow(history["target"], "target")
    for i in sorted(history["twins"]):
        if i < len(work):
            repo("cherry-pick", "--allow-empty", "--keep-redundant-commits", work[i], ok=(0, 1))
            repo("cherry-pick", "--abort", ok=(0, 128))
            repo("reset", "-q", "--hard")
    repo("checkout", "-q", "work")
    if history["merge_target_at"] is not None:
        earlier = repo("rev-list", "--reverse", "main").split()[: history["merge_target_at"] + 1][-1]
        merge(repo, earlier)
    if history["merge_side"]:
        repo("checkout", "-q", "-b", "side", base)
        repo.grow(history["merge_side"], "side")
        repo("checkout", "-q", "work")
        merge(repo, "side")
        repo.grow([[("line", "a", 5, "after\n")]], "after")
    return repo, repo("merge-base", "main", "work").split("\n")[0], repo("rev-parse", "main"), repo.head()


def merge(repo, other):
    """Merge it in, or leave it."""
    repo("merge", "-q", "--no-ff", "-m", "merge", other, ok=(0, 1, 2))
    repo("merge", "--abort", ok=(0, 128))
    repo("reset", "-q", "--hard")
    repo("clean", "-fdq")


@settings(
    max_examples=int(os.environ.get("EQUALS_GIT_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=HISTORIES)
def test_replay_equals_git_rebase(tmp_path_factory, history):
    folder: Path = tmp_path_factory.mktemp("history")
    try:
        repo, base, onto, tip = build(folder / "people", history)
        ours = in_memory(repo, base, onto, tip)
        assert ours == repo.rebase(onto)
    finally:
        shutil.rmtree(folder)
