"""Setting up Gitea and Forgejo, where no real server shows it: crashes, lost answers, hostile and foreign servers."""

import json
from typing import Any

import pytest

from app.forges import rest
from app.forges.forgejo.adapter import Forgejo
from app.forges.gitea.adapter import Gitea
from app.forges.port import ForgeDenied, ForgeError, ForgeUnavailable
from tests.app.forges.conftest import Reply, Script, Seen

URL = "https://hands.example/webhooks/home/o/r"
EVENTS = [
    "push",
    "issues",
    "issue_label",
    "issue_comment",
    "pull_request",
    "pull_request_label",
    "pull_request_comment",
    "pull_request_review_approved",
    "pull_request_review_rejected",
    "pull_request_review_comment",
    "pull_request_sync",
]
VERSIONS = {Gitea: "1.22.0", Forgejo: "10.0.0-dev-1554-g5e777a43a1+gitea-1.22.0"}
REPO = {
    "full_name": "o/r",
    "default_branch": "main",
    "private": False,
    "owner": {"id": 2, "login": "o"},
    "archived": False,
    "mirror": False,
    "empty": False,
    "has_issues": True,
    "has_pull_requests": True,
    "external_tracker": None,
    "permissions": {"admin": True, "push": True, "pull": True},
}


class Server:
    """As much of a forge as setting it up needs, with webhooks that are kept."""

    def __init__(self, script: Script, kind: type[Gitea | Forgejo]) -> None:
        self.version = VERSIONS[kind]
        self.kind = "gitea" if kind is Gitea else "forgejo"
        self.hooks: list[dict[str, Any]] = []
        self.repo: dict[str, Any] = dict(REPO)
        self.answers: dict[tuple[str, str], Reply] = {}
        self.made = 0
        script.replies = [self.answer]

    def hook(self, **options: Any) -> dict[str, Any]:
        self.made += 1
        config = {"url": URL, "content_type": "json"}
        fresh = {"id": self.made, "type": self.kind, "config": config, "events": EVENTS, "branch_filter": ""}
        self.hooks.append({**fresh, "active": True, **options})
        return self.hooks[-1]

    def answer(self, seen: Seen) -> Reply:
        path = seen.path.partition("?")[0].removeprefix("/api/v1")
        if (seen.method, path) in self.answers:
            return self.answers[seen.method, path]
        if path.startswith("/repos/o/r/hooks"):
            return self._hooks(seen, path)
        return {
            "/version": Reply.of({"version": self.version}),
            "/user": Reply.of({"id": 7, "login": "bot"}),
            "/repos/o/r/teams": Reply.of({"message": "repo is not owned by an organization"}, 405),
            "/repos/o/r": Reply.of(self.repo),
            "/repos/o/r/collaborators/o/permission": Reply.of({"permission": "owner", "user": {}}),
            "/o/r.git/info/refs": Reply(body=b"001f# service=git-receive-pack\n"),
        }.get(path, Reply.of({"message": "not found"}, 404))

    def _hooks(self, seen: Seen, path: str) -> Reply:
        if seen.method == "GET":
            return Reply.of(self.hooks if "page=1&" in seen.path else [])
        if seen.method == "POST":
            form = json.loads(seen.body)
            return Reply.of(self.hook(config=form["config"], type=form["type"], active=form["active"]), 201)
        there = [one for one in self.hooks if path.endswith(f"/{one['id']}")]
        self.hooks = [one for one in self.hooks if one not in there]
        return Reply(status=204) if there else Reply.of({}, 404)


@pytest.fixture(params=[Gitea, Forgejo])
def server(script, request):
    return Server(script, request.param)


@pytest.fixture
def forge(script, server):
    found = (Gitea if server.kind == "gitea" else Forgejo)(script.url, "hush-hush", timeout_seconds=0.2)
    yield found
    found.close()


def missing(forge) -> dict[str, str]:
    return {one.what: one.remedy for one in forge.check("o/r") if not one.ok}


def test_all_is_well(forge, script):
    assert missing(forge) == {}
    assert {one.method for one in script.seen} == {"GET", "PATCH"}
    patched = [one.path for one in script.seen if one.method == "PATCH"]
    assert patched == ["/api/v1/repos/o/r/issues/0", "/api/v1/repos/o/r/pulls/0"]


TEAMS = ("GET", "/repos/o/r/teams")
OF_TEAMS = "the rights of its teams' members can be told"


def test_a_team_that_makes_everybodys_rights_doubtful(forge, server):
    team = {"name": "triage", "permission": "write", "units_map": {"repo.issues": "write"}}
    server.answers[TEAMS] = Reply.of([team])
    found = missing(forge)
    assert list(found) == [OF_TEAMS]
    assert found[OF_TEAMS].startswith("the team triage may write, but not code")
    assert found[OF_TEAMS].endswith("give it read, or write, on code")


def test_a_team_whose_members_are_not_reported_stops_nobody(forge, server):
    team = {"name": "devs", "permission": "none", "units_map": {"repo.code": "write"}}
    server.answers[TEAMS] = Reply.of([team, team | {"name": "ops"}])
    assert missing(forge) == {}
    (note,) = [one.what for one in forge.check("o/r") if "devs" in one.what]
    assert "the teams devs, ops may push" in note
    assert note.endswith("collaborators of the repository too, with write")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_teams_that_the_bot_may_not_see(forge, server, status):
    server.answers[TEAMS] = Reply.of({"message": "no"}, status)
    assert list(missing(forge)) == [OF_TEAMS]


@pytest.mark.parametrize("status", [301, 307])
def test_a_repository_that_was_moved(forge, server, status):
    server.answers["GET", "/repos/o/r"] = Reply(status=status, headers={"Location": "/api/v1/repos/o/new"})
    assert missing(forge) == {"o/r is there": "it was renamed or moved: connect its present name"}


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ({"archived": True}, "it isn't archived"),
        ({"mirror": True}, "it is no mirror"),
        ({"empty": True}, "it has a commit"),
        ({"has_issues": False}, "its issues are kept here"),
        ({"external_tracker": {"external_tracker_url": "https://x.example"}}, "its issues are kept here"),
        ({"has_pull_requests": False}, "it takes pull requests"),
        ({"permissions": {"admin": False}}, "the bot is an administrator of it"),
        ({"owner": {"id": 7, "login": "o"}}, "the token isn't the owner's own"),
    ],
)
def test_each_thing_that_is_wrong_is_told_with_its_remedy(forge, server, state, what):
    server.repo |= state
    found = missing(forge)
    assert list(found) == [what]
    assert len(found[what]) > 20


@pytest.mark.parametrize(
    ("method", "path", "reply", "what"),
    [
        ("GET", "/user", Reply.of({"message": "no"}, 401), "the token is valid"),
        ("GET", "/user", Reply.of({"message": "You must change your password"}, 403), "the token is valid"),
        ("GET", "/repos/o/r", Reply.of({}, 404), "o/r is there"),
        ("GET", "/repos/o/r", Reply.of({"message": "public only"}, 403), "o/r is there"),
        ("GET", "/repos/o/r/hooks", Reply.of({"message": "webhooks disabled"}, 403), "it may set webhooks"),
        ("GET", "/o/r.git/info/refs", Reply(status=403, body=b"Forbidden"), "Git over HTTP takes the token"),
        ("GET", "/o/r.git/info/refs", Reply(status=404), "Git over HTTP takes the token"),
    ],
)
def test_each_refusal_is_a_finding(forge, server, *, method, path, reply, what):
    server.answers[method, path] = reply
    found = missing(forge)
    assert list(found) == [what]
    assert "hush" not in str(found)


@pytest.mark.parametrize(
    ("path", "scope"),
    [("/repos/o/r/issues/0", "write:issue"), ("/repos/o/r/pulls/0", "write:repository")],
)
def test_a_scope_that_is_missing_is_named(forge, server, path, scope):
    words = f"token does not have at least one of required scope(s): [{scope}]"
    server.answers["PATCH", path] = Reply.of({"message": words}, 403)
    assert list(missing(forge)) == [f"the token has the scope {scope}"]


@pytest.mark.parametrize("reply", [Reply(status=503), Reply(hang=True)])
@pytest.mark.parametrize(
    "path",
    ["/user", "/version", "/repos/o/r/issues/0", "/repos/o/r", "/repos/o/r/hooks", "/o/r.git/info/refs"],
)
def test_a_forge_that_is_down_is_an_error_and_no_finding(forge, server, path, reply):
    server.answers["PATCH" if path.endswith("0") else "GET", path] = reply
    with pytest.raises(ForgeUnavailable):
        forge.check("o/r")


@pytest.mark.parametrize(
    ("kind", "version", "ok"),
    [
        (Gitea, "1.22.0", True),
        (Gitea, "1.26.0+dev-12-gabc", True),
        (Gitea, "1.21.11", False),
        (Gitea, "10.0.0+gitea-1.22.0", False),
        (Gitea, "development", False),
        (Forgejo, "7.0.0+gitea-1.22.0", True),
        (Forgejo, "12.0.1+gitea-1.22.0", True),
        (Forgejo, "6.0.1+gitea-1.21.0", False),
        (Forgejo, "1.25.5", False),
        (Forgejo, "", False),
        (Forgejo, "9" * 5000, False),
    ],
)
def test_what_is_at_the_address(script, kind, version, ok):
    Server(script, kind).version = version
    forge = kind(script.url, "x" * 40)
    found = [one for one in forge.check("o/r") if "or newer is at the address" in one.what]
    forge.close()
    assert [one.ok for one in found] == [ok]
    assert len(found[0].remedy) < 200


def test_a_repository_with_more_refs_than_are_read_takes_the_token(forge, server, monkeypatch):
    monkeypatch.setattr(rest, "MAX_ANSWER_BYTES", 2**14)
    server.answers["GET", "/o/r.git/info/refs"] = Reply(body=b"x" * 2**15)
    assert missing(forge) == {}


def test_remedies_are_at_the_public_address(script):
    server = Server(script, Gitea)
    server.repo["archived"] = True
    gitea = Gitea(script.url, "x" * 40, public_url="https://git.example.com/code")
    assert "https://git.example.com/code/o/r/settings" in missing(gitea)["it isn't archived"]
    gitea.close()


@pytest.mark.parametrize(
    ("change", "complete"),
    [
        ({}, True),
        ({"branch_filter": "*"}, True),
        ({"events": [*EVENTS, "wiki"]}, True),
        ({"events": [*(one for one in EVENTS if "review" not in one), "pull_request_review"]}, True),
        ({"events": None}, False),
        ({"type": "slack"}, False),
        ({"config": {"url": URL, "content_type": "form"}}, False),
        ({"config": {}}, False),
        ({"branch_filter": "main"}, False),
        *(({"events": [one for one in EVENTS if one != lacking]}, False) for lacking in EVENTS),
    ],
)
def test_whether_a_webhook_is_complete(forge, server, change, complete):
    server.hook(**change)
    (found,) = forge.hooks("o/r")
    assert found.complete == complete


@pytest.mark.parametrize(("version", "complete"), [("1.22.9", True), ("1.23.0", False), ("1.25.5", False)])
def test_a_gitea_that_can_send_statuses_is_to_send_them(script, version, complete):
    server = Server(script, Gitea)
    server.version = version
    server.hook()
    gitea = Gitea(script.url, "x" * 40)
    assert gitea.hooks("o/r")[0].complete == complete
    gitea.ensure_hook("o/r", url="https://other.example", secret="a-secret")
    gitea.close()
    assert ("status" in json.loads(script.seen[-1].body)["events"]) == (not complete)


def test_the_new_webhook_is_there_before_the_old_ones_go(forge, server, script):
    for _ in range(3):
        server.hook()
    forge.ensure_hook("o/r", url=URL, secret="a-secret")
    assert [one["id"] for one in server.hooks] == [4]
    assert [one.method for one in script.seen if one.method != "GET"] == [
        "POST",
        "DELETE",
        "DELETE",
        "DELETE",
    ]


def test_what_a_crash_left_behind_is_cleared_the_next_time(forge, server):
    server.hook()
    server.answers["DELETE", "/repos/o/r/hooks/1"] = Reply.of({}, 500)
    with pytest.raises(ForgeUnavailable):
        forge.ensure_hook("o/r", url=URL, secret="a-secret")
    assert len(server.hooks) == 2
    server.answers.clear()
    made = forge.ensure_hook("o/r", url=URL, secret="a-secret")
    assert [one["id"] for one in server.hooks] == [made.id]


def test_a_webhook_that_is_gone_already_is_no_error(forge, server):
    server.hook()
    server.answers["DELETE", "/repos/o/r/hooks/1"] = Reply.of({}, 404)
    assert forge.ensure_hook("o/r", url=URL, secret="a-secret").id == 2


def test_a_webhook_is_never_made_twice_in_one_go(forge, server, script):
    server.answers["POST", "/repos/o/r/hooks"] = Reply(status=500)
    with pytest.raises(ForgeUnavailable):
        forge.ensure_hook("o/r", url=URL, secret="top-secret")
    assert [one.method for one in script.seen if one.method != "GET"] == ["POST"]


def test_a_refused_webhook_does_not_tell_the_secret(forge, server):
    server.answers["POST", "/repos/o/r/hooks"] = Reply.of({"message": "no"}, 403)
    with pytest.raises(ForgeDenied) as caught:
        forge.ensure_hook("o/r", url=URL, secret="top-secret")
    assert "top-secret" not in str(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize("call", ["check", "hooks"])
def test_a_name_that_is_no_repository(forge, call):
    with pytest.raises(ForgeError, match="no repository"):
        getattr(forge, call)("nothing")
