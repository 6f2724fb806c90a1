"""The forge's values as Gitea writes them in JSON: one function per definition of its API description.

Addresses are built from the forge's own URL, never from a request's Host header.
"""

from datetime import UTC, datetime
from typing import Any

from app.demo.forge import timeline
from app.demo.forge.bare import EMPTY_TREE, Bare, Change, Commit, Person
from app.demo.forge.records import (
    Access,
    Account,
    Hook,
    Issue,
    Label,
    Pull,
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
    "has_wiki": False, "has_projects": False,
    "projects_mode": "all", "has_releases": False, "has_packages": False, "has_actions": False,
    "ignore_whitespace_conflicts": False, "allow_merge_commits": True, "allow_rebase": False,
    "allow_rebase_explicit": False, "allow_squash_merge": True, "allow_fast_forward_only_merge": False,
    "allow_rebase_update": False, "default_delete_branch_after_merge": False, "default_merge_style": "merge",
    "default_allow_maintainer_edit": False, "avatar_url": "", "internal": False,
    "mirror_interval": "", "mirror_updated": NEVER, "repo_transfer": None,
}  # fmt: skip
"""What is the same for every repository here, since the forge hasn't got what it tells of."""


_STATUS = {"A": "added", "D": "removed"}
UNSIGNED: Json = {
    "verified": False, "reason": "gpg.error.not_signed_commit", "signature": "", "signer": None, "payload": ""
}  # fmt: skip
_TRACKER = {
    "enable_time_tracker": True, "allow_only_contributors_to_track_time": True, "enable_issue_dependencies": True
}  # fmt: skip


_REPOSITORY_ORDER = (
    "id owner name full_name description empty private fork template parent mirror size language languages_url"
    " html_url url link ssh_url clone_url original_url website stars_count forks_count watchers_count"
    " open_issues_count open_pr_counter release_counter default_branch archived created_at updated_at archived_at"
    " permissions has_issues internal_tracker has_wiki has_pull_requests has_projects projects_mode has_releases"
    " has_packages has_actions ignore_whitespace_conflicts allow_merge_commits allow_rebase allow_rebase_explicit"
    " allow_squash_merge allow_fast_forward_only_merge allow_rebase_update default_delete_branch_after_merge"
    " default_merge_style default_allow_maintainer_edit avatar_url internal mirror_interval object_format_name"
    " mirror_updated repo_transfer"
)
_PULL_ORDER = (
    "id url number user title body labels milestone assignee assignees requested_reviewers state draft is_locked"
    " comments review_comments additions deletions changed_files html_url diff_url patch_url mergeable merged"
    " merged_at merge_commit_sha merged_by allow_maintainer_edit base head merge_base due_date created_at updated_at"
    " closed_at pin_order"
)
_ISSUE_ORDER = (
    "id url html_url number user original_author original_author_id title body ref assets labels milestone assignee"
    " assignees state is_locked comments created_at updated_at closed_at due_date pull_request repository pin_order"
)


def _ordered(value: Json, order: str) -> Json:
    """The fields in the order in which Gitea writes them."""
    return {name: value[name] for name in order.split() if name in value}


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
    own: Json = {
        "id": repo.id,
        "owner": user(forge, forge.account(repo.owner_id)),
        "name": repo.name,
        "full_name": repo.full_name,
        "description": repo.description,
        "empty": not forge.bare(repo).heads(),
        "private": repo.private,
        "archived": repo.archived is not None,
        "archived_at": moment(repo.archived or 0),
        "has_issues": repo.has_issues,
        "has_pull_requests": repo.has_pulls,
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
    if repo.has_issues:
        own["internal_tracker"] = _TRACKER
    return _ordered(_REPOSITORY | own, _REPOSITORY_ORDER)


def permission(forge: Forge, repo: Repository, account: Account) -> Json:
    word = forge.access(repo, account).name.lower()
    return {"permission": word, "role_name": word, "user": user(forge, account)}


def label(forge: Forge, repo: Repository, label: Label) -> Json:
    return {
        "id": label.id,
        "name": label.name,
        "exclusive": label.exclusive,
        "is_archived": label.archived,
        "color": label.color,
        "description": label.description,
        "url": f"{forge.url}/api/v1/repos/{repo.full_name}/labels/{label.id}",
    }


def issue_page(forge: Forge, repo: Repository, issue: Issue) -> str:
    return f"{forge.url}/{repo.full_name}/{'pulls' if issue.is_pull else 'issues'}/{issue.number}"


def _thread(forge: Forge, repo: Repository, issue: Issue, viewer: Account | None = None) -> Json:
    """The fields that issues and pull requests share. The author looks active to nobody else."""
    mine = viewer is not None and viewer.id == issue.author_id
    return {
        "id": issue.id,
        "url": f"{forge.url}/api/v1/repos/{repo.full_name}/issues/{issue.number}",
        "html_url": issue_page(forge, repo, issue),
        "number": issue.number,
        "user": user(forge, forge.account(issue.author_id)) | {"active": mine},
        "title": issue.title,
        "body": issue.body,
        "labels": [label(forge, repo, one) for one in forge.labels(issue)],
        "milestone": None,
        "assignee": None,
        "assignees": None,
        "state": "open" if issue.is_open else "closed",
        "is_locked": False,
        "comments": timeline.count(forge, issue),
        "created_at": moment(issue.created),
        "updated_at": moment(issue.updated),
        "closed_at": moment(issue.closed),
        "due_date": None,
        "pin_order": 0,
    }


def issue(forge: Forge, repo: Repository, issue: Issue, viewer: Account | None = None) -> Json:
    found = {
        **_thread(forge, repo, issue, viewer),
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
    return _ordered(found, _ISSUE_ORDER)


def _pull_meta(forge: Forge, repo: Repository, issue: Issue) -> Json:
    pull = forge.pull(issue)
    return {
        "merged": pull.merged is not None,
        "merged_at": moment(pull.merged),
        "draft": is_draft(issue.title),
        "html_url": issue_page(forge, repo, issue),
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
    shown = {
        **_thread(forge, repo, issue),
        "url": page,
        "draft": is_draft(issue.title),
        "requested_reviewers": _reviewers(forge, issue),
        "review_comments": forge.db.count(
            "SELECT COUNT(*) FROM comments WHERE issue_id = ? AND kind = 'review'", issue.id
        ),
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
    return _ordered(shown, _PULL_ORDER)


def _reviewers(forge: Forge, issue: Issue) -> list[Json] | None:
    """Whose verdict stands."""
    query = (
        "SELECT * FROM accounts WHERE id IN (SELECT author_id FROM reviews WHERE issue_id = ? AND NOT dismissed"
        " AND state IN ('APPROVED', 'REQUEST_CHANGES')) ORDER BY id"
    )
    return [user(forge, one) for one in forge.db.rows(Account, query, issue.id)] or None


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
        "type": hook.kind,
        "branch_filter": hook.branch_filter,
        "config": {"content_type": hook.content_type, "url": hook.url},
        "events": [kind for kind in hook.events.split(",") if kind],
        "authorization_header": hook.authorization,
        "active": hook.active,
        "updated_at": moment(hook.updated),
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
    unknown = {"added": None, "removed": None, "modified": None}
    return payload_commit(forge, repo, commit) | {"verification": UNSIGNED} | unknown


def _payload_user(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "username": ""}


def commit(forge: Forge, repo: Repository, commit: Commit) -> Json:
    api = f"{forge.url}/api/v1/repos/{repo.full_name}/git"
    changes = forge.bare(repo).changes(commit.parents[0] if commit.parents else EMPTY_TREE, commit.sha)
    added, deleted = sum(one.added for one in changes), sum(one.deleted for one in changes)
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
            "verification": UNSIGNED,
        },
        "author": _known(forge, commit.author),
        "committer": _known(forge, commit.committer),
        "parents": [{"url": f"{api}/commits/{sha}", "sha": sha, "created": NEVER} for sha in commit.parents],
        "files": [{"filename": one.path, "status": _STATUS.get(one.status, "modified")} for one in changes],
        "stats": {"total": added + deleted, "additions": added, "deletions": deleted},
    }


def _known(forge: Forge, person: Person) -> Json | None:
    """The account with the address that Git knows somebody by."""
    found = forge.db.rows(Account, "SELECT * FROM accounts WHERE email = ? AND id > 0", person.email)
    return user(forge, found[0]) if found else None


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
        "raw_url": f"{page}/raw/commit/{head_sha}/{change.path}",
    }
