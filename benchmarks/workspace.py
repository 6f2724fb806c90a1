"""What a job works in, borrowed from a mirror, against `git clone` of the same mirror.

    python benchmarks/workspace.py [--megabytes 100] [--runs 5]

The mirror holds random bytes, which don't compress, in 50,000 files (2 kB for each object, more than public
repositories have on average, so clones have less to do) and 200 commits of text on top. Neither way makes a checkout:
both end with a repository in which the branch's commit can be read.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from generated import ENV, git

from git_ops.objects import read_commit
from git_ops.process import Git
from git_ops.quarantine import quarantine
from git_ops.workspace import Workspace

FILES = 50_000
COMMITS = 200


def mirror(path, megabytes):
    """Make it; return the tip of its branch."""
    path.mkdir()
    git(path, "init", "-q", "--bare", "-b", "main")
    git(path, "fast-import", "--quiet", stdin=b"".join(_stream(megabytes * 2**20 // FILES)))
    git(path, "repack", "-adq")
    return git(path, "rev-parse", "main")


def _stream(size):
    yield b"commit refs/heads/main\ncommitter x <x> 1700000000 +0000\ndata 4\nbase\n"
    for n in range(FILES):
        yield b"M 644 inline dir%d/file%d\ndata %d\n" % (n % 50, n, size) + os.urandom(size) + b"\n"
    for i in range(COMMITS):
        yield b"\ncommit refs/heads/main\ncommitter x <x> %d +0000\ndata 6\nchange\n" % (1_700_000_001 + i)
        text = b"line %d\n" % i * 20
        yield b"M 644 inline text%d\ndata %d\n" % (i % 10, len(text)) + text + b"\n"


def timed(work, folder, runs):
    """Median of wall seconds; each run in a directory of its own, removed outside the time."""
    times = []
    for i in range(runs):
        place = folder / f"run{i}"
        place.mkdir()
        start = time.perf_counter()
        work(place)
        times.append(time.perf_counter() - start)
        shutil.rmtree(place)
    return statistics.median(times)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, default=100)
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="workspace-") as name:
        source = Path(name) / "mirror.git"
        tip = mirror(source, given.megabytes)
        url = f"file://{source}"

        def ours(place):
            workspace = Workspace(place / "git", place / "tree", allow_protocols=("file",))
            workspace.clone(url, refs=["refs/heads/main"], alternates=[source / "objects"])
            assert read_commit(workspace.git, tip)

        def rebasing(_place):
            with quarantine(Git(source)) as inside:
                assert read_commit(inside.git, tip)

        def clone(place):
            args = ("git", "clone", "-q", "--bare", "--single-branch", url, "git")
            subprocess.run(args, cwd=place, env=ENV, check=True)

        print(git("/", "version"), f"mirror of {given.megabytes} MB, wall seconds, medians of {given.runs}")
        taken = timed(clone, Path(name), given.runs)
        print(f"  git clone --bare                 {taken:8.4f}")
        for label, work in (("Workspace.clone with alternates", ours), ("quarantine of a rebase", rebasing)):
            wall = timed(work, Path(name), given.runs)
            print(f"  {label:<32} {wall:8.4f}   {taken / wall:6.1f}x")


if __name__ == "__main__":
    main()
