"""`forgehand run`: one job on any Git repository, with no forge, no webhook and no lasting service.

The same store, broker, launcher and runner do the work, for as long as it takes; then the branch is pushed or
left in the repository. A checkout's files and its current branch are never touched: the branch only appears.
"""

import base64
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import git
from pydantic import TypeAdapter
from werkzeug.serving import make_server

from app import wiring
from app.domain import naming
from app.domain.job import Job, Requester, State
from app.forges.port import GitAccess, User
from app.jobs.desk import Desk
from app.jobs.examine import RejectedError, examine
from app.jobs.launch import launch
from app.jobs.reconcile import reconcile
from app.settings import Settings
from app.store.connection import EmbeddedRedis
from app.store.locks import BusyError
from app.web.broker.claude import UPSTREAM
from app.web.factory import create_app
from git_ops import (
    DiffFacts,
    Git,
    GitError,
    HeaderAuth,
    UnknownRef,
    branch_ref,
    branch_slug,
    check_branch,
    push,
)
from runner.protocol import MAX_PROSE, Event, Task

HOST = "run"
KEPT = "refs/runs"
"""Not below `refs/forgehand`, which readers of a mirror don't see."""
POLL_SECONDS = 0.2
_EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


class RunError(Exception):
    """The run can't start or didn't succeed; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person typed."""

    repo: str
    """A path or an http(s) URL."""
    target: str
    task: str
    branch: str | None
    push: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the run ended. `facts` is none where nothing was changed."""

    job: Job
    facts: DiffFacts | None
    branch: str
    where: str
    """The repository that has the branch now."""
    spent_usd: float


class PlainGit:
    """A Git host of one repository: what `app.forges.port.GitHost` asks for."""

    def __init__(self, url: str, header: str | None, protocols: tuple[str, ...]) -> None:
        self._access = GitAccess(url=url, header=header, protocols=protocols)

    def whoami(self) -> User:
        return User(id=0, login="forgehand")

    def git_access(self, repo: str) -> GitAccess:  # noqa: ARG002 -- there is only the one
        return self._access


def run(settings: Settings, wish: Wish, *, on_event: Callable[[Event], None]) -> Outcome:
    """Do the job. Raises `RunError`; whatever happens, no process and no temporary folder stays behind."""
    host, name = _host(settings, wish)
    branch = _branch(wish)
    if not wish.task.strip():
        raise RunError("the task is empty: say what is to be done, --task 'Add a …'")
    with tempfile.TemporaryDirectory(prefix="forgehand-run-") as scratch:
        kept = settings.data_dir.absolute() if _stays_in_mirror(wish) else Path(scratch)
        with _service(
            settings.model_copy(update={"data_dir": kept, "lost_after_seconds": 20.0}), host
        ) as desk:
            job = _job(desk, wish, name, branch)
            _must_be_new(desk, job, branch)
            try:
                ended = _follow(desk, job, on_event)
                return _deliver(desk, ended, wish, branch)
            finally:
                desk.launcher.sweep(lambda *_: False)


@contextmanager
def _service(settings: Settings, host: PlainGit) -> Iterator[Desk]:
    """A store and a broker on loopback, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="forgehand-redis-") as folder:
        redis = EmbeddedRedis(Path(folder))
        redis.start()
        try:
            with _broker(settings, redis.url, host) as desk:
                yield desk
        finally:
            redis.stop()


@contextmanager
def _broker(settings: Settings, redis_url: str, host: PlainGit) -> Iterator[Desk]:
    draft = wiring.build(settings, redis_url=redis_url, hosts={HOST: host})
    app = create_app(draft)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    # the port is only known now: the desk that launches gets the real address
    address = {"broker_url": f"http://127.0.0.1:{server.server_port}"}
    desk = wiring.build(settings.model_copy(update=address), redis_url=redis_url, hosts={HOST: host})
    thread = threading.Thread(target=server.serve_forever, name="broker", daemon=True)
    thread.start()
    try:
        yield desk
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions[UPSTREAM].close()
        for one in (draft, desk):
            one.redis.close()


def _host(settings: Settings, wish: Wish) -> tuple[PlainGit, str]:
    """How Git reaches the repository, and a name for it."""
    if (
        settings.anthropic_api_key is None
        and settings.claude_oauth_token is None
        and not _has_gateway(settings)
    ):
        raise RunError(
            "no Claude credential: set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN and run it again"
        )
    parts = urlsplit(wish.repo)
    if parts.scheme in {"http", "https"}:
        if parts.username or parts.password:
            raise RunError(
                "a token doesn't belong in a URL: put it into FORGEHAND_GIT_TOKEN and leave the URL plain"
            )
        header = _basic(settings.git_token.get_secret_value()) if settings.git_token else None
        return PlainGit(wish.repo, header, (parts.scheme,)), _name(parts.path)
    if parts.scheme or re.match(r"[^/\\]+@[^/\\]+:", wish.repo):
        raise RunError(
            f"{wish.repo!r}: only paths and http(s) URLs work; for SSH, clone first and name the folder"
        )
    path = Path(wish.repo).expanduser().absolute()
    with _open(path) as repo:
        # the shared directory, where `path` is one of several work trees
        return PlainGit(f"file://{Path(repo.common_dir).absolute()}", None, ("file",)), _name(str(path))


def _has_gateway(settings: Settings) -> bool:
    return settings.anthropic_base_url != str(Settings.model_fields["anthropic_base_url"].default)


def _basic(token: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"forgehand:{token}".encode()).decode()


def _open(path: Path) -> git.Repo:
    """The repository at `path` or above it; GitPython reads it without starting anything of the repository's."""
    try:
        return git.Repo(path, search_parent_directories=True)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise RunError(f"{path} is no Git repository; name a checkout, a bare repository or a URL") from error


def _name(path: str) -> str:
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(path.removesuffix(".git")).name).strip(".-")
    return f"run/{words[:80] or 'repository'}"


def _branch(wish: Wish) -> str:
    """The branch to make: the one that was named, or one that says what it is about."""
    branch = wish.branch or f"forgehand/{branch_slug(wish.task)}-{secrets.token_hex(2)}"
    try:
        check_branch(wish.target)
        check_branch(branch)
    except GitError as error:
        raise RunError(error.user_message) from error
    if branch == wish.target:
        raise RunError(f"{branch} is the target; the work goes to a branch of its own: --branch NAME")
    return branch


def _stays_in_mirror(wish: Wish) -> bool:
    """Without --push the work on a URL has nowhere to go but our own copy, so that must last."""
    return not wish.push and urlsplit(wish.repo).scheme in {"http", "https"}


def _job(desk: Desk, wish: Wish, name: str, branch: str) -> Job:
    now = desk.clock()
    title = naming.one_line(wish.task, 200)
    job = Job(
        id=secrets.token_hex(8),
        forge=HOST,
        repo=name,
        kind="code",
        number=0,
        is_pull=False,
        requester=Requester(id=0, login="you"),
        task=Task(title=title, body=wish.task[:MAX_PROSE], author="you"),
        target_branch=wish.target,
        branch=branch,
        created_at=now,
        state=State.RECEIVED,
    ).moved(State.QUEUED, cause="forgehand run", at=now)
    return desk.jobs.create(job, trigger=f"run/{job.id}", tasks=[])


def _must_be_new(desk: Desk, job: Job, branch: str) -> None:
    """Say so before anything is spent, where the branch is there already."""
    mirror = desk.mirror_of(job)
    mirror.fetch()
    for ref in (branch_ref(branch), f"{KEPT}/{branch}"):
        with suppress(UnknownRef):
            mirror.resolve(ref)
            raise RunError(f"there is a branch {branch} already; choose another name: --branch NAME")


def _follow(desk: Desk, job: Job, on_event: Callable[[Event], None]) -> Job:
    """Do what worker and reconciler would do, and pass on what the runner tells, until it has ended."""
    seen, looked = "-", time.monotonic()
    while True:
        job = desk.jobs.get(job.id)
        for entry_id, _, event in desk.attempts.log(job.id, after=seen):
            seen = entry_id
            on_event(_EVENTS.validate_json(event))
        if job.state == State.PUBLISHING or job.ended:
            return job
        try:
            if job.state == State.QUEUED:
                launch(desk, job.id)
            elif time.monotonic() - looked > desk.settings.reconcile_seconds:
                looked = time.monotonic()
                reconcile(desk)
        except BusyError:
            pass  # the lease of a moment ago
        time.sleep(POLL_SECONDS)


def _deliver(desk: Desk, job: Job, wish: Wish, branch: str) -> Outcome:
    result = job.result
    spent = desk.jobs.spent_usd(job.id)
    if result is None:
        raise RunError(job.error or "the run ended without a result")
    if result.outcome == "no_changes":
        return Outcome(job=job, facts=None, branch=branch, where="", spent_usd=spent)
    mirror = desk.mirror_of(job)
    try:
        facts = examine(desk, job, mirror, result).facts
    except RejectedError as error:
        raise RunError(str(error)) from error
    where, runner = mirror.url, mirror.git
    if _stays_in_mirror(wish):
        where = str(mirror.path)
        branch = f"{KEPT}/{branch}"  # no branch: the next fetch would prune it
        runner.run("update-ref", branch, facts.tip, "0" * 40)
    else:
        if wish.push and mirror.url.startswith("file://"):
            where, runner = _origin(desk, mirror.git, Path(mirror.url.removeprefix("file://")))
        push(runner, url=where, sha=facts.tip, branch=branch, expected=None, never={wish.target})
    if result.outcome == "failed":
        raise RunError(f"{result.error} What there was is on the branch {branch} of {where}.")
    return Outcome(job=job, facts=facts, branch=branch, where=where, spent_usd=spent)


def _origin(desk: Desk, runner: Git, git_dir: Path) -> tuple[str, Git]:
    """The remote `origin` of a local repository, and Git with the right to push there."""
    with _open(git_dir) as repo:
        url = str(repo.remote("origin").url) if "origin" in [remote.name for remote in repo.remotes] else ""
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"} and not parts.username:
        token = desk.settings.git_token
        auth = HeaderAuth(url, _basic(token.get_secret_value())) if token else None
        return url, runner.replace(auth=auth, allow_protocols=(parts.scheme,))
    if url.startswith(("/", "file://")):
        return f"file://{url.removeprefix('file://')}", runner
    raise RunError(
        f"its origin is {url!r}, which can't be pushed to from here; leave out --push, then push by hand"
    )
