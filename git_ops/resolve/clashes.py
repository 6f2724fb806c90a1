"""A file where the other side has a directory, a link or a submodule.

* Only where one side's change is one of blanks, line ends or mode does the other side's new type stand; the rest is a
  question (`options.py`).
* The answer is always about the path people know. The name at which Git parked a side goes.
"""

from git_ops.conflict import LINK, SUBMODULE, Abstained, Conflict, File, Resolution, Side
from git_ops.resolve.chain import Context
from git_ops.resolve.deleted import barely_changed


class ClashResolver:
    """Settles `distinct-types` where one side changed nothing that matters; says what is in the way otherwise."""

    name = "clash"
    kinds = frozenset({"file/directory", "distinct-types"})

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:  # noqa: ARG002  # the port's
        """The side that changed the type, or what stands against what."""
        base, target, agent = conflict.base, conflict.target, conflict.agent
        if conflict.kind == "file/directory":
            file, directory = ("target", "agent") if conflict.target else ("agent", "target")
            return Abstained(why=f"the {file} has a file where the {directory} has a directory")
        if conflict.kind != "distinct-types" or target is None or agent is None:
            return Abstained(why=f"{conflict.kind} isn't about two sorts of thing at one path")
        for kept, other in ((agent, target), (target, agent)):
            if base and barely_changed(base, other) and not barely_changed(base, kept):
                return self._take(conflict, kept)
        return Abstained(why=f"the target has a {sort_of(target)} here, the agent a {sort_of(agent)}")

    def _take(self, conflict: Conflict, side: Side) -> Resolution:
        files = dict.fromkeys(conflict.stages) | {conflict.path: File.of(side)}
        why = f"only one side changed it, into a {sort_of(side)}"
        return Resolution(resolver=self.name, source="rule", why=why, files=files)


def sort_of(side: Side) -> str:
    """`file`, `link` or `submodule`."""
    return {LINK: "link", SUBMODULE: "submodule"}.get(side.mode, "file")
