"""A directory was renamed on one side while the other side put files into it.

* Git's suggestion is followed where every file of that directory that can be followed went to the same new place.
* A directory whose files went to several places, or files that would collide, are a question: both names are there,
  nothing is lost, but where they belong only someone who knows can tell.
"""

from git_ops import lookup
from git_ops.conflict import Abstained, Answer, Conflict, File, Reduced, Resolution
from git_ops.resolve.chain import Context
from git_ops.resolve.rest import rest_at


class DirectoryRenameResolver:
    """See the module's docstring for the rules."""

    name = "directory-rename"
    kinds = frozenset({"directory-rename", "directory-rename-split", "directory-rename-collision"})

    def resolve(self, conflict: Conflict, context: Context) -> Answer:
        """The file at its new place, or why not."""
        if conflict.kind not in self.kinds:
            return Abstained(why=f"{conflict.kind} isn't about a renamed directory")
        if conflict.kind != "directory-rename" or len(conflict.paths) != 2:
            return Abstained(why="the directory's files went to several places, or several files to one")
        if tuple(conflict.stages) != (conflict.path,):
            return Abstained(why="other changes meet where the file would go")
        new, old = conflict.paths
        mover = mover_of(context, old)
        if mover is None or not _unanimous(context, mover, old, new):
            return Abstained(why=f"not all of the directory's files went where {new} would go")
        return self._moved(conflict, context, new, old)

    def _moved(self, conflict: Conflict, context: Context, new: str, old: str) -> Answer:
        base, target, agent = conflict.base, conflict.target, conflict.agent
        why = f"the whole directory of {old} was renamed; what refers to the old name must follow"
        if base and target and agent:
            rest = rest_at(context.git, conflict, new, base=base, target=target, agent=agent)
            return Reduced(resolver=self.name, why=why, files={}, rest=rest)
        only = [side for side in (target, agent) if side]
        if len(only) != 1:
            return Abstained(why=f"{new} is another file on the side that renamed the directory")
        return Resolution(resolver=self.name, source="rule", why=why, files={new: File.of(only[0])})


def mover_of(context: Context, old: str) -> str | None:
    """The commit whose side renamed the directory: the one that has no file of the old name, where the other has."""
    has = [bool(lookup.sides_at(context.git, side, [old])) for side in (context.onto, context.tip)]
    if has[0] == has[1]:
        return None
    return context.tip if has[0] else context.onto


def directories(old: str, new: str) -> tuple[str, str]:
    """The renamed directory and its new name: both paths without what they have in common at the end."""
    before, after = old.split("/"), new.split("/")
    while len(before) > 1 and len(after) > 1 and before[-1] == after[-1]:
        before.pop()
        after.pop()
    return "/".join(before), "/".join(after)


def _unanimous(context: Context, mover: str, old: str, new: str) -> bool:
    """All that was in the file's own directory went there; what happened further up doesn't matter."""
    before, after = old.rpartition("/")[0], new.rpartition("/")[0]
    moved = [
        rename.new
        for rename in lookup.renames(context.git, context.fork, mover)
        if rename.old.startswith(f"{before}/")
    ]
    return bool(moved) and all(path.startswith(f"{after}/") for path in moved)
