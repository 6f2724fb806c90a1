"""Who may make us work, and which changes we are willing to publish.

Both answers come from facts that the caller has looked up (permissions asked of the forge, the diff read from
Git); names, author associations and Git authors decide nothing. What isn't known is refused.
"""

import fnmatch
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from app.domain.repo_config import Allow

_MAY_WRITE = frozenset({"write", "maintain", "admin"})
_MAY_MAINTAIN = frozenset({"maintain", "admin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why not. `tell` says whether the person may read it in the thread: strangers get no answer."""

    reason: str
    tell: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """An account, and what the forge says about it now. `login` is for people; only `id` identifies."""

    id: int
    login: str
    permission: str
    is_bot: bool
    doubt: str = ""
    """Why the forge's word may say more than it means, for people."""


def may_write(asker: Asker) -> bool:
    """Whether the account's own words may be worked on without anybody's approval."""
    return asker.permission in _MAY_WRITE


def may_trigger(asker: Asker, allow: Allow, *, bots: Collection[int], ours: int) -> Refusal | None:
    """None where this account may make us work here.

    `bots` are the operator's machine accounts, `ours` our own. Whoever can't write learns nothing from us.
    """
    if asker.id == ours:
        return Refusal(reason="our own account makes nobody work", tell=False)
    if asker.is_bot and asker.id not in bots:
        reason = f"{asker.login} is a machine account whose id, {asker.id}, is not in the settings' `bots`"
        return Refusal(reason=reason, tell=False)
    if asker.permission not in _MAY_WRITE:
        doubt = f"; {asker.doubt}" if asker.doubt else ""
        reason = f"{asker.login} has no write access (the forge says: {asker.permission}{doubt})"
        return Refusal(reason=reason, tell=False)
    if allow.who == "maintain" and asker.permission not in _MAY_MAINTAIN:
        reason = f"only maintainers may ask here, as `.forgehand.yml` says, and {asker.login} is none"
        return Refusal(reason=reason, tell=True)
    if isinstance(allow.who, tuple) and asker.login.lower() not in {name.lower() for name in allow.who}:
        return Refusal(reason=f"{asker.login} is not among those whom `.forgehand.yml` lets ask", tell=True)
    return None


def is_out_of_bounds(allow: Allow, *, kind: str, target: str) -> str | None:
    """Why the repository doesn't want this kind of job, or not onto this branch; None where it does."""
    if kind not in allow.kinds:
        return f"`.forgehand.yml` doesn't allow jobs of the kind `{kind}` here."
    if not any(fnmatch.fnmatchcase(target, pattern) for pattern in allow.targets):
        return f"`.forgehand.yml` doesn't allow work for the branch `{target}`."
    return None


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
