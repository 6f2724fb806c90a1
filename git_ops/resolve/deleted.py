"""One side deleted what the other changed: find where it went, or see that nothing would be lost.

* A file that was moved and rewritten is no deletion: its edit is carried to where it is now.
* A deletion stands where the other side's change is one of blanks, line ends or mode alone. A new name is more than
  that: who gives one wants to have the file there.
* Really removed and really edited is a question for someone who knows what was meant. Never decided here.
"""

from git_ops import lookup
from git_ops.conflict import Abstained, Answer, Conflict, Reduced, Resolution, Side
from git_ops.resolve.chain import Context
from git_ops.resolve.homes import Home, find_home
from git_ops.resolve.rest import rest_at


class DeletedResolver:
    """See the module's docstring for the rules."""

    name = "deleted"
    kinds = frozenset({"modify/delete", "rename/delete", "file/directory"})

    def resolve(self, conflict: Conflict, context: Context) -> Answer:
        """The edit carried to the file's new name, the deletion, or why neither."""
        base, edited = conflict.base, conflict.target or conflict.agent
        if conflict.kind not in self.kinds or base is None or edited is None:
            return Abstained(why=f"{conflict.kind} isn't about a deleted file")
        if (conflict.target and conflict.agent) or len(conflict.stages) != 1:
            return Abstained(why="more than a deletion and an edit meet at this path")
        editor, deleter = ("target", "agent") if conflict.target else ("agent", "target")
        if conflict.kind != "rename/delete" and barely_changed(base, edited):
            why = f"the {editor} changed nothing but blanks, line ends or mode of what the {deleter} deleted"
            return Resolution(
                resolver=self.name, source="rule", why=why, files=dict.fromkeys(conflict.stages)
            )
        if not (base.is_file and edited.is_file):
            return Abstained(
                why=f"the {deleter} deleted what the {editor} changed, and it isn't a regular file"
            )
        what = "renamed" if base.oid == edited.oid else "edited"
        return self._moved(conflict, context, base, edited) or Abstained(
            why=f"the {deleter} removed what the {editor} {what}, and no file has taken its place"
        )

    def _moved(self, conflict: Conflict, context: Context, base: Side, edited: Side) -> Reduced | None:
        git, deleter = context.git, context.tip if conflict.target else context.onto
        editor = context.onto if conflict.target else context.tip
        old = old_name(conflict, context, editor, base)
        home = find_home(git, fork=context.fork, tip=deleter, old=old, base=base) if old else None
        if home is None or not _is_free(context, conflict, home):
            return None
        now = next(iter(conflict.stages))
        renamed = conflict.kind == "rename/delete"
        # Where both sides moved it, the target's name wins.
        path = now if conflict.target and renamed else home.path
        target, agent = (edited, home.side) if conflict.target else (home.side, edited)
        rest = rest_at(git, conflict, path, base=base, target=target, agent=agent)
        if rest.kind != "content" or (rest.hunks and not home.sure):
            return None
        why = f"{old} is {home.path} now ({home.why}); the other side's edit goes there"
        gone: dict[str, None] = dict.fromkeys({now, home.path} - {path})
        return Reduced(resolver=self.name, why=why, files=gone, rest=rest)


def barely_changed(base: Side, side: Side) -> bool:
    """The same object type, and nothing in the content differs but blanks and line ends."""
    if base.oid == side.oid:
        return base.is_file == side.is_file
    if not (base.is_file and side.is_file) or base.content is None or side.content is None:
        return False
    return b"\0" not in base.content and base.content.split() == side.content.split()


def old_name(conflict: Conflict, context: Context, editor: str, base: Side) -> str:
    """What the file was called at the fork; empty where that can't be told."""
    there = lookup.sides_at(context.git, context.fork, conflict.paths)
    same = [path for path, side in there.items() if side.oid == base.oid]
    if same:
        return same[0]
    renames = lookup.renames(context.git, context.fork, editor)
    return next((rename.old for rename in renames if rename.new in conflict.paths), "")


def _is_free(context: Context, conflict: Conflict, home: Home) -> bool:
    """Nobody else has touched the new home: Git's merge has there exactly what the side that moved it has."""
    merged = lookup.sides_at(context.git, context.merged_tree, [home.path]).get(home.path)
    return home.path not in conflict.paths and merged is not None and merged.oid == home.side.oid
