"""Who may make us work, and which changes we are willing to publish.

Both answers come from facts that the caller has looked up (permissions asked of the forge, the diff read from
Git); names, author associations and Git authors decide nothing. What isn't known is refused.
"""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

_MAY_ASK = frozenset({"write", "admin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why not. `tell` says whether the person may read it in the thread: strangers get no answer."""

    reason: str
    tell: bool


def may_write(permission: str) -> bool:
    """Whether this permission lets somebody's text be worked on."""
    return permission in _MAY_ASK


def who_may_ask(*, actor: str, actor_permission: str, author: str, author_permission: str) -> Refusal | None:
    """None where both the person who acts and the author of the text may write to the repository."""
    if actor_permission not in _MAY_ASK:
        return Refusal(reason=f"{actor} has no write access (the forge says: {actor_permission})", tell=False)
    if author_permission not in _MAY_ASK:
        return Refusal(
            reason=f"the text is by {author}, who has no write access to this repository. "
            "If you want it done, put it into an issue of your own words and label that one.",
            tell=True,
        )
    return None


def repo_is_allowed(repo: str, patterns: Iterable[str]) -> bool:
    """Whether `owner/name` is on the operator's list; `*` matches within one part only."""
    owner, _, name = repo.lower().partition("/")
    for pattern in patterns:
        wanted_owner, _, wanted_name = pattern.lower().partition("/")
        if fnmatch.fnmatchcase(owner, wanted_owner) and fnmatch.fnmatchcase(name, wanted_name):
            return True
    return False


class Changed(Protocol):
    """One changed path; `git_ops.ChangedPath` has this shape."""

    @property
    def path(self) -> str: ...
    @property
    def old_mode(self) -> str: ...
    @property
    def new_mode(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much one job may change."""

    max_files: int
    max_commits: int


FORBIDDEN_PATHS = (
    *(".gitmodules", ".forgehand.yml", ".woodpecker", ".woodpecker.yml", ".woodpecker.yaml"),
    *(".github/workflows", ".gitea/workflows", ".forgejo/workflows"),
    *(".github/actions", ".gitea/actions", ".forgejo/actions"),
    *(".drone.yml", ".drone.yaml", ".gitlab-ci.yml", ".husky", ".envrc", ".vscode/tasks.json"),
    *("CODEOWNERS", "docs/CODEOWNERS", ".github/CODEOWNERS", ".gitea/CODEOWNERS", ".forgejo/CODEOWNERS"),
)
"""What runs with other people's rights, or steers us: a person has to change it. Letter case is ignored."""

FORBIDDEN_ANYWHERE = frozenset({".claude", ".mcp.json", ".devcontainer", ".devcontainer.json"})
"""The same, in whatever folder it lies."""

_GITLINK, _SYMLINK = "160000", "120000"


def judge(files: Iterable[Changed], *, commits: int, bounds: Bounds) -> str | None:
    """The first reason why this change must not be published, as a sentence; None where there is none."""
    files = list(files)
    if commits > bounds.max_commits:
        return f"it has {commits} commits; at most {bounds.max_commits} are allowed in one job"
    if len(files) > bounds.max_files:
        return f"it changes {len(files)} files; at most {bounds.max_files} are allowed in one job"
    for file in files:
        if reason := _judge_file(file):
            return reason
    return None


def _judge_file(file: Changed) -> str | None:
    if file.new_mode == _GITLINK:
        return f"it adds or moves the submodule {file.path!r}, which only a person may do"
    if file.new_mode == _SYMLINK:
        return f"it adds or changes the symbolic link {file.path!r}, which only a person may do"
    parts = file.path.lower().split("/")
    if ".git" in parts:
        return f"it touches {file.path!r}, inside a Git directory"
    if FORBIDDEN_ANYWHERE & set(parts):
        return f"it touches {file.path!r}, which only a person may change"
    for forbidden in FORBIDDEN_PATHS:
        wanted = forbidden.lower().split("/")
        if parts[: len(wanted)] == wanted:
            return f"it touches {file.path!r}, which only a person may change"
    return None
