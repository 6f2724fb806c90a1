"""`forgehand connect`: one repository of one forge, from a token to a test delivery that arrived.

* Nothing is written, here or on the forge, before everything that was looked at is as it should be.
* Every step looks first, so a second run goes on where a killed one stopped, and changes nothing where all is well.
* A secret is accepted by the running service before the forge is told it, and the one before it until a delivery came
  that is signed with the new one: a crash between any two lines leaves a connection that works.
* No secret is in the command line, in what is printed or in an error.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from app import settings as app_settings
from app import settings_file, wiring
from app.connect_wish import AskSecret, ConnectError, Wish, WrongUsageError, checked, credentials, name_of
from app.forges.port import Finding, ForgeDenied, ForgeError, Hook
from app.reach import SHORT_TRIAL, Ear, ReachError, advice, hook_url, listening, obstacle, stray_hooks
from app.settings import PREFIX, BadSettingsError, ForgeSettings, Settings
from app.settings_draft import Draft, as_json, forges_as_written, in_effect, refuse_shadowed
from app.store.deliveries import Heard

LABELS = (
    (None, "1d76db", "Forgehand works on it"),
    ("needs-human", "d93f0b", "Forgehand couldn't finish it"),
)
"""Name (none: the settings'), colour and text of the labels that we use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it went. `findings` are in the order in which things were looked at and done."""

    ok: bool
    name: str
    repo: str
    findings: tuple[Finding, ...]
    changed: tuple[str, ...]
    """Names of the settings that were written."""
    hook: Hook | None
    heard: Heard | None
    next: tuple[str, ...]
    """What to do now."""


Say = Callable[[Finding], None]


def connect(wish: Wish, *, ask_secret: AskSecret, say: Say = lambda _: None) -> Outcome:
    """Connect the repository, or mend what is wrong with its connection. Raises `ConnectError`.

    `ask_secret` is given a sentence and answers what the person typed; `say` hears of each step as it is done.
    """
    try:
        return _Connection(wish, ask_secret, say).make()
    except BadSettingsError as error:
        raise WrongUsageError(str(error)) from error
    except (settings_file.SettingsFileError, ReachError) as error:
        raise ConnectError(str(error)) from error
    except ForgeError as error:
        raise ConnectError(f"the forge doesn't do its part: {error}") from error
    except RedisError as error:
        raise ConnectError(f"the service's Redis went away: {error}") from error


class _Connection:
    def __init__(self, wish: Wish, ask_secret: AskSecret, say: Say) -> None:
        self._wish = wish = checked(wish)  # before anybody types a token
        self._say = say
        self._findings: list[Finding] = []
        self._changed: set[str] = set()
        self._fresh = secrets.token_urlsafe(32)
        values = in_effect(settings_file.read(wish.env_file))
        self._name = name_of(wish, forges_as_written(values))
        self._head = f"{PREFIX}FORGES__{self._name.upper()}__"
        self._ask_secret = ask_secret
        self._credentials = credentials(wish, self._head, values, ask_secret)
        self._is_written = self._head + "TOKEN" in settings_file.read(wish.env_file)

    def make(self) -> Outcome:
        wish, name = self._wish, self._name
        settings = self._settings(wish.repo)
        if reason := obstacle(settings.public_url, settings.forges[name].url):
            raise ConnectError(reason)
        if self._is_refused(settings):
            self._replace_token()
            settings = self._settings(wish.repo)
        with closing(_adapter(name, settings.forges[name])) as forge:
            for finding in forge.check(wish.repo):
                self._tell(finding)
            if not all(finding.ok for finding in self._findings):
                return self._outcome(wish.repo, settings)
            repo = forge.repo(wish.repo).full_name
            self._make_labels(forge, repo, settings)
            self._write(lambda values: self._lines(values, repo))
            settings = self._settings(repo)
            return (self._app_hook if self._is_app else self._hook)(forge, repo, settings)

    def _is_refused(self, settings: Settings) -> bool:
        """Whether the forge doesn't know the token that the file has, and that only the file has."""
        if self._is_app or not self._is_written or f"{self._head}TOKEN" in in_effect({}):
            return False
        with closing(_adapter(self._name, settings.forges[self._name])) as forge:
            try:
                forge.whoami()
            except ForgeDenied as error:
                return error.status == 401
        return False

    def _replace_token(self) -> None:
        file, url = self._wish.env_file, self._wish.url
        self._tell(_done(f"the token in {file} is refused by the forge: another one is needed"))
        token = self._ask_secret(f"Another token of the bot's account at {url}").strip()
        if not token:
            raise ConnectError(
                f"the token in {file} is refused by the forge (it was revoked, or has run out): make another one and"
                f" run this again, with it on standard input or in {self._head}TOKEN"
            )
        self._credentials = {"TOKEN": token}

    @property
    def _is_app(self) -> bool:
        return "APP_ID" in self._credentials

    def _settings(self, repo: str) -> Settings:
        """The settings as they will be, all of them checked."""
        values = in_effect(settings_file.read(self._wish.env_file))
        lines = self._lines(values, repo)
        forge = forges_as_written(lines)[self._name]
        overlay: dict[str, Any] = {"forges": {self._name: forge}}
        if self._wish.public_url:
            overlay["public_url"] = self._wish.public_url
        refuse_shadowed(lines)
        return app_settings.load(env_file=self._wish.env_file, overlay=overlay)

    def _lines(self, values: Mapping[str, str], repo: str) -> dict[str, str]:
        """What the file must say, given what it and the environment say now."""
        wish, head = self._wish, self._head
        known = forges_as_written(in_effect(values)).get(self._name, {})
        draft = Draft(known)
        lines = {f"{head}KIND": wish.kind, f"{head}URL": known.get("url") or wish.url.rstrip("/")}
        lines |= {head + name: value for name, value in self._credentials.items()}
        lines[f"{head}REPOS"] = as_json(draft.repos_with(repo))
        if not self._is_app:  # an App has one webhook for all its repositories, and its own secret
            lines[f"{head}REPO_SECRETS"] = as_json(
                draft.secrets_with(repo, self._fresh, rotate=wish.rotate_secret)
            )
        if wish.public_url:
            lines[f"{PREFIX}PUBLIC_URL"] = wish.public_url
        return lines

    def _write(self, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        changed = settings_file.update(self._wish.env_file, change)
        self._changed |= changed
        if changed:
            self._tell(_done(f"{self._wish.env_file} says so: {', '.join(sorted(changed))}"))

    def _make_labels(self, forge: wiring.Adapter, repo: str, settings: Settings) -> None:
        for name, color, text in LABELS:
            label = name or settings.label
            made = forge.ensure_label(repo, label, color=color, text=text)
            self._tell(_done(f"the label {label} is {'made' if made else 'there'}"))

    def _hook(self, forge: wiring.Adapter, repo: str, settings: Settings) -> Outcome:
        """Make the webhook call us, try it out, and forget the secret before this one."""
        url, accepted = hook_url(settings, self._name, repo), self._accepted(settings, repo)
        with listening(settings) as ear:
            if ear.is_ours:
                self._tell(_done("no service runs here: this command listens itself for the moment"))
            if not ear.accepts(settings, name=self._name, repo=repo, secret=accepted[0]):
                raise ConnectError(
                    f"the web process doesn't take the secret that {self._wish.env_file} has by now. Does it read that"
                    " file? `forgehand serve` takes it over, or its log says why it doesn't; `forgehand web` and"
                    " `forgehand worker` have to be restarted. Then run this again"
                )
            hook, heard = self._try_present(forge, repo, url, accepted, ear)
            if heard is None:
                hook = forge.ensure_hook(repo, url=url, secret=accepted[0])
                self._tell(_done(f"the webhook calls {url}"))
                heard = self._try(forge, repo, hook, accepted[:1], ear)
            if heard is None:
                remedy = advice(settings, kind=self._wish.kind, env_file=self._wish.env_file, ear=ear)
                self._tell(Finding(what="a test delivery arrives", ok=False, remedy=remedy))
                return self._outcome(repo, settings, hook)
        self._tell(_done("a test delivery arrived"))
        if len(accepted) > 1:
            self._write(lambda values: self._without_old(values, repo, accepted[0]))
        for finding in stray_hooks(forge.hooks(repo), settings, name=self._name, repo=repo):
            self._tell(finding)
        return self._outcome(repo, settings, hook, heard, is_running=not ear.is_ours)

    def _app_hook(self, forge: wiring.Adapter, repo: str, settings: Settings) -> Outcome:
        """Look at the App's own webhook, which only people can set, and which sends no test delivery."""
        url = hook_url(settings, self._name, None)
        found = next((hook for hook in forge.hooks(repo) if hook.url == url), None)
        remedy = f"in the App's settings set the webhook's URL to {url}"
        self._tell(Finding(what=f"the App's webhook calls {url}", ok=found is not None, remedy=remedy))
        by_hand = (
            "See a delivery arrive: redeliver one in the App's settings, Advanced, then run forgehand doctor."
        )
        return self._outcome(repo, settings, found, also=(by_hand,))

    def _try_present(
        self, forge: wiring.Adapter, repo: str, url: str, accepted: Sequence[str], ear: Ear
    ) -> tuple[Hook | None, Heard | None]:
        """The webhook as it is, where nothing about it has to change and its deliveries arrive."""
        present = [hook for hook in forge.hooks(repo) if hook.url == url]
        settled = len(present) == 1 and present[0].active and present[0].complete and len(accepted) == 1
        if not settled or self._fresh in accepted:
            return None, None
        return present[0], self._try(forge, repo, present[0], accepted, ear, waits=SHORT_TRIAL)

    def _try(
        self, forge: wiring.Adapter, repo: str, hook: Hook, accepted: Sequence[str], ear: Ear, **waits: Any
    ) -> Heard | None:
        return ear.trial(
            lambda: forge.test_hook(repo, hook.id),
            name=self._name,
            repo=repo,
            secrets=accepted,
            **waits,
        )

    def _accepted(self, settings: Settings, repo: str) -> list[str]:
        """Secrets of the repository's webhook; the first is the one that the forge shall have."""
        return [one.get_secret_value() for one in settings.forges[self._name].secrets_of(repo)]

    def _without_old(self, values: Mapping[str, str], repo: str, kept: str) -> dict[str, str]:
        known = forges_as_written(values).get(self._name, {})
        table = {
            key: [kept] if key.lower() == repo.lower() and kept in found else found
            for key, found in known.get("repo_secrets", {}).items()
        }
        return {f"{self._head}REPO_SECRETS": as_json(table)}

    def _tell(self, finding: Finding) -> None:
        self._findings.append(finding)
        self._say(finding)

    def _outcome(
        self,
        repo: str,
        settings: Settings,
        hook: Hook | None = None,
        heard: Heard | None = None,
        *,
        is_running: bool = False,
        also: tuple[str, ...] = (),
    ) -> Outcome:
        ok = all(finding.ok for finding in self._findings)
        start = (
            "The service that runs has taken it over." if is_running else "Start the service: forgehand serve"
        )
        if settings.anthropic_api_key is None and settings.claude_oauth_token is None:
            start += f"  (first put ANTHROPIC_API_KEY=… into {self._wish.env_file})"
        go = f"Then put the label `{settings.label}` on an issue of {repo}, or write `@{settings.mention} …` there."
        return Outcome(
            ok=ok,
            name=self._name,
            repo=repo,
            findings=tuple(self._findings),
            changed=tuple(sorted(self._changed)),
            hook=hook,
            heard=heard,
            next=(start, go, *also) if ok else ("Do what is said above, then run the same command again.",),
        )


def _adapter(name: str, settings: ForgeSettings) -> wiring.Adapter:
    try:
        return wiring.adapter(name, settings)
    except ValueError as error:  # an address or a key that can't be read
        raise ConnectError(str(error)) from error


def _done(what: str) -> Finding:
    return Finding(what=what, ok=True)
