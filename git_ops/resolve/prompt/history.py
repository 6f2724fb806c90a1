"""Why each side changed things, in its authors' words, and what was renamed on the way."""

from collections.abc import Sequence

from git_ops.conflict import Conflict
from git_ops.errors import GitError
from git_ops.objects import decode_path, show_path
from git_ops.resolve.chain import Context
from git_ops.resolve.prompt.codec import shorten, visible

_COMMITS = 20
_COMMITS_OF_FILE = 8
_MESSAGE_CHARS = 1_500
_RENAMES = 40
_SECONDS = 10


def commits(context: Context, revisions: str) -> str:
    """Subjects and bodies of the newest commits of a range, newest first."""
    return _log(context, revisions, (), count=_COMMITS, what="%h %B")


def commits_touching(context: Context, revisions: str, conflict: Conflict) -> str:
    """Those of them that touch the file, under whichever of its names."""
    paths = tuple(dict.fromkeys((conflict.path, *conflict.stages)))
    return _log(context, revisions, paths, count=_COMMITS_OF_FILE, what="%h %B")


def renames(context: Context) -> str:
    """What either side renamed since BASE."""
    found = []
    for role, tip in (("TARGET", context.onto), ("AGENT", context.tip)):
        found += [f"{role}: {old} -> {new}" for old, new in _renames(context, tip)]
    left_out = f"\n[… {len(found) - _RENAMES} more …]" if len(found) > _RENAMES else ""
    return "\n".join(found[:_RENAMES]) + left_out


def _log(context: Context, revisions: str, paths: Sequence[str], *, count: int, what: str) -> str:
    args = ("log", "-z", "--no-color", "--no-show-signature", f"--max-count={count}", f"--format={what}")
    try:
        raw = context.git.run(*args, revisions, "--", *paths, timeout_seconds=_SECONDS).stdout
    except GitError:
        return ""  # helpful, not needed
    return "\n\n".join(shorten(visible(text.strip()), _MESSAGE_CHARS) for text in raw.split(b"\0") if text)


def _renames(context: Context, tip: str) -> list[tuple[str, str]]:
    args = ("diff-tree", "-r", "-z", "-M", "-l1000", "--diff-filter=R", "--name-status", context.fork, tip)
    try:
        raw = context.git.run(*args, timeout_seconds=_SECONDS).stdout
    except GitError:
        return []  # helpful, not needed
    fields = [show_path(decode_path(field)) for field in raw.split(b"\0")[:-1]]
    return list(zip(fields[1::3], fields[2::3], strict=True))
