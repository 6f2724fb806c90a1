"""Where three versions of a text disagree: clean stretches and hunks, as bytes.

* Computed from the three blobs with `git merge-file --diff3`, with markers longer than any run of marker
  characters in the inputs: a text that looks like markers can't be taken for one.
* A newline that Git adds in front of a marker, where a side's file ends without one, is taken off again.
"""

import dataclasses
import re
import tempfile
from pathlib import Path

from git_ops.conflict import Hunk
from git_ops.errors import GitFailed, Unmergeable
from git_ops.features import features
from git_ops.process import Git

MAX_TEXT_BYTES = 1024 * 1024
_MAX_MARKER = 4_096
_TREE_MERGE = "histogram"
_ALGORITHMS = (_TREE_MERGE, "myers", "patience", "minimal")
_LABELS = ("target", "base", "agent")
_RUN = re.compile(rb"^[<|=>]+", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`between` has one element more than `hunks`."""

    between: tuple[bytes, ...]
    hunks: tuple[Hunk, ...]


def is_text(content: bytes) -> bool:
    """What Git would merge by lines: no NUL in it and not a pointer to a large file."""
    return b"\0" not in content and not is_lfs_pointer(content)


def is_lfs_pointer(content: bytes) -> bool:
    """A Git LFS pointer, which must be taken whole."""
    return content.startswith(b"version https://git-lfs.github.com/spec/")


def split(
    git: Git, *, base: bytes, target: bytes, agent: bytes, diff_algorithm: str | None = None
) -> Split | None:
    """Split the merge of three texts; none where Git won't merge them by lines.

    Without `diff_algorithm` it is the one that Git's tree merge uses, where this Git can be told; of those in
    `diff_algorithms` another one may cut elsewhere, or find no conflict at all.
    """
    if diff_algorithm and diff_algorithm not in diff_algorithms():
        return None
    longest = max((len(run) for text in (base, target, agent) for run in _RUN.findall(text)), default=0)
    size = max(7, longest + 1)
    if size > _MAX_MARKER or not all(map(is_text, (base, target, agent))):
        return None
    options = [f"--marker-size={size}", *(word for name in _LABELS for word in ("-L", name))]
    if diff_algorithms():
        options.append(f"--diff-algorithm={diff_algorithm or _TREE_MERGE}")
    with tempfile.TemporaryDirectory(prefix="git-hunks-") as folder:
        files = [str(Path(folder) / name) for name in _LABELS]
        for name, content in zip(files, (target, base, agent), strict=True):
            Path(name).write_bytes(content)
        try:
            merged = git.run("merge-file", "-p", "-q", "--diff3", *options, *files, ok=range(128)).stdout
        except GitFailed:
            return None
    return _parse(merged, size, base=base, target=target, agent=agent)


def diff_algorithms() -> tuple[str, ...]:
    """What `split` may be asked for; nothing where this Git can't be told."""
    return _ALGORITHMS if features().diff_algorithm else ()


def _parse(merged: bytes, size: int, *, base: bytes, target: bytes, agent: bytes) -> Split:
    marks = b"|".join(re.escape(char * size) + label for char, label in _MARKS)
    pieces = re.split(rb"^(?:" + marks + rb")\r?\n", merged, flags=re.MULTILINE)
    if len(pieces) % 4 != 1:
        raise Unmergeable("Git's merge of this file can't be taken apart")
    between, hunks = list(pieces[0::4]), []
    for i in range(len(pieces) // 4):
        ours, origin, theirs = pieces[4 * i + 1 : 4 * i + 4]
        if i == len(pieces) // 4 - 1 and not between[-1]:
            ours, origin, theirs = _tail(ours, target), _tail(origin, base), _tail(theirs, agent)
        hunks.append(Hunk(id=f"h{i + 1}", base=origin, target=ours, agent=theirs))
    return Split(between=tuple(between), hunks=tuple(hunks))


_MARKS = ((b"<", b" target"), (b"|", b" base"), (b"=", b""), (b">", b" agent"))


def _tail(section: bytes, whole: bytes) -> bytes:
    """The last hunk's text is the end of its file; what is there beyond that was added by Git."""
    if section and not whole.endswith(section):
        for newline in (b"\n", b"\r\n"):  # the shorter one first: the file itself may end with a bare CR
            if section.endswith(newline) and whole.endswith(section.removesuffix(newline)):
                return section.removesuffix(newline)
    return section
