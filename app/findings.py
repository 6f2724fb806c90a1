"""How `connect` and `doctor` show what they find: lines and tables for people, JSON for machines."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.connect import Outcome
from app.doctor import Section, is_ok
from app.forges.port import Finding


class Findings:
    """Prints each thing as it is found; what forges say can't style or forge a line."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._console = Console(stderr=to_stderr, highlight=False)

    def line(self, finding: Finding) -> None:
        """One finding, with its remedy below."""
        self._console.print(f"{_sign(finding)} {_plain(finding.what)}", soft_wrap=True)
        if not finding.ok:
            self._console.print(f"  → {_plain(finding.remedy)}", soft_wrap=True)

    def section(self, section: Section) -> None:
        """A table in a terminal, plain lines elsewhere."""
        self._console.print(f"[bold]{_plain(section.title)}[/bold]", soft_wrap=True)
        if not self._console.is_terminal:
            for finding in section.findings:
                self.line(finding)
            return
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
        for finding in section.findings:
            remedy = "" if finding.ok else f"\n[yellow]→ {_plain(finding.remedy)}[/yellow]"
            table.add_row(_sign(finding), _plain(finding.what) + remedy)
        self._console.print(table)

    def next(self, lines: Iterable[str]) -> None:
        """What to do now."""
        for line in lines:
            self._console.print(_plain(line), soft_wrap=True)


def connect_json(outcome: Outcome) -> dict[str, Any]:
    """The whole of `connect --json`. No secret is in it."""
    return {
        "ok": outcome.ok,
        "name": outcome.name,
        "repo": outcome.repo,
        "findings": [_finding(one) for one in outcome.findings],
        "changed_settings": list(outcome.changed),
        "webhook": {"id": outcome.hook.id, "url": outcome.hook.url} if outcome.hook else None,
        "test_delivery": {"id": outcome.heard.uuid, "at": outcome.heard.at} if outcome.heard else None,
        "next": list(outcome.next),
    }


def doctor_json(sections: Sequence[Section]) -> dict[str, Any]:
    """The whole of `doctor --json`."""
    shown = [
        {"title": one.title, "ok": one.ok, "findings": list(map(_finding, one.findings))} for one in sections
    ]
    return {"ok": is_ok(sections), "sections": shown}


def _finding(finding: Finding) -> dict[str, Any]:
    return {"what": finding.what, "ok": finding.ok, "remedy": finding.remedy}


def _sign(finding: Finding) -> str:
    return "[green]✓[/green]" if finding.ok else "[red]✗[/red]"


def _plain(text: str) -> str:
    """One line without control characters or markup: error texts quote what a forge said."""
    return escape("".join(sign if sign.isprintable() else " " for sign in text))
