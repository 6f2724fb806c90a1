"""Git's merge by lines over again with lines aligned by patience: some conflicts are owed to the alignment."""

from collections.abc import Mapping

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import by_hunk, lines
from git_ops.resolve.candidates.sequences import edits, merge, patience


class Patience:
    """See the module's docstring."""

    name = "patience"
    family = "lines"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """The merge of each hunk that is none under this alignment."""
        return by_hunk(conflict, _merge)


def _merge(hunk: Hunk) -> bytes | None:
    base = lines(hunk.base)
    ours, theirs = edits(base, lines(hunk.target), patience), edits(base, lines(hunk.agent), patience)
    if ours is None or theirs is None:
        return None
    merged = merge(base, ours, theirs)
    return None if merged is None else b"".join(merged)
