"""Builds a fork from three plain tables of files, merges its tips, and asks the structural rules alone."""

import pytest

from git_ops import objects
from git_ops.grouping import conflicts_of
from git_ops.mergetree import merging
from git_ops.process import Git
from git_ops.resolve.chain import Chain, Context
from git_ops.resolve.options import options_of
from git_ops.resolve.structural import structural_rules


def as_entry(thing):
    """A text, or a pair of mode and text, as (mode, bytes)."""
    mode, text = thing if isinstance(thing, tuple) else ("100644", thing)
    return mode, text.encode() if isinstance(text, str) else text


class Fork:
    """Three commits from tables of files; in `target` and `agent`, None deletes."""

    def __init__(self, path):
        self.git = Git(path)
        self.git.run("init", "-q", "--bare")
        self._stream = []

    def build(self, base, target, agent):
        self.commit("base", 1, (), base)
        self.commit("main", 2, (1,), target)
        self.commit("work", 3, (1,), agent)
        return self.done()

    def commit(self, branch, mark, parents, files):
        out = [
            f"commit refs/heads/{branch}\nmark :{mark}\ncommitter x <x> 1700000000 +0000\ndata 1\nx\n".encode()
        ]
        out += [f"{'merge' if i else 'from'} :{parent}\n".encode() for i, parent in enumerate(parents)]
        out += [b"D " + quoted(path) + b"\n" for path, thing in files.items() if thing is None]
        for path, thing in files.items():
            if thing is not None:
                mode, content = as_entry(thing)
                if mode == "160000":
                    out.append(b"M 160000 " + content + b" " + quoted(path) + b"\n")
                else:
                    out.append(
                        b"M " + mode.encode() + b" inline " + quoted(path) + b"\ndata %d\n" % len(content)
                    )
                    out.append(content + b"\n")
        self._stream += [*out, b"\n"]

    def done(self):
        self.git.run("fast-import", "--quiet", "--force", stdin=b"".join(self._stream))
        self.onto, self.tip = self.git.text("rev-parse", "main", "work").split()
        self.fork = self.git.text("merge-base", "main", "work")
        with merging(self.git, attributes_of=self.onto) as merger:
            self.merged = merger.merge_tips(self.onto, self.tip)
        return self

    @property
    def context(self):
        return Context(
            git=self.git, fork=self.fork, onto=self.onto, tip=self.tip, merged_tree=self.merged.tree
        )

    def conflicts(self):
        return conflicts_of(self.git, self.merged, fork=self.fork, onto=self.onto, tip=self.tip)

    def settle(self, **ports):
        return Chain(structural_rules(**ports)).settle(self.conflicts(), self.context)

    def options(self, conflict):
        return options_of(conflict, self.context)

    def tree_with(self, *answers):
        """All files of Git's merge with these `files` of answers put into it, as {path: (mode, bytes)}."""
        changes = {}
        for files in answers:
            for path, file in files.items():
                oid = file and (file.oid or objects.write_blob(self.git, file.content))
                changes[path] = file and (file.mode, oid)
        return self.files(objects.edit_tree(self.git, self.merged.tree, changes))

    @staticmethod
    def entries(files):
        return {path: as_entry(thing) for path, thing in files.items()}

    def files(self, treeish):
        found = {}
        for record in self.git.run("ls-tree", "-r", "-z", treeish).stdout.split(b"\0"):
            head, tab, path = record.partition(b"\t")
            if tab:
                mode, _, oid = head.decode().split()
                found[objects.decode_path(path)] = (mode, oid)
        blobs = sorted({oid for mode, oid in found.values() if mode != "160000"})
        contents = dict(zip(blobs, objects.read_blobs(self.git, blobs), strict=True))
        return {path: (mode, contents.get(oid, oid.encode())) for path, (mode, oid) in found.items()}

    def parked(self):
        """The names that Git made up for this merge."""
        return {
            path
            for path in self.files(self.merged.tree)
            if any(f"~{side}" in path for side in (self.onto, self.tip))
        }


def quoted(path):
    raw = path.encode("utf-8", "surrogateescape")
    return (
        b'"' + b"".join(b"\\%03o" % c if c < 33 or c > 126 or c in b'"\\' else bytes([c]) for c in raw) + b'"'
    )


@pytest.fixture(scope="module")
def new_fork(tmp_path_factory):
    return lambda: Fork(tmp_path_factory.mktemp("bare"))


@pytest.fixture
def fork(new_fork):
    return new_fork()
