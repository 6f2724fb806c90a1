"""Which paths an answer or a tree touches, and what kind of object it puts there.

* Every path that has stages is decided; nothing else is touched, unless an agent or a model declared it.
* A name that Git made up to park a side at never gets a file, and no name leaves the tree or enters `.git`.
* Only a side's own object is ever a link or a submodule: nobody may make one up.
* Who can't be trusted keeps the mode that a three-way merge gives.
"""

import re
from collections.abc import Collection, Iterator

from git_ops.conflict import LINK, SUBMODULE, Conflict, File, Resolution, Side, merged_mode
from git_ops.objects import decode_path, show_path
from git_ops.process import Git
from git_ops.verify.gate import PATH_SET, Gate

UNTRUSTED = frozenset({"memory", "model", "agent"})
_MAY_GO_ELSEWHERE = frozenset({"model", "agent"})
_MODES = frozenset({"100644", "100755", LINK, SUBMODULE})
_PARKED = re.compile(r"~[0-9a-f]{40,64}(?:_\d+)?$")
_DOT_GIT = re.compile(r"(?:\.git|git~\d+)[. ]*(?::.*)?$", re.IGNORECASE)
"""The spellings of `.git` that some file system takes for it: NTFS short names, streams, trailing dots and blanks."""
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def resolution_paths(conflict: Conflict, resolution: Resolution) -> Gate:
    """The gate `path-set` for one answer."""
    why = next(_faults(conflict, resolution), "")
    return Gate(name=PATH_SET, passed=not why, why=why)


def path_set(git: Git, *, merged: str, result: str, allowed: Collection[str]) -> Gate:
    """The gate `path-set` for a tree: nothing but `allowed` differs between Git's merge and the settled tree."""
    raw = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", merged, result).stdout
    other = {decode_path(path) for path in raw.split(b"\0") if path} - set(allowed)
    why = f"{show_path(min(other))} was changed, too" if other else ""
    return Gate(name=PATH_SET, passed=not other, why=why)


def _faults(conflict: Conflict, resolution: Resolution) -> Iterator[str]:
    if open_paths := conflict.stages.keys() - resolution.files.keys():
        yield f"{show_path(min(open_paths))} is left undecided"
    allowed = {conflict.path, *conflict.paths, *conflict.stages}
    if resolution.source in _MAY_GO_ELSEWHERE:
        allowed |= resolution.elsewhere
    if other := resolution.files.keys() - allowed:
        yield f"{show_path(min(other))} has nothing to do with the conflict"
    for path, file in sorted(resolution.files.items()):
        if file is not None and (why := _bad_name(path) or _bad_file(conflict, resolution, path, file)):
            yield f"{show_path(path)} {why}"


def _bad_name(path: str) -> str:
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} for part in parts):
        return "is no path inside the tree"
    if any(_DOT_GIT.match(_IGNORED_BY_HFS.sub("", part)) for part in parts):
        return "would be taken for Git's own directory"
    return "is a name that Git made up" if _PARKED.search(path) else ""


def _bad_file(conflict: Conflict, resolution: Resolution, path: str, file: File) -> str:
    sides = _sides(conflict)
    if file.mode not in _MODES:
        return f"has the impossible mode {show_path(file.mode)}"
    own = any(
        side.mode == file.mode
        and (side.oid == file.oid or (file.oid is None and side.content == file.content))
        for side in sides
    )
    if file.mode in {LINK, SUBMODULE}:
        return "" if own else "would become a link that no side has"
    if resolution.source not in UNTRUSTED or own:
        return ""
    if file.oid is not None and file.oid not in {side.oid for side in sides if side.is_file}:
        return "is to be an object that no side has"
    if path in conflict.stages or path == conflict.path:
        return _bad_mode(file.mode, merged_mode(conflict), sides)
    return ""


def _bad_mode(mode: str, merged: str, sides: tuple[Side, ...]) -> str:
    """Where the merged mode is no regular file's, any side's file mode will do."""
    fitting = {merged} if merged in {"100644", "100755"} else {side.mode for side in sides}
    return "" if mode in fitting else f"has mode {mode}, but the sides merge to {min(fitting)}"


def _sides(conflict: Conflict) -> tuple[Side, ...]:
    staged = [side for stages in conflict.stages.values() for side in stages.values()]
    named = [conflict.base, conflict.target, conflict.agent]
    return tuple(side for side in (*staged, *named) if side is not None)
