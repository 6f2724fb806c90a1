"""`forgehand run` in a terminal: what the runner reports, as it comes, and the facts at the end."""

import time

from rich.console import Console
from rich.markup import escape

from app.domain.naming import one_line
from app.run import Outcome
from runner.protocol import Event, LogEvent, PhaseEvent, ResultEvent

_PHASES = {
    "clone": "cloning",
    "edit": "Claude works",
    "commit": "committing",
    "rebase": "rebasing",
    "verify": "running the repository's own tests",
    "push": "handing the result in",
}
FILES_SHOWN = 30


class Progress:
    """Prints events as lines on standard error."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def show(self, event: Event) -> None:
        """One event, as it comes."""
        if isinstance(event, PhaseEvent):
            self._line(f"[bold]{_PHASES[event.phase]}[/bold] {escape(one_line(event.detail, 160))}")
        elif isinstance(event, LogEvent):
            self._line(f"[dim]{event.source}:[/dim] {escape(one_line(event.text, 160))}")
        elif isinstance(event, ResultEvent):
            self._line(f"[bold]{event.result.outcome.replace('_', ' ')}[/bold]")

    def summary(self, outcome: Outcome) -> None:
        """What was done, computed from Git."""
        facts = outcome.facts
        if facts is None:
            return
        self._console.print()
        for file in facts.files[:FILES_SHOWN]:
            count = "binary" if file.added is None else f"+{file.added} −{file.removed}"
            self._console.print(f" {escape(one_line(file.path, 200))} | {count}", soft_wrap=True)
        self._console.print(
            f" {len(facts.files)} file(s), +{facts.added} −{facts.removed}, {len(facts.commits)} commit(s)"
        )
        runs = outcome.job.result.verifications if outcome.job.result else ()
        for run in runs[-1:]:
            verdict = "passed" if run.exit_code == 0 else f"failed with exit code {run.exit_code}"
            self._console.print(f" tests {verdict}: {escape(one_line(run.command, 200))}", soft_wrap=True)
        if not runs:
            self._console.print(" no tests were run: .forgehand.yml names no `verify` command")
        self._console.print(f"\n{outcome.branch} is in {escape(outcome.where)}", soft_wrap=True)
        if outcome.branch.startswith("refs/"):
            short = outcome.branch.rpartition("/")[2]
            self._console.print(f"git fetch {escape(outcome.where)} {outcome.branch}:{short}", soft_wrap=True)

    def _line(self, text: str) -> None:
        self._console.print(f"{time.monotonic() - self._began:6.1f} s  {text}", soft_wrap=True)
