"""Git as a library: hardened processes, mirrors, workspaces, and a rebase that understands conflicts.

Knows Git and nothing of the service around it. Everything that is raised is a `GitError`. Nothing here reads the
user's Git configuration, runs a hook or a filter, or follows what a repository tells it to run.
"""

from git_ops.conflict import Abstained, Conflict, Hunk, HunkChoice, Resolution, Side
from git_ops.errors import (
    BadName,
    Busy,
    GitError,
    GitFailed,
    GitTimeout,
    LeaseLost,
    NestedRepository,
    NotARepository,
    OutputTooLarge,
    PushRejected,
    RemoteDenied,
    RemoteError,
    RemoteUnreachable,
    UnknownRef,
    Unmergeable,
    WorkTreeRefused,
)
from git_ops.mirror import Mirror
from git_ops.objects import Identity, show_path
from git_ops.process import Completed, Git, HeaderAuth
from git_ops.push import PushResult, push, push_ref
from git_ops.rebase import merge_base, rebase
from git_ops.refs import branch_ref, branch_slug, check_branch, check_oid, check_ref, check_url, is_oid
from git_ops.replay import Refused, Replayed, Stopped, replay
from git_ops.report import (
    ChangedPath,
    CommitFact,
    ConflictFact,
    DiffFacts,
    RebaseReport,
    ReplayedCommit,
    commit_facts,
    diff_facts,
)
from git_ops.resolve.chain import Chain, Context, Resolver
from git_ops.resolve.oracle import OracleResolver
from git_ops.resolve.trivial import TrivialResolver
from git_ops.workspace import Workspace

__all__ = [
    "Abstained",
    "BadName",
    "Busy",
    "Chain",
    "ChangedPath",
    "CommitFact",
    "Completed",
    "Conflict",
    "ConflictFact",
    "Context",
    "DiffFacts",
    "Git",
    "GitError",
    "GitFailed",
    "GitTimeout",
    "HeaderAuth",
    "Hunk",
    "HunkChoice",
    "Identity",
    "LeaseLost",
    "Mirror",
    "NestedRepository",
    "NotARepository",
    "OracleResolver",
    "OutputTooLarge",
    "PushRejected",
    "PushResult",
    "RebaseReport",
    "Refused",
    "RemoteDenied",
    "RemoteError",
    "RemoteUnreachable",
    "Replayed",
    "ReplayedCommit",
    "Resolution",
    "Resolver",
    "Side",
    "Stopped",
    "TrivialResolver",
    "UnknownRef",
    "Unmergeable",
    "WorkTreeRefused",
    "Workspace",
    "branch_ref",
    "branch_slug",
    "check_branch",
    "check_oid",
    "check_ref",
    "check_url",
    "commit_facts",
    "diff_facts",
    "is_oid",
    "merge_base",
    "push",
    "push_ref",
    "rebase",
    "replay",
    "show_path",
]
