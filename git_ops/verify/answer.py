"""Which gates an answer must pass: all that can say something about it, stricter the less its source is trusted.

Git's own merge isn't asked to explain itself. A rule of ours is held to the sides' changes like a model: a rule that
loses one is a defect, and the check is cheap. Only where it gives the whole file anew (a lock file, a merge from a
truer base) the sides' changes are no measure.
"""

from git_ops.conflict import Conflict, Resolution
from git_ops.verify.changes import changes_preserved
from git_ops.verify.gate import Gate
from git_ops.verify.parses import no_duplicates, parses
from git_ops.verify.paths import resolution_paths
from git_ops.verify.text import marker_lines, outside_hunks


def check_resolution(conflict: Conflict, resolution: Resolution) -> tuple[Gate, ...]:
    """Every gate's verdict about one answer, failed ones included; the answer counts if all passed."""
    gates = [
        resolution_paths(conflict, resolution),
        marker_lines(conflict, resolution),
        parses(conflict, resolution),
    ]
    if resolution.source != "git":
        gates += [
            outside_hunks(conflict, resolution),
            no_duplicates(conflict, resolution),
            changes_preserved(conflict, resolution),
        ]
    return tuple(gates)
