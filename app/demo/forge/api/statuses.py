"""Commit statuses: the newest of a context counts."""

import time

from flask import Response, request

from app.demo.forge import views
from app.demo.forge.api.http import Body, Page, Text, answer, api, parsed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Repository, Status
from app.demo.forge.refusals import Refusal
from app.demo.forge.world import forge

_WORST_FIRST = ("error", "failure", "warning", "pending", "success")
_NO_STATUS = {
    "state": "", "sha": "", "total_count": 0, "statuses": None, "repository": None, "commit_url": "", "url": "",
}  # fmt: skip


class NewStatus(Body):
    state: Text = ""
    context: Text = ""
    description: Text = ""
    target_url: Text = ""


@api.post("/repos/<owner>/<name>/statuses/<sha>")
def create_status(owner: str, name: str, sha: str) -> Response:
    repo, form = readable(owner, name, Access.WRITE), parsed(NewStatus)
    commit = forge().bare(repo).find_commit(sha)
    if commit is None:
        raise Refusal(status=500)  # as Gitea 1.22 does
    with forge().db.transaction():
        status_id = forge().db.run(
            "INSERT INTO statuses (repo_id, sha, context, state, description, target_url, creator_id, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(repo.id, commit, form.context, form.state, form.description, form.target_url),
            *(caller().signed_in().id, time.time()),
        )
        (made,) = forge().db.rows(Status, "SELECT * FROM statuses WHERE id = ?", status_id)
    return answer(views.status(forge(), repo, made), 201)


@api.get("/repos/<owner>/<name>/statuses/<sha>")
@api.get("/repos/<owner>/<name>/commits/<path:sha>/statuses")
def list_statuses(owner: str, name: str, sha: str) -> Response:
    """Newest first, in whole seconds: within one, Gitea gives the oldest first."""
    repo, page = readable(owner, name), Page()
    found = statuses_of(repo, forge().bare(repo).find_commit(sha))
    found.sort(key=lambda one: (-int(one.created), one.id))
    state = request.args.get("state", "")
    if state:
        found = [one for one in found if one.state == state]
    return page.answer([views.status(forge(), repo, one) for one in page.of(found)], len(found))


@api.get("/repos/<owner>/<name>/commits/<path:ref>/status")
def combined_status(owner: str, name: str, ref: str) -> Response:
    """The newest of each context, and on this page the worst of them."""
    repo, page = readable(owner, name), Page()
    sha = forge().bare(repo).find_commit(ref)
    newest = newest_by_context(statuses_of(repo, sha))
    shown = page.of(newest)
    if not shown:
        return answer(_NO_STATUS)
    states = {one.state for one in shown}
    url = f"{forge().url}/api/v1/repos/{repo.full_name}/commits/{sha}"
    combined = {
        "state": next((state for state in _WORST_FIRST if state in states), ""),
        "sha": sha,
        "total_count": len(shown),
        "statuses": [views.status(forge(), repo, one) for one in sorted(shown, key=lambda one: one.id)],
        "repository": views.repository(forge(), repo, caller().account),
        "commit_url": url,
        "url": f"{url}/status",
    }
    found = answer(combined)
    found.headers["X-Total-Count"] = str(len(newest))
    return found


def newest_by_context(statuses: list[Status]) -> list[Status]:
    """`statuses` come newest first."""
    found: dict[str, Status] = {}
    for one in statuses:
        found.setdefault(one.context, one)
    return list(found.values())


def statuses_of(repo: Repository, sha: str | None) -> list[Status]:
    """All of a commit, the newest first."""
    newest = "SELECT * FROM statuses WHERE repo_id = ? AND sha = ? ORDER BY id DESC"
    return forge().db.rows(Status, newest, repo.id, sha)
