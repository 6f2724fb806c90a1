"""The `forgehand` command.

Exit codes: 0 done, 1 failed (the reason is on standard error; of `rebase` also: conflicts are left, or somebody should
look first, and nothing was moved), 2 wrong usage or settings, 4 nothing was changed, 130 interrupted. `--json` prints
one JSON document on standard output and nothing else there.
"""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from app.settings import Settings

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
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _fail(sentence: str, code: int = FAILED) -> NoReturn:
    _err.print(f"forgehand: {sentence}", style="red", markup=False, soft_wrap=True)
    sys.exit(code)


def _load(*, check: bool = False) -> "Settings":
    """The settings; `check` says that a service is to start with them, so that their forges have to be usable."""
    # imported where they are used: commands that need no settings start in half the time
    from app import settings as app_settings
    from app.telemetry import logs

    try:
        settings = app_settings.load()
        if check:
            from app import wiring

            wiring.check(settings)
    except app_settings.BadSettingsError as error:
        _fail(str(error), WRONG_USAGE)
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
    from app.telemetry import logs

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
def rebase(
    onto: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit id to rebase onto; without it the remote's default branch."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Move nothing, only say what would be.")] = False,
    autosquash: Annotated[
        bool, typer.Option("--autosquash", help="Fold fixup!, squash! and amend! commits.")
    ] = False,
    accept_suspicious: Annotated[
        bool,
        typer.Option("--accept-suspicious", help="Move the branch even where a gate says to look first."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Rebase the branch you are on, conflicts included; with Claude where ANTHROPIC_API_KEY is set."""
    from app import rebase as rebase_case
    from git_ops.errors import BadName, GitError

    wish = rebase_case.Wish(
        path=Path.cwd(),
        onto=onto,
        dry_run=dry_run,
        autosquash=autosquash,
        accept_suspicious=accept_suspicious,
    )
    try:
        outcome = rebase_case.rebase(wish)
    except (GitError, rebase_case.WrongSettingsError) as error:
        if as_json:
            _print_json(rebase_case.error_to_dict(error))
        wrong_usage = isinstance(error, BadName | rebase_case.WrongSettingsError)
        _fail(str(error), WRONG_USAGE if wrong_usage else FAILED)
    if as_json:
        _print_json(outcome.to_dict())
    else:
        sys.stdout.write(outcome.text())
    sys.exit(0 if outcome.ok else FAILED)


@cli.command()
def serve() -> None:
    """Run the whole service: web, one worker, and Redis where none is configured."""
    from app.service import Service, ServiceError
    from app.store.connection import StoreUnavailableError
    from app.telemetry import logs

    settings = _load(check=True)
    try:
        with Service(settings):
            logs.get().info(
                "service_started", url=settings.public_url, data_dir=str(settings.data_dir.absolute())
            )
            threading.Event().wait()
    except (ServiceError, StoreUnavailableError) as error:
        _fail(str(error))


@cli.command()
def web() -> None:
    """Run only the web process: webhooks, API, pages and the runners' broker. Needs FORGEHAND_REDIS_URL."""
    from app import processes, wiring

    settings = _load(check=True)
    processes.serve_web(wiring.build(settings, redis_url=_redis_url(settings)))


@cli.command()
def worker() -> None:
    """Run only a worker. Needs FORGEHAND_REDIS_URL."""
    from app import processes, wiring

    settings = _load(check=True)
    processes.serve_worker(wiring.build(settings, redis_url=_redis_url(settings)))


def _redis_url(settings: "Settings") -> str:
    if settings.redis_url is None:
        _fail("FORGEHAND_REDIS_URL is not set; `forgehand serve` starts a Redis of its own", WRONG_USAGE)
    return settings.redis_url.get_secret_value()


@cli.command()
def connect(
    kind: Annotated[str, typer.Argument(help="gitea, forgejo or github.", show_default=False)],
    repo: Annotated[str, typer.Option(help="Repository, owner/name.")],
    url: Annotated[
        str, typer.Option(help="Address of the forge; of github https://github.com without it.")
    ] = "",
    name: Annotated[
        str | None,
        typer.Option(help="What the forge is called in settings and webhook; its kind, without it."),
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(help="Where the forge reaches this service; remembered in the file.")
    ] = None,
    env_file: Annotated[
        Path, typer.Option(envvar="FORGEHAND_ENV_FILE", help="File that the connection is written into.")
    ] = Path(".env"),
    rotate_secret: Annotated[
        bool,
        typer.Option(
            "--rotate-secret", help="Give the webhook a new secret; the old one is good until then."
        ),
    ] = False,
    app_id: Annotated[int | None, typer.Option(help="Of github: act as the App of this id.")] = None,
    app_key_file: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Connect a repository: check token and rights, make labels and webhook, see a test delivery arrive.

    The token is read from FORGEHAND_FORGES__<NAME>__TOKEN, else asked for, else read from standard input.
    """
    from app import connect as connect_case
    from app import connect_wish
    from app.findings import Findings, connect_json

    _only_errors()
    wish = connect_wish.Wish(
        kind=kind,
        url=url,
        repo=repo,
        name=name,
        env_file=env_file,
        public_url=public_url,
        rotate_secret=rotate_secret,
        app_id=app_id,
        app_key_file=app_key_file,
    )
    out = Findings(to_stderr=as_json)
    try:
        outcome = connect_case.connect(wish, ask_secret=_ask_secret, say=out.line)
    except connect_wish.ConnectError as error:
        if as_json:
            _print_json({"ok": False, "error": str(error)})
        _fail(str(error), WRONG_USAGE if isinstance(error, connect_wish.WrongUsageError) else FAILED)
    if as_json:
        _print_json(connect_json(outcome))
    out.next(outcome.next)
    sys.exit(0 if outcome.ok else FAILED)


def _only_errors() -> None:
    """What a web process of the moment has to say isn't what was asked for."""
    import logging

    import structlog

    from app.telemetry import logs

    logs.configure("console")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _ask_secret(what: str) -> str:
    """Asked for without echo where somebody sits there, else read from standard input."""
    import getpass

    return getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()


@cli.command()
def doctor(
    env_file: Annotated[
        Path, typer.Option(envvar="FORGEHAND_ENV_FILE", help="File that the settings are read from.")
    ] = Path(".env"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Check everything again: settings, this machine, the service, and each connected repository."""
    from app import doctor as doctor_case
    from app.findings import Findings, doctor_json

    _only_errors()
    out = Findings(to_stderr=as_json)
    sections = doctor_case.examine(env_file, say=out.section)
    if as_json:
        _print_json(doctor_json(sections))
    sys.exit(0 if doctor_case.is_ok(sections) else FAILED)


@cli.command()
def settings(
    reference: Annotated[
        bool, typer.Option("--reference", help="Print the reference instead of the values.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Print nothing; fail where a service couldn't start with them.")
    ] = False,
) -> None:
    """Show the settings in effect, secrets masked."""
    from app import settings_reference

    if reference:
        sys.stdout.write(settings_reference.markdown())
        return
    found = _load(check=check)
    if not check:
        _print_json(json.loads(found.model_dump_json()))


@cli.command()
def secret() -> None:
    """Print a fresh secret, for a webhook or an API token."""
    import secrets

    sys.stdout.write(secrets.token_urlsafe(32) + "\n")


if __name__ == "__main__":
    main()
