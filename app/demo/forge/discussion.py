"""What was said about issues and pull requests, as Gitea writes it in JSON: comments, timelines, reviews, reactions."""

from app.demo.forge import views
from app.demo.forge.records import Comment, Issue, Label, Reaction, Repository, Review
from app.demo.forge.views import Json
from app.demo.forge.world import Forge

_ENTRY: Json = {
    "old_project_id": 0, "project_id": 0, "old_milestone": None, "milestone": None, "tracked_time": None,
    "old_title": "", "new_title": "", "old_ref": "", "new_ref": "", "ref_issue": None, "ref_comment": None,
    "ref_action": "none", "ref_commit_sha": "", "review_id": 0, "label": None, "assignee": None,
    "assignee_team": None, "removed_assignee": False, "resolve_doer": None, "dependent_issue": None,
}  # fmt: skip
"""What an entry of a timeline has, whatever it tells of."""
_ONLY_COMMENTS = frozenset({"original_author", "original_author_id", "assets"})


def comment(forge: Forge, repo: Repository, issue: Issue, comment: Comment) -> Json:
    page = views.issue_page(forge, repo, issue)
    return {
        "id": comment.id,
        "html_url": f"{page}#issuecomment-{comment.id}",
        "pull_request_url": page if issue.is_pull else "",
        "issue_url": "" if issue.is_pull else page,
        "user": views.user(forge, forge.account(comment.author_id)),
        "original_author": "",
        "original_author_id": 0,
        "body": comment.body,
        "assets": [],
        "created_at": views.moment(comment.created),
        "updated_at": views.moment(comment.updated),
    }


def reaction(forge: Forge, reaction: Reaction) -> Json:
    return {
        "user": views.user(forge, forge.account(reaction.account_id)),
        "content": reaction.content,
        "created_at": views.moment(reaction.created),
    }


def entry(forge: Forge, repo: Repository, issue: Issue, entry: Comment) -> Json:
    """One entry of a timeline."""
    label = forge.db.row(Label, "SELECT * FROM labels WHERE id = ?", entry.label_id)
    shown = comment(forge, repo, issue, entry)
    said = {key: value for key, value in shown.items() if key not in _ONLY_COMMENTS}
    about = {
        "old_title": entry.old_title,
        "new_title": entry.new_title,
        "old_ref": entry.old_ref,
        "new_ref": entry.new_ref,
        "review_id": entry.review_id,
        "label": views.label(forge, repo, label) if label else None,
    }
    return {"id": entry.id, "type": entry.kind} | said | _ENTRY | about


def review(forge: Forge, repo: Repository, issue: Issue, review: Review) -> Json:
    """One review; what it was about counts as stale once the branch has moved on."""
    page = views.issue_page(forge, repo, issue)
    of_kind = "SELECT {} FROM comments WHERE review_id = ? AND kind = ?"
    first = forge.db.count(of_kind.format("MIN(id)"), review.id, "review")
    return {
        "id": review.id,
        "user": views.user(forge, forge.account(review.author_id)),
        "team": None,
        "state": review.state,
        "body": review.body,
        "commit_id": review.commit_sha,
        "stale": review.commit_sha != forge.pull(issue).head_sha,
        "official": review.official,
        "dismissed": review.dismissed,
        "comments_count": forge.db.count(of_kind.format("COUNT(*)"), review.id, "code"),
        "submitted_at": views.moment(review.created),
        "updated_at": views.moment(review.updated),
        "html_url": f"{page}#issuecomment-{first}",
        "pull_request_url": page,
    }


def line_comment(forge: Forge, repo: Repository, issue: Issue, comment: Comment) -> Json:
    """A review's comment on a line; Gitea calls the line a position."""
    page = views.issue_page(forge, repo, issue)
    return {
        "id": comment.id,
        "body": comment.body,
        "user": views.user(forge, forge.account(comment.author_id)),
        "resolver": None,
        "pull_request_review_id": comment.review_id,
        "created_at": views.moment(comment.created),
        "updated_at": views.moment(comment.updated),
        "path": comment.path,
        "commit_id": comment.commit_sha,
        "original_commit_id": "",
        "diff_hunk": comment.hunk,
        "position": max(0, comment.line),
        "original_position": max(0, -comment.line),
        "html_url": f"{page}#issuecomment-{comment.id}",
        "pull_request_url": page,
    }
