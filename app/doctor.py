"""`forgehand doctor`: whether everything is as it should be, and what to do where it isn't.

It looks at this machine, at the service, and at every connected repository, whose forge it asks for a test delivery. Of
all that it changes one thing: a label that is missing is made. A check that can't be made is a finding, never the end.
"""

import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from app import settings as app_settings
from app import wiring
from app.connect import LABELS
from app.forges.port import Finding, ForgeDenied, ForgeError, Hook
from app.reach import Ear, ReachError, advice, elsewhere, hook_url, listening, obstacle, stray_hooks
from app.service import running_redis_url, web_answers
from app.settings import BadSettingsError, ForgeSettings, Settings
from app.store.connection import StoreUnavailableError, connect, find_server
from app.store.deliveries import Heard
from git_ops import Git, GitError
from git_ops.errors import MIN_GIT
from runner.sandbox import best_level

MINIMUM_DISK_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What was found about one thing."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings)


Say = Callable[[Section], None]


def examine(env_file: Path, *, say: Say = lambda _: None) -> list[Section]:
    """Look at everything; `say` hears of each section as it is done."""
    sections: list[Section] = []

    def done(title: str, findings: Iterator[Finding]) -> None:
        sections.append(Section(title=title, findings=tuple(findings)))
        say(sections[-1])

    settings, first = _settings(env_file)
    done("settings", iter(first))
    if settings is None:
        return sections
    done("this machine", _machine(settings))
    done("service", _service(settings))
    with ExitStack() as stack:
        ear = _ear(stack, settings)
        for name, forge in settings.forges.items():
            for repo, scope in _repositories(forge):
                title = f"{name}: {repo}"
                one = _Connection(settings, env_file, ear, name=name, repo=repo, scope=scope)
                done(title, one.findings())
            if patterns := [one for one in forge.repos if "*" in one]:
                done(f"{name}: {', '.join(patterns)}", iter([_unlisted(settings, name, forge)]))
    return sections


def _settings(env_file: Path) -> tuple[Settings | None, list[Finding]]:
    found = []
    if env_file.exists():
        mode = stat.S_IMODE(env_file.stat().st_mode)
        what = f"only its owner and its group can read {env_file}"
        found.append(_finding(what, f"it holds secrets: chmod g-w,o= {env_file}", ok=not mode & 0o027))
    try:
        settings = app_settings.load(env_file=env_file)
    except BadSettingsError as error:
        return None, [*found, _finding("the settings can be read", f"mend {env_file}: {error}", ok=False)]
    found.append(_finding("the settings can be read", "", ok=True))
    remedy = "connect one: forgehand connect gitea|forgejo|github --url … --repo owner/name"
    found.append(_finding("a forge is connected", remedy, ok=bool(settings.forges)))
    found.append(
        _finding(
            "Claude has a credential",
            f"put ANTHROPIC_API_KEY=… or CLAUDE_CODE_OAUTH_TOKEN=… into {env_file}",
            ok=settings.anthropic_api_key is not None or settings.claude_oauth_token is not None,
        )
    )
    return settings, found


def _machine(settings: Settings) -> Iterator[Finding]:
    yield _git()
    yield _data_dir(settings.data_dir.absolute())
    level = best_level()
    yield _finding(
        f"agents run isolated (sandbox: {level})",
        "install bubblewrap, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1); for repositories"
        " that you trust: FORGEHAND_ALLOW_PLAIN_SANDBOX=true",
        ok=level != "plain" or settings.allow_plain_sandbox,
    )


def _git() -> Finding:
    needed = ".".join(map(str, MIN_GIT))
    try:
        version = Git().text("version").removeprefix("git version ")
    except GitError as error:
        return _finding(f"Git {needed} or newer is there", str(error), ok=False)
    numbers = tuple(int(part) for part in re.findall(r"[0-9]+", version)[:2])
    remedy = f"this one is {version}: install a newer one"
    return _finding(f"Git {needed} or newer is there", remedy, ok=numbers >= MIN_GIT)


def _data_dir(folder: Path) -> Finding:
    what = f"{folder} can be written"
    present = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(present, os.W_OK | os.X_OK):
        return _finding(what, f"make {present} writable, or set FORGEHAND_DATA_DIR", ok=False)
    free = shutil.disk_usage(present).free
    return _finding(
        f"{what} and has {free / (1 << 30):.1f} GiB free",
        "less than 1 GiB is left: make room",
        ok=free >= MINIMUM_DISK_BYTES,
    )


def _service(settings: Settings) -> Iterator[Finding]:
    runs = running_redis_url(settings) is not None
    yield _redis(settings, runs=runs)
    if not runs and web_answers(settings):
        yield _finding("the service that answers is this one", elsewhere(settings), ok=False)
        return
    if not runs:
        yield Finding(what="no service runs here at the moment; it starts with: forgehand serve", ok=True)
        return
    remedy = "its log says why; is another program at that port?"
    yield _finding("the web process answers", remedy, ok=web_answers(settings))


def _redis(settings: Settings, *, runs: bool) -> Finding:
    if settings.redis_url is None:
        try:
            what = "its private Redis answers" if runs else f"a Redis can be started ({find_server()})"
        except StoreUnavailableError as error:
            return _finding("a Redis can be started", str(error), ok=False)
        return _finding(what, "", ok=True)
    redis = connect(settings.redis_url.get_secret_value())
    try:
        redis.ping()
    except RedisError as error:
        return _finding("Redis answers", f"see FORGEHAND_REDIS_URL: {type(error).__name__}", ok=False)
    finally:
        redis.close()
    return _finding("Redis answers", "", ok=True)


def _ear(stack: ExitStack, settings: Settings) -> Ear | str:
    """What hears test deliveries, or why nothing does."""
    if not settings.forges:
        return "no forge is connected"
    try:
        return stack.enter_context(listening(settings))
    except (ReachError, BadSettingsError) as error:
        return str(error)


def _repositories(forge: ForgeSettings) -> list[tuple[str, str | None]]:
    """The repositories that can be named, each with the scope of its webhook: its own, or none for the forge's."""
    spelt = {one.lower(): one for one in forge.repos if "*" not in one}
    if forge.app_id is not None:  # its one webhook is for all of them
        return [(one, None) for one in spelt.values()]
    names = [spelt.get(name, name) for name in forge.repo_secrets]
    rest = [one for lowered, one in spelt.items() if lowered not in forge.repo_secrets]
    return [(name, name) for name in names] + [(name, None) for name in rest]


def _unlisted(settings: Settings, name: str, forge: ForgeSettings) -> Finding:
    what = "repositories that a pattern stands for can't be listed: only those with a secret of their own are looked at"
    remedy = (
        f"they have no secret: connect each one, or set webhook_secrets for {hook_url(settings, name, None)}"
    )
    return _finding(what, remedy, ok=bool(forge.webhook_secrets or forge.repo_secrets))


class _Connection:
    """One repository, with the webhook whose scope it is in."""

    def __init__(
        self,
        settings: Settings,
        env_file: Path,
        ear: Ear | str,
        *,
        name: str,
        repo: str,
        scope: str | None,
    ) -> None:
        self._settings, self._env_file = settings, env_file
        self._name, self._repo, self._scope, self._ear = name, repo, scope, ear
        self._options = settings.forges[name]

    def findings(self) -> Iterator[Finding]:
        what = "the forge can call the service"
        reason = obstacle(self._settings.public_url, self._options.url)
        yield _finding(what, f"{reason} (FORGEHAND_PUBLIC_URL)", ok=reason is None)
        try:
            with closing(wiring.adapter(self._name, self._options)) as forge:
                yield from self._of_forge(forge)
        except (ForgeError, ValueError) as error:
            yield _finding("the forge answers", str(error), ok=False)

    def _of_forge(self, forge: wiring.Adapter) -> Iterator[Finding]:
        checked = forge.check(self._repo)
        yield from checked
        if not all(finding.ok for finding in checked):
            return  # what follows from it would only be more of the same
        for name, color, text in LABELS:
            label = name or self._settings.label
            made = forge.ensure_label(self._repo, label, color=color, text=text)
            yield Finding(
                what=f"the label {label} {'was missing and is there now' if made else 'is there'}", ok=True
            )
        hook = None
        for finding, found in self._hook(forge):
            yield finding
            hook = found
        if hook is not None:
            yield from self._trial(forge, hook)

    def _hook(self, forge: wiring.Adapter) -> Iterator[tuple[Finding, Hook | None]]:
        """What there is to say about the webhook; it comes with the last finding where it can be tried."""
        url = hook_url(self._settings, self._name, self._scope)
        again = (
            f"run forgehand connect {self._options.kind} --url {self._options.url} --repo {self._repo} again"
        )
        try:
            hooks = forge.hooks(self._repo)
        except ForgeDenied:  # on GitHub the right to write is enough, once it is connected
            yield Finding(what="only administrators see webhooks: this one wasn't looked at", ok=True), None
            return
        for stray in stray_hooks(hooks, self._settings, name=self._name, repo=self._repo):
            yield stray, None
        found = [hook for hook in hooks if hook.url.lower() == url.lower()]
        if len(found) != 1:
            many = f"{len(found)} webhooks call it" if found else "none calls it"
            yield _finding(f"one webhook calls {url}", f"{many}: {again}", ok=False), None
            return
        yield Finding(what=f"one webhook calls {url}", ok=True), None
        yield _finding("it is active", again, ok=found[0].active), None
        complete = "it sends every event that Forgehand handles, as JSON"
        usable = found[0] if found[0].active else None
        yield _finding(complete, again, ok=found[0].complete), usable

    def _trial(self, forge: wiring.Adapter, hook: Hook) -> Iterator[Finding]:
        what = "a test delivery arrives"
        if isinstance(self._ear, str):
            yield _finding(what, self._ear, ok=False)
            return
        scope = self._scope.lower() if self._scope else None
        last = self._ear.deliveries.heard(self._name, scope)
        if self._options.app_id is not None:  # GitHub makes none for an App
            remedy = "redeliver one in the App's settings, Advanced, and look again"
            yield _finding(_before(last) if last else "a delivery has arrived", remedy, ok=last is not None)
            return
        secrets = [one.get_secret_value() for one in self._options.secrets_of(scope)]
        heard = self._ear.trial(
            lambda: forge.test_hook(self._repo, hook.id), name=self._name, repo=scope, secrets=secrets
        )
        remedy = advice(self._settings, kind=self._options.kind, env_file=self._env_file, ear=self._ear)
        yield _finding(what, remedy, ok=heard is not None)
        yield Finding(what=_before(last), ok=True)
        if len(secrets) > 1 and scope is not None:
            yield Finding(what=f"{len(secrets)} secrets are accepted: a rotation isn't finished", ok=True)


def _before(last: Heard | None) -> str:
    if last is None:
        return "nothing had arrived before"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(last.at))
    return f"the last delivery so far came {when} UTC"


def is_ok(sections: Sequence[Section]) -> bool:
    """Whether nothing is wrong."""
    return all(section.ok for section in sections)


def _finding(what: str, remedy: str, *, ok: bool) -> Finding:
    return Finding(what=what, ok=ok, remedy="" if ok else remedy)
