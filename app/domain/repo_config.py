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


def parse(text: bytes | None) -> RepoConfig:
    """The configuration in `text`; the defaults where the repository has no such file.

    Raises `BadRepoConfigError`.
    """
    if text is None:
        return RepoConfig()
    try:
        return RepoConfig.model_validate(yaml.safe_load(text) or {})
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadRepoConfigError(f"{PATH} on the target branch is not valid YAML: {error}"[:500]) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top level"
        raise BadRepoConfigError(f"{PATH} on the target branch: {where}: {first['msg']}") from error
