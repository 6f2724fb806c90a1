"""Every setting of the service, typed, in one place.

Read once, by the command line, from `FORGEHAND_…` environment variables and a `.env` file, or the file that
`FORGEHAND_ENV_FILE` names; the environment goes first. Two levels are joined by `__` (`FORGEHAND_FORGES__HOME__URL`).
Letter case of names doesn't count, nor that of forges and repositories. An unknown `FORGEHAND_…` name is an error, so
that a typo can't silently fall back to a default. Secrets are `SecretStr`: they don't print.
"""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from types import EllipsisType
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from app.settings_types import (
    ForgeName,
    LongSecret,
    PrivateKey,
    RepoPattern,
    RepoSecrets,
    Secret,
    Secrets,
    Url,
    covers,
    in_lower_case,
)

PREFIX = "FORGEHAND_"
ENV_FILE = "FORGEHAND_ENV_FILE"
"""Names the file of settings, where that isn't `.env` in the working directory. Only looked for in the environment."""
_NOT_SETTINGS = (
    "FORGEHAND_TEST_",
    ENV_FILE,
    "FORGEHAND_BROKER_URL",
    "FORGEHAND_JOB_TOKEN",
    "FORGEHAND_CLAUDE_BINARY",
    "FORGEHAND_LISTEN_FD",
)


class BadSettingsError(Exception):
    """The service can't start with these settings; the message names each wrong one."""


class ForgeSettings(BaseModel):
    """One forge that we serve."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["gitea", "forgejo", "github"] = "gitea"
    """What speaks at `url`. Decides how deliveries are verified and parsed."""
    url: Url
    """Where the service reaches the forge; of GitHub `https://github.com` or a GitHub Enterprise Server."""
    public_url: Url | None = None
    """Where people reach it, if that differs."""
    token: LongSecret | None = None
    """Access token of the bot's own account. A GitHub App has `app_id` and `app_private_key` instead."""
    app_id: int | None = Field(default=None, ge=1)
    """Id of the GitHub App that we act as."""
    app_private_key: PrivateKey | None = None
    """The GitHub App's private key, PEM."""
    webhook_secrets: Secrets = ()
    """Accepted secrets of webhooks at `…/webhooks/<name>`, as a JSON list: two while one is being rotated."""
    repo_secrets: RepoSecrets = Field(default_factory=dict)
    """Secrets for one repository alone, whose webhook calls `…/webhooks/<name>/<owner>/<repo>`: a JSON table."""
    repos: tuple[RepoPattern, ...] = Field(min_length=1)
    """Repositories that we work on, `owner/name`, `*` allowed in each part, as a JSON list."""
    bots: tuple[int, ...] = ()
    """Numeric ids of machine accounts that may make us work, as a JSON list. All others are ignored."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        by_app = self.app_id is not None and self.app_private_key is not None
        if self.kind != "github" and (self.app_id is not None or self.app_private_key is not None):
            raise ValueError("app_id and app_private_key are only for kind=github")
        if (self.app_id is None) != (self.app_private_key is None) or by_app == (self.token is not None):
            raise ValueError("set token; or, for a GitHub App, app_id and app_private_key and no token")
        if not self.webhook_secrets and not self.repo_secrets:
            raise ValueError("set webhook_secrets or repo_secrets: unsigned deliveries are never accepted")
        if stray := [repo for repo in self.repo_secrets if not self.covers(repo)]:
            raise ValueError(f"repo_secrets has {stray[0]}, which repos doesn't cover: add it there")
        if self.kind == "github" and importlib.util.find_spec("github") is None:
            raise ValueError("kind=github needs PyGithub: pip install 'forgehand[github]'")
        return self

    def covers(self, repo: str) -> bool:
        """Whether `owner/name` is on the list."""
        return covers(self.repos, repo)

    def secrets_of(self, repo: str | None) -> tuple[SecretStr, ...]:
        """What may sign deliveries of one repository's webhook, or of the forge's; empty where there is none."""
        return self.webhook_secrets if repo is None else self.repo_secrets.get(repo.lower(), ())


class Settings(BaseSettings):
    """The service's settings. Every field's docstring is its line in docs/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    data_dir: Path = Path(".forgehand")
    """Folder for Git mirrors, runner logs and the embedded Redis."""
    redis_url: SecretStr | None = None
    """Redis to use, `redis://…` or `unix://…`; without it a private one is started in `data_dir`."""
    host: str = "127.0.0.1"
    """Address that the web process listens on."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """Port that the web process listens on."""
    web_threads: int = Field(default=32, ge=2)
    """Requests served at once; every running job holds one while Claude answers."""
    public_url: Url = "http://127.0.0.1:8080"
    """Where people and forges reach the service; links in comments start with it."""
    broker_url: Url | None = None
    """Where runners reach the service, if that differs from `public_url`."""
    api_token: Secret | None = None
    """Token for the API and the pages (`Authorization: Bearer …`, or as the password in a browser)."""
    pages_public: bool = False
    """Show API and pages to everybody. Logs may quote private code: for loopback and demos."""

    forges: Annotated[dict[ForgeName, ForgeSettings], BeforeValidator(in_lower_case)] = Field(
        default_factory=dict
    )
    """The forges, by the name that their webhook URL ends with: `…/webhooks/<name>`."""
    mention: str = Field(default="agent", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """The name that people write to: `@agent …`. The bot's own login always works too."""
    label: str = "agent"
    """The label that starts a job on an issue."""
    branch_prefix: str = Field(default="forgehand/", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*/$")
    """Branches of ours start with it."""
    draft_pulls: bool = True
    """Open pull requests as drafts."""
    git_token: Secret | None = None
    """Token that `forgehand run` uses for http(s) repositories. The service itself uses each forge's token."""

    launcher: Literal["local"] = "local"
    """Where runners run."""
    allow_plain_sandbox: bool = False
    """Run agents as plain processes where this machine allows no isolation. Only for repositories you trust."""
    max_running: int = Field(default=4, ge=1)
    """Runners at the same time; more jobs wait in the queue."""
    max_attempts: int = Field(default=3, ge=1)
    """Attempts of one job when runners are lost."""

    anthropic_api_key: Secret | None = Field(
        default=None, validation_alias=AliasChoices("ANTHROPIC_API_KEY", "FORGEHAND_ANTHROPIC_API_KEY")
    )
    """Claude API key (also `ANTHROPIC_API_KEY`). Only the broker ever uses it."""
    claude_oauth_token: Secret | None = Field(
        default=None, validation_alias=AliasChoices("CLAUDE_CODE_OAUTH_TOKEN", "FORGEHAND_CLAUDE_OAUTH_TOKEN")
    )
    """Claude subscription token (also `CLAUDE_CODE_OAUTH_TOKEN`), used where there is no API key."""
    anthropic_base_url: Url = Field(
        default="https://api.anthropic.com",
        validation_alias=AliasChoices("ANTHROPIC_BASE_URL", "FORGEHAND_ANTHROPIC_BASE_URL"),
    )
    """A Messages API (also `ANTHROPIC_BASE_URL`): the broker's upstream."""
    model_edit: str = "claude-opus-5-5"
    """Model that edits."""
    model_conflicts: str = "claude-opus-5-5"
    """Model that resolves conflicts."""
    job_budget_usd: float = Field(default=5.0, gt=0)
    """What one job may cost; the broker refuses further requests beyond it."""
    job_timeout_seconds: int = Field(default=3_600, ge=10)
    """Wall clock of one attempt."""
    job_max_turns: int = Field(default=80, ge=1)
    """Turns of Claude Code in one attempt."""

    max_delivery_mib: int = Field(default=5, ge=1)
    """Largest webhook body."""
    max_pack_mib: int = Field(default=200, ge=1)
    """Largest pack that a runner may push."""
    max_request_mib: int = Field(default=16, ge=1)
    """Largest Claude request that a runner may send."""
    max_changed_files: int = Field(default=300, ge=1)
    """Files that one job may change."""
    max_commits: int = Field(default=50, ge=1)
    """Commits that one job may publish."""

    reconcile_seconds: float = Field(default=5.0, gt=0)
    """How often lost runners, stuck jobs and unread deliveries are looked for."""
    lost_after_seconds: float = Field(default=60.0, gt=0)
    """Silence after which a runner that can't be seen any more counts as lost."""
    lease_seconds: float = Field(default=15.0, gt=0)
    """How long a killed task keeps its job locked."""
    delivery_memory_days: int = Field(default=7, ge=1)
    """How long a delivery is remembered, so that it counts once."""
    log_format: Literal["console", "json"] = "console"
    """How log lines look."""

    @property
    def runner_broker_url(self) -> str:
        """What runners are given as `FORGEHAND_BROKER_URL`."""
        return (self.broker_url or self.public_url).rstrip("/") + "/broker"


def env_file() -> Path:
    """The file that settings are read from where nothing else is said."""
    return Path(os.environ.get(ENV_FILE) or ".env")


def load(*, env_file: Path | EllipsisType | None = ..., overlay: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings; `env_file=None` reads no file, and `overlay` goes before all that is read.

    Raises `BadSettingsError` with every problem named, values left out.
    """
    path = _default_file() if isinstance(env_file, EllipsisType) else env_file
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in (*os.environ, *written(path)):
        base = name.upper().split("__")[0]
        # letter case is ignored here because it is where the values are read
        if name.upper().startswith(PREFIX) and base not in known and not name.startswith(_NOT_SETTINGS):
            raise BadSettingsError(f"{name} is no setting; docs/settings.md lists them all")
    try:
        return Settings(_env_file=path, **(overlay or {}))
    except SettingsError as error:
        raise BadSettingsError(f"{error}; lists and tables are written as JSON") from error
    except ValidationError as error:
        # only place and message: pydantic's own text would print the value, which may be a secret
        lines = [f"{_variable(problem['loc'])}: {_plain(problem['msg'])}" for problem in error.errors()]
        raise BadSettingsError("\n".join(lines)) from error


_default_file = env_file


def written(path: Path | None) -> dict[str, str]:
    """The names and values in a file of settings, as they are spelt there; empty where there is no file."""
    try:
        return {name: value or "" for name, value in dotenv_values(path or os.devnull).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettingsError(f"{path} can't be read: {error}") from error


def _variable(loc: tuple[int | str, ...]) -> str:
    # pydantic puts [key] behind the key of a table whose name is wrong
    parts = [str(part).upper() for part in loc if part != "[key]"]
    joined = "__".join(parts)
    return joined if joined.startswith(("ANTHROPIC_", "CLAUDE_", PREFIX)) else PREFIX + joined


def _plain(message: str) -> str:
    """Pydantic's sentence in the words of somebody who writes JSON."""
    return message.removeprefix("Value error, ").replace("tuple", "list").replace("Tuple", "The list")
