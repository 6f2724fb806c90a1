"""What every part of the forge needs: database, repositories, address, and the look-ups that many share."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask import current_app

from app.demo.forge.bare import Bare
from app.demo.forge.database import Database
from app.demo.forge.records import Access, Account, Issue, Label, Pull, Repository, Unit
from app.demo.forge.refusals import NotFound

_REPOSITORY = "SELECT r.*, a.login AS owner FROM repositories r JOIN accounts a ON a.id = r.owner_id"


@dataclass(frozen=True, slots=True)
class Forge:
    """One running forge. `url` has no trailing slash; `wake` tells the delivery thread that there is work."""

    db: Database
    data: Path
    url: str
    wake: threading.Event = field(default_factory=threading.Event)
    _locks: dict[int, threading.Lock] = field(default_factory=dict)
    _locks_guard: threading.Lock = field(default_factory=threading.Lock)

    def bare(self, repo: Repository) -> Bare:
        return Bare(self.data / "repositories" / f"{repo.id}.git")

    @contextmanager
    def writing(self, repo: Repository) -> Iterator[None]:
        """One writer of branches at a time, so that every change of a ref belongs to one push."""
        with self._locks_guard:
            lock = self._locks.setdefault(repo.id, threading.Lock())
        with lock:
            yield

    def account(self, account_id: int) -> Account:
        found = self.db.row(Account, "SELECT * FROM accounts WHERE id = ?", account_id)
        if found is None:
            raise NotFound
        return found

    def account_named(self, login: str) -> Account | None:
        return self.db.row(Account, "SELECT * FROM accounts WHERE login = ? AND id > 0", login)

    def renamed(self, login: str) -> Account | None:
        """Who had this name before."""
        query = "SELECT a.* FROM accounts a JOIN redirects r ON r.account_id = a.id WHERE r.name = ?"
        return self.db.row(Account, query, login)

    def repositories(self) -> list[Repository]:
        return self.db.rows(Repository, _REPOSITORY + " ORDER BY r.id")

    def repository(self, repo_id: int) -> Repository:
        found = self.db.row(Repository, _REPOSITORY + " WHERE r.id = ?", repo_id)
        if found is None:
            raise NotFound
        return found

    def repository_named(self, owner: str, name: str) -> Repository | None:
        return self.db.row(Repository, _REPOSITORY + " WHERE a.login = ? AND r.name = ?", owner, name)

    def access(self, repo: Repository, account: Account | None) -> Access:
        """Gitea's effective access: owner and site administrators, collaborators, and readers of what is public."""
        public = Access.NONE if repo.private else Access.READ
        if account is None:
            return public
        if account.is_admin or account.id == repo.owner_id:
            return Access.OWNER
        granted = self.db.count(
            "SELECT MAX(access) FROM collaborators WHERE repo_id = ? AND account_id = ?", repo.id, account.id
        )
        return max(public, Access(granted))

    def issue(self, repo: Repository, number: int) -> Issue:
        found = self.db.row(Issue, "SELECT * FROM issues WHERE repo_id = ? AND number = ?", repo.id, number)
        if found is None or not repo.has(Unit.PULLS if found.is_pull else Unit.ISSUES):
            raise NotFound
        return found

    def issue_by_id(self, issue_id: int) -> Issue:
        found = self.db.row(Issue, "SELECT * FROM issues WHERE id = ?", issue_id)
        if found is None:
            raise NotFound
        return found

    def pull(self, issue: Issue) -> Pull:
        found = self.db.row(Pull, "SELECT * FROM pulls WHERE issue_id = ?", issue.id)
        if found is None:
            raise NotFound
        return found

    def add_issue(self, repo: Repository, author: Account, title: str, body: str, *, is_pull: bool) -> Issue:
        """Take the repository's next number; call it inside a transaction."""
        number = 1 + self.db.count("SELECT MAX(number) FROM issues WHERE repo_id = ?", repo.id)
        now = time.time()
        self.db.run(
            "INSERT INTO issues (repo_id, number, is_pull, title, body, author_id, is_open, created, updated)"
            " VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
            *(repo.id, number, is_pull, title, body, author.id, now, now),
        )
        return self.issue(repo, number)

    def labels(self, issue: Issue) -> list[Label]:
        return self.db.rows(
            Label,
            "SELECT l.* FROM labels l JOIN issue_labels i ON i.label_id = l.id WHERE i.issue_id = ? ORDER BY l.name",
            issue.id,
        )

    def put_labels(self, issue: Issue, label_ids: Iterable[int]) -> None:
        """Make these the labels of an issue; call it inside a transaction."""
        self.db.run("DELETE FROM issue_labels WHERE issue_id = ?", issue.id)
        for label_id in sorted(label_ids):
            self.db.run("INSERT INTO issue_labels (issue_id, label_id) VALUES (?, ?)", issue.id, label_id)

    def set_open(self, issue: Issue, *, is_open: bool) -> None:
        now = time.time()
        self.db.run(
            "UPDATE issues SET is_open = ?, closed = ?, updated = ? WHERE id = ?",
            *(is_open, None if is_open else now, now, issue.id),
        )

    def touch(self, issue: Issue) -> None:
        self.db.run("UPDATE issues SET updated = ? WHERE id = ?", time.time(), issue.id)


def forge() -> Forge:
    """The forge that answers the present request."""
    found = current_app.extensions["forge"]
    if not isinstance(found, Forge):
        raise TypeError("the application was not made by server.build")
    return found
