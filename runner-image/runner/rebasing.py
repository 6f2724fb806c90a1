"""The rebase phase: `git_ops` does it in memory; here its report becomes the runner's own words.

Resolvers go from cheap to dear; only what Git and the rules can't settle is put to Claude, through the broker, and only
what can't be settled hunk by hunk to the agent in the sandbox, once.
"""

from typing import Literal

from git_ops.objects import Identity
from git_ops.process import Git
from git_ops.rebase import Check, rebase
from git_ops.report import ConflictFact, HunkFact, RebaseReport
from git_ops.resolve.agentic import AgenticResolver, AskAgent
from git_ops.resolve.claude import ClaudeResolver
from git_ops.resolve.default import default_chain
from runner import protocol
from runner.broker import Door
from runner.prompt import visible
from runner.protocol import MAX_CONFLICTS, MAX_HUNK, MAX_TEXT, JobSpec, MovedCommit, RebaseFacts

Phase = protocol.Phase
ResultOutcome = Literal["changed", "no_changes", "failed"]
MAX_CONFLICTS_NAMED = 5


def rebase_onto(
    git: Git,
    spec: JobSpec,
    door: Door,
    *,
    tip: str,
    onto: str,
    check: Check | None = None,
    ask: AskAgent | None = None,
) -> RebaseFacts:
    """Rebase `tip` onto `onto` in memory. Raises `git_ops.GitError`, and what `check` and `ask` raise.

    A rebase that was asked for is only an update: it must not turn red what is green on the target. An agent's own
    work may fail its tests, which is told, and no reason not to rebase it; so there `check` is only asked where an
    answer or a suspicion hangs on it.
    """
    claude = ClaudeResolver(base_url=door.claude_url, auth_token=door.token, model=spec.models.conflicts)
    identity = Identity(name=spec.identity.name, email=spec.identity.email)
    task = "\n\n".join(part for part in (spec.task.title, spec.task.body, spec.task.request) if part.strip())
    report = rebase(
        git,
        tip=tip,
        onto=onto,
        chain=default_chain(claude=claude, agentic=AgenticResolver(ask) if ask else None),
        task=visible(task),
        committer=identity,
        check=check,
        check_only_doubts=spec.kind == "code",
    )
    return facts(report)


def facts(report: RebaseReport) -> RebaseFacts:
    """The report as the protocol has it. What a person should look at first isn't done here."""
    counts = report.outcome != "suspicious"
    return RebaseFacts(
        outcome=report.outcome if report.outcome != "suspicious" else "conflicted",
        old_tip=report.old_tip,
        new_tip=report.new_tip if counts else report.old_tip,
        onto=report.onto,
        conflicts=tuple(_conflict(fact) for fact in report.conflicts[:MAX_CONFLICTS]),
        detail=_printable(report.detail, 4_000),
        commits=tuple(
            MovedCommit(old=one.old, new=one.new, reason=_printable(one.reason, 500))
            for one in report.commits[:MAX_CONFLICTS]
        ),
        range_diff=_printable(report.range_diff, MAX_TEXT),
    )


def _conflict(fact: ConflictFact) -> protocol.ConflictFact:
    return protocol.ConflictFact(
        path=_printable(fact.path, 4_096),
        kind=fact.kind[:100],
        resolver=fact.resolver,
        why=_printable(fact.why, 4_000),
        gates=fact.gates,
        elsewhere=tuple(_printable(path, 4_096) for path in fact.elsewhere[:100]),
        target_intent=tuple(_printable(subject, 300) for subject in fact.target_intent[:3]),
        agent_intent=tuple(_printable(subject, 300) for subject in fact.agent_intent[:3]),
        options=tuple(_printable(option, 500) for option in fact.options[:10]),
        hunks=tuple(_hunk(hunk) for hunk in fact.hunks[:5]),
    )


def _hunk(hunk: HunkFact) -> protocol.HunkFact:
    base, target, agent = (_printable(text, MAX_HUNK) for text in (hunk.base, hunk.target, hunk.agent))
    result = None if hunk.result is None else _printable(hunk.result, MAX_HUNK)
    return protocol.HunkFact(base=base, target=target, agent=agent, result=result)


def sentence(done: RebaseFacts, target: str) -> str:
    """What the rebase did, for the log."""
    match done.outcome:
        case "up_to_date":
            return f"Already on the newest {target}."
        case "clean":
            return f"Rebased onto {target} ({done.onto[:10]}) without a conflict."
        case "resolved":
            return f"Rebased onto {target} ({done.onto[:10]}); resolved: {_named(done)}."
        case "conflicted":
            return f"Not rebased onto {target} ({done.onto[:10]}): {_unresolved(done)}."


def sorry(done: RebaseFacts, target: str) -> str:
    """Why a rebase failed and what to do, as one sentence for people."""
    return (
        f"The branch was left as it is, because rebasing it onto {target} needs a person: {_unresolved(done)}; "
        "rebase it by hand or say in a comment how the conflict should be settled."
    )


def _unresolved(done: RebaseFacts) -> str:
    return _named(done, unsettled=True) or done.detail.rstrip(".") or "Git could not replay it"


def _named(done: RebaseFacts, *, unsettled: bool = False) -> str:
    found = [fact for fact in done.conflicts if not unsettled or fact.resolver is None]
    named = [f"{fact.path} ({fact.kind})" for fact in found[:MAX_CONFLICTS_NAMED]]
    more = f" and {len(found) - len(named)} more" if len(found) > len(named) else ""
    return ", ".join(named) + more


def _printable(text: str, limit: int) -> str:
    return visible(text.encode("utf-8", "replace").decode())[:limit]
