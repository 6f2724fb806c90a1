"""Reading and writing on GitHub and GitHub Enterprise Server. `port.Forge` says what every method promises.

What is GitHub's own stays here: the API has an address of its own, labels go by name in any letter case and are made by
being put on, a draft needs a plan that has them, a token goes to Git as the password of `x-access-token`, and one that
is an App's belongs to one repository for an hour.
"""

import base64
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from app.forges.github.answers import (
    CombinedStatus,
    CommentAnswer,
    FileAnswer,
    IssueAnswer,
    IssueEvent,
    PermissionAnswer,
    ProtectionAnswer,
    PullAnswer,
    RepoAnswer,
    author,
    same_label,
)
from app.forges.github.auth import App, PersonalToken
from app.forges.github.client import Client
from app.forges.github.reply import Refused, Reply, parse
from app.forges.http import OnCall, instant
from app.forges.port import (
    UNTITLED,
    Comment,
    CommitState,
    ForgeDenied,
    ForgeError,
    ForgeNotFound,
    GitAccess,
    Issue,
    Labelled,
    Pull,
    Reaction,
    Repo,
    Standing,
    Unreadable,
    User,
)
from app.forges.rest import MAX_PAGES, checked_base, repo_path, segment

Parsed = TypeVar("Parsed")

PAGE_SIZE = 100
MAX_STATUS_TEXT = 140
"""Signs of a commit status's text; GitHub refuses more."""
OWN_ACCOUNT_SECONDS = 600.0
_NO_DRAFTS = "draft pull requests are not supported"
_NO_COMMIT = ("no commit found", "sha must be")
_NOBODY = Standing(permission="none", is_bot=False)


class GitHubApi:
    """One GitHub, seen with one token or as one App.

    Raise `ValueError` for an address, a token or a private key that can't be one, where not exactly one of
    `token` and `app_id` with `private_key` is given, or where PyGithub isn't installed.
    """

    kind = ""
    name = ""
    """What people call it."""

    def __init__(
        self,
        base_url: str,
        token: SecretStr | str | None = None,
        *,
        app_id: int | None = None,
        private_key: SecretStr | str | None = None,
        public_url: str | None = None,
        api_url: str | None = None,
        timeout_seconds: float = 20,
        on_call: OnCall | None = None,
    ) -> None:
        self._base = checked_base(base_url)
        self._public = checked_base(public_url) if public_url else None
        api = checked_base(api_url) if api_url else api_of(self._base)
        self._client = Client(api, timeout_seconds=timeout_seconds, on_call=on_call)
        self._app: App | None = None
        if token is not None and app_id is None and private_key is None:
            self._credentials: App | PersonalToken = PersonalToken(self._client, _plain(token))
        elif token is None and app_id is not None and private_key is not None:
            self._credentials = self._app = App(self._client, app_id, _plain(private_key))
        else:
            raise ValueError("give token; or, for a GitHub App, app_id and private_key and no token")
        self._own: tuple[User, float] | None = None

    def close(self) -> None:
        """Close the connections; the adapter can't be used any more."""
        self._client.close()

    def whoami(self) -> User:
        own = self._own
        if own is None or time.monotonic() >= own[1]:
            own = self._credentials.whoami(), time.monotonic() + OWN_ACCOUNT_SECONDS
            self._own = own  # one assignment: threads at most ask twice
        return own[0]

    def repo(self, repo: str) -> Repo:
        found = self._get(repo, RepoAnswer, "")
        return Repo(full_name=found.full_name, default_branch=found.default_branch, private=found.private)

    def standing(self, repo: str, user: User) -> Standing:
        try:
            found = self._get(repo, PermissionAnswer, f"/collaborators/{segment(user.login)}/permission")
        except ForgeNotFound:
            self.repo(repo)  # raises where it is the repository that isn't there
            return _NOBODY
        except ForgeDenied as error:
            if error.status != 403:
                raise
            hint = "only who may push may ask: give the bot's account the role Write, or make it an administrator of"
            raise ForgeDenied(f"{error}; {hint} {repo}", status=403) from error
        return found.standing(user)

    def issue(self, repo: str, number: int) -> Issue:
        found = self._get(repo, IssueAnswer, f"/issues/{number}")
        return Issue(
            number=found.number,
            title=found.title,
            body=found.body or "",
            author=author(found.user),
            labels=found.label_names(),
            is_open=found.state == "open",
            is_pull=found.pull_request is not None,
            url=self._page(found.html_url),
        )

    def labelled(self, repo: str, number: int, label: str, *, since: float | None = None) -> Labelled | None:
        """What happened comes oldest first, so its pages are read from the last one back."""
        for event in self._events_back(repo, number):
            if since is not None and event.created_at.timestamp() < since:
                return None
            if event.label is None or not same_label(event.label.name or "", label):
                continue
            if event.event == "unlabeled":
                return None
            if event.event == "labeled":
                return event.labelled()
        return None

    def _events_back(self, repo: str, number: int) -> Iterator[IssueEvent]:
        """From the last page back. A list that doesn't tell of its last page is read forward to its end."""
        page, path, read = 1, f"/issues/{number}/events", dict[int, list[IssueEvent]]()
        while page <= MAX_PAGES:
            answer = self._page_of(repo, path, page)
            read[page] = parse(list[IssueEvent], answer)
            if answer.last_page <= page and not answer.has_next:
                break
            page = max(answer.last_page, page + 1)
        else:
            raise ForgeError(f"GitHub has more than {MAX_PAGES} pages of events of {repo}#{number}")
        for earlier in range(page, 0, -1):
            known = read.get(earlier)
            yield from reversed(
                known if known is not None else parse(list[IssueEvent], self._page_of(repo, path, earlier))
            )

    def comment(self, repo: str, number: int, comment_id: int) -> Comment | None:
        try:
            found = self._get(repo, CommentAnswer, f"/issues/comments/{comment_id}")
        except ForgeNotFound:
            self.repo(repo)
            return None
        return self._comment(found) if found.thread == number else None

    def comments(self, repo: str, number: int, *, since: float | None = None) -> list[Comment]:
        query = {} if since is None else {"since": instant(since)}
        found = self._pages(repo, CommentAnswer, f"/issues/{number}/comments", **query)
        # One that is deleted meanwhile moves the others: none is taken twice.
        return [self._comment(one) for _, one in sorted({one.id: one for one in found}.items())]

    def read_file(self, repo: str, path: str, *, ref: str | None, max_bytes: int) -> bytes | None:
        place = "/".join(segment(part) for part in path.split("/"))
        try:
            answer = self._send(repo, "GET", f"/contents/{place}", query={} if ref is None else {"ref": ref})
        except ForgeNotFound:
            self.repo(repo)
            return None
        found = parse(FileAnswer | list[object], answer)  # type: ignore[arg-type]  # a union is a type too
        content = found.decoded(max_bytes) if isinstance(found, FileAnswer) else None  # else a folder
        if content is None:
            where = f"{path} of {repo}" + (f" at {ref}" if ref else "")
            raise Unreadable(f"{where} is no file of at most {max_bytes} bytes")
        return content

    def is_protected(self, repo: str, branch: str) -> bool:
        """By a branch protection or a ruleset, https://docs.github.com/rest/branches/branches."""
        place = "%2F".join(segment(part) for part in branch.split("/"))
        try:
            return self._get(repo, ProtectionAnswer, f"/branches/{place}").protected
        except ForgeNotFound:
            self.repo(repo)
            return False

    def create_comment(self, repo: str, number: int, body: str) -> Comment:
        answer = self._send(repo, "POST", f"/issues/{number}/comments", body={"body": body})
        return self._comment(parse(CommentAnswer, answer))

    def edit_comment(self, repo: str, comment_id: int, body: str) -> None:
        self._send(repo, "PATCH", f"/issues/comments/{comment_id}", body={"body": body})

    def react(self, repo: str, number: int, reaction: Reaction, *, comment_id: int | None = None) -> None:
        where = f"comments/{comment_id}" if comment_id is not None else str(number)
        path = f"/issues/{where}/reactions"
        self._send(repo, "POST", path, body={"content": reaction}, repeatable=True)

    def remove_label(self, repo: str, number: int, label: str) -> None:
        try:
            self._send(repo, "DELETE", f"/issues/{number}/labels/{segment(label)}")
        except ForgeNotFound:
            self.issue(repo, number)  # raises where it is the issue that isn't there

    def add_label(self, repo: str, number: int, label: str) -> None:
        """GitHub makes a label by putting it on, so it is looked for first."""
        self._send(repo, "GET", f"/labels/{segment(label)}")
        self._send(repo, "POST", f"/issues/{number}/labels", body={"labels": [label]}, repeatable=True)

    def pull(self, repo: str, number: int) -> Pull:
        return self._pull(self._get(repo, PullAnswer, f"/pulls/{number}"))

    def find_pull(self, repo: str, *, head_branch: str, base_branch: str) -> Pull | None:
        head = f"{repo.partition('/')[0]}:{head_branch}"
        for found in self._pages(repo, PullAnswer, "/pulls", state="open", head=head, base=base_branch):
            same_repo = found.head.repo is not None and found.head.repo.full_name.lower() == repo.lower()
            if same_repo and found.head.ref == head_branch and found.base.ref == base_branch:
                return self._pull(found)
        return None

    def create_pull(
        self, repo: str, *, head_branch: str, base_branch: str, title: str, body: str, draft: bool
    ) -> Pull:
        """Where the repository's plan has no drafts, an ordinary one is opened."""
        named = title.strip() or UNTITLED
        form = {"head": head_branch, "base": base_branch, "title": named, "body": body, "draft": draft}
        try:
            answer = self._send(repo, "POST", "/pulls", body=form)
        except Refused as error:
            if not draft or _NO_DRAFTS not in str(error).lower():
                raise
            answer = self._send(repo, "POST", "/pulls", body=form | {"draft": False})
        return self._pull(parse(PullAnswer, answer))

    def edit_pull(self, repo: str, number: int, *, title: str | None = None, body: str | None = None) -> None:
        form = {name: text for name, text in (("title", title), ("body", body)) if text is not None}
        if form:
            self._send(repo, "PATCH", f"/pulls/{number}", body=form)

    def set_status(
        self, repo: str, sha: str, *, state: CommitState, context: str, text: str, url: str
    ) -> None:
        short = text if len(text) <= MAX_STATUS_TEXT else text[: MAX_STATUS_TEXT - 1] + "…"
        form = {"state": state, "context": context, "description": short, "target_url": url}
        try:
            if not self._says(repo, sha, form):
                self._send(repo, "POST", f"/statuses/{segment(sha)}", body=form, repeatable=True)
        except Refused as error:
            if not any(words in str(error).lower() for words in _NO_COMMIT):
                raise
            raise ForgeNotFound(str(error), status=error.status) from error

    def _says(self, repo: str, sha: str, form: Mapping[str, str]) -> bool:
        """Whether the newest status of that context is this one. GitHub keeps a thousand of a context and commit."""
        path, seen = f"/commits/{segment(sha)}/status", 0
        for page in range(1, MAX_PAGES + 1):
            found = parse(CombinedStatus, self._page_of(repo, path, page))
            for one in found.statuses:
                if one.context.lower() == form["context"].lower():
                    return one.model_dump() == dict(form)
            seen += len(found.statuses)
            if not found.statuses or seen >= found.total_count:
                break
        return False

    def git_access(self, repo: str) -> GitAccess:
        path = repo_path(repo).removeprefix("/repos")
        basic = base64.b64encode(f"x-access-token:{self._credentials.token(repo)}".encode()).decode()
        return GitAccess(url=f"{self._base}{path}.git", header=f"Authorization: Basic {basic}")

    def _get(self, repo: str, kind: type[Parsed], path: str) -> Parsed:
        return parse(kind, self._send(repo, "GET", path))

    def _pages(self, repo: str, kind: type[Parsed], path: str, **query: str | int) -> Iterator[Parsed]:
        """All items of a paged list. Ends at the last page that is announced, at an empty page, or at a repeated one.

        Raise `ForgeError` after `MAX_PAGES`, rather than to take a part for the whole.
        """
        before = ""
        for page in range(1, MAX_PAGES + 1):
            answer = self._page_of(repo, path, page, **query)
            items = parse(list[kind], answer)  # type: ignore[valid-type]  # a list of what was asked for
            if not items or answer.content == before:
                return
            yield from items
            if page >= answer.last_page and not answer.has_next:
                return
            before = answer.content
        raise ForgeError(f"GitHub has more than {MAX_PAGES} pages at {path} of {repo}")

    def _page_of(self, repo: str, path: str, page: int, **query: str | int) -> Reply:
        return self._send(repo, "GET", path, query={**query, "per_page": PAGE_SIZE, "page": page})

    def _send(self, repo: str, method: str, path: str, **parts: Any) -> Reply:
        """Send a request about `repo`. What 401 refuses wasn't done, so it is sent again with a better token, once."""
        whole, token = repo_path(repo) + path, self._credentials.token(repo)
        try:
            return self._client.send(self._client.token_auth(token), method, whole, **parts)
        except ForgeDenied as error:
            if error.status != 401 or not self._credentials.forget(repo, token):
                raise
        better = self._client.token_auth(self._credentials.token(repo))
        return self._client.send(better, method, whole, **parts)

    def _comment(self, found: CommentAnswer) -> Comment:
        return Comment(
            id=found.id, body=found.body or "", author=author(found.user), url=self._page(found.html_url)
        )

    def _pull(self, found: PullAnswer) -> Pull:
        return Pull(
            number=found.number,
            title=found.title,
            body=found.body or "",
            author=author(found.user),
            is_open=found.state == "open",
            draft=found.draft,
            head_branch=found.head.ref,
            head_sha=found.head.sha,
            head_repo=found.head.repo.full_name if found.head.repo else None,
            base_branch=found.base.ref,
            url=self._page(found.html_url),
        )

    def _page(self, url: str) -> str:
        """The address for people: GitHub's own, with the public base where it only knows the internal one."""
        rest = url.removeprefix(self._base)
        return self._public + rest if self._public and rest != url and rest.startswith("/") else url


def api_of(base: str) -> str:
    """Where the API of the GitHub at `base` is.

    https://docs.github.com/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api; an enterprise
    with data residency at `….ghe.com` has its own as github.com has.
    """
    host = (urlsplit(base).hostname or "").lower()
    if host in {"github.com", "www.github.com"}:
        return "https://api.github.com"
    return f"https://api.{host}" if host.endswith(".ghe.com") else f"{base}/api/v3"


def _plain(secret: SecretStr | str) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret
