"""The `forgehand` command.

Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage or settings, 4 nothing was changed,
130 interrupted. `--json` prints one JSON document on standard output and nothing else there.
"""

import json
import signal
import sys
import threading
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from app import settings as app_settings
from app.settings import BadSettingsError, Settings
from app.telemetry import logs

FAILED, WRONG_USAGE, NOTHING_CHANGED, INTERRUPTED = 1, 2, 4, 130

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="A pair of hands for your Git forge.",
)
_err = Console(stderr=True, highlight=False)


def main() -> None:
    """Run the command; a person's mistake is a sentence, never a stack trace."""
    # SIGTERM ends us like Ctrl-C does, so that everything we started is ended in order
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cli(standalone_mode=True)
    except BadSettingsError as error:
        _fail(str(error), WRONG_USAGE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _fail(sentence: str, code: int = FAILED) -> NoReturn:
    _err.print(f"forgehand: {sentence}", style="red", markup=False, soft_wrap=True)
    sys.exit(code)


def _load() -> Settings:
    settings = app_settings.load()
    logs.configure(settings.log_format)
    return settings


@cli.command()
def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Leave everything running afterwards, to look around.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the story as one JSON document.")] = False,
) -> None:
    """Watch the main job happen: an issue gets a label, a pull request comes back."""
    from app.demo.play import play

    logs.configure("console")
    sys.exit(play(serve=serve, as_json=as_json))


@cli.command()
def run(
    repo: Annotated[str, typer.Option(help="Path or http(s) URL of a Git repository.")],
    task: Annotated[str, typer.Option(help="What is to be done.")],
    target: Annotated[str, typer.Option(help="Branch to work from, and to rebase onto.")] = "main",
    branch: Annotated[str | None, typer.Option(help="Name of the new branch.")] = None,
    push: Annotated[
        bool, typer.Option("--push", help="Push the branch (of a local repository: to its origin).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Do one job on any Git repository, without a forge: clone, edit, rebase, verify, and leave or push a branch."""
    from app import run as run_case
    from app.demo.progress import Progress
    from app.forges.port import ForgeError
    from app.store.connection import StoreUnavailableError
    from git_ops import GitError

    settings = _load()
    wish = run_case.Wish(repo=repo, target=target, task=task, branch=branch, push=push)
    progress = Progress(_err)
    try:
        outcome = run_case.run(settings, wish, on_event=progress.show)
    except (run_case.RunError, StoreUnavailableError, GitError, ForgeError) as error:
        if as_json:
            _print_json({"ok": False, "error": str(error)})
        _fail(str(error))
    if as_json:
        _print_json(_outcome_json(outcome))
    elif outcome.facts is None:
        _err.print("Nothing was changed.")
    else:
        progress.summary(outcome)
    sys.exit(0 if outcome.facts else NOTHING_CHANGED)


def _outcome_json(outcome: Any) -> dict[str, Any]:
    return {
        "ok": True,
        "changed": outcome.facts is not None,
        "branch": outcome.branch if outcome.facts else None,
        "repository": outcome.where or None,
        "facts": outcome.facts.to_dict() if outcome.facts else None,
        "result": outcome.job.result.model_dump(mode="json"),
        "spent_usd": outcome.spent_usd,
    }


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


@cli.command()
def serve() -> None:
    """Run the whole service: web, one worker, and Redis where none is configured."""
    from app.service import Service

    settings = _load()
    with Service(settings):
        logs.get().info(
            "service_started", url=settings.public_url, data_dir=str(settings.data_dir.absolute())
        )
        threading.Event().wait()


@cli.command()
def web() -> None:
    """Run only the web process: webhooks, API, pages and the runners' broker. Needs FORGEHAND_REDIS_URL."""
    from app import processes, wiring

    settings = _load()
    processes.serve_web(wiring.build(settings, redis_url=_redis_url(settings)))


@cli.command()
def worker() -> None:
    """Run only a worker. Needs FORGEHAND_REDIS_URL."""
    from app import processes, wiring

    settings = _load()
    processes.serve_worker(wiring.build(settings, redis_url=_redis_url(settings)))


def _redis_url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise BadSettingsError("FORGEHAND_REDIS_URL is not set; `forgehand serve` starts a Redis of its own")
    return settings.redis_url.get_secret_value()


@cli.command()
def settings(
    reference: Annotated[
        bool, typer.Option("--reference", help="Print the reference instead of the values.")
    ] = False,
) -> None:
    """Show the settings in effect, secrets masked."""
    from app import settings_reference

    if reference:
        sys.stdout.write(settings_reference.markdown())
        return
    _print_json(json.loads(_load().model_dump_json()))


@cli.command()
def secret() -> None:
    """Print a fresh secret, for a webhook or an API token."""
    import secrets

    sys.stdout.write(secrets.token_urlsafe(32) + "\n")


if __name__ == "__main__":
    main()
