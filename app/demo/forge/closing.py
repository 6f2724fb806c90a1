"""Issues that a pull request or a commit says it fixes: `Fixes #3`, with the keywords that Gitea has by default."""

import re

from app.demo.forge import events, timeline
from app.demo.forge.records import Account, Issue, Repository
from app.demo.forge.world import Forge

_FIXES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#([0-9]{1,9})\b", re.IGNORECASE)


def fixed_in(text: str) -> list[int]:
    """The numbers of the issues that `text` says it fixes, each once."""
    return list(dict.fromkeys(int(number) for number in _FIXES.findall(text)))


def close_what_is_fixed(forge: Forge, repo: Repository, who: Account, text: str, sha: str) -> None:
    """Close the open issues among them, with the commit that did it; call it inside the transaction of the change."""
    for number in fixed_in(text):
        query = "SELECT * FROM issues WHERE repo_id = ? AND number = ? AND is_open AND NOT is_pull"
        issue = forge.db.row(Issue, query, repo.id, number)
        if issue is not None:
            forge.set_open(issue, is_open=False)
            timeline.add(forge, issue, who, "close")
            events.issue_changed(forge, repo, forge.issue_by_id(issue.id), who, "closed", commit_id=sha)
