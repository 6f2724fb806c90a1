"""What people read in the thread: facts first, computed from Git and the forge; the model's prose below them.

Whatever comes from the model or the repository is made inert: shown in code spans or fenced blocks that it
can't close, so that it pings nobody, closes no issue, loads no image and breaks no layout.
"""

import re
import shlex

from app.domain.job import Job, Report, State
from app.domain.naming import one_line
from runner.protocol import ConflictFact, RebaseFacts, Result, Verification

PROSE_SHOWN = 4_000
TAIL_SHOWN = 1_500
CONFLICTS_SHOWN = 50
FILES_SHOWN = 50
COMMITS_SHOWN = 10
_HEADLINES = {
    State.RECEIVED: "has received this",
    State.QUEUED: "is waiting for its turn",
    State.LAUNCHING: "is starting a runner",
    State.RUNNING: "is working",
    State.PUBLISHING: "is checking and publishing the work",
    State.SUCCEEDED: "finished",
    State.NO_CHANGES: "changed nothing",
    State.FAILED: "could not do this",
    State.REFUSED: "will not do this",
    State.CANCELLED: "was stopped",
    State.TIMED_OUT: "ran out of time",
}
_PHASES = {
    "clone": "Clone the repository",
    "edit": "Make the change",
    "commit": "Commit",
    "rebase": "Rebase onto the target branch",
    "verify": "Run the repository's own tests",
    "push": "Hand the result in",
}


def marker(key: str) -> str:
    """The hidden line by which we find our own comment again."""
    return f"<!-- forgehand:{key} -->"


def fingerprint(job: Job) -> str:
    """Changes when what `job_comment` shows changes."""
    return f"{job.state}/{job.attempt}/{job.phase}"


def quiet(text: str) -> str:
    """`text` for a title, which forges show as it is: it mentions nobody and refers to nothing."""
    return re.sub(r"([@#!])(?=\w|\[)", "\\1\u200b", text)


def inert(text: str) -> str:
    """One line of `text` for a sentence or a table: mentions, references and markup without effect."""
    escaped = re.sub(r"[\\`*_\[\]<>|~&]|^[-+=#]", r"\\\g<0>", quiet(text))
    return re.sub(r"^(\d{1,9})([.)])", r"\1\\\2", escaped)


def code(text: str) -> str:
    """`text` as a code span, on one line."""
    line = one_line(text, 300).replace("|", "\u2502")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{ticks}{pad}{line or ' '}{pad}{ticks}"


def fenced(text: str, limit: int) -> str:
    """`text` in a fenced block that it can't close, its end kept where it is longer than `limit`."""
    kept = text if len(text) <= limit else "…" + text[-limit:]
    kept = "".join(ch for ch in kept if ch in "\n\t" or ch.isprintable())
    longest = max((len(run) for run in re.findall(r"`{3,}", kept)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{kept}\n{fence}"


def job_comment(job: Job, *, job_url: str, spent_usd: float) -> str:
    """The job's one comment, in any state."""
    lines = [
        marker(job.id),
        f"**Forgehand {_HEADLINES[job.state]}**{_duration(job)} —— [View job]({job_url})",
    ]
    if job.state in {State.RUNNING, State.PUBLISHING}:
        lines += ["", *_checklist(job)]
    if job.error:
        lines += ["", _sentence(job.error)]
    if job.state == State.NO_CHANGES:
        lines += ["", _why_nothing(job)]
    if job.report and job.report.saved_branch:
        lines += ["", f"What there was is saved on the branch {code(job.report.saved_branch)}."]
    if job.state == State.SUCCEEDED and job.report:
        lines += ["", *_facts(job, job.report)]
    if job.ended:
        lines += _details(job)
        lines += [
            "",
            f"<sub>{_cost(spent_usd)}Asked for by {code(job.requester.login)}.{_whose_text(job)}</sub>",
        ]
    return "\n".join(lines) + "\n"


def pull_body(job: Job, *, job_url: str, spent_usd: float) -> str:
    """The description of the pull request that an issue's job opens, or updates."""
    lines = [marker(job.id), f"Fixes #{job.number}", ""]
    if job.report:
        lines += _facts(job, job.report)
    lines += _details(job)
    lines += [
        "",
        f"<sub>{_cost(spent_usd)}Made by Forgehand for {code(job.requester.login)} —— [View job]({job_url})</sub>",
    ]
    return "\n".join(lines) + "\n"


def _facts(job: Job, report: Report) -> list[str]:
    sha = (report.head_sha or "")[:10]
    where = (
        f"Pull request #{report.pull_number} ({code(job.branch)})" if report.pull_number else code(job.branch)
    )
    lines = [f"- {where} is at {sha}."]
    lines.append(
        f"- {_many(report.commits, 'commit')} ahead of {code(job.target_branch)}, "
        f"{_many(report.files, 'file')} changed, +{report.added} −{report.removed}: "
        + ", ".join(code(path) for path in report.paths[:5])
        + (" …" if report.files > min(5, len(report.paths)) else "")
    )
    result = job.result
    if result and result.rebase:
        lines.append(f"- {_rebase_line(job, result.rebase)}")
        lines += _odd_commits(result.rebase)
    lines += [f"- {_verification_line(run)}" for run in (result.verifications[-1:] if result else ())]
    if result and not result.verifications and job.kind == "code":
        lines.append("- No tests were run: `.forgehand.yml` names no `verify` command.")
    if report.backup_ref:
        lines.append(
            f"- The branch as it was before is kept as {code(report.backup_ref)}.{_undo(job, report)}"
        )
    return lines


def _undo(job: Job, report: Report) -> str:
    """How to go back to what was there before, as long as nobody has pushed since."""
    if not (report.backup_ref and report.head_sha):
        return ""
    ref = f"refs/heads/{job.branch}"
    words = ("git", "push", f"--force-with-lease={ref}:{report.head_sha}", "origin", f"FETCH_HEAD:{ref}")
    return f" To go back: {code(f'git fetch origin {shlex.quote(report.backup_ref)}')}, then {code(shlex.join(words))}."


def _odd_commits(facts: RebaseFacts) -> list[str]:
    """The commits that aren't one for one what they were."""
    odd = [commit for commit in facts.commits if commit.reason and commit.old != commit.new]
    lines = [
        f"  - {commit.old[:10]} → {commit.new[:10] if commit.new else 'dropped'}: {inert(one_line(commit.reason, 200))}"
        for commit in odd[:COMMITS_SHOWN]
    ]
    return [*lines, f"  - … and {len(odd) - len(lines)} more"] if len(odd) > len(lines) else lines


def _rebase_line(job: Job, facts: RebaseFacts) -> str:
    onto = f"{code(job.target_branch)} at {facts.onto[:10]}"
    match facts.outcome:
        case "up_to_date":
            return f"Already on top of {onto}."
        case "clean":
            return f"Rebased onto {onto} without a conflict."
        case "resolved":
            return f"Rebased onto {onto}; {_many(len(facts.conflicts), 'conflict')} resolved, see below."
        case "conflicted":
            return f"**Not rebased**: it conflicts with {onto}, and that needs a person. {_sentence(facts.detail)}"


def _verification_line(run: Verification) -> str:
    verdict = "passed" if run.exit_code == 0 else f"**failed** (exit code {run.exit_code})"
    return (
        f"The repository's own tests {verdict}: {code(run.command)} in {run.seconds:.1f} s on {run.sha[:10]}."
    )


def _details(job: Job) -> list[str]:
    """What isn't a headline fact: conflicts, test output, and the model's own words."""
    result = job.result
    if result is None:
        return []
    lines = []
    if result.rebase and result.rebase.conflicts:
        lines += ["", *_conflict_table(result.rebase.conflicts)]
    failed = [run for run in result.verifications if run.exit_code != 0]
    if failed:
        lines += ["", *_folded("Output of the tests", failed[-1].tail, TAIL_SHOWN)]
    lines += _prose(result)
    return lines


def _conflict_table(conflicts: tuple[ConflictFact, ...]) -> list[str]:
    rows = [
        f"| {code(fact.path)} | {code(fact.kind)} | {code(fact.resolver or 'nobody')} "
        f"| {', '.join(map(code, fact.gates)) or '—'} | {inert(one_line(fact.why, 300))} |"
        for fact in conflicts[:CONFLICTS_SHOWN]
    ]
    if more := len(conflicts) - len(rows):
        rows.append(f"| … and {more} more | | | | |")
    table = ["| file | conflict | settled by | gates passed | why |", "|---|---|---|---|---|", *rows]
    elsewhere = [code(path) for path in dict.fromkeys(path for fact in conflicts for path in fact.elsewhere)]
    if elsewhere:
        hidden = f" and {len(elsewhere) - FILES_SHOWN} more" if len(elsewhere) > FILES_SHOWN else ""
        table += ["", f"Changed elsewhere to settle them: {', '.join(elsewhere[:FILES_SHOWN])}{hidden}."]
    return table + [
        line for fact in conflicts[:CONFLICTS_SHOWN] if not fact.resolver for line in _question(fact)
    ]


def _question(fact: ConflictFact) -> list[str]:
    """What a person must know to settle a conflict: what each side wanted, and the answers there are."""
    sides = (("target", fact.target_intent), ("branch", fact.agent_intent))
    wanted = [f"- the {who}: {inert(one_line(said[0], 200))}" for who, said in sides if said]
    options = [f"- possible: {inert(one_line(option, 300))}" for option in fact.options]
    return ["", f"What is asked about {code(fact.path)}:", "", *wanted, *options] if wanted or options else []


def _prose(result: Result) -> list[str]:
    if result.agent is None or not result.agent.text.strip():
        return []
    return ["", *_folded("What Claude says about it", result.agent.text, PROSE_SHOWN)]


def _folded(title: str, text: str, limit: int) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", fenced(text, limit), "", "</details>"]


def _checklist(job: Job) -> list[str]:
    names = list(_PHASES)
    if job.kind == "rebase":
        names = [name for name in names if name not in {"edit", "commit"}]
    reached = names.index(job.phase) if job.phase in names else 0
    published = job.state == State.PUBLISHING
    return [f"- [{'x' if published or i < reached else ' '}] {_PHASES[name]}" for i, name in enumerate(names)]


def _why_nothing(job: Job) -> str:
    if job.result and job.result.rebase and job.result.rebase.outcome == "up_to_date":
        return f"{code(job.branch)} is already up to date with {code(job.target_branch)}."
    return "The agent ended without changing a file, so there is nothing to publish. Say more precisely what is wanted."


def _sentence(text: str) -> str:
    line = inert(one_line(text, 1_000))
    return line[:1].upper() + line[1:]


def _duration(job: Job) -> str:
    if not job.ended or not job.timeline:
        return ""
    seconds = round(job.timeline[-1].at - job.created_at)
    return f" after {seconds // 60}m {seconds % 60}s" if seconds >= 60 else f" after {seconds}s"


def _cost(spent_usd: float) -> str:
    return f"Cost ${spent_usd:.2f} at list prices. " if spent_usd else ""


def _whose_text(job: Job) -> str:
    """Other people's words are never passed off as the asker's."""
    return f" The text is by {code(job.task.author)}." if job.task.approved_by else ""


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
