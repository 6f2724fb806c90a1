"""Rules that protect branches, as far as they are served: that there is one for a branch, which keeps it from removal.

Only rules for one named branch that let every writer push are taken. Gitea also refuses to rewrite such a branch; here
Git may.
"""

import time

from flask import Response

from app.demo.forge import views
from app.demo.forge.api.http import Body, Text, answer, api, parsed
from app.demo.forge.identity import readable
from app.demo.forge.records import Access, Repository
from app.demo.forge.refusals import Forbidden, Invalid, Refusal
from app.demo.forge.views import Json
from app.demo.forge.world import forge

_SPECIAL = frozenset("*?\\[]{}!")
_OFF = (
    "enable_push_whitelist", "push_whitelist_deploy_keys", "enable_merge_whitelist", "enable_status_check",
    "enable_approvals_whitelist", "block_on_rejected_reviews", "block_on_official_review_requests",
    "block_on_outdated_branch", "dismiss_stale_approvals", "ignore_stale_approvals", "require_signed_commits",
)  # fmt: skip
_NOBODY = (
    "push_whitelist_usernames", "push_whitelist_teams", "merge_whitelist_usernames", "merge_whitelist_teams",
    "approvals_whitelist_username", "approvals_whitelist_teams",
)  # fmt: skip
_ORDER = (
    "branch_name rule_name enable_push enable_push_whitelist push_whitelist_usernames push_whitelist_teams"
    " push_whitelist_deploy_keys enable_merge_whitelist merge_whitelist_usernames merge_whitelist_teams"
    " enable_status_check status_check_contexts required_approvals enable_approvals_whitelist"
    " approvals_whitelist_username approvals_whitelist_teams block_on_rejected_reviews"
    " block_on_official_review_requests block_on_outdated_branch dismiss_stale_approvals ignore_stale_approvals"
    " require_signed_commits protected_file_patterns unprotected_file_patterns created_at updated_at"
)


class NewRule(Body):
    rule_name: Text = ""
    branch_name: Text = ""
    enable_push: bool = False


def is_protected(repo: Repository, branch: str) -> bool:
    """Whether a rule is for this branch."""
    query = "SELECT COUNT(*) FROM branch_rules WHERE repo_id = ? AND name = ?"
    return forge().db.count(query, repo.id, branch) > 0


@api.post("/repos/<owner>/<name>/branch_protections")
def create_rule(owner: str, name: str) -> Response:
    repo, form = readable(owner, name, Access.ADMIN, alive=True), parsed(NewRule)
    rule = form.rule_name or form.branch_name
    if not rule:
        raise Refusal("both rule_name and branch_name are empty")
    if _SPECIAL & {*rule} or not form.enable_push:
        raise Invalid("only rules for one branch by its name, with enable_push, are served here")
    with forge().db.transaction():
        if is_protected(repo, rule):
            raise Forbidden("Branch protection already exist")
        forge().db.run("INSERT INTO branch_rules (repo_id, name) VALUES (?, ?)", repo.id, rule)
    return answer(_shown(repo, rule), 201)


def _shown(repo: Repository, rule: str) -> Json:
    made = views.moment(time.time())
    told: Json = {
        "branch_name": rule if rule in forge().bare(repo).heads() else "",
        "rule_name": rule,
        "enable_push": True,
        **dict.fromkeys(_OFF, False),
        **{name: [] for name in _NOBODY},
        "status_check_contexts": None,
        "required_approvals": 0,
        "protected_file_patterns": "",
        "unprotected_file_patterns": "",
        "created_at": made,
        "updated_at": made,
    }
    return {name: told[name] for name in _ORDER.split()}
