"""`.forgehand.yml`, the repository's own wishes: always read from the base branch, never from the work.

An unknown key is an error that names the key: a typo in a safety setting must not pass for silence.
"""

from typing import Annotated, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from runner.protocol import Kind

PATH = ".forgehand.yml"
MAX_BYTES = 64 * 1024


class BadRepoConfigError(Exception):
    """The file can't be used; the message is for the person who wrote it."""


Name = Annotated[str, Field(min_length=1, max_length=255)]


class Allow(BaseModel):
    """Who may make us work, at what, and for which branches. It only narrows what the operator and the forge allow.

    Always read from the *default* branch: who can make another branch mustn't be able to widen it there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: Literal["write", "maintain"] | Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)] = (
        "write"
    )
    """The permission that is needed, or the accounts by name; those need write access, too."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = get_args(Kind)
    """Job kinds that may be asked for."""
    targets: Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)] = ("*",)
    """Branches that work may be meant for, `*` for any characters."""

    @field_validator("who", mode="before")
    @classmethod
    def _says_who(cls, value: object) -> object:
        if (
            value in {"write", "maintain"}
            if isinstance(value, str)
            else value and isinstance(value, list | tuple)
        ):
            return value
        raise ValueError("write `write`, `maintain`, or a list of account names")


class RepoConfig(BaseModel):
    """What a repository may ask for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verify: str | None = Field(default=None, max_length=2_000)
    """A command that tests the repository; run in the sandbox after every change, with `sh -c`."""
    allow: Allow = Allow()
    """Who may make us work here."""


class _Loader(yaml.SafeLoader):
    """YAML's safe types, without aliases: a few of those in a row make a small file a huge value."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (`*name`) can't be used here; write the value out")
        return super().compose_node(parent, index)


def parse(text: bytes | None, *, where: str = "the target branch") -> RepoConfig:
    """The configuration in `text`; the defaults where the repository has no such file.

    Raises `BadRepoConfigError`, which says that it was read from `where`.
    """
    if text is None:
        return RepoConfig()
    try:
        loaded = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader that refuses more
    # YAML's constructors raise whatever Python's do: a date of month 99, a number of 5000 digits
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BadRepoConfigError(f"{PATH} on {where} is not valid YAML: {error}"[:500]) from error
    try:
        return RepoConfig.model_validate({} if loaded is None else loaded)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))[:100] or "the top level"
        raise BadRepoConfigError(f"{PATH} on {where}: {key}: {first['msg']}") from error
