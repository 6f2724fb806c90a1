"""The gates: named checks that an answer, a tree and a whole rebase must pass before they count."""

from git_ops.verify.answer import check_resolution
from git_ops.verify.gate import GATES, Gate, needs_command
from git_ops.verify.paths import path_set
from git_ops.verify.series import CommandResult, end_tree, range_diff, repository_command
from git_ops.verify.symbols import clean_but_suspicious

__all__ = [
    "GATES",
    "CommandResult",
    "Gate",
    "check_resolution",
    "clean_but_suspicious",
    "end_tree",
    "needs_command",
    "path_set",
    "range_diff",
    "repository_command",
]
