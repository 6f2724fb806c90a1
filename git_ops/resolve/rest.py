"""What is left of a conflict once its names are decided: one file's conflict at one path."""

import dataclasses

from git_ops.conflict import LINK, SUBMODULE, Abstained, Conflict, File, Resolution, Side, merged_mode
from git_ops.generated import recipe_for
from git_ops.grouping import with_hunks
from git_ops.hunks import is_lfs_pointer
from git_ops.process import Git
from git_ops.resolve.chain import Context


def rest_at(
    git: Git, conflict: Conflict, path: str, *, base: Side | None, target: Side, agent: Side
) -> Conflict:
    """The conflict of these three versions at `path`. All contents must have been read."""
    stages = {1: base, 2: target, 3: agent}
    rest = dataclasses.replace(
        conflict,
        path=path,
        kind=_kind(path, base, target, agent),
        paths=tuple(dict.fromkeys([path, *conflict.paths])),
        stages={path: {number: side for number, side in stages.items() if side}},
        base=base,
        target=target,
        agent=agent,
        between=(),
        hunks=(),
    )
    return with_hunks(git, rest)


def _kind(path: str, base: Side | None, target: Side, agent: Side) -> str:
    sides = [side for side in (base, target, agent) if side]
    if any(side.mode == SUBMODULE for side in sides):
        return "submodule"
    if all(side.mode == LINK for side in sides):
        return "symlink"
    if not all(side.is_file for side in sides):
        return "distinct-types"
    if any(is_lfs_pointer(side.content or b"") for side in sides):
        return "lfs-pointer"
    if recipe_for(path, target.content):
        return "generated"
    return "content" if base else "add/add"


def clean_text(conflict: Conflict) -> File | None:
    """Git's own merge of the three texts by lines; none where that has hunks, or it isn't text."""
    if conflict.hunks or len(conflict.between) != 1 or tuple(conflict.stages) != (conflict.path,):
        return None
    return File(mode=merged_mode(conflict), content=conflict.between[0])


class CleanTextResolver:
    """Settles a text that merges by lines without a hunk once it is known which file is which."""

    name = "line-merge"
    kinds = frozenset({"content", "add/add"})

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:  # noqa: ARG002  # the port's
        """Git's own merge of the three texts, where it is clean."""
        file = clean_text(conflict)
        if file is None:
            return Abstained(why="its text must be merged")
        return Resolution(
            resolver=self.name,
            source="rule",
            why="the three versions merge by lines",
            files={conflict.path: file},
            elsewhere=frozenset({conflict.path}),
        )
