"""`.forgehand.yml`, the repository's own wishes: always read from the base branch, never from the work.

An unknown key is an error that names the key: a typo in a safety setting must not pass for silence.
"""

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PATH = ".forgehand.yml"
MAX_BYTES = 64 * 1024


class BadRepoConfigError(Exception):
    """The file can't be used; the message is for the person who wrote it."""


class RepoConfig(BaseModel):
    """What a repository may ask for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verify: str | None = Field(default=None, max_length=2_000)
    """A command that tests the repository; run in the sandbox after every change, with `sh -c`."""


class _Loader(yaml.SafeLoader):
    """YAML's safe types, without aliases: a few of those in a row make a small file a huge value."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (`*name`) can't be used here; write the value out")
        return super().compose_node(parent, index)


def parse(text: bytes | None) -> RepoConfig:
    """The configuration in `text`; the defaults where the repository has no such file.

    Raises `BadRepoConfigError`.
    """
    if text is None:
        return RepoConfig()
    try:
        loaded = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader that refuses more
    # YAML's constructors raise whatever Python's do: a date of month 99, a number of 5000 digits
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BadRepoConfigError(f"{PATH} on the target branch is not valid YAML: {error}"[:500]) from error
    try:
        return RepoConfig.model_validate({} if loaded is None else loaded)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))[:100] or "the top level"
        raise BadRepoConfigError(f"{PATH} on the target branch: {where}: {first['msg']}") from error
