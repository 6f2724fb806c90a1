"""Three-way merge by lines in which edits that merely touch are no conflict.

Git joins edits of neighbouring lines into one conflict; the "adjacent changes" rule takes them apart again.
An insertion beside lines that the other side changed stays beside what they became. That those are still the same
lines is more than lines can tell: it is for another method to confirm. Beside lines that went, it is a conflict.
"""

from collections.abc import Mapping

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import by_hunk, lines
from git_ops.resolve.candidates.sequences import merge_surely


class Lines:
    """See the module's docstring."""

    name = "lines"
    family = "lines"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """The merge by lines of each hunk that has one."""
        return by_hunk(conflict, merge_lines)


def merge_lines(hunk: Hunk) -> bytes | None:
    """The merge by lines of one hunk."""
    merged = merge_surely(lines(hunk.base), lines(hunk.target), lines(hunk.agent), touching="apart")
    return None if merged is None else b"".join(merged)
