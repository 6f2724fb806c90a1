"""What follows from a change of branches: pull requests that follow their head, and the webhooks that tell of it.

A crash between the push and this leaves branches newer than what pull requests say; the next push to the repository
catches up with every branch that is there.
"""

from app.demo.forge import events, timeline
from app.demo.forge.bare import ZERO
from app.demo.forge.closing import close_what_is_fixed
from app.demo.forge.events import Move
from app.demo.forge.records import Account, Issue, Repository
from app.demo.forge.world import Forge


def settle(
    forge: Forge, repo: Repository, pusher: Account, before: dict[str, str], after: dict[str, str]
) -> None:
    """Tell of every branch and tag that differs between `before` and `after`, and bring pull requests up to date."""
    changed = [ref for ref in sorted(before | after) if before.get(ref) != after.get(ref)]
    moves = [Move(ref=ref, before=before.get(ref, ZERO), after=after.get(ref, ZERO)) for ref in changed]
    with forge.db.transaction():
        for move in moves:
            events.pushed(forge, repo, pusher, move)
            if move.after == ZERO:
                forge.db.run("INSERT OR IGNORE INTO gone_branches VALUES (?, ?)", repo.id, move.ref)
            if move.ref == f"refs/heads/{repo.default_branch}" and move.after != ZERO:
                for commit in reversed(events.new_commits(forge, repo, move)):
                    close_what_is_fixed(forge, repo, pusher, commit.message, commit.sha)
        for issue in _open_pulls(forge, repo):
            head = f"refs/heads/{forge.pull(issue).head_branch}"
            if head in after:
                _follow(forge, repo, pusher, issue, after[head])
            elif head in before:
                _close(forge, repo, pusher, issue)


def _open_pulls(forge: Forge, repo: Repository) -> list[Issue]:
    return forge.db.rows(
        Issue, "SELECT * FROM issues WHERE repo_id = ? AND is_pull AND is_open ORDER BY number", repo.id
    )


def _follow(forge: Forge, repo: Repository, pusher: Account, issue: Issue, tip: str) -> None:
    if tip == forge.pull(issue).head_sha:
        return
    forge.bare(repo).git("update-ref", "--end-of-options", f"refs/pull/{issue.number}/head", tip)
    _record(forge, repo, pusher, issue, tip)
    forge.db.run("UPDATE pulls SET head_sha = ? WHERE issue_id = ?", tip, issue.id)
    forge.touch(issue)
    events.issue_changed(forge, repo, forge.issue_by_id(issue.id), pusher, "synchronized")


def _record(forge: Forge, repo: Repository, pusher: Account, issue: Issue, tip: str) -> None:
    """On the timeline: the commits that came, or, where commits are gone, the tip before and after."""
    bare, pull = forge.bare(repo), forge.pull(issue)
    if bare.merge_base(pull.head_sha, tip) != pull.head_sha:
        timeline.pushed(forge, issue, pusher, [pull.head_sha, tip], forced=True)
        return
    base = bare.commit_of(f"refs/heads/{pull.base_branch}") or pull.base_sha
    new = bare.log(tip, f"^{pull.head_sha}", f"^{base}")
    timeline.pushed(forge, issue, pusher, [commit.sha for commit in reversed(new)])


def _close(forge: Forge, repo: Repository, pusher: Account, issue: Issue) -> None:
    """A pull request whose branch goes is closed; one that is reopened without a branch stays open."""
    forge.set_open(issue, is_open=False)
    timeline.add(forge, issue, pusher, "close")
    events.issue_changed(forge, repo, forge.issue_by_id(issue.id), pusher, "closed")
