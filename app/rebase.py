"""`forgehand rebase`: the engine on a person's own checkout, with no service, no forge and no settings file.

* The branch and the files move last, together, after everything has succeeded; whatever happens before that leaves
  the checkout as it was.
* Claude is asked where a key is in the environment. A `.env` in the working directory isn't read: it belongs to the
  repository, which may be anybody's, and could send code and key elsewhere.
* Answers are remembered inside the repository, so the same conflict costs once.
"""

import dataclasses
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.prices import cost_usd
from git_ops.checkout import Branch, Checkout, Target, open_checkout
from git_ops.errors import GitError, os_errors
from git_ops.moving import check_room, move
from git_ops.objects import show_path
from git_ops.rebase import rebase as rebase_commits
from git_ops.report import RebaseReport

if TYPE_CHECKING:
    from git_ops.resolve.budget import Usage
    from git_ops.resolve.chain import Chain
    from git_ops.resolve.claude import ClaudeResolver

_KEYS = ("ANTHROPIC_API_KEY", "FORGEHAND_ANTHROPIC_API_KEY")
_FINISHED = ("up_to_date", "clean", "resolved")


class WrongSettingsError(Exception):
    """The environment holds a key, and settings beside it that can't be used; the message names each."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person typed."""

    path: Path
    """Anywhere in the checkout."""
    onto: str | None = None
    dry_run: bool = False
    autosquash: bool = False
    accept_suspicious: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    report: RebaseReport
    branch: str
    target: Target
    moved: bool
    """The branch and the files are at `report.new_tip`."""
    dry_run: bool
    next_steps: tuple[str, ...]
    """What a person can do now, a line each, commands as they are to be typed."""

    @property
    def ok(self) -> bool:
        """There is nothing to be done about it."""
        return self.moved or self.report.outcome in _FINISHED

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, safe to show."""
        return {
            "ok": self.ok,
            "outcome": self.report.outcome,
            "branch": show_path(self.branch),
            "target": {"name": show_path(self.target.name), "oid": self.target.oid, "how": self.target.how},
            "moved": self.moved,
            "dry_run": self.dry_run,
            "next_steps": [show_path(step) for step in self.next_steps],
            "report": self.report.to_dict(),
        }

    def text(self) -> str:
        """The same for a terminal."""
        said = f"{show_path(self.branch)} onto {show_path(self.target.how)} ({self.target.oid[:10]})\n"
        steps = "".join(f"{show_path(step)}\n" for step in self.next_steps)
        return said + self.report.text() + steps


@os_errors()
def rebase(wish: Wish) -> Outcome:
    """Rebase the branch that is checked out.

    Raises `GitError` and `WrongSettingsError`, and then nothing was changed.
    """
    checkout = open_checkout(wish.path)
    branch = checkout.ready()
    target = checkout.find_target(wish.onto, branch)
    report = rebase_commits(
        checkout.git,
        tip=branch.tip,
        onto=target.oid,
        chain=_chain(checkout),
        committer=checkout.committer(),
        autosquash=wish.autosquash,
    )
    return _finish(wish, checkout, branch, target, report)


def _finish(wish: Wish, checkout: Checkout, branch: Branch, target: Target, report: RebaseReport) -> Outcome:
    """Move the branch where it may be moved, and say what is next."""
    good = report.outcome in _FINISHED or (report.outcome == "suspicious" and wish.accept_suspicious)
    moves = good and report.new_tip != branch.tip
    if moves and wish.dry_run:
        check_room(checkout, branch.tip, report.new_tip)
    elif moves:
        reason = f"forgehand rebase: onto {target.name}"
        moved = move(checkout, branch, report.new_tip, reason=reason)
        report = dataclasses.replace(report, rescue_ref=moved.rescue_ref, undo=moved.undo)
    return Outcome(
        report=report,
        branch=branch.name,
        target=target,
        moved=moves and not wish.dry_run,
        dry_run=wish.dry_run,
        next_steps=_next_steps(wish, target, report, moves=moves),
    )


def _next_steps(wish: Wish, target: Target, report: RebaseReport, *, moves: bool) -> tuple[str, ...]:
    if wish.dry_run and moves:
        return (
            f"Nothing was moved (--dry-run). See it with: git log {report.onto[:10]}..{report.new_tip[:10]}",
        )
    if report.outcome == "suspicious" and not moves:
        return (
            "Nothing was moved.",
            f"  look at it:  git diff {report.old_tip[:10]} {report.new_tip[:10]}",
            "  take it:     forgehand rebase --accept-suspicious" + _onto(wish),
        )
    if report.outcome == "conflicted":
        return (
            "To go on by hand:",
            f"  git rebase {shlex.quote(target.name if wish.onto or '/' in target.name else target.oid)}",
            "  git status              (the files that conflict; edit them, then git add each)",
            "  git rebase --continue   (or git rebase --abort, and everything is as it was)",
        )
    return ()


def _onto(wish: Wish) -> str:
    return f" --onto {shlex.quote(wish.onto)}" if wish.onto else ""


def _chain(checkout: Checkout) -> "Chain":
    from git_ops.resolve.default import default_chain
    from git_ops.resolve.memory import Memory

    memory = Memory(checkout.common_dir / "forgehand" / "memory")
    return default_chain(memory=memory, repository="this checkout", claude=_claude())


def _claude() -> "ClaudeResolver | None":
    """Claude, where the environment holds a key. Settings are only looked at then: reading them takes its time."""
    if not any(os.environ.get(name) for name in _KEYS):
        return None
    from app import settings as app_settings
    from git_ops.resolve.budget import Budget
    from git_ops.resolve.claude import ClaudeResolver

    try:
        settings = app_settings.load(env_file=None)
    except app_settings.BadSettingsError as error:
        raise WrongSettingsError(str(error)) from error
    if settings.anthropic_api_key is None:
        return None
    return ClaudeResolver(
        base_url=settings.anthropic_base_url,
        api_key=settings.anthropic_api_key.get_secret_value(),
        model=settings.model_conflicts,
        budget=Budget(max_usd=settings.job_budget_usd, price=_price),
    )


def _price(model: str, usage: "Usage") -> float:
    figures = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
    }
    return cost_usd(model, figures)


def error_to_dict(error: Exception) -> dict[str, Any]:
    """The JSON document for a failure."""
    found: dict[str, Any] = {
        "ok": False,
        "error": show_path(str(error)),
        "kind": type(error).__name__,
        "retryable": isinstance(error, GitError) and error.retryable,
    }
    paths = getattr(error, "paths", None)
    return found | {"paths": list(paths)} if paths else found
