"""What an organisation's teams make of the permission that Gitea and Forgejo report for their members.

Seen in the sources of Gitea 1.22 and 1.25, Forgejo 7 and 10, and on servers built from them, and relied on:

* Somebody's reported permission is the highest of what they have as a collaborator and of their teams' `permission`s;
  an administrator's is `admin` or `owner`. What may be pushed is told by a team's `units_map`, which isn't reported.
* A team below `admin` has for its `permission` the lowest that it has in any part of a repository, parts where it has
  none left out; in Gitea 1.25 it has `none`. So who may write issues, and has no right on code, is reported as `write`
  by the others; who may write code is reported as what they may do with the wiki, or as anybody else.
* `…/teams` lists the teams of a repository without pages, and is 405 where it is a person's.
"""

import time
from collections.abc import Sequence
from typing import Any

from app.forges.gitea_family.answers import TeamAnswer
from app.forges.http import one_line
from app.forges.port import ForgeError
from app.forges.rest import Rest, repo_path

NO_TEAMS_SECONDS = 600.0
"""How long it is remembered that a repository is a person's."""
_CODE = "repo.code"
_PUSHING = frozenset({"write", "admin", "owner"})
_ORDINARY = frozenset({"none", "read", "admin", "owner"})
"""What a team's `permission` may be without making anybody's plain `write`."""
_SHOWN = 3


class Teams:
    """The teams of the repositories of one server."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._persons: dict[str, float] = {}

    def of(self, repo: str) -> Sequence[TeamAnswer]:
        """The teams that may do something in the repository; none where it is a person's."""
        key = repo.lower()
        if time.monotonic() < self._persons.get(key, 0.0):
            return ()
        # a union is no `type` for mypy, but is parsed as one
        kind: Any = list[TeamAnswer] | None
        try:
            found: list[TeamAnswer] | None = self._rest.get(kind, f"{repo_path(repo)}/teams")
        except ForgeError as error:
            if error.status != 405:
                raise
            self._persons[key] = time.monotonic() + NO_TEAMS_SECONDS
            return ()
        return found or ()


def doubt_about(teams: Sequence[TeamAnswer]) -> str:
    """Why a plain `write` shows no right to push in a repository of these teams; empty where it does.

    The forge doesn't tell where somebody's `write` comes from, so one such team is enough for all.
    """
    found = [one for one in teams if one.permission not in _ORDINARY and not _pushes(one)]
    return f"{_named(found)} may write, but not code, so nobody's right to push can be told" if found else ""


def hidden(teams: Sequence[TeamAnswer]) -> str:
    """The teams whose members may push and aren't reported as people who may, for a sentence; empty without any."""
    found = [one for one in teams if one.permission in {"none", "read"} and _pushes(one)]
    return _named(found) if found else ""


def _pushes(team: TeamAnswer) -> bool:
    return (team.units_map or {}).get(_CODE) in _PUSHING


def _named(teams: Sequence[TeamAnswer]) -> str:
    names = ", ".join(one_line(one.name, 60) for one in teams[:_SHOWN])
    more = f" and {len(teams) - _SHOWN} more" if len(teams) > _SHOWN else ""
    return f"the team{'s' if len(teams) > 1 else ''} {names}{more}"
