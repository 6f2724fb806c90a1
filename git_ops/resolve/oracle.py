"""What Git itself says the file is in the end.

Where the two tips merge cleanly, the end of the series is known. If no later commit touches the path, what the
merge has there is what this step must leave there: a fact, not a guess.
"""

from git_ops import objects
from git_ops.conflict import Abstained, Conflict, Resolution
from git_ops.hunks import MAX_TEXT_BYTES
from git_ops.resolve.chain import Context

_MODES = frozenset({"100644", "100755", "120000"})


class OracleResolver:
    """Takes the path from the merge of the two tips."""

    name = "oracle"

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:
        """See the module's docstring."""
        if context.oracle_tree is None:
            return Abstained(why="the tips don't merge cleanly either")
        if not conflict.simple:
            return Abstained(why=f"{conflict.kind} concerns more than one path")
        if conflict.path in context.later_paths:
            return Abstained(why="a later commit changes the file again")
        found = objects.entry(context.git, context.oracle_tree, conflict.path)
        why = "Git merges the two tips cleanly, and this is what the merge has here"
        if found is None:
            return Resolution(resolver=self.name, source="git", why=why, content=None)
        if found.mode not in _MODES or found.size is None or found.size > MAX_TEXT_BYTES:
            return Abstained(why="the merge has no ordinary file of readable size here")
        content = objects.read_blob(context.git, found.oid, max_bytes=MAX_TEXT_BYTES)
        return Resolution(resolver=self.name, source="git", why=why, mode=found.mode, content=content)
