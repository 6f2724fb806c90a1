"""The same content with modes that differ: the mode merges three-way, apart from the content.

A file that both sides added is executable if either says so: losing the bit breaks a script, having it breaks nothing.
"""

from git_ops.conflict import Abstained, Conflict, File, Resolution, merged_mode
from git_ops.resolve.chain import Context


class ModeResolver:
    """Settles conflicts of the kind `mode`."""

    name = "mode"
    kinds = frozenset({"mode"})

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:  # noqa: ARG002  # the port's
        """The one content with the merged mode."""
        target, agent = conflict.target, conflict.agent
        if target is None or agent is None or tuple(conflict.stages) != (conflict.path,):
            return Abstained(why="it isn't one path's content")
        if target.oid != agent.oid or not (target.is_file and agent.is_file):
            return Abstained(why="the contents differ")
        mode = merged_mode(conflict)
        why = f"both sides have the same content; the modes merge to {mode}"
        return Resolution(
            resolver=self.name, source="rule", why=why, files={conflict.path: File.of(target, mode=mode)}
        )
