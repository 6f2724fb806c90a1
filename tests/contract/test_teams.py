"""What an organisation's teams make of people's standing, asked of a real forge over HTTP.

Repositories of an organisation are all that this is about: where the forge has none, there is nothing to ask.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from app.forges.port import Standing, User
from tests.contract.conftest import KIND, Scene, account
from tests.support.forge import Person

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "FORGEHAND_TEST_FORGE_URL" not in os.environ, reason="the embedded forge has no organisations"
    ),
    pytest.mark.skipif(
        KIND == "github", reason="GitHub's answer is the right to push, wherever it comes from"
    ),
]
WRITE, READ = Standing(permission="write", is_bot=False), Standing(permission="read", is_bot=False)


@dataclass(frozen=True)
class Place:
    """A private repository of an organisation, a team that reaches it, and one member of that."""

    owner: Person
    repo: str
    team: int
    member: Person

    def grant(self, units: Mapping[str, str], permission: str = "write") -> None:
        """What the team may do from now on, part by part."""
        form = {"name": "helpers", "permission": permission, "units_map": dict(units)}
        self.owner.api("PATCH", f"/teams/{self.team}", form)

    def reported(self, who: Person) -> str:
        """The permission as the forge says it."""
        path = f"/repos/{self.repo}/collaborators/{who.login}/permission"
        found: dict[str, Any] = self.owner.api("GET", path)
        return str(found["permission"])


@pytest.fixture
def place(server, scene: Scene) -> Place:
    owner, member = server.user(), server.user()
    name = f"org-{owner.login}"
    owner.api("POST", "/orgs", {"username": name})
    form = {"name": "shared", "auto_init": True, "default_branch": "main", "private": True}
    owner.api("POST", f"/orgs/{name}/repos", form)
    made = {"name": "helpers", "permission": "write", "units_map": {"repo.issues": "write"}}
    team = owner.api("POST", f"/orgs/{name}/teams", made)["id"]
    owner.api("PUT", f"/teams/{team}/repos/{name}/shared")
    owner.api("PUT", f"/teams/{team}/members/{member.login}")
    owner.invite(f"{name}/shared", scene.bot.login, "admin")
    return Place(owner, f"{name}/shared", team, member)


@pytest.fixture
def writer(server, place: Place) -> Person:
    """Somebody who may push, as a collaborator."""
    found = server.user()
    place.owner.invite(place.repo, found.login, "write")
    return found


def may_push(place: Place, who: Person) -> bool:
    """Whether it really works, by the web editor's API."""
    form = {"content": "eA==", "branch": "main"}
    answer = who.api("POST", f"/repos/{place.repo}/contents/{who.login}.txt", form, ok=False)
    assert answer.status_code in {201, 403, 404}
    return bool(answer.status_code == 201)


PARTS = [
    {"repo.issues": "write"},
    {"repo.issues": "write", "repo.code": "none"},
    {"repo.wiki": "write", "repo.issues": "write"},
    {"repo.issues": "write", "repo.code": "read"},
    {"repo.issues": "read", "repo.code": "read"},
    {"repo.issues": "read", "repo.code": "write"},
    {"repo.issues": "write", "repo.code": "write"},
]


@pytest.mark.parametrize("units", PARTS, ids=lambda units: "-".join(f"{k[5:]}_{v}" for k, v in units.items()))
def test_nobody_is_said_to_write_who_may_not_push(scene: Scene, place: Place, units: dict[str, str]):
    place.grant(units)
    found = scene.forge.standing(place.repo, account(place.member))
    pushes = may_push(place, place.member)
    assert pushes == (units.get("repo.code") == "write")
    assert found.permission != "write" or pushes


@pytest.mark.parametrize("units", PARTS, ids=lambda units: "-".join(f"{k[5:]}_{v}" for k, v in units.items()))
def test_who_may_push_as_a_collaborator_may_write_unless_a_team_makes_that_doubtful(
    scene: Scene, place: Place, writer: Person, units: dict[str, str]
):
    place.grant(units)
    doubtful = place.reported(place.member) == "write" and units.get("repo.code") != "write"
    found = scene.forge.standing(place.repo, account(writer))
    assert (found.permission, bool(found.doubt)) == (("read", True) if doubtful else ("write", False))
    assert may_push(place, writer)


def test_a_doubt_names_the_team_and_ends_with_it(scene: Scene, place: Place, writer: Person):
    if place.reported(place.member) != "write":
        pytest.skip("this release doesn't report a team's right on issues as write")
    found = scene.forge.standing(place.repo, account(writer))
    assert found.doubt == "the team helpers may write, but not code, so nobody's right to push can be told"
    place.grant({"repo.issues": "write", "repo.code": "read"})  # as `check` says
    assert scene.forge.standing(place.repo, account(writer)) == WRITE
    assert scene.forge.standing(place.repo, account(place.member)) == READ


def test_a_doubt_takes_nothing_from_administrators(server, scene: Scene, place: Place):
    other = server.user()
    place.owner.invite(place.repo, other.login, "admin")
    for who in (place.owner, other):
        found = scene.forge.standing(place.repo, account(who))
        assert (found.permission, found.doubt) == ("admin", "")


def test_a_doubt_gives_nothing_to_others(server, scene: Scene, place: Place):
    stranger: User = account(server.user())
    assert scene.forge.standing(place.repo, stranger).permission == "none"


def test_check_tells_of_a_team_whose_write_is_no_right_to_push(scene: Scene, place: Place):
    what = "the rights of its teams' members can be told"
    doubtful = place.reported(place.member) == "write"
    (found,) = [one for one in scene.forge.check(place.repo) if one.what == what]
    assert found.ok != doubtful
    assert ("the team helpers" in found.remedy) == doubtful
    place.grant({"repo.issues": "write", "repo.code": "read"})
    assert [one.what for one in scene.forge.check(place.repo) if not one.ok] == []


def test_check_tells_of_a_team_whose_members_may_push_unreported(scene: Scene, place: Place):
    place.grant({"repo.issues": "read", "repo.code": "write"})
    assert place.reported(place.member) in {"none", "read"}
    assert may_push(place, place.member)
    found = scene.forge.check(place.repo)
    assert [one.what for one in found if "the team helpers may push" in one.what] == [found[-2].what]
    assert all(one.ok for one in found)


def test_a_repository_of_a_person_has_no_teams_to_tell_of(scene: Scene):
    assert not [one for one in scene.forge.check(scene.repo) if "team" in one.what]
