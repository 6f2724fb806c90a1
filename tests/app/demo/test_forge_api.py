"""What the embedded forge refuses, and how; what it serves is in the contract suite and in test_forge_spec."""

import base64

import pytest

from tests.support.forge import PASSWORD, Person, RunningForge

pytestmark = pytest.mark.slow


@pytest.fixture
def owner(forge: RunningForge) -> Person:
    return forge.user()


def status(person: Person, method: str, path: str, body=None) -> int:
    return person.api(method, path, body, ok=False).status_code


def test_a_stranger_sees_nothing_of_a_private_repository(forge, owner):
    repo, stranger = owner.repo(private=True), forge.user()
    number = owner.issue(repo)
    for path in ("", f"/issues/{number}", "/labels", "/contents/README.md", "/branches", "/hooks"):
        assert status(stranger, "GET", f"/repos/{repo}{path}") == 404
        assert forge.http.get(f"{forge.url}/api/v1/repos/{repo}{path}").status_code == 404
        assert forge.http.get(f"{forge.url}/{repo}{path}").status_code == 404
    assert status(stranger, "POST", f"/repos/{repo}/issues", {"title": "x"}) == 404


@pytest.mark.parametrize(
    ("granted", "may"), [("", "read"), ("read", "read"), ("write", "write"), ("admin", "admin")]
)
def test_each_permission_reaches_so_far(forge, owner, granted, may):
    repo, guest = owner.repo(), forge.user()
    number, label = owner.issue(repo), owner.label(repo, "agent")
    if granted:
        owner.invite(repo, guest.login, granted)
    base = f"/repos/{repo}"
    tip = owner.api("GET", f"{base}/branches/main")["commit"]["id"]
    hook = {"type": "gitea", "config": {"url": "http://127.0.0.1:9", "content_type": "json"}}
    reads = [("GET", base, None), ("POST", f"{base}/issues/{number}/comments", {"body": "x"})]
    writes = [
        ("POST", f"{base}/issues/{number}/labels", {"labels": [label]}),
        ("POST", f"{base}/labels", {"name": "more", "color": "#000000"}),
        ("POST", f"{base}/statuses/{tip}", {"state": "success"}),
        ("POST", f"{base}/contents/x.txt", {"content": base64.b64encode(b"x").decode()}),
        ("PATCH", f"{base}/issues/{number}", {"title": "changed"}),
    ]
    administers = [
        ("POST", f"{base}/hooks", hook),
        ("PUT", f"{base}/collaborators/{guest.login}", {"permission": "admin"}),
        ("GET", f"{base}/collaborators/{owner.login}/permission", None),
    ]
    for level, steps in (("read", reads), ("write", writes), ("admin", administers)):
        allowed = ["read", "write", "admin"].index(level) <= ["read", "write", "admin"].index(may)
        for step in steps:
            code = status(guest, *step)
            assert (code < 300) if allowed else (code == 403), (step, code)


def test_who_is_nobody_may_read_what_is_public_and_write_nothing(forge, owner):
    repo = owner.repo()
    url = f"{forge.url}/api/v1/repos/{repo}"
    assert forge.http.get(url).json()["permissions"] == {"admin": False, "push": False, "pull": True}
    assert forge.http.post(f"{url}/issues", json={"title": "x"}).status_code == 401
    assert forge.http.put(f"{url}/collaborators/x", json={}).status_code == 401
    assert forge.http.get(f"{forge.url}/api/v1/user").status_code == 401


@pytest.mark.parametrize("header", ["token wrong", "Bearer x", "Basic !!!", "Basic Og=="])
def test_wrong_credentials_are_not_taken_for_none(forge, owner, header):
    answer = forge.http.get(f"{forge.url}/api/v1/repos/{owner.repo()}", headers={"Authorization": header})
    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["Digest x", "token", "x"])
def test_what_brings_no_credentials_is_taken_for_none(forge, owner, header):
    where = f"{forge.url}/api/v1/repos/"
    public, private = owner.repo(), owner.repo(private=True)
    assert forge.http.get(where + public, headers={"Authorization": header}).status_code == 200
    assert forge.http.get(where + private, headers={"Authorization": header}).status_code == 404


def test_a_token_makes_no_token_and_needs_scopes_that_exist(forge, owner):
    path = f"/users/{owner.login}/tokens"
    assert status(owner, "POST", path, {"name": "x", "scopes": ["all"]}) == 401
    mine = {"url": f"{forge.url}/api/v1{path}", "auth": (owner.login, PASSWORD)}
    assert forge.http.post(**mine, json={"name": "x", "scopes": ["everything"]}).status_code == 400
    powerless = forge.http.post(**mine, json={"name": "x"})
    assert (powerless.status_code, powerless.json()["scopes"]) == (201, None)
    assert status(Person(forge, owner.login, powerless.json()["sha1"]), "GET", "/user") == 403
    other = forge.user()
    answer = forge.http.post(
        f"{forge.url}/api/v1{path}", auth=(other.login, PASSWORD), json={"name": "x", "scopes": ["all"]}
    )
    assert answer.status_code == 403


def test_a_token_can_not_leave_its_scopes(forge, owner):
    repo = owner.repo()
    narrow = forge.person(owner.login, scopes=("read:issue", "write:repository"))
    assert status(narrow, "GET", f"/repos/{repo}/issues") == 200
    assert status(narrow, "POST", f"/repos/{repo}/issues", {"title": "x"}) == 403
    assert status(narrow, "GET", "/user") == 403
    assert status(narrow, "GET", f"/repos/{repo}") == 200


def test_a_password_that_somebody_else_chose_opens_nothing(forge):
    form = {"username": "newcomer", "email": "n@example.invalid", "password": PASSWORD}
    forge.admin.api("POST", "/admin/users", form)
    answer = forge.http.get(f"{forge.url}/api/v1/user", auth=("newcomer", PASSWORD))
    assert answer.status_code == 403
    assert "change your password" in answer.json()["message"]


def test_what_has_no_route_is_refused_in_the_words_of_the_api(forge, owner):
    missing = owner.api("GET", "/nonsense", ok=False)
    assert (missing.status_code, missing.text) == (404, "404 page not found\n")
    wrong = owner.api("DELETE", "/version", ok=False)
    assert (wrong.status_code, wrong.text) == (405, "")


def test_a_branch_is_deleted_and_the_default_one_is_not(owner):
    repo = owner.repo()
    owner.write(repo, "a.txt", "1\n", new_branch="topic")
    assert status(owner, "DELETE", f"/repos/{repo}/branches/topic") == 204
    assert status(owner, "GET", f"/repos/{repo}/branches/topic") == 404
    assert status(owner, "DELETE", f"/repos/{repo}/branches/topic") == 204
    assert status(owner, "DELETE", f"/repos/{repo}/branches/never-was") == 500
    assert status(owner, "DELETE", f"/repos/{repo}/branches/main") == 403


def test_only_a_site_administrator_makes_accounts(owner):
    form = {"username": "sneaky", "email": "s@example.invalid", "password": PASSWORD}
    assert status(owner, "POST", "/admin/users", form) == 403


@pytest.mark.parametrize("name", ["", "a b", "../x", ".git", "x.git", "x.wiki", "-", "..", "x/y", "ö"])
def test_names_that_no_repository_has(owner, name):
    assert status(owner, "POST", "/user/repos", {"name": name}) == 422


@pytest.mark.parametrize("path", ["../x", ".git/config", "a/.GIT/x", "a/./b", "a/.."])
def test_paths_that_no_file_has(owner, path):
    form = {"content": base64.b64encode(b"x").decode()}
    where = f"/repos/{owner.repo()}/contents/{path.replace('.', '%2E')}"
    assert status(owner, "POST", where, form) == 422


@pytest.mark.parametrize("branch", ["-x", "a..b", "x.lock", "a b", "refs/../x", "@{u}"])
def test_names_that_no_branch_has(owner, branch):
    form = {"content": base64.b64encode(b"x").decode(), "new_branch": branch}
    assert status(owner, "POST", f"/repos/{owner.repo()}/contents/a.txt", form) == 422


def test_a_file_that_someone_else_changed_is_not_overwritten(owner):
    repo = owner.repo()
    owner.write(repo, "a.txt", "1\n")
    stale = owner.api("GET", f"/repos/{repo}/contents/a.txt")["sha"]
    owner.write(repo, "a.txt", "2\n")
    form = {"content": base64.b64encode(b"3").decode(), "sha": stale}
    assert status(owner, "PUT", f"/repos/{repo}/contents/a.txt", form) == 422
    del form["sha"]
    assert status(owner, "PUT", f"/repos/{repo}/contents/a.txt", form) == 422


def test_a_merge_that_conflicts_is_refused_and_shown(owner):
    repo = owner.repo()
    owner.write(repo, "a.txt", "1\n")
    owner.write(repo, "a.txt", "2\n", new_branch="topic")
    number = owner.pull(repo, "topic")
    assert owner.api("GET", f"/repos/{repo}/pulls/{number}")["mergeable"] is True
    owner.write(repo, "a.txt", "3\n")
    assert owner.api("GET", f"/repos/{repo}/pulls/{number}")["mergeable"] is False
    assert status(owner, "POST", f"/repos/{repo}/pulls/{number}/merge", {"Do": "merge"}) == 405
    assert owner.api("GET", f"/repos/{repo}/pulls/{number}")["state"] == "open"


def test_a_draft_is_not_merged(owner):
    repo = owner.repo()
    owner.write(repo, "a.txt", "2\n", new_branch="topic")
    number = owner.pull(repo, "topic", title="wip: later")
    found = owner.api("GET", f"/repos/{repo}/pulls/{number}")
    assert (found["draft"], found["mergeable"]) == (True, False)
    assert status(owner, "POST", f"/repos/{repo}/pulls/{number}/merge", {"Do": "merge"}) == 405


def test_pages_of_a_list(owner):
    repo = owner.repo()
    numbers = [owner.issue(repo) for _ in range(5)]
    answer = owner.api("GET", f"/repos/{repo}/issues?page=2&limit=2", ok=False)
    assert [one["number"] for one in answer.json()] == numbers[::-1][2:4]
    assert answer.headers["X-Total-Count"] == "5"
    assert {rel: link["url"].split("?")[1] for rel, link in answer.links.items()} == {
        "next": "limit=2&page=3",
        "last": "limit=2&page=3",
        "first": "limit=2&page=1",
        "prev": "limit=2&page=1",
    }


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"title": 1}', b'{"title": ""}', b"null", b"\xff"])
def test_a_body_that_makes_no_sense(forge, owner, body):
    answer = forge.http.post(
        f"{forge.url}/api/v1/repos/{owner.repo()}/issues",
        content=body,
        headers={"Authorization": f"token {owner.token}"},
    )
    assert answer.status_code == 422
    assert answer.json()["message"]


def test_a_timeline_tells_who_put_a_label_on_and_when(forge, owner):
    repo, other = owner.repo(), forge.user()
    owner.invite(repo, other.login)
    label, issue = owner.label(repo, "agent"), f"/repos/{repo}/issues/{owner.issue(repo)}"
    other.api("POST", f"{issue}/labels", {"labels": [label]})
    owner.api("PUT", f"{issue}/labels", {"labels": []})
    owner.api("PATCH", issue, {"state": "closed", "title": "Another"})
    found = owner.api("GET", f"{issue}/timeline")
    told = [(one["type"], one["body"], one["user"]["login"]) for one in found]
    assert told == [
        ("label", "1", other.login),
        ("label", "", owner.login),
        ("change_title", "", owner.login),
        ("close", "", owner.login),
    ]
    assert found[0]["label"]["name"] == "agent"
    assert owner.api("GET", f"{issue}/timeline?page=2&limit=3")[0]["type"] == "close"
    assert owner.api("GET", f"{issue}/timeline?since=2099-01-01T00:00:00Z") is None
    assert owner.api("GET", issue)["comments"] == 0


def test_an_archived_repository_takes_no_words_and_no_commits(owner):
    repo = owner.repo()
    issue = owner.issue(repo)
    assert owner.api("PATCH", f"/repos/{repo}", {"archived": True})["archived"] is True
    assert status(owner, "POST", f"/repos/{repo}/issues/{issue}/comments", {"body": "x"}) == 423
    assert status(owner, "POST", f"/repos/{repo}/contents/a", {"content": "eA=="}) == 423
    pushing = {"params": {"service": "git-receive-pack"}, "auth": (owner.login, owner.token)}
    assert owner.forge.http.get(f"{owner.forge.url}/{repo}.git/info/refs", **pushing).status_code == 403
    assert owner.api("PATCH", f"/repos/{repo}", {"archived": False})["archived"] is False
    assert status(owner, "POST", f"/repos/{repo}/issues/{issue}/comments", {"body": "x"}) == 201


def test_an_account_changes_its_name_and_goes(forge, owner):
    repo, guest = owner.repo(), forge.user()
    number, token_of = guest.issue(repo), Person(forge, guest.login, guest.token)
    forge.admin.api("POST", f"/admin/users/{guest.login}/rename", {"new_username": f"{guest.login}-2"})
    moved = owner.api("GET", f"/users/{guest.login}", ok=False)
    assert (moved.status_code, moved.headers["Location"]) == (307, f"/api/v1/users/{guest.login}-2")
    assert token_of.api("GET", "/user")["login"] == f"{guest.login}-2"
    forge.admin.api("DELETE", f"/admin/users/{guest.login}-2")
    assert owner.api("GET", f"/repos/{repo}/issues/{number}")["user"]["id"] == -1
    assert status(token_of, "GET", "/user") == 401
    assert status(owner, "GET", f"/repos/{repo}/collaborators/Ghost/permission") == 404
    assert status(forge.admin, "DELETE", f"/admin/users/{owner.login}") == 422
