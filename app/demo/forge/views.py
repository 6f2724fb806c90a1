"""The forge's values as Gitea writes them in JSON: one function per definition of its API description.

Addresses are built from the forge's own URL, never from a request's Host header.
"""

from datetime import UTC, datetime
from typing import Any

from app.demo.forge.bare import Bare, Change, Commit, Person
from app.demo.forge.records import (
    Access,
    Account,
    Comment,
    Hook,
    Issue,
    Label,
    Pull,
    Reaction,
    Repository,
    Status,
)
from app.demo.forge.world import Forge

Json = dict[str, Any]
NEVER = "0001-01-01T00:00:00Z"
WIP = ("WIP:", "[WIP]")
_REPOSITORY: Json = {
    "fork": False, "template": False, "parent": None, "mirror": False, "size": 0, "language": "",
    "link": "", "ssh_url": "", "original_url": "", "website": "",
    "stars_count": 0, "forks_count": 0, "watchers_count": 1, "release_counter": 0,
    "archived": False, "archived_at": "1970-01-01T00:00:00Z",
    "has_issues": True, "has_wiki": False, "has_pull_requests": True, "has_projects": False,
    "projects_mode": "all", "has_releases": False, "has_packages": False, "has_actions": False,
    "internal_tracker": {
        "enable_time_tracker": False, "allow_only_contributors_to_track_time": True,
        "enable_issue_dependencies": False,
    },
    "ignore_whitespace_conflicts": False, "allow_merge_commits": True, "allow_rebase": False,
    "allow_rebase_explicit": False, "allow_squash_merge": True, "allow_fast_forward_only_merge": False,
    "allow_rebase_update": False, "default_delete_branch_after_merge": False, "default_merge_style": "merge",
    "default_allow_maintainer_edit": False, "avatar_url": "", "internal": False,
    "mirror_interval": "", "mirror_updated": NEVER, "repo_transfer": None,
}  # fmt: skip
"""What is the same for every repository here, since the forge hasn't got what it tells of."""


def moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_draft(title: str) -> bool:
    """Gitea's only sign of a draft: a title that starts with one of its prefixes."""
    return title.upper().startswith(WIP)


def user(forge: Forge, account: Account) -> Json:
    return {
        "id": account.id,
        "login": account.login,
        "login_name": "",
        "source_id": 0,
        "full_name": account.full_name,
        "email": account.email,
        "avatar_url": "",
        "html_url": f"{forge.url}/{account.login}",
        "language": "",
        "is_admin": account.is_admin,
        "last_login": NEVER,
        "created": moment(account.created),
        "restricted": False,
        "active": False,  # as Gitea shows an account to all but its owner
        "prohibit_login": False,
        "location": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
        "username": account.login,
    }


def repository(forge: Forge, repo: Repository, viewer: Account | None = None) -> Json:
    access = forge.access(repo, viewer)
    page = f"{forge.url}/{repo.full_name}"
    count = "SELECT COUNT(*) FROM issues WHERE repo_id = ? AND is_open AND is_pull = ?"
    api = f"{forge.url}/api/v1/repos/{repo.full_name}"
    return _REPOSITORY | {
        "id": repo.id,
        "owner": user(forge, forge.account(repo.owner_id)),
        "name": repo.name,
        "full_name": repo.full_name,
        "description": repo.description,
        "empty": not forge.bare(repo).heads(),
        "private": repo.private,
        "languages_url": f"{api}/languages",
        "html_url": page,
        "url": api,
        "clone_url": f"{page}.git",
        "default_branch": repo.default_branch,
        "object_format_name": "sha1",
        "open_issues_count": forge.db.count(count, repo.id, 0),
        "open_pr_counter": forge.db.count(count, repo.id, 1),
        "created_at": moment(repo.created),
        "updated_at": moment(repo.created),
        "permissions": {
            "admin": access >= Access.ADMIN,
            "push": access >= Access.WRITE,
            "pull": access >= Access.READ,
        },
    }


def permission(forge: Forge, repo: Repository, account: Account) -> Json:
    word = forge.access(repo, account).name.lower()
    return {"permission": word, "role_name": word, "user": user(forge, account)}


def label(forge: Forge, repo: Repository, label: Label) -> Json:
    return {
        "id": label.id,
        "name": label.name,
        "exclusive": label.exclusive,
        "is_archived": False,
        "color": label.color,
        "description": label.description,
        "url": f"{forge.url}/api/v1/repos/{repo.full_name}/labels/{label.id}",
    }


def issue_page(forge: Forge, repo: Repository, issue: Issue) -> str:
    return f"{forge.url}/{repo.full_name}/{'pulls' if issue.is_pull else 'issues'}/{issue.number}"


def _thread(forge: Forge, repo: Repository, issue: Issue) -> Json:
    """The fields that issues and pull requests share."""
    return {
        "id": issue.id,
        "url": f"{forge.url}/api/v1/repos/{repo.full_name}/issues/{issue.number}",
        "html_url": issue_page(forge, repo, issue),
        "number": issue.number,
        "user": user(forge, forge.account(issue.author_id)),
        "title": issue.title,
        "body": issue.body,
        "labels": [label(forge, repo, one) for one in forge.labels(issue)],
        "milestone": None,
        "assignee": None,
        "assignees": None,
        "state": "open" if issue.is_open else "closed",
        "is_locked": False,
        "comments": forge.db.count("SELECT COUNT(*) FROM comments WHERE issue_id = ?", issue.id),
        "created_at": moment(issue.created),
        "updated_at": moment(issue.updated),
        "closed_at": moment(issue.closed),
        "due_date": None,
        "pin_order": 0,
    }


def issue(forge: Forge, repo: Repository, issue: Issue) -> Json:
    return {
        **_thread(forge, repo, issue),
        "original_author": "",
        "original_author_id": 0,
        "ref": "",
        "assets": [],
        "pull_request": _pull_meta(forge, repo, issue) if issue.is_pull else None,
        "repository": {
            "id": repo.id,
            "name": repo.name,
            "owner": repo.owner,
            "full_name": repo.full_name,
        },
    }


def _pull_meta(forge: Forge, repo: Repository, issue: Issue) -> Json:
    pull = forge.pull(issue)
    return {
        "merged": pull.merged is not None,
        "merged_at": moment(pull.merged),
        "draft": is_draft(issue.title),
        "html_url": issue_page(forge, repo, issue),
    }


def comment(forge: Forge, repo: Repository, issue: Issue, comment: Comment) -> Json:
    page = issue_page(forge, repo, issue)
    return {
        "id": comment.id,
        "html_url": f"{page}#issuecomment-{comment.id}",
        "pull_request_url": page if issue.is_pull else "",
        "issue_url": "" if issue.is_pull else page,
        "user": user(forge, forge.account(comment.author_id)),
        "original_author": "",
        "original_author_id": 0,
        "body": comment.body,
        "assets": [],
        "created_at": moment(comment.created),
        "updated_at": moment(comment.updated),
    }


def reaction(forge: Forge, reaction: Reaction) -> Json:
    return {
        "user": user(forge, forge.account(reaction.account_id)),
        "content": reaction.content,
        "created_at": moment(reaction.created),
    }


def pull(forge: Forge, repo: Repository, issue: Issue, viewer: Account | None = None) -> Json:
    found = forge.pull(issue)
    bare = forge.bare(repo)
    base_sha = found.base_sha
    if issue.is_open:
        base_sha = bare.commit_of(f"refs/heads/{found.base_branch}") or base_sha
    merge_base = bare.merge_base(base_sha, found.head_sha) or ""
    changes = bare.changes(merge_base, found.head_sha) if merge_base else []
    page = issue_page(forge, repo, issue)
    repo_view = repository(forge, repo, viewer)
    return {
        **_thread(forge, repo, issue),
        "url": page,
        "draft": is_draft(issue.title),
        "requested_reviewers": None,
        "review_comments": 0,
        "additions": sum(change.added for change in changes),
        "deletions": sum(change.deleted for change in changes),
        "changed_files": len(changes),
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "mergeable": issue.is_open and not is_draft(issue.title) and _merges(bare, base_sha, found),
        "merged": found.merged is not None,
        "merged_at": moment(found.merged),
        "merge_commit_sha": found.merged_sha,
        "merged_by": user(forge, forge.account(found.merged_by)) if found.merged_by else None,
        "allow_maintainer_edit": False,
        "base": _side(repo_view, repo, found.base_branch, base_sha),
        "head": _side(repo_view, repo, found.head_branch, found.head_sha) | _gone(bare, issue, found),
        "merge_base": merge_base,
    }


def _merges(bare: Bare, base_sha: str, pull: Pull) -> bool:
    return bare.merged_tree(base_sha, pull.head_sha) is not None


def _gone(bare: Bare, issue: Issue, pull: Pull) -> Json:
    """A branch that isn't there any more: Gitea names the pull request's own ref then."""
    if bare.commit_of(f"refs/heads/{pull.head_branch}"):
        return {}
    return {"ref": f"refs/pull/{issue.number}/head"}


def _side(repo_view: Json, repo: Repository, branch: str, sha: str) -> Json:
    return {"label": branch, "ref": branch, "sha": sha, "repo_id": repo.id, "repo": repo_view}


def status(forge: Forge, repo: Repository, status: Status) -> Json:
    return {
        "id": status.id,
        "status": status.state,
        "target_url": status.target_url,
        "description": status.description,
        "url": f"{forge.url}/api/v1/repos/{repo.full_name}/statuses/{status.sha}",
        "context": status.context,
        "creator": user(forge, forge.account(status.creator_id)),
        "created_at": moment(status.created),
        "updated_at": moment(status.created),
    }


def hook(hook: Hook) -> Json:
    """Without the secret, as Gitea shows it."""
    return {
        "id": hook.id,
        "type": "gitea",
        "branch_filter": "",
        "config": {"content_type": "json", "url": hook.url},
        "events": [kind for kind in hook.events.split(",") if kind],
        "authorization_header": "",
        "active": hook.active,
        "updated_at": moment(hook.created),
        "created_at": moment(hook.created),
    }


def payload_commit(forge: Forge, repo: Repository, commit: Commit) -> Json:
    bare = forge.bare(repo)
    changes = bare.changes(commit.parents[0], commit.sha) if commit.parents else []
    return {
        "id": commit.sha,
        "message": commit.message,
        "url": f"{forge.url}/{repo.full_name}/commit/{commit.sha}",
        "author": _payload_user(commit.author),
        "committer": _payload_user(commit.committer),
        "verification": None,
        "timestamp": commit.committer.at,
        "added": [change.path for change in changes if change.status == "A"],
        "removed": [change.path for change in changes if change.status == "D"],
        "modified": [change.path for change in changes if change.status not in "AD"],
    }


def branch_commit(forge: Forge, repo: Repository, commit: Commit) -> Json:
    """A commit where Gitea shows a branch: whether it is signed, and not what it changed."""
    unsigned = {
        "verified": False,
        "reason": "gpg.error.not_signed_commit",
        "signature": "",
        "signer": None,
        "payload": "",
    }
    unknown = {"added": None, "removed": None, "modified": None}
    return payload_commit(forge, repo, commit) | {"verification": unsigned} | unknown


def _payload_user(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "username": ""}


def commit(forge: Forge, repo: Repository, commit: Commit) -> Json:
    api = f"{forge.url}/api/v1/repos/{repo.full_name}/git"
    return {
        "url": f"{api}/commits/{commit.sha}",
        "sha": commit.sha,
        "created": commit.committer.at,
        "html_url": f"{forge.url}/{repo.full_name}/commit/{commit.sha}",
        "commit": {
            "url": f"{api}/commits/{commit.sha}",
            "author": _commit_user(commit.author),
            "committer": _commit_user(commit.committer),
            "message": commit.message,
            "tree": {"url": f"{api}/trees/{commit.tree}", "sha": commit.tree, "created": commit.committer.at},
            "verification": None,
        },
        "author": None,
        "committer": None,
        "parents": [{"url": f"{api}/commits/{sha}", "sha": sha, "created": NEVER} for sha in commit.parents],
    }


def _commit_user(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": person.at}


def changed_file(forge: Forge, repo: Repository, head_sha: str, change: Change) -> Json:
    words = {"A": "added", "D": "deleted"}
    page = f"{forge.url}/{repo.full_name}"
    return {
        "filename": change.path,
        "status": words.get(change.status, "changed"),
        "additions": change.added,
        "deletions": change.deleted,
        "changes": change.added + change.deleted,
        "html_url": f"{page}/src/commit/{head_sha}/{change.path}",
        "contents_url": f"{forge.url}/api/v1/repos/{repo.full_name}/contents/{change.path}?ref={head_sha}",
    }
