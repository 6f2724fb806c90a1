"""A rebase in memory against `git worktree add` + `git rebase`, on generated repositories.

    python benchmarks/replay.py [--files 12000 100000] [--commits 20] [--runs 5]

Prints medians of wall and CPU seconds (children included) and their ratio, the cost for each commit from 1 to 200
commits, and, where Git can replay by itself, the time for 50 commits on 5,000 files through the Python API.
"""

import argparse
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from generated import ENV, diverged, git

from git_ops.features import features
from git_ops.process import Git
from git_ops.quarantine import quarantine
from git_ops.rebase import rebase
from git_ops.replay import Replayed, replay

MEMORY = Path("/dev/shm")


def measured(work):
    """Wall and CPU seconds of one call."""
    before, start = _cpu(), time.perf_counter()
    work()
    return time.perf_counter() - start, _cpu() - before


def _cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def median(work, runs):
    """Medians of wall and CPU seconds."""
    walls, cpus = zip(*(measured(work) for _ in range(runs)), strict=True)
    return statistics.median(walls), statistics.median(cpus)


class Case:
    """One generated repository and the ways to rebase in it."""

    def __init__(self, folder, files, commits):
        self.path = folder / f"{files}-{commits}.git"
        self.base, self.onto, self.tip = diverged(self.path, files=files, commits=commits)
        self.git = Git(self.path)
        self.checkout = folder / "checkout"

    def in_memory(self, inside=None):
        with quarantine(self.git, inside=inside) as place:
            result = replay(place.git, base=self.base, tip=self.tip, onto=self.onto)
            assert isinstance(result, Replayed)
            place.keep(result.new_tip, have=(self.onto, self.tip))
        self.tree = result.tree

    def engine(self):
        report = rebase(self.git, tip=self.tip, onto=self.onto)
        assert report.outcome == "clean", report

    def with_worktree(self):
        git(self.path, "worktree", "add", "-q", "--detach", str(self.checkout), self.tip)
        subprocess.run(("git", "rebase", "-q", self.onto), cwd=self.checkout, env=ENV, check=True)

    def clean_up(self):
        self.theirs = git(self.checkout, "rev-parse", "HEAD^{tree}")
        git(self.path, "worktree", "remove", "--force", str(self.checkout))

    def alternative(self, runs):
        times = []
        for _ in range(runs):
            times.append(measured(self.with_worktree))
            self.clean_up()
        walls, cpus = zip(*times, strict=True)
        return statistics.median(walls), statistics.median(cpus)


def compare(folder, files, commits, runs):
    case = Case(folder, files, commits)
    ours = median(case.in_memory, runs)
    engine = median(case.engine, runs)
    theirs = case.alternative(max(3, runs // 2))
    assert case.tree == case.theirs
    print(f"{files} files, {commits} commits: wall / CPU seconds, same tree")
    print(f"  replay in memory        {ours[0]:8.3f} {ours[1]:8.3f}")
    print(f"  rebase(), gates and all {engine[0]:8.3f} {engine[1]:8.3f}")
    print(f"  worktree add + rebase   {theirs[0]:8.3f} {theirs[1]:8.3f}")
    print(f"  ratio to replay         {theirs[0] / ours[0]:7.1f}x {theirs[1] / ours[1]:7.1f}x")
    print(
        f"  ratio to rebase()       {theirs[0] / engine[0]:7.1f}x {theirs[1] / engine[1]:7.1f}x", flush=True
    )


def per_commit(folder, runs):
    print("milliseconds for each commit on 12,000 files (wall)")
    for commits in (1, 10, 50, 100, 200):
        case = Case(folder, 12_000, commits)
        wall, _ = median(case.in_memory, runs)
        print(f"  {commits:4} commits {wall * 1000 / commits:8.2f}   in all {wall * 1000:8.1f}", flush=True)


def short(folder, runs):
    case = Case(folder, 5_000, 50)
    ways = [("replay()", case.in_memory), ("rebase()", case.engine)]
    if MEMORY.is_dir():
        ways.append((f"replay(), quarantine in {MEMORY}", lambda: case.in_memory(MEMORY)))
    for name, work in ways:
        wall, cpu = median(work, runs * 4)
        print(f"50 commits on 5,000 files, {name}: {wall * 1000:.1f} ms wall, {cpu * 1000:.1f} ms CPU")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, nargs="*", default=[12_000, 100_000])
    options.add_argument("--commits", type=int, default=20)
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    print(git("/", "version"), features())
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        for files in given.files:
            compare(Path(folder), files, given.commits, given.runs)
        short(Path(folder), given.runs)
        per_commit(Path(folder), given.runs)


if __name__ == "__main__":
    main()
