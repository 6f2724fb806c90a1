"""What Gitea and Forgejo have in common as forges. `port.Forge` says what every method promises.

What is this family's own stays here: labels are set by id, a draft is a title that starts with `WIP:`, comments have no
pages, a token goes to Git as the password of Basic authentication, and a pull request whose branch is gone has
`refs/pull/<number>/head` for its branch, which no rule for branch names lets through.

Seen in the sources of Gitea 1.22 and 1.25, Forgejo 7 and 10, and relied on:

* A timeline is asked for without a page: its `X-Total-Count` counts one page, and pages leave out what can't be seen.
* Timeline and comments of an issue that isn't there, and a status of such a commit, are answered with 500.
* Accounts with ids below 1 are the forge's own: -1 stands for a deleted one, -2 for Actions.
"""

import base64
import binascii
import time
from typing import Any, TypedDict

from pydantic import SecretStr

from app.forges.gitea_family.answers import (
    BranchAnswer,
    CommentAnswer,
    FileAnswer,
    IssueAnswer,
    LabelAnswer,
    PermissionAnswer,
    PullAnswer,
    RepoAnswer,
    StatusesAnswer,
    TimelineAnswer,
    UserAnswer,
    same_label,
    seconds,
    titled,
)
from app.forges.gitea_family.teams import Teams, doubt_about
from app.forges.http import OnCall, instant
from app.forges.port import (
    Comment,
    CommitState,
    ForgeDenied,
    ForgeError,
    ForgeNotFound,
    ForgeUnavailable,
    GitAccess,
    Issue,
    Labelled,
    Permission,
    Pull,
    Reaction,
    Repo,
    Standing,
    Unreadable,
    User,
)
from app.forges.rest import PAGE_SIZE, Parsed, Rest, checked_base, repo_path, segment

OWN_ACCOUNT_SECONDS = 600.0
"""How long our own account's login is remembered: an id never changes, a login may."""
_PERMISSIONS: dict[str, Permission] = {
    "none": "none",
    "read": "read",
    "write": "write",
    "admin": "admin",
    "owner": "admin",
}
_NOBODY = Standing(permission="none", is_bot=False)


class HttpOptions(TypedDict):
    """How the forge is spoken with."""

    timeout_seconds: float
    on_call: OnCall | None


class GiteaFamily:
    """One server, seen with one token. Raise `ValueError` for an address that can't be one."""

    kind = ""
    name = ""
    """What people call it."""

    def __init__(
        self,
        base_url: str,
        token: SecretStr | str,
        *,
        public_url: str | None = None,
        timeout_seconds: float = 20,
        on_call: OnCall | None = None,
    ) -> None:
        self._base = checked_base(base_url)
        self._public = checked_base(public_url) if public_url else None
        self._token = token if isinstance(token, SecretStr) else SecretStr(token)
        headers = {"Authorization": f"token {self._token.get_secret_value()}"}
        self._http: HttpOptions = {"timeout_seconds": timeout_seconds, "on_call": on_call}
        self._rest = Rest(self.name, f"{self._base}/api/v1", headers, **self._http)
        self._teams = Teams(self._rest)
        self._own: tuple[User, float] | None = None

    def close(self) -> None:
        """Close the connections; the adapter can't be used any more."""
        self._rest.close()

    def whoami(self) -> User:
        own = self._own
        if own is None or time.monotonic() >= own[1]:
            own = self._rest.get(UserAnswer, "/user").value(), time.monotonic() + OWN_ACCOUNT_SECONDS
            self._own = own  # one assignment: threads at most ask twice
        return own[0]

    def repo(self, repo: str) -> Repo:
        found = self._rest.get(RepoAnswer, repo_path(repo))
        return Repo(full_name=found.full_name, default_branch=found.default_branch, private=found.private)

    def standing(self, repo: str, user: User) -> Standing:
        """Only for administrators of the repository, but see the adapters."""
        if user.id < 1:
            return Standing(permission="none", is_bot=True)
        path = f"{repo_path(repo)}/collaborators/{segment(user.login)}/permission"
        try:
            found = self._rest.get(PermissionAnswer, path)
        except ForgeNotFound:
            self.repo(repo)  # raises where it is the repository that isn't there
            return _NOBODY
        except ForgeDenied as error:
            if error.status != 403 or "scope" in str(error):
                raise
            hint = f"make the bot's account an administrator of {repo}: only those may ask what others may do"
            raise ForgeDenied(f"{error}; {hint}", status=403) from error
        if found.permission not in _PERMISSIONS:
            raise ForgeError(f"{self.name} names a permission that we don't know: {found.permission[:60]!r}")
        if found.user.id != user.id:  # the name has changed hands
            return _NOBODY
        permission = _PERMISSIONS[found.permission]
        doubt = doubt_about(self._teams.of(repo)) if permission == "write" else ""
        return Standing(permission="read" if doubt else permission, is_bot=False, doubt=doubt)

    def issue(self, repo: str, number: int) -> Issue:
        found = self._rest.get(IssueAnswer, _issue_path(repo, number))
        return Issue(
            number=found.number,
            title=found.title,
            body=found.body or "",
            author=found.user.value(),
            labels=frozenset(label.name for label in found.labels or ()),
            is_open=found.state == "open",
            is_pull=found.pull_request is not None,
            url=self._page(repo, found.html_url),
        )

    def labelled(self, repo: str, number: int, label: str, *, since: float | None = None) -> Labelled | None:
        # a union is no `type` for mypy, but is parsed as one
        kind: Any = list[TimelineAnswer] | None
        entries: list[TimelineAnswer] | None = self._of_thread(kind, repo, number, "timeline", since)
        ours = [one for one in entries or () if one.type == "label" and one.label is not None]
        ours = [one for one in ours if one.label is not None and same_label(one.label.name, label)]
        last = max(ours, key=lambda one: one.id, default=None)
        if last is None or last.body != "1" or last.user is None:
            return None
        return Labelled(event_id=last.id, actor=last.user.value(), at=seconds(last.created_at))

    def comment(self, repo: str, number: int, comment_id: int) -> Comment | None:
        try:
            answer = self._rest.send("GET", f"{repo_path(repo)}/issues/comments/{comment_id}")
        except ForgeNotFound:
            self.repo(repo)
            return None
        if answer.status == 204:  # there is such a thing, but it is no comment
            return None
        found = self._rest.parse(CommentAnswer, answer)
        return self._comment(repo, found) if found.thread == number else None

    def comments(self, repo: str, number: int, *, since: float | None = None) -> list[Comment]:
        found = self._of_thread(list[CommentAnswer], repo, number, "comments", since)
        return [self._comment(repo, one) for one in sorted(found, key=lambda one: one.id)]

    def read_file(self, repo: str, path: str, *, ref: str | None, max_bytes: int) -> bytes | None:
        where = f"{path} of {repo}" + (f" at {ref}" if ref else "")
        query = {} if ref is None else {"ref": ref}
        place = "/".join(segment(part) for part in path.split("/"))
        kind: Any = FileAnswer | list[Any]
        try:
            found: FileAnswer | list[Any] = self._rest.get(
                kind, f"{repo_path(repo)}/contents/{place}", **query
            )
        except ForgeNotFound:
            self.repo(repo)
            return None
        if isinstance(found, list) or found.type != "file" or found.size > max_bytes:
            raise Unreadable(f"{where} is no file of at most {max_bytes} bytes")
        try:
            content = base64.b64decode(found.content or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise ForgeError(f"{where} isn't given in base64") from error
        if len(content) != found.size:  # the forge leaves out what it finds too large
            raise Unreadable(f"{where} isn't given in full: {len(content)} bytes")
        return content

    def is_protected(self, repo: str, branch: str) -> bool:
        place = "/".join(segment(part) for part in branch.split("/"))
        try:
            return self._rest.get(BranchAnswer, f"{repo_path(repo)}/branches/{place}").protected
        except ForgeNotFound:
            self.repo(repo)
            return False

    def create_comment(self, repo: str, number: int, body: str) -> Comment:
        path = f"{_issue_path(repo, number)}/comments"
        return self._comment(repo, self._rest.write(CommentAnswer, "POST", path, {"body": body}))

    def edit_comment(self, repo: str, comment_id: int, body: str) -> None:
        self._rest.send("PATCH", f"{repo_path(repo)}/issues/comments/{comment_id}", body={"body": body})

    def react(self, repo: str, number: int, reaction: Reaction, *, comment_id: int | None = None) -> None:
        where = f"comments/{comment_id}" if comment_id is not None else str(number)
        path = f"{repo_path(repo)}/issues/{where}/reactions"
        self._rest.send("POST", path, body={"content": reaction}, repeatable=True)

    def remove_label(self, repo: str, number: int, label: str) -> None:
        path = f"{_issue_path(repo, number)}/labels"
        for one in self._rest.get(list[LabelAnswer], path):
            if same_label(one.name, label):
                self._rest.send("DELETE", f"{path}/{one.id}")

    def add_label(self, repo: str, number: int, label: str) -> None:
        known = [
            one
            for one in self._rest.pages(LabelAnswer, f"{repo_path(repo)}/labels")
            if same_label(one.name, label)
        ]
        if not known:
            raise ForgeNotFound(f"{repo} has no label {label!r}: create it first", status=404)
        best = min(known, key=lambda one: one.name != label)
        path = f"{_issue_path(repo, number)}/labels"
        self._rest.send("POST", path, body={"labels": [best.id]}, repeatable=True)

    def pull(self, repo: str, number: int) -> Pull:
        return self._pull(repo, self._rest.get(PullAnswer, _pull_path(repo, number)))

    def find_pull(self, repo: str, *, head_branch: str, base_branch: str) -> Pull | None:
        # Gitea's look-up by base and head also gives closed ones, so the open ones are gone through.
        for found in self._rest.pages(
            PullAnswer, f"{repo_path(repo)}/pulls", state="open", sort="recentupdate"
        ):
            same_repo = found.head.repo is not None and found.head.repo.full_name.lower() == repo.lower()
            if same_repo and found.head.ref == head_branch and found.base.ref == base_branch:
                return self._pull(repo, found)
        return None

    def create_pull(
        self, repo: str, *, head_branch: str, base_branch: str, title: str, body: str, draft: bool
    ) -> Pull:
        form = {"head": head_branch, "base": base_branch, "title": titled(title, draft=draft), "body": body}
        return self._pull(repo, self._rest.write(PullAnswer, "POST", f"{repo_path(repo)}/pulls", form))

    def edit_pull(self, repo: str, number: int, *, title: str | None = None, body: str | None = None) -> None:
        form = {} if body is None else {"body": body}
        if title is not None:
            form["title"] = titled(title, draft=self.pull(repo, number).draft)
        if form:
            self._rest.send("PATCH", _pull_path(repo, number), body=form)

    def set_status(
        self, repo: str, sha: str, *, state: CommitState, context: str, text: str, url: str
    ) -> None:
        commit = f"{repo_path(repo)}/commits/{segment(sha)}"
        known = self._rest.get(StatusesAnswer, f"{commit}/status", page=1, limit=PAGE_SIZE)
        wanted = (state, text, url)
        for one in known.statuses or ():
            if one.context == context and (one.status, one.description, one.target_url) == wanted:
                return
        form = {"state": state, "context": context, "description": text, "target_url": url}
        try:
            self._rest.send("POST", f"{repo_path(repo)}/statuses/{segment(sha)}", body=form)
        except ForgeUnavailable as error:
            if error.status == 500:
                self._rest.send("GET", f"{repo_path(repo)}/git/commits/{segment(sha)}")
            raise

    def git_access(self, repo: str) -> GitAccess:
        path = repo_path(repo).removeprefix("/repos")
        return GitAccess(url=f"{self._base}{path}.git", header=f"Authorization: {self._git_credential()}")

    def _git_credential(self) -> str:
        token = self._token.get_secret_value()
        return "Basic " + base64.b64encode(f"token:{token}".encode()).decode()

    def _of_thread(
        self, kind: type[Parsed], repo: str, number: int, what: str, since: float | None
    ) -> Parsed:
        """All of a thread's `what`, oldest first."""
        query = {} if since is None else {"since": instant(since)}
        try:
            return self._rest.get(kind, f"{_issue_path(repo, number)}/{what}", **query)
        except ForgeUnavailable as error:
            if error.status == 500:
                self.issue(repo, number)  # raises where it isn't there
            raise

    def _comment(self, repo: str, found: CommentAnswer) -> Comment:
        return Comment(
            id=found.id,
            body=found.body or "",
            author=found.user.value(),
            url=self._page(repo, found.html_url),
        )

    def _pull(self, repo: str, found: PullAnswer) -> Pull:
        return Pull(
            number=found.number,
            title=found.plain_title,
            body=found.body or "",
            author=found.user.value(),
            is_open=found.state == "open",
            draft=found.is_draft,
            head_branch=found.head.ref,
            head_sha=found.head.sha,
            head_repo=found.head.repo.full_name if found.head.repo else None,
            base_branch=found.base.ref,
            url=self._page(repo, found.html_url),
        )

    def _page(self, repo: str, url: str) -> str:
        """The address for people: under the public base, whichever name the forge has for itself.

        Without a public base it is the forge's own word.
        """
        where = url.lower().find(f"/{repo.lower()}/")
        if self._public is None or where < 0:
            return url
        return self._public + url[where:]


def _issue_path(repo: str, number: int) -> str:
    return f"{repo_path(repo)}/issues/{number}"


def _pull_path(repo: str, number: int) -> str:
    return f"{repo_path(repo)}/pulls/{number}"
