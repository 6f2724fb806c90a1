"""GitHub's JSON made from Gitea's: one function per schema of GitHub's API description."""

from typing import Any

Json = dict[str, Any]
MOMENT = "2024-01-01T00:00:00Z"
"""For times that Gitea doesn't tell."""
_USER_URLS = (
    "followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events",
)  # fmt: skip
_REPO_URLS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents",
    "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags",
    "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones", "notifications",
    "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees", "hooks",
)  # fmt: skip
_COUNTS = (
    "forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "size", "open_issues", "open_issues_count",
)  # fmt: skip
_OF_A_FULL_ONE = {"subscribers_count": 0, "network_count": 0, "has_discussions": False}


GHOST = {"id": 10137, "login": "ghost"}
"""Whom GitHub shows for an account that is gone."""


def user(known: Json, api: str) -> Json:
    found = known if known["id"] > 0 else GHOST
    url = f"{api}/users/{found['login']}"
    return {
        "login": found["login"],
        "id": found["id"],
        "node_id": f"U_{found['id']}",
        "avatar_url": "https://example.com/avatar",
        "gravatar_id": "",
        "url": url,
        "html_url": found.get("html_url") or url,
        **{f"{name}_url": f"{url}/{name}" for name in _USER_URLS},
        "type": "Bot" if found["login"].endswith("[bot]") else "User",
        "site_admin": False,
    }


def public_user(found: Json, api: str) -> Json:
    nulls = ("name", "company", "blog", "location", "email", "hireable", "bio")
    counts = ("public_repos", "public_gists", "followers", "following")
    more = dict.fromkeys(nulls) | dict.fromkeys(counts, 0)
    return user(found, api) | more | {"created_at": MOMENT, "updated_at": MOMENT}


def permission(found: Json, api: str) -> Json:
    base = {"owner": "admin"}.get(found["permission"], found["permission"])
    return {"permission": base, "role_name": base, "user": user(found["user"], api) | {"role_name": base}}


def minimal_repo(found: Json, api: str) -> Json:
    url = f"{api}/repos/{found['full_name']}"
    return {
        "id": found["id"],
        "node_id": f"R_{found['id']}",
        "name": found["name"],
        "full_name": found["full_name"],
        "owner": user(found["owner"], api),
        "private": found["private"],
        "html_url": found["html_url"],
        "description": found["description"] or None,
        "fork": False,
        "url": url,
        **{f"{name}_url": f"{url}/{name}" for name in _REPO_URLS},
    }


def repo(found: Json, api: str) -> Json:
    clone = found["clone_url"]
    return {
        **minimal_repo(found, api),
        **{f"{name}_url": clone for name in ("git", "ssh", "clone", "svn")},
        **dict.fromkeys(_COUNTS, 0),
        **dict.fromkeys(("mirror_url", "homepage", "language", "license")),
        "default_branch": found["default_branch"],
        "has_issues": found["has_issues"],
        **dict.fromkeys(("has_projects", "has_wiki", "has_pages", "has_downloads", "disabled"), False),
        "archived": found["archived"],
        **dict.fromkeys(("pushed_at", "created_at", "updated_at"), MOMENT),
        "permissions": found["permissions"],
    }


def full_repo(found: Json, api: str) -> Json:
    return repo(found, api) | _OF_A_FULL_ONE


def label(found: Json, api: str) -> Json:
    return {
        "id": found["id"],
        "node_id": f"LA_{found['id']}",
        "url": f"{api}/labels/{found['id']}",
        "name": found["name"],
        "description": found["description"],
        "color": found["color"].removeprefix("#"),
        "default": False,
    }


def issue(found: Json, api: str, full_name: str) -> Json:
    url = f"{api}/repos/{full_name}/issues/{found['number']}"
    shown = {
        "id": found["id"],
        "node_id": f"I_{found['id']}",
        "url": url,
        "repository_url": f"{api}/repos/{full_name}",
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": found["html_url"],
        "number": found["number"],
        "state": found["state"],
        "title": found["title"],
        "body": found["body"] or None,
        "user": user(found["user"], api),
        "labels": [label(one, api) for one in found["labels"] or ()],
        "assignee": None,
        "milestone": None,
        "locked": False,
        "comments": found["comments"],
        "closed_at": found["closed_at"],
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "author_association": "NONE",
    }
    if found["pull_request"]:
        pull_url = f"{api}/repos/{full_name}/pulls/{found['number']}"
        shown["pull_request"] = dict.fromkeys(("url", "html_url", "diff_url", "patch_url"), pull_url)
    return shown


def branch(found: Json, api: str, full_name: str) -> Json:
    told, base = found["commit"], f"{api}/repos/{full_name}"
    commit, page = f"{base}/commits/{told['id']}", f"https://example.com/{full_name}"
    who = {"name": told["author"]["name"], "email": told["author"]["email"], "date": told["timestamp"]}
    url = f"{base}/branches/{found['name']}"
    return {
        "name": found["name"],
        "commit": {
            "url": commit,
            "sha": told["id"],
            "node_id": f"C_{told['id']}",
            "html_url": f"{page}/commit/{told['id']}",
            "comments_url": f"{commit}/comments",
            "commit": {
                "url": commit,
                "author": who,
                "committer": who,
                "message": told["message"],
                "comment_count": 0,
                "tree": {"sha": told["id"], "url": f"{base}/git/trees/{told['id']}"},
            },
            "author": None,
            "committer": None,
            "parents": [],
        },
        "_links": {"html": f"{page}/tree/{found['name']}", "self": url},
        "protected": found["protected"],
        "protection": {"enabled": found["protected"]},
        "protection_url": f"{url}/protection",
    }


def comment(found: Json, api: str, full_name: str) -> Json:
    thread = (found["issue_url"] or found["pull_request_url"]).rpartition("/")[2]
    return {
        "id": found["id"],
        "node_id": f"IC_{found['id']}",
        "url": f"{api}/repos/{full_name}/issues/comments/{found['id']}",
        "html_url": found["html_url"],
        "body": found["body"],
        "user": user(found["user"], api),
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "issue_url": f"{api}/repos/{full_name}/issues/{thread}",
        "author_association": "NONE",
    }


def label_event(found: Json, api: str, full_name: str) -> Json:
    """Gitea tells in a timeline entry's text whether the label was put on or taken off."""
    return {
        "id": found["id"],
        "node_id": f"LE_{found['id']}",
        "url": f"{api}/repos/{full_name}/issues/events/{found['id']}",
        "actor": user(found["user"], api),
        "event": "labeled" if found["body"] else "unlabeled",
        "commit_id": None,
        "commit_url": None,
        "created_at": found["created_at"],
        "performed_via_github_app": None,
        "label": {"name": found["label"]["name"], "color": found["label"]["color"]},
    }


def reaction(found: Json, api: str) -> Json:
    return {
        "id": 1,
        "node_id": "RE_1",
        "user": user(found["user"], api),
        "content": found["content"],
        "created_at": found["created_at"],
    }


def _side(found: Json, api: str) -> Json:
    owner = found["repo"]["owner"]
    return {
        "label": f"{owner['login']}:{found['label']}",
        "ref": found["label"],  # GitHub tells the branch's name also where it is gone
        "sha": found["sha"],
        "repo": repo(found["repo"], api),
        "user": user(owner, api),
    }


def pull_in_list(found: Json, api: str, title: str, *, draft: bool) -> Json:
    base = found["base"]["repo"]["full_name"]
    url = f"{api}/repos/{base}/pulls/{found['number']}"
    thread = f"{api}/repos/{base}/issues/{found['number']}"
    links = {
        "self": url,
        "html": found["html_url"],
        "issue": thread,
        "comments": f"{thread}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{url}/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{api}/repos/{base}/statuses/{found['head']['sha']}",
    }
    return {
        "url": url,
        "id": found["id"],
        "node_id": f"PR_{found['id']}",
        **{f"{name}_url": link for name, link in links.items() if name != "self"},
        "diff_url": f"{url}.diff",
        "patch_url": f"{url}.patch",
        "number": found["number"],
        "state": found["state"],
        "locked": False,
        "title": title,
        "draft": draft,
        "user": user(found["user"], api),
        "body": found["body"] or None,
        "labels": [label(one, api) for one in found["labels"] or ()],
        "milestone": None,
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "closed_at": found["closed_at"],
        "merged_at": found["merged_at"],
        "merge_commit_sha": found["merge_commit_sha"],
        "assignee": None,
        "head": _side(found["head"], api),
        "base": _side(found["base"], api),
        "_links": {name: {"href": link} for name, link in links.items()},
        "author_association": "NONE",
        "auto_merge": None,
    }


def pull(found: Json, api: str, title: str, *, draft: bool) -> Json:
    counts = ("comments", "review_comments", "commits", "additions", "deletions", "changed_files")
    return {
        **pull_in_list(found, api, title, draft=draft),
        "merged": found["merged"],
        "mergeable": found["mergeable"],
        "mergeable_state": "unknown",
        "merged_by": user(found["merged_by"], api) if found["merged_by"] else None,
        "maintainer_can_modify": False,
        **dict.fromkeys(counts, 0),
    }


def _status(found: Json) -> Json:
    return {
        "id": found["id"],
        "node_id": f"SC_{found['id']}",
        "url": found["url"],
        "avatar_url": None,
        "state": found["status"],
        "context": found["context"],
        "description": found["description"] or None,
        "target_url": found["target_url"] or None,
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
    }


def status(found: Json, api: str) -> Json:
    return _status(found) | {"creator": user(found["creator"], api)}


def combined(sha: str, found: list[Json], total: int, about: Json, api: str) -> Json:
    url = f"{api}/repos/{about['full_name']}/commits/{sha}"
    states = {one["status"] for one in found}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    return {
        "state": state,
        "statuses": [_status(one) for one in found],
        "sha": sha,
        "total_count": total,
        "repository": minimal_repo(about, api),
        "commit_url": url,
        "url": f"{url}/status",
    }


def hook(found: Json, hook_id: int, events: list[str], api: str, full_name: str) -> Json:
    url = f"{api}/repos/{full_name}/hooks/{hook_id}"
    config = {
        "url": found["config"]["url"],
        "content_type": "json",
        "insecure_ssl": "0",
        "secret": "********",
    }
    return {
        "type": "Repository",
        "id": hook_id,
        "name": "web",
        "active": found["active"],
        "events": events,
        "config": config,
        "updated_at": found["updated_at"],
        "created_at": found["created_at"],
        "url": url,
        "test_url": f"{url}/tests",
        "ping_url": f"{url}/pings",
        "last_response": dict.fromkeys(("code", "status", "message")),
    }


def file(found: Json) -> Json:
    names = (
        "type",
        "encoding",
        "size",
        "name",
        "path",
        "content",
        "sha",
        "url",
        "git_url",
        "html_url",
        "download_url",
    )
    links = {"git": found["git_url"], "html": found["html_url"], "self": found["url"]}
    return {name: found[name] for name in names} | {"_links": links}
