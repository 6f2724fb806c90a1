"""Does `replay` do what `git rebase` does? Over the whole history of a repository.

For every merge commit, its second parent is rebased onto its first and the other way round: once with Git in a real
checkout, once in memory. Compared are the trees and authors of all new commits; where Git stops, the commit at which
it does and what its index then has unmerged. The repository is only read.

    python benchmarks/equality.py REPOSITORY [--minutes 15] [--seed 1]
"""

import argparse
import collections
import os
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

from git_ops.process import Git
from git_ops.replay import Replayed, replay

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x",
    "GIT_EDITOR": ":",
    "GIT_LFS_SKIP_SMUDGE": "1",
}
SETTINGS = (
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "advice.detachedHead=false",
    "merge.directoryRenames=conflict",
    "merge.renameLimit=7000",
    "merge.renames=true",
)
LOG = ("log", "--reverse", "--topo-order", "--format=%T %an <%ae> %ad", "--date=raw")
MAX_COMMITS = 100


class Checkout:
    """A checkout that borrows all objects, for Git to rebase in."""

    def __init__(self, source, path):
        self.path = path
        subprocess.run(
            ("git", "clone", "-q", "--shared", "--no-checkout", str(source), str(path)), env=ENV, check=True
        )
        self.git = Git(path / ".git")

    def __call__(self, *args, check=True):
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        done = subprocess.run(
            ("git", *settings, *args), cwd=self.path, env=ENV, capture_output=True, check=False, timeout=600
        )
        if check and done.returncode:
            raise RuntimeError(done.stderr.decode("utf-8", "replace"))
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def rebase(self, onto, tip):
        """What Git does: ("done", log), ("stopped", commit, stages), or ("not run",)."""
        self("checkout", "-q", "--force", "--detach", tip)
        self("clean", "-ffdxq")
        self("rebase", "-q", "--merge", "--empty=drop", onto, check=False)
        try:
            folder = self.path / ".git" / "rebase-merge"
            if not folder.exists():
                log = self(*LOG, f"{onto}..HEAD")
                moved = self("merge-base", onto, "HEAD") == onto
                return ("done", log) if moved else ("not run",)
            stopped = self("rev-parse", "--verify", "REBASE_HEAD", check=False)
            return ("stopped", stopped, self.unmerged()) if stopped else ("not run",)
        finally:
            self("rebase", "--abort", check=False)

    def unmerged(self):
        records = self("ls-files", "-u", "-z").split("\0")[:-1]
        heads = (record.partition("\t") for record in records)
        return sorted((plain(path), *head.split()) for head, _, path in heads)


def plain(path):
    """Without the label that Git gives to a file that is in the way; labels differ."""
    return re.sub(r"~[^/]*$", "~", path)


def ours(checkout, base, onto, tip):
    """The same from memory."""
    result = replay(checkout.git, base=base, tip=tip, onto=onto)
    if isinstance(result, Replayed):
        return "done", checkout(*LOG, f"{onto}..{result.new_tip}")
    stages = [
        (plain(path), side.mode, side.oid, str(stage))
        for path, sides in result.merged.stages.items()
        for stage, side in sides.items()
    ]
    return "stopped", result.step.oid, sorted(stages)


def cases(checkout, seed):
    """(onto, tip) for both directions of every merge of two, in random order."""
    found = []
    for line in checkout("rev-list", "--all", "--min-parents=2", "--max-parents=2", "--parents").splitlines():
        _, one, other = line.split()
        found += [(one, other), (other, one)]
    found = sorted(set(found))
    random.Random(seed).shuffle(found)
    return found


def compare(checkout, onto, tip):
    """A word for the outcome and, where they differ, both sides."""
    base = checkout("merge-base", onto, tip, check=False).split("\n")[0]
    if not base:
        return "unrelated", None
    if base in {onto, tip}:
        return "nothing to do", None
    if int(checkout("rev-list", "--count", f"{base}..{tip}")) > MAX_COMMITS:
        return "too many commits", None
    git = checkout.rebase(onto, tip)
    if git == ("not run",):
        return "git did not run", None
    memory = ours(checkout, base, onto, tip)
    return (f"equal, {git[0]}", None) if git == memory else ("DIFFERENT", (git, memory))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("repository", type=Path)
    options.add_argument("--minutes", type=float, default=15)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    counts = collections.Counter()
    end = time.monotonic() + given.minutes * 60
    with tempfile.TemporaryDirectory(prefix="equality-") as folder:
        checkout = Checkout(given.repository, Path(folder) / "checkout")
        todo = cases(checkout, given.seed)
        for onto, tip in todo:
            if time.monotonic() > end:
                counts["not reached"] = len(todo) - counts.total()
                break
            word, sides = compare(checkout, onto, tip)
            counts[word] += 1
            if sides:
                print(
                    f"DIFFERENT onto {onto} tip {tip}\n  git:  {sides[0]!r:.900}\n  ours: {sides[1]!r:.900}"
                )
    print(f"{len(todo)} cases")
    for word, count in counts.most_common():
        print(f"{count:6} {word}")


if __name__ == "__main__":
    main()
