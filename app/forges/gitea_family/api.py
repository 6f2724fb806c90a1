"""What Gitea and Forgejo have in common as forges. `port.Forge` says what every method promises.

What is this family's own stays here: labels are set by id, a draft is a title that starts with `WIP:`, comments have no
pages, a token goes to Git as the password of Basic authentication, and a pull request whose branch is gone has
`refs/pull/<number>/head` for its branch, which no rule for branch names lets through.
"""

import base64
import re
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import SecretStr

from app.forges.port import (
    Comment,
    CommitState,
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
    User,
)
from app.forges.rest import Answer, Rest, checked_base, repo_path, segment

DRAFT_PREFIX = "WIP: "
_DRAFT = re.compile(r"\s*(WIP:|\[WIP\])\s*", re.IGNORECASE)
_PERMISSIONS: dict[str, Permission] = {
    "none": "none",
    "read": "read",
    "write": "write",
    "admin": "admin",
    "owner": "admin",
}


class _User(Answer):
    id: int
    login: str

    def value(self) -> User:
        return User(id=self.id, login=self.login)


class _Repo(Answer):
    full_name: str
    default_branch: str
    private: bool


class _Label(Answer):
    id: int
    name: str


class _Issue(Answer):
    number: int
    title: str
    body: str | None = None
    user: _User
    labels: list[_Label] | None = None
    state: Literal["open", "closed"]
    html_url: str
    pull_request: dict[str, Any] | None = None


class _Comment(Answer):
    id: int
    body: str | None = None
    user: _User
    html_url: str
    issue_url: str = ""
    pull_request_url: str = ""

    @property
    def thread(self) -> int | None:
        """Number of the issue or pull request; its address is the only place that has it."""
        last = (self.issue_url or self.pull_request_url).rpartition("/")[2]
        return int(last) if last.isdigit() else None


class _TimelineEntry(Answer):
    id: int
    type: str
    body: str | None = None
    user: _User | None = None
    label: _Label | None = None
    created_at: str


class _File(Answer):
    type: str
    size: int
    content: str | None = None


class _RepoName(Answer):
    full_name: str


class _Side(Answer):
    ref: str
    sha: str
    repo: _RepoName | None = None


class _Pull(Answer):
    number: int
    title: str
    body: str | None = None
    user: _User
    state: Literal["open", "closed"]
    draft: bool
    head: _Side
    base: _Side
    html_url: str


class _Permission(Answer):
    permission: str
    user: _User


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
    ) -> None:
        self._base = checked_base(base_url)
        self._public = checked_base(public_url) if public_url else self._base
        self._token = token if isinstance(token, SecretStr) else SecretStr(token)
        headers = {"Authorization": f"token {self._token.get_secret_value()}"}
        self._rest = Rest(self.name, f"{self._base}/api/v1", headers, timeout_seconds=timeout_seconds)

    def close(self) -> None:
        """Close the connections; the adapter can't be used any more."""
        self._rest.close()

    def whoami(self) -> User:
        return self._rest.get(_User, "/user").value()

    def repo(self, repo: str) -> Repo:
        found = self._rest.get(_Repo, repo_path(repo))
        return Repo(full_name=found.full_name, default_branch=found.default_branch, private=found.private)

    def standing(self, repo: str, user: User) -> Standing:
        """Only for administrators of the repository, but see the adapters."""
        path = f"{repo_path(repo)}/collaborators/{segment(user.login)}/permission"
        try:
            found = self._rest.get(_Permission, path)
        except ForgeNotFound:
            self.repo(repo)  # raises where it is the repository that isn't there
            return Standing(permission="none", is_bot=False)
        if found.permission not in _PERMISSIONS:
            raise ForgeError(f"{self.name} names a permission that we don't know: {found.permission!r}")
        if found.user.id != user.id:  # the name has changed hands
            return Standing(permission="none", is_bot=False)
        return Standing(permission=_PERMISSIONS[found.permission], is_bot=False)

    def issue(self, repo: str, number: int) -> Issue:
        found = self._rest.get(_Issue, _issue_path(repo, number))
        return Issue(
            number=found.number,
            title=found.title,
            body=found.body or "",
            author=found.user.value(),
            labels=frozenset(label.name for label in found.labels or ()),
            is_open=found.state == "open",
            is_pull=found.pull_request is not None,
            url=self._page(found.html_url),
        )

    def labelled(self, repo: str, number: int, label: str, *, since: float | None = None) -> Labelled | None:
        query = {} if since is None else {"since": _instant(since)}
        last = None
        for entry in self._rest.pages(_TimelineEntry, f"{_issue_path(repo, number)}/timeline", **query):
            if entry.type == "label" and entry.label is not None and entry.label.name == label:
                last = entry
        if last is None or not last.body or last.user is None:  # Gitea's mark for "put on" is the text "1"
            return None
        return Labelled(event_id=last.id, actor=last.user.value(), at=_seconds(last.created_at))

    def comment(self, repo: str, number: int, comment_id: int) -> Comment | None:
        try:
            answer = self._rest.send("GET", f"{repo_path(repo)}/issues/comments/{comment_id}")
        except ForgeNotFound:
            self.repo(repo)
            return None
        if answer.status_code == 204:  # there is such a thing, but it is no comment
            return None
        found = self._rest.parse(_Comment, answer)
        return self._comment(found) if found.thread == number else None

    def comments(self, repo: str, number: int, *, since: float | None = None) -> list[Comment]:
        query = {} if since is None else {"since": _instant(since)}
        found = self._rest.get(list[_Comment], f"{_issue_path(repo, number)}/comments", **query)
        return [self._comment(one) for one in sorted(found, key=lambda one: one.id)]

    def read_file(self, repo: str, path: str, *, ref: str, max_bytes: int) -> bytes | None:
        place = "/".join(segment(part) for part in path.split("/"))
        try:
            found = self._rest.get(_File, f"{repo_path(repo)}/contents/{place}", ref=ref)
        except ForgeNotFound:
            self.repo(repo)
            return None
        if found.type != "file" or found.content is None or found.size > max_bytes:
            raise ForgeError(f"{path} of {repo} at {ref} is no file of at most {max_bytes} bytes")
        return base64.b64decode(found.content)

    def create_comment(self, repo: str, number: int, body: str) -> Comment:
        path = f"{_issue_path(repo, number)}/comments"
        return self._comment(self._rest.write(_Comment, "POST", path, {"body": body}))

    def edit_comment(self, repo: str, comment_id: int, body: str) -> None:
        self._rest.send("PATCH", f"{repo_path(repo)}/issues/comments/{comment_id}", body={"body": body})

    def react(self, repo: str, number: int, reaction: Reaction, *, comment_id: int | None = None) -> None:
        where = f"comments/{comment_id}" if comment_id is not None else str(number)
        path = f"{repo_path(repo)}/issues/{where}/reactions"
        self._rest.send("POST", path, body={"content": reaction}, repeatable=True)

    def remove_label(self, repo: str, number: int, label: str) -> None:
        path = f"{_issue_path(repo, number)}/labels"
        for one in self._rest.get(list[_Label], path):
            if one.name == label:
                self._rest.send("DELETE", f"{path}/{one.id}")

    def add_label(self, repo: str, number: int, label: str) -> None:
        known = self._rest.pages(_Label, f"{repo_path(repo)}/labels")
        label_id = next((one.id for one in known if one.name == label), None)
        if label_id is None:
            raise ForgeNotFound(f"{repo} has no label {label!r}: create it first", status=404)
        self._rest.send(
            "POST", f"{_issue_path(repo, number)}/labels", body={"labels": [label_id]}, repeatable=True
        )

    def pull(self, repo: str, number: int) -> Pull:
        return self._pull(self._rest.get(_Pull, _pull_path(repo, number)))

    def find_pull(self, repo: str, *, head_branch: str, base_branch: str) -> Pull | None:
        # Gitea's look-up by base and head also gives closed ones, so the open ones are gone through.
        for found in self._rest.pages(_Pull, f"{repo_path(repo)}/pulls", state="open", sort="recentupdate"):
            same_repo = found.head.repo is not None and found.head.repo.full_name.lower() == repo.lower()
            if same_repo and found.head.ref == head_branch and found.base.ref == base_branch:
                return self._pull(found)
        return None

    def create_pull(
        self, repo: str, *, head_branch: str, base_branch: str, title: str, body: str, draft: bool
    ) -> Pull:
        form = {"head": head_branch, "base": base_branch, "title": _titled(title, draft=draft), "body": body}
        return self._pull(self._rest.write(_Pull, "POST", f"{repo_path(repo)}/pulls", form))

    def edit_pull(self, repo: str, number: int, *, title: str | None = None, body: str | None = None) -> None:
        form = {} if body is None else {"body": body}
        if title is not None:
            form["title"] = _titled(title, draft=self.pull(repo, number).draft)
        if form:
            self._rest.send("PATCH", _pull_path(repo, number), body=form)

    def set_status(
        self, repo: str, sha: str, *, state: CommitState, context: str, text: str, url: str
    ) -> None:
        form = {"state": state, "context": context, "description": text, "target_url": url}
        path = f"{repo_path(repo)}/statuses/{segment(sha)}"
        try:
            self._rest.send("POST", path, body=form, repeatable=True)
        except ForgeUnavailable as error:
            if error.status == 500:  # also Gitea's answer where there is no such commit: then this raises
                self._rest.send("GET", f"{repo_path(repo)}/git/commits/{segment(sha)}")
            raise

    def git_access(self, repo: str) -> GitAccess:
        path = repo_path(repo).removeprefix("/repos")
        basic = base64.b64encode(f"token:{self._token.get_secret_value()}".encode()).decode()
        return GitAccess(url=f"{self._base}{path}.git", header=f"Authorization: Basic {basic}")

    def _comment(self, found: _Comment) -> Comment:
        return Comment(
            id=found.id, body=found.body or "", author=found.user.value(), url=self._page(found.html_url)
        )

    def _pull(self, found: _Pull) -> Pull:
        return Pull(
            number=found.number,
            title=_DRAFT.sub("", found.title, count=1)
            if found.draft and _DRAFT.match(found.title)
            else found.title,
            body=found.body or "",
            author=found.user.value(),
            is_open=found.state == "open",
            draft=found.draft,
            head_branch=found.head.ref,
            head_sha=found.head.sha,
            head_repo=found.head.repo.full_name if found.head.repo else None,
            base_branch=found.base.ref,
            url=self._page(found.html_url),
        )

    def _page(self, url: str) -> str:
        """The address for people: Gitea's own, with the public base where Gitea only knows the internal one."""
        rest = url.removeprefix(self._base)
        return self._public + rest if rest != url and rest.startswith("/") else url


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(instant: str) -> float:
    try:
        return datetime.fromisoformat(instant).timestamp()
    except ValueError as error:
        raise ForgeError(f"{instant!r} is no time") from error


def _issue_path(repo: str, number: int) -> str:
    return f"{repo_path(repo)}/issues/{number}"


def _pull_path(repo: str, number: int) -> str:
    return f"{repo_path(repo)}/pulls/{number}"


def _titled(title: str, *, draft: bool) -> str:
    """The title as Gitea has to see it: with the prefix for a draft, without one otherwise."""
    plain = _DRAFT.sub("", title, count=1) if _DRAFT.match(title) else title
    return DRAFT_PREFIX + plain if draft else plain
