"""Calls about pull requests, branches, files and commit statuses."""

import time
from typing import Any

from tests.app.demo.forge_calls.player import Player
from tests.support.forge import Person


def statuses(player: Player) -> None:
    owner, reader, call = player.person("builder"), player.person("watcher"), player.call
    repo = owner.repo("statuses")
    sha = owner.api("GET", f"/repos/{repo}/branches/main")["commit"]["id"]
    base = f"/repos/{repo}"
    forms: tuple[dict[str, Any], ...] = (
        {"state": "pending", "context": "a"}, {"state": "success", "context": "a", "target_url": "http://x"},
        {"state": "failure", "context": "b"}, {"state": "nonsense"}, {}, {"state": "warning", "context": None},
    )  # fmt: skip
    for number, form in enumerate(forms):
        call(f"status {number}", owner, "POST", f"{base}/statuses/{sha}", form)
    time.sleep(1.1)  # they are ordered by whole seconds
    call("status, the newest", owner, "POST", f"{base}/statuses/{sha}", {"state": "success", "context": "c"})
    for where in (
        f"statuses/{sha}",
        "statuses/main",
        "statuses/nothing",
        f"commits/{sha}/statuses",
        "commits/nothing/statuses",
    ):
        found = call(f"GET {where.replace(sha, 'sha')}", owner, "GET", f"{base}/{where}")
        player.found[f"{where.replace(sha, 'sha')}, the newest"] = [
            (one["context"], one["status"]) for one in found
        ]
    for query in ("page=2&limit=2", "state=pending", "page=9"):
        call(f"statuses?{query}", owner, "GET", f"{base}/statuses/{sha}?{query}")
        call(f"combined?{query}", owner, "GET", f"{base}/commits/{sha}/status?{query}")
    whole = call("combined", owner, "GET", f"{base}/commits/{sha}/status")
    player.found["combined, read"] = whole["state"], [one["context"] for one in whole["statuses"]]
    call("combined of nothing", owner, "GET", f"{base}/commits/nothing/status")
    call("status of nothing", owner, "POST", f"{base}/statuses/nothing", {"state": "success"})
    call("status of no commit", owner, "POST", f"{base}/statuses/{'0' * 40}", {"state": "success"})
    call("status by a reader", reader, "POST", f"{base}/statuses/{sha}", {"state": "success"})


def pulls(player: Player) -> None:
    owner, call = player.person("puller"), player.call
    repo = owner.repo("pulls")
    base, label = f"/repos/{repo}", owner.label(repo, "agent")
    owner.write(repo, "a.txt", "1\n", new_branch="topic")
    owner.write(repo, "b.txt", "1\n", new_branch="other")
    form = {"head": "topic", "base": "main", "title": "WIP: t", "body": "b", "labels": [label]}
    number = call("pull", owner, "POST", f"{base}/pulls", form)["number"]
    call("pull twice", owner, "POST", f"{base}/pulls", form)
    call("pull from nothing", owner, "POST", f"{base}/pulls", form | {"head": "nothing"})
    call("pull into nothing", owner, "POST", f"{base}/pulls", form | {"base": "nothing"})
    call("pull without title", owner, "POST", f"{base}/pulls", form | {"title": ""})
    call("pull into itself", owner, "POST", f"{base}/pulls", form | {"base": "topic"})
    call("no pull", owner, "GET", f"{base}/pulls/9999")
    call("pull, read", owner, "GET", f"{base}/pulls/{number}")
    call("pull's issue", owner, "GET", f"{base}/issues/{number}")
    call("pulls", owner, "GET", f"{base}/pulls?state=all&page=1&limit=1")
    call("pull's files", owner, "GET", f"{base}/pulls/{number}/files")
    call("pull's commits", owner, "GET", f"{base}/pulls/{number}/commits")
    call("pull not merged", owner, "GET", f"{base}/pulls/{number}/merge")
    call("draft merged", owner, "POST", f"{base}/pulls/{number}/merge", {"Do": "merge"})
    call("pull onto nothing", owner, "PATCH", f"{base}/pulls/{number}", {"base": "nothing"})
    moved = call("pull onto another branch", owner, "PATCH", f"{base}/pulls/{number}", {"base": "other"})
    player.found["pull onto another branch, read"] = moved["base"]["ref"]
    call("pull closed", owner, "PATCH", f"{base}/pulls/{number}", {"state": "closed"})
    call("closed pull onto another branch", owner, "PATCH", f"{base}/pulls/{number}", {"base": "main"})
    types = [one["type"] for one in call("pull's timeline", owner, "GET", f"{base}/issues/{number}/timeline")]
    player.found["pull's timeline, read"] = types


def merges(player: Player) -> None:
    owner, call = player.person("merger"), player.call
    repo = owner.repo("merges")
    base, number = f"/repos/{repo}", owner.issue(repo)
    owner.write(repo, "a.txt", "1\n", new_branch="topic")
    pull = f"{base}/pulls/{owner.pull(repo, 'topic', body=f'Fixes #{number}')}"
    call("diff", owner, "GET", f"{pull}.diff")
    _merge(owner, pull)
    call("merged", owner, "GET", f"{pull}/merge")
    call("merged pull", owner, "GET", pull)
    call("merged as nothing", owner, "POST", f"{base}/pulls/{number}/merge", {"Do": "merge"})
    call("merged twice", owner, "POST", f"{pull}/merge", {"Do": "merge"})
    call("merged pull opened", owner, "PATCH", pull, {"state": "open"})
    call("fixed issue", owner, "GET", f"{base}/issues/{number}")
    call("closed issues", owner, "GET", f"{base}/issues?state=closed&type=issues&page=1&limit=5")
    call("branches", owner, "GET", f"{base}/branches?page=1&limit=1")
    call("branch", owner, "GET", f"{base}/branches/topic")
    call("commit", owner, "GET", f"{base}/git/commits/topic")
    call("no commit", owner, "GET", f"{base}/git/commits/{'0' * 40}")
    rules, rule = f"{base}/branch_protections", {"rule_name": "kept", "enable_push": True}
    call("teams of a person", owner, "GET", f"{base}/teams")
    call("teams of nothing", owner, "GET", f"{base}-none/teams")
    call("rule of no name", owner, "POST", rules, {"enable_push": True})
    call("rule for no branch", owner, "POST", rules, rule)
    call("rule made twice", owner, "POST", rules, rule)
    owner.write(repo, "b.txt", "1\n", new_branch="kept")
    owner.write(repo, "c.txt", "1\n", new_branch="free")
    call("rule by the old field", owner, "POST", rules, {"branch_name": "main", "enable_push": True})
    call("rule by a stranger", player.person("ruler"), "POST", rules, rule)
    for branch in ("main", "kept", "free"):
        told = call(f"branch {branch}", owner, "GET", f"{base}/branches/{branch}")
        player.found[f"rule of {branch}"] = told["protected"], told["effective_branch_protection_name"]
    call("protected branch deleted", owner, "DELETE", f"{base}/branches/kept")
    call("branch deleted", owner, "DELETE", f"{base}/branches/topic")
    call("no branch", owner, "GET", f"{base}/branches/topic")
    call("no branch deleted", owner, "DELETE", f"{base}/branches/topic")
    call("default branch deleted", owner, "DELETE", f"{base}/branches/main")
    issue = f"{base}/issues/{number}/reactions"
    call("issue's eyes", owner, "POST", issue, {"content": "eyes"})
    call("issue's reactions", owner, "GET", f"{issue}?page=1")
    call("issue's eyes closed", owner, "DELETE", issue, {"content": "eyes"})
    comment = owner.api("POST", f"{base}/issues/{number}/comments", {"body": "x"})["id"]
    call(
        "no eyes to close",
        owner,
        "DELETE",
        f"{base}/issues/comments/{comment}/reactions",
        {"content": "eyes"},
    )
    call("collaborator made", owner, "PUT", f"{base}/collaborators/{player.person('short guest').login}", {})
    guest = player.person("long guest").login
    owner.invite(repo, guest, "read")
    call("collaborator removed", owner, "DELETE", f"{base}/collaborators/{guest}")
    call("file changed", owner, "PUT", f"{base}/contents/a.txt", _change(owner, repo, "a.txt"))


def _merge(owner: Person, pull: str) -> None:
    """Gitea may still be looking whether it can, even where it says so already."""
    end = time.monotonic() + 20
    while True:
        answer = owner.api("POST", f"{pull}/merge", {"Do": "squash"}, ok=False)
        if answer.is_success:
            return
        assert "try again" in answer.text, answer.text
        assert time.monotonic() < end
        time.sleep(0.2)


def _change(owner: Person, repo: str, path: str) -> dict[str, str]:
    present = owner.api("GET", f"/repos/{repo}/contents/{path}")
    return {"content": "eQ==", "sha": present["sha"], "branch": "main"}


def files(player: Player) -> None:
    owner, call = player.person("filer"), player.call
    for name in ("", "a b", "../x", ".git", "x.git", "x.wiki", "-", "..", "x/y", "ö", "n" * 101, "-x", "api"):
        call(f"repository named {name!r}", owner, "POST", "/user/repos", {"name": name})
    call("repository made twice", owner, "POST", "/user/repos", {"name": "api"})
    repo = owner.repo("files")
    base = f"/repos/{repo}/contents"
    owner.write(repo, "folder/a.txt", "1\n")
    for path in (
        "",
        "folder",
        "folder/a.txt",
        "nothing",
        "folder/nothing",
        "nothing/at/all",
        "folder/a.txt/x",
    ):
        call(f"file {path}", owner, "GET", f"{base}/{path}?ref=main" if path else f"{base}?ref=main")
    for ref in ("nothing", "0" * 40, "main", ""):
        call(f"file of {ref!r}", owner, "GET", f"{base}/README.md?ref={ref}")
    call("file made", owner, "POST", f"{base}/new.txt", {"content": "eA==", "branch": "main", "message": "m"})
    call("file made twice", owner, "POST", f"{base}/new.txt", {"content": "eA==", "branch": "main"})
    call("file made in no branch", owner, "POST", f"{base}/x.txt", {"content": "eA==", "branch": "nothing"})
    call("file made of nonsense", owner, "POST", f"{base}/x.txt", {"content": "!", "branch": "main"})
    call("file changed unseen", owner, "PUT", f"{base}/new.txt", {"content": "eQ==", "sha": "0" * 40})
    call("no file changed", owner, "PUT", f"{base}/nothing.txt", {"content": "eQ==", "sha": "0" * 40})
