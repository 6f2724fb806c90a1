"""Forges as they are written down, complete or not: what `forgehand connect` reads before, and writes in the end.

Nothing here says that a value is good; that is asked of `app.settings`, with all of them in place, before they are
written.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.settings import PREFIX, BadSettingsError
from app.settings_types import covers

_FORGE_LINE = re.compile(rf"{PREFIX}FORGES__(.+?)__([A-Z_]+)")
_AS_JSON = frozenset({"webhook_secrets", "repo_secrets", "repos", "bots"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A forge as it is written: nothing in it has been checked yet."""

    known: Mapping[str, Any]

    def repos_with(self, repo: str) -> list[str]:
        """The list, with `repo` on it."""
        repos = list(self.known.get("repos", []))
        return repos if covers(map(str, repos), repo) else [*repos, repo]

    def secrets_with(self, repo: str, fresh: str, *, rotate: bool) -> dict[str, Any]:
        """The table with a secret for `repo`, and the fresh one before it where it is to be rotated.

        Where there are several already, a rotation isn't finished yet: it is, before another one begins.
        """
        table = dict(self.known.get("repo_secrets", {}))
        key = next((key for key in table if key.lower() == repo.lower()), repo)
        present = list(table.get(key, []))
        if not present or (rotate and len(present) == 1 and fresh not in present):
            table[key] = [fresh, *present]
        return table


def forges_as_written(values: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Name → field → value of the forges in these settings, complete or not.

    Raises `BadSettingsError` for what is no JSON.
    """
    whole = _parsed(f"{PREFIX}FORGES", values.get(f"{PREFIX}FORGES") or "{}", dict)
    found = {str(name).lower(): dict(forge) for name, forge in whole.items() if isinstance(forge, dict)}
    for variable, text in values.items():
        if line := _FORGE_LINE.fullmatch(variable.upper()):
            name, field = line[1].lower(), line[2].lower()
            kind = dict if field == "repo_secrets" else list
            found.setdefault(name, {})[field] = _parsed(variable, text, kind) if field in _AS_JSON else text
    return found


def _parsed(variable: str, text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, kind):
        what = "table" if kind is dict else "list"
        raise BadSettingsError(f"{variable} is no JSON {what}: mend it first")
    return value


def in_effect(values: Mapping[str, str]) -> dict[str, str]:
    """What is written in the file, and in the environment, which goes first."""
    ours = {name.upper(): value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    return {**values, **ours}


def refuse_shadowed(lines: Mapping[str, str]) -> None:
    """Raise `BadSettingsError` where the environment says something else than what is to be written."""
    for name, value in lines.items():
        if in_effect({}).get(name, value) != value:
            raise BadSettingsError(
                f"{name} is set in the environment, which goes before the file: what would be written there"
                " wouldn't count. Unset it, or move it into the file"
            )


def as_json(value: Any) -> str:
    """As lists and tables are written."""
    return json.dumps(value, separators=(",", ":"))
