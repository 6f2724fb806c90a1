"""Calls about who may do what: tokens, collaborators, accounts, webhooks, and switches of a repository."""

from typing import Any

import httpx

from tests.app.demo.forge_calls.player import Player
from tests.support.forge import PASSWORD, Person


def hooks(player: Player) -> None:
    owner, writer = player.person("hooker"), player.person("writer")
    repo, call = owner.repo("hooks"), player.call
    owner.invite(repo, writer.login)
    hooks, config = (
        f"/repos/{repo}/hooks",
        {"url": "http://127.0.0.1:9/x", "content_type": "json", "secret": "s" * 8},
    )
    forms: dict[str, dict[str, Any]] = {
        "for gogs": {"type": "gogs", "config": config},
        "for nothing": {"type": "nonsense", "config": config},
        "for slack": {"type": "slack", "config": config | {"channel": "#x"}},
        "without content type": {"type": "gitea", "config": {"url": "http://127.0.0.1:9"}},
        "without url": {"type": "gitea", "config": {"content_type": "json"}},
        "of odd content": {"type": "gitea", "config": config | {"content_type": "xml"}},
        "as form": {"type": "gitea", "config": config | {"content_type": "form"}},
        "without config": {"type": "gitea"},
        "without type": {"config": config},
        "events as text": {"type": "gitea", "config": config, "events": "push"},
        "url as number": {"type": "gitea", "config": config | {"url": 5}},
        "with all": {
            "type": "gitea",
            "config": config,
            "branch_filter": "main",
            "authorization_header": "Bearer x",
        },
    }
    for name, form in forms.items():
        call(f"hook {name}", owner, "POST", hooks, form)
    groups = ("issues", "pull_request", "pull_request_comment", "pull_request_review")
    single = (
        "issues_only",
        "issue_label",
        "pull_request_only",
        "pull_request_sync",
        "push",
        "status",
        "Issues",
        "*",
    )
    for event in (*groups, *single, "pull_request_review_comment", "pull_request_review_approved"):
        made = call(
            f"hook of {event}", owner, "POST", hooks, {"type": "gitea", "config": config, "events": [event]}
        )
        player.found[f"events of {event}"] = made["events"]
    edited, changes = (
        f"{hooks}/{made['id']}",
        ({}, {"active": True}, {"events": ["issues"], "config": {"secret": "t" * 8}}),
    )
    for number, change in enumerate(
        (*changes, {"config": {"content_type": "xml"}}, {"config": {"url": "http://x"}})
    ):
        player.found[f"hook after change {number}"] = _told(
            call(f"hook change {number}", owner, "PATCH", edited, change)
        )
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/tests")):
        call(
            f"{method} no hook{path}",
            owner,
            method,
            f"{hooks}/99999999{path}",
            {} if method == "PATCH" else None,
        )
        call(
            f"{method} hook{path} by a writer",
            writer,
            method,
            f"{edited}{path}",
            {} if method == "PATCH" else None,
        )
    call("hooks", owner, "GET", f"{hooks}?page=1&limit=2")
    call("hook tested on a branch", owner, "POST", f"{edited}/tests?ref=main")
    call("hook tested on no branch", owner, "POST", f"{edited}/tests?ref=nothing")
    call("hook", owner, "GET", edited)
    call("hook deleted", owner, "DELETE", edited)


def _told(hook: dict[str, Any] | None) -> Any:
    return hook and {name: hook.get(name) for name in ("events", "active", "branch_filter", "type")}


def scopes(player: Player) -> None:
    owner = player.person("scoped")
    repo, call = owner.repo("scoped"), player.call
    base = f"/repos/{repo}"
    calls = (
        ("GET", "/user"), ("GET", f"/users/{owner.login}"), ("POST", "/user/repos"), ("GET", base),
        ("GET", "/repos/no/such"), ("GET", f"{base}/issues"), ("GET", f"{base}/issues/9999"), ("POST", f"{base}/issues"),
        ("GET", f"{base}/labels"), ("GET", f"{base}/pulls"), ("GET", f"{base}/hooks"), ("POST", f"{base}/hooks"),
        ("GET", f"{base}/contents/README.md"), ("GET", "/version"), ("POST", "/admin/users"),
        ("GET", f"{base}/collaborators/{owner.login}/permission"), ("GET", "/nonsense"), ("POST", f"{base}/labels"),
        ("POST", f"{base}/statuses/nothing"), ("POST", f"/users/{owner.login}/tokens"),
    )  # fmt: skip
    wanted = (
        (),
        ("read:issue",),
        ("read:repository",),
        ("write:user",),
        ("read:misc",),
        ("public-only", "all"),
    )
    for scopes in wanted:
        form = {"name": f"token-{scopes}", "scopes": list(scopes)}
        made = _with_password(player, owner, form)
        player.found[f"token {scopes}"] = player.seen(made)
        narrow = Person(player.server, owner.login, made.json()["sha1"])
        for method, path in calls:
            body = {} if method == "POST" else None
            call(f"{method} {path.replace(owner.login, '…')} with {scopes}", narrow, method, path, body)
    twice = {"name": f"token-{wanted[0]}", "scopes": []}
    player.found["token twice"] = player.seen(_with_password(player, owner, twice))
    player.found["token of no scope"] = player.seen(
        _with_password(player, owner, {"name": "x", "scopes": ["read:x"]})
    )
    player.found["token without name"] = player.seen(_with_password(player, owner, {}))
    for header in ("token wrong", "Bearer x", "Basic !!!", "Basic Og==", "token", "Digest x", "Bearer", "x"):
        answer = player.server.http.get(
            f"{player.server.url}/api/v1/version", headers={"Authorization": header}
        )
        player.found[f"credentials {header!r}"] = answer.status_code


def _with_password(player: Player, who: Person, form: dict[str, Any]) -> httpx.Response:
    url = f"{player.server.url}/api/v1/users/{who.login}/tokens"
    return player.server.http.post(url, auth=(who.login, PASSWORD), json=form)


def people(player: Player) -> None:
    owner, call = player.person("chief"), player.call
    people = {name: player.person(name) for name in ("reads", "writes", "manages", "passes by")}
    repo = owner.repo("people")
    for name, permission in (("reads", "read"), ("writes", "write"), ("manages", "admin")):
        owner.invite(repo, people[name].login, permission)
    collaborators = f"/repos/{repo}/collaborators"
    private = f"/repos/{owner.repo('hidden', private=True)}"
    for asking in (owner, *people.values()):
        for about in (owner, *people.values()):
            name = f"{player.names[asking.login]} about {player.names[about.login]}"
            found = call(f"permission: {name}", asking, "GET", f"{collaborators}/{about.login}/permission")
            player.found[f"permission, read: {name}"] = found.get("permission"), found.get("role_name")
        call(
            f"permission: {player.names[asking.login]} about nobody",
            asking,
            "GET",
            f"{collaborators}/nobody-x/permission",
        )
        call(f"hidden from {player.names[asking.login]}", asking, "GET", private)
        call(f"collaborators for {player.names[asking.login]}", asking, "GET", collaborators)
    passer = people["passes by"]
    hidden = call("permission in hidden", owner, "GET", f"{private}/collaborators/{passer.login}/permission")
    player.found["permission in hidden, read"] = hidden["permission"]
    call("no collaborator", owner, "GET", f"{collaborators}/{passer.login}")
    call("a collaborator", passer, "GET", f"{collaborators}/{people['reads'].login}")
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        call(f"{method} nobody as collaborator", owner, method, f"{collaborators}/nobody-x", body)
    call("collaborator by a writer", people["writes"], "PUT", f"{collaborators}/{passer.login}", {})
    call(
        "collaborator with an odd permission",
        owner,
        "PUT",
        f"{collaborators}/{passer.login}",
        {"permission": "x"},
    )
    admin, reads = player.server.admin, people["reads"].login
    number = people["passes by"].issue(repo)
    player.names[f"{reads}-new"] = "renamed"
    player.names = dict(sorted(player.names.items(), key=lambda item: -len(item[0])))
    call("renamed", admin, "POST", f"/admin/users/{reads}/rename", {"new_username": f"{reads}-new"})
    call("old name", owner, "GET", f"/users/{reads}")
    call("new name", owner, "GET", f"/users/{reads}-new")
    call("permission of the old name", owner, "GET", f"{collaborators}/{reads}/permission")
    call("permission of the new name", owner, "GET", f"{collaborators}/{reads}-new/permission")
    for name, new in (("taken", owner.login), ("odd", "a b"), ("none", "")):
        call(f"rename: {name}", admin, "POST", f"/admin/users/{passer.login}/rename", {"new_username": new})
    call("rename of nobody", admin, "POST", "/admin/users/nobody-x/rename", {"new_username": "zz"})
    call("rename by others", owner, "POST", f"/admin/users/{passer.login}/rename", {"new_username": "zz"})
    call("deletion of an owner", admin, "DELETE", f"/admin/users/{owner.login}")
    call("deletion of nobody", admin, "DELETE", "/admin/users/nobody-x")
    call("deletion", admin, "DELETE", f"/admin/users/{passer.login}")
    ghost = call("a ghost's issue", owner, "GET", f"/repos/{repo}/issues/{number}")["user"]
    player.found["a ghost"] = (
        ghost["id"],
        ghost["login"],
        ghost["email"],
        ghost["html_url"].rpartition("/")[2],
    )
    call("deleted", owner, "GET", f"/users/{passer.login}")
    call("permission of the deleted", owner, "GET", f"{collaborators}/{passer.login}/permission")


def switches(player: Player) -> None:
    owner, writer, call = player.person("keeper"), player.person("helper"), player.call
    repo = owner.repo("switches")
    owner.invite(repo, writer.login)
    base, label, number = f"/repos/{repo}", owner.label(repo, "agent"), owner.issue(repo)
    owner.write(repo, "a.txt", "1\n", new_branch="topic")
    comment = owner.api("POST", f"{base}/issues/{number}/comments", {"body": "x"})["id"]
    edits: tuple[dict[str, Any], ...] = (
        {"archived": True}, {"has_issues": False}, {"has_pull_requests": False}, {"archived": False},
        {"has_issues": True, "has_pull_requests": True}, {"default_branch": "nothing"}, {"description": "d"}, {},
    )  # fmt: skip
    looked_at = (
        "archived",
        "has_issues",
        "has_pull_requests",
        "default_branch",
        "description",
        "mirror",
        "empty",
        "permissions",
    )
    for step, change in enumerate(edits):
        found = call(f"switch {step}", owner, "PATCH", base, change)
        player.found[f"switch {step}, read"] = {name: found.get(name) for name in looked_at}
    call("switch by a writer", writer, "PATCH", base, {"archived": True})
    hook = {"type": "gitea", "config": {"url": "http://127.0.0.1:9", "content_type": "json"}}
    calls: tuple[tuple[str, str, Any], ...] = (
        ("GET", "", None), ("GET", "/issues", None), ("POST", "/issues", {"title": "x"}), ("GET", f"/issues/{number}", None),
        ("POST", f"/issues/{number}/comments", {"body": "x"}), ("GET", f"/issues/{number}/comments", None),
        ("GET", f"/issues/{number}/timeline", None), ("PATCH", f"/issues/comments/{comment}", {"body": "y"}),
        ("POST", f"/issues/{number}/labels", {"labels": [label]}), ("POST", "/labels", {"name": "z", "color": "#000000"}),
        ("POST", f"/issues/{number}/reactions", {"content": "eyes"}), ("PATCH", f"/issues/{number}", {"title": "z"}),
        ("POST", "/contents/z", {"content": "eA=="}), ("POST", "/statuses/main", {"state": "success"}),
        ("POST", "/hooks", hook), ("DELETE", "/branches/nothing", None), ("GET", "/pulls", None),
        ("POST", "/pulls", {"head": "topic", "base": "main", "title": "t"}), ("GET", "/labels", None),
    )  # fmt: skip
    states = {
        "archived": {"archived": True},
        "off": {"archived": False, "has_issues": False, "has_pull_requests": False},
    }
    for state, change in states.items():
        owner.api("PATCH", base, change)
        for method, path, body in calls:
            where = path.replace(str(comment), "…")
            call(f"{state}: {method} {where}", owner, method, f"{base}{path}", body)
    made = owner.api("POST", "/user/repos", {"name": "empty"})
    for path in ("", "/branches", "/contents", "/contents/README.md", "/issues", "/pulls", "/branches/main"):
        call(f"empty: {path}", owner, "GET", f"/repos/{made['full_name']}{path}")
    empty_hook = owner.hook(made["full_name"], "http://127.0.0.1:9", "s" * 8)
    call("empty: hook tested", owner, "POST", f"/repos/{made['full_name']}/hooks/{empty_hook}/tests")
