"""`forgehand demo`: sets the stage, plays the story, and shows it as a timeline."""

import shutil
import sys
import threading

import httpx
from rich.console import Console
from rich.markup import escape

from app.demo.people import ForgeAnswerError
from app.demo.stage import Stage, StageError
from app.demo.story import Step, Story, StoryError, as_json
from app.store.connection import StoreUnavailableError
from git_ops import GitError

_EXPECTED = (StageError, StoryError, ForgeAnswerError, StoreUnavailableError, GitError, httpx.HTTPError)


def play(*, serve: bool, as_json: bool) -> int:
    """Play the story; 0 only where every step was seen to be true on the forge."""
    out = Console(stderr=as_json, highlight=False)
    if shutil.which("git") is None:
        out.print(
            "forgehand: Git is missing. Install it (Debian: apt-get install git) and start again.",
            style="red",
        )
        return 1
    try:
        with Stage() as stage:
            return _play(stage, out, serve=serve, document=as_json)
    except _EXPECTED as error:
        out.print(f"forgehand: {escape(str(error))}", style="red")
        return 1


def _play(stage: Stage, out: Console, *, serve: bool, document: bool) -> int:
    out.print("[bold]Forgehand[/bold]: an issue gets a label, a pull request comes back\n")
    if stage.claude_is_real:
        out.print("Claude answers for real, with the credential of your environment.\n")
    else:
        out.print(
            "This is a [bold]rehearsal[/bold]: no ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN is set, so a scripted "
            "API\nplays Claude's part. Everything else is real: forge, webhooks, Git, queue, broker, Claude Code.\n"
        )
    story = Story(stage, lambda step: _show(out, step))
    error: str | None = None
    try:
        story.play()
    except _EXPECTED as problem:
        error = str(problem)
    if document:
        sys.stdout.write(as_json(story, real=stage.claude_is_real, error=error) + "\n")
    if error is not None:
        out.print(f"\n[red]The story ends here:[/red] {escape(error)}")
        _quote_logs(stage, out)
        return 1
    if story.label_to_model_seconds is not None:
        out.print(
            f"\nFrom the webhook to the agent's first model request: {story.label_to_model_seconds:.2f} s"
        )
    out.print("Every step was checked on the forge: refs, diffs, tests, comments.")
    if serve:
        out.print(f"\nForge:     {stage.forge_url}\nForgehand: {stage.service_url}\n\nCtrl-C ends it all.")
        threading.Event().wait()
    return 0


def _show(out: Console, step: Step) -> None:
    """One line when a step has ended, and its facts below."""
    if not step.seconds:
        return
    sign = "[green]✓[/green]" if step.ok else "[red]✗[/red]"
    out.print(f"{sign} {step.seconds:6.2f} s  {escape(step.title)}", soft_wrap=True)
    if step.link:
        out.print(f"            [dim]{escape(step.link)}[/dim]", soft_wrap=True)
    for name, value in step.facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        out.print(f"            [dim]{escape(name)}: {escape(shown)}[/dim]", soft_wrap=True)


def _quote_logs(stage: Stage, out: Console) -> None:
    """The last lines of what the processes said: with them somebody can help."""
    for log in sorted(stage.folder.glob("**/*.log")):
        tail = log.read_text(errors="replace").strip().splitlines()[-15:]
        if tail:
            out.print(f"\n[bold]{log.relative_to(stage.folder)}[/bold]")
            out.print(escape("\n".join(tail)), soft_wrap=True)
