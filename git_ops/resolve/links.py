"""Both sides changed where a symbolic link goes: a three-way merge of its text, as one value.

* Only a side's own link is taken, by its object's id. None is followed and none is made up.
* One that leaves the repository isn't taken from the agent, unless the target has it as well.
"""

import posixpath

from git_ops.conflict import LINK, Abstained, Conflict, File, Resolution, Side
from git_ops.objects import show_path
from git_ops.resolve.chain import Context
from git_ops.resolve.whole import changed_side


class LinkResolver:
    """Settles `symlink`: a three-way merge of where the link goes, as one value."""

    name = "symlink"
    kinds = frozenset({"symlink"})

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:  # noqa: ARG002  # the port's
        """The side's own link that differs from the base, where only one does."""
        if conflict.kind not in self.kinds or tuple(conflict.stages) != (conflict.path,):
            return Abstained(why=f"{conflict.kind} isn't about a link")
        chosen = changed_side(conflict)
        if chosen is None or chosen.mode != LINK:
            return Abstained(why=f"both sides changed where the link goes: {_destinations(conflict)}")
        if (
            chosen == conflict.agent
            and chosen != conflict.target
            and leaves_repository(conflict.path, chosen)
        ):
            return Abstained(why=f"the agent's link leaves the repository: {_destinations(conflict)}")
        why = "only one side changed where the link goes"
        return Resolution(resolver=self.name, source="rule", why=why, files={conflict.path: File.of(chosen)})


def leaves_repository(path: str, link: Side) -> bool:
    """The link at `path` is absolute or climbs out of the tree; so does one whose text wasn't read."""
    if link.content is None or link.content.startswith((b"/", b"\\")) or b":" in link.content[:3]:
        return True
    text = link.content.decode("utf-8", "surrogateescape")
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), text)).split("/")[0] == ".."


def _destinations(conflict: Conflict) -> str:
    shown = (
        f"{role} has {show_path((side.content or b'?').decode('utf-8', 'replace'))[:200]}"
        for role, side in (("target", conflict.target), ("agent", conflict.agent))
        if side
    )
    return ", ".join(shown)
