"""The forge's pages, for people to look at: repositories, files, issues and pull requests. They only show.

* Everything people wrote is rendered from Markdown with raw HTML escaped, under a policy that forbids scripts.
* HTML comments are left out, as forges do; `<details>`, `<summary>` and `<sub>` are the only tags let through.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, render_template
from markdown_it import MarkdownIt
from markupsafe import Markup

from app.demo.forge import timeline
from app.demo.forge.api.pulls import commits_of, diff_of, found_pull
from app.demo.forge.api.statuses import newest_by_context, statuses_of
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Comment, Issue, Reaction, Repository
from app.demo.forge.refusals import NotFound, Refusal
from app.demo.forge.world import forge

pages = Blueprint("pages", __name__, template_folder="templates")

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FOLDS = re.compile(r"&lt;(/?(?:details|summary|sub))&gt;")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_SIGNS = {
    "+1": "\N{THUMBS UP SIGN}",
    "-1": "\N{THUMBS DOWN SIGN}",
    "laugh": "\N{SMILING FACE WITH OPEN MOUTH}",
    "hooray": "\N{PARTY POPPER}",
    "confused": "\N{CONFUSED FACE}",
    "heart": "\N{HEAVY BLACK HEART}",
    "rocket": "\N{ROCKET}",
    "eyes": "\N{EYES}",
}
_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@pages.after_request
def harden(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@pages.errorhandler(Refusal)
def refused(error: Refusal) -> tuple[str, int]:
    return render_template("error.html", message=error.message), error.status


@pages.app_template_filter()
def markdown(text: str) -> Markup:
    """Safe: the renderer escapes all HTML and drops links that run something."""
    html = _markdown.render(_COMMENT.sub("", text))
    return Markup(_FOLDS.sub(r"<\1>", html))  # noqa: S704 - escaped by the renderer, bare tags without attributes let back in


@pages.app_template_filter()
def when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


@pages.app_template_filter()
def sign(content: str) -> str:
    return _SIGNS.get(content, content)


@pages.app_template_global()
def account(account_id: int) -> Account:
    return forge().account(account_id)


@pages.get("/")
def index() -> str:
    seen = [one for one in forge().repositories() if forge().access(one, caller().account) >= Access.READ]
    return render_template("index.html", repos=seen)


@pages.get("/<owner>/<name>")
def show_repo(owner: str, name: str) -> str:
    repo = readable(owner, name)
    return _show_files(repo, repo.default_branch, "")


@pages.get("/<owner>/<name>/src/branch/<path:where>")
def show_branch(owner: str, name: str, where: str) -> str:
    """`where` is a branch and a path in it; the longest branch that fits is meant."""
    repo = readable(owner, name)
    fits = [head for head in forge().bare(repo).heads() if f"{where}/".startswith(f"{head}/")]
    branch = max(fits, key=len, default="")
    if not branch:
        raise NotFound
    return _show_files(repo, branch, where[len(branch) + 1 :])


@pages.get("/<owner>/<name>/src/commit/<sha>/<path:path>")
def show_path(owner: str, name: str, sha: str, path: str) -> str:
    return _show_files(readable(owner, name), sha, path)


def _show_files(repo: Repository, ref: str, path: str) -> str:
    bare = forge().bare(repo)
    commit = bare.find_commit(ref)
    if commit is None and path:
        raise NotFound
    entry = bare.entry(commit, path) if commit and path else None
    if path and entry is None:
        raise NotFound
    is_file = entry is not None and entry.kind == "blob"
    return render_template(
        "repo.html",
        repo=repo,
        ref=ref,
        base=f"/{repo.full_name}/src/{'branch' if ref in bare.heads() else 'commit'}/{ref}",
        path=path,
        branches=sorted(bare.heads()),
        log=bare.log(commit, limit=10) if commit else [],
        entries=bare.entries(commit, path) if commit and not is_file else [],
        text=bare.blob(entry.sha).decode(errors="replace") if entry and is_file else None,
    )


@pages.get("/<owner>/<name>/commit/<sha>")
def show_commit(owner: str, name: str, sha: str) -> str:
    repo = readable(owner, name)
    bare = forge().bare(repo)
    found = bare.find_commit(sha)
    if found is None:
        raise NotFound
    (commit,) = bare.log(found, limit=1)
    diff = bare.diff(commit.parents[0], found) if commit.parents else ""
    return render_template("commit.html", repo=repo, commit=commit, diff=diff)


@pages.get("/<owner>/<name>/issues")
def show_issues(owner: str, name: str) -> str:
    return _show_list(readable(owner, name), is_pull=False)


@pages.get("/<owner>/<name>/pulls")
def show_pulls(owner: str, name: str) -> str:
    return _show_list(readable(owner, name), is_pull=True)


def _show_list(repo: Repository, *, is_pull: bool) -> str:
    newest = "SELECT * FROM issues WHERE repo_id = ? AND is_pull = ? ORDER BY number DESC"
    found = forge().db.rows(Issue, newest, repo.id, is_pull)
    return render_template("list.html", repo=repo, issues=found, labels=forge().labels, is_pull=is_pull)


@pages.get("/<owner>/<name>/issues/<int:number>")
def show_issue(owner: str, name: str, number: int) -> str:
    repo = readable(owner, name)
    return render_template("thread.html", **_thread(repo, forge().issue(repo, number)))


@pages.get("/<owner>/<name>/pulls/<int:number>")
def show_pull(owner: str, name: str, number: int) -> str:
    repo, issue, pull = found_pull(owner, name, number)
    bare = forge().bare(repo)
    statuses = statuses_of(repo, pull.head_sha)
    return render_template(
        "thread.html",
        **_thread(repo, issue),
        pull=pull,
        commits=commits_of(bare, pull),
        diff=diff_of(bare, pull),
        statuses=newest_by_context(statuses),
    )


@dataclass(frozen=True)
class Post:
    """What stands first on a thread's page: the text of the issue itself, shown as comments are."""

    id: int
    author_id: int
    created: float
    body: str


def _thread(repo: Repository, issue: Issue) -> dict[str, Any]:
    every = forge().db.rows(Reaction, "SELECT * FROM reactions WHERE issue_id = ? ORDER BY id", issue.id)
    first = Post(id=0, author_id=issue.author_id, created=issue.created, body=issue.body)
    posts: list[Post | Comment] = [first, *timeline.entries(forge(), issue, kind="comment")]
    reactions = {post.id: [one.content for one in every if one.comment_id == post.id] for post in posts}
    return {
        "repo": repo,
        "issue": issue,
        "labels": forge().labels(issue),
        "posts": posts,
        "reactions": reactions,
    }
