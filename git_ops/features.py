"""What the git on PATH can do, found out by letting it do it.

* Tried once per process and program, on a throw-away repository of three commits; never read from a version number:
  distributions carry patches, and an option that exists isn't one that works.
* What fails or crashes in any way counts as not there.
"""

import dataclasses
import functools
import shutil
import tempfile
from pathlib import Path

from git_ops.errors import GitFailed
from git_ops.process import Git
from git_ops.scratch import read_branch, scratch

_HISTORY = b"""commit refs/heads/base
committer x <x> 0 +0000
data 0
M 644 inline .gitattributes
data 14
* merge=union

M 644 inline f
data 2
1

commit refs/heads/onto
committer x <x> 0 +0000
data 0
from refs/heads/base
M 644 inline f
data 4
1
T

commit refs/heads/tip
committer x <x> 0 +0000
data 0
from refs/heads/base
M 644 inline f
data 4
1
A

"""
"""Two sides that only merge where the attribute in their base is honoured."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Each is known to work, not only to exist."""

    merge_base: bool
    """`git merge-tree --merge-base=…`."""
    attr_source: bool
    """`git --attr-source=…`, honoured by merges in a bare repository."""
    replay: bool
    """`git replay --onto`, honouring `--attr-source`."""
    diff_algorithm: bool
    """`git merge-file --diff-algorithm=…`."""


def features() -> Features:
    """Those of the git that would be run now."""
    return _tried(shutil.which("git", path=Git().environment()["PATH"]) or "git")


@functools.cache
def _tried(_program: str) -> Features:
    with tempfile.TemporaryDirectory(prefix="git-features-") as folder:
        git = scratch(Path(folder))
        git.run("fast-import", "--quiet", stdin=_HISTORY)
        merge = ("merge-tree", "--write-tree", "--merge-base=base", "onto", "tip")
        attr_source = _works(git, "--attr-source=onto", *merge)
        texts = [str(Path(folder) / name) for name in "tba"]
        for text in texts:
            Path(text).write_bytes(b"1\n")
        return Features(
            merge_base=attr_source or _works(git, *merge, ok=(0, 1)),
            attr_source=attr_source,
            replay=attr_source and _replays(git),
            diff_algorithm=_works(git, "merge-file", "-p", "--diff-algorithm=histogram", *texts),
        )


def _replays(git: Git) -> bool:
    before = read_branch(git, "tip")
    try:
        done = git.run("--attr-source=onto", "replay", "--onto", "onto", "base..tip", env=COMMITTER)
    except GitFailed:
        return False
    return bool(done.stdout) or read_branch(git, "tip") != before


def _works(git: Git, *args: str, ok: tuple[int, ...] = (0,)) -> bool:
    try:
        git.run(*args, ok=ok)
    except GitFailed:
        return False
    return True


COMMITTER = {
    "GIT_COMMITTER_NAME": "nobody",
    "GIT_COMMITTER_EMAIL": "nobody",
    "GIT_COMMITTER_DATE": "@0 +0000",
}
"""Who makes commits that nobody gets to see."""
