"""The forge's memory: one SQLite file, shared by all threads of the process.

* One connection behind one re-entrant lock: a transaction is seen whole or not at all.
* What a change says to the outside (`deliveries`) is written in the transaction of the change.
* Times are Unix seconds; `records` holds one frozen dataclass per table.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

Row = TypeVar("Row")

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE COLLATE NOCASE, email TEXT NOT NULL,
  full_name TEXT NOT NULL, is_admin BOOLEAN NOT NULL, password_hash TEXT NOT NULL,
  must_change_password BOOLEAN NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL REFERENCES accounts, name TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE, last_eight TEXT NOT NULL, scopes TEXT NOT NULL, UNIQUE (account_id, name));
CREATE TABLE IF NOT EXISTS repositories (
  id INTEGER PRIMARY KEY AUTOINCREMENT, owner_id INTEGER NOT NULL REFERENCES accounts,
  name TEXT NOT NULL COLLATE NOCASE, private BOOLEAN NOT NULL, default_branch TEXT NOT NULL,
  description TEXT NOT NULL, created REAL NOT NULL, archived REAL, has_issues BOOLEAN NOT NULL DEFAULT 1,
  has_pulls BOOLEAN NOT NULL DEFAULT 1, UNIQUE (owner_id, name));
CREATE TABLE IF NOT EXISTS redirects (
  name TEXT PRIMARY KEY COLLATE NOCASE, account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS gone_branches (
  repo_id INTEGER NOT NULL REFERENCES repositories, ref TEXT NOT NULL, PRIMARY KEY (repo_id, ref));
CREATE TABLE IF NOT EXISTS branch_rules (
  repo_id INTEGER NOT NULL REFERENCES repositories, name TEXT NOT NULL, PRIMARY KEY (repo_id, name));
CREATE TABLE IF NOT EXISTS collaborators (
  repo_id INTEGER NOT NULL REFERENCES repositories, account_id INTEGER NOT NULL REFERENCES accounts,
  access INTEGER NOT NULL, PRIMARY KEY (repo_id, account_id));
CREATE TABLE IF NOT EXISTS issues (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL REFERENCES repositories, number INTEGER NOT NULL,
  is_pull BOOLEAN NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
  author_id INTEGER NOT NULL REFERENCES accounts, is_open BOOLEAN NOT NULL, created REAL NOT NULL,
  updated REAL NOT NULL, closed REAL, UNIQUE (repo_id, number));
CREATE TABLE IF NOT EXISTS pulls (
  issue_id INTEGER PRIMARY KEY REFERENCES issues, head_branch TEXT NOT NULL, base_branch TEXT NOT NULL,
  head_sha TEXT NOT NULL, base_sha TEXT NOT NULL, merged_sha TEXT, merged_by INTEGER REFERENCES accounts, merged REAL);
CREATE TABLE IF NOT EXISTS labels (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL REFERENCES repositories, name TEXT NOT NULL,
  color TEXT NOT NULL, description TEXT NOT NULL, exclusive BOOLEAN NOT NULL,
  archived BOOLEAN NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS issue_labels (
  issue_id INTEGER NOT NULL REFERENCES issues, label_id INTEGER NOT NULL REFERENCES labels,
  PRIMARY KEY (issue_id, label_id));
CREATE TABLE IF NOT EXISTS comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues,
  author_id INTEGER NOT NULL REFERENCES accounts, body TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,
  kind TEXT NOT NULL, label_id INTEGER REFERENCES labels, old_title TEXT NOT NULL, new_title TEXT NOT NULL,
  old_ref TEXT NOT NULL, new_ref TEXT NOT NULL, review_id INTEGER NOT NULL, path TEXT NOT NULL DEFAULT '',
  line INTEGER NOT NULL DEFAULT 0, hunk TEXT NOT NULL DEFAULT '', commit_sha TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS comments_of_issue ON comments (issue_id);
CREATE TABLE IF NOT EXISTS reviews (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues,
  author_id INTEGER NOT NULL REFERENCES accounts, state TEXT NOT NULL, body TEXT NOT NULL, commit_sha TEXT NOT NULL,
  official BOOLEAN NOT NULL, dismissed BOOLEAN NOT NULL, created REAL NOT NULL, updated REAL NOT NULL);
CREATE TABLE IF NOT EXISTS reactions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues,
  comment_id INTEGER NOT NULL DEFAULT 0, account_id INTEGER NOT NULL REFERENCES accounts, content TEXT NOT NULL,
  created REAL NOT NULL, UNIQUE (issue_id, comment_id, account_id, content));
CREATE TABLE IF NOT EXISTS statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL REFERENCES repositories, sha TEXT NOT NULL,
  context TEXT NOT NULL, state TEXT NOT NULL, description TEXT NOT NULL, target_url TEXT NOT NULL,
  creator_id INTEGER NOT NULL REFERENCES accounts, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS hooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL REFERENCES repositories, kind TEXT NOT NULL,
  url TEXT NOT NULL, content_type TEXT NOT NULL, authorization TEXT NOT NULL,
  branch_filter TEXT NOT NULL, secret TEXT NOT NULL,
  events TEXT NOT NULL, active BOOLEAN NOT NULL, created REAL NOT NULL, updated REAL NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, hook_id INTEGER NOT NULL REFERENCES hooks ON DELETE CASCADE,
  uuid TEXT NOT NULL, event TEXT NOT NULL, event_type TEXT NOT NULL, body BLOB NOT NULL, created REAL NOT NULL,
  next_at REAL NOT NULL, attempts INTEGER NOT NULL);
INSERT OR IGNORE INTO accounts VALUES (-1, 'Ghost', '', '', 0, '', 0, 0);
"""
GHOST = -1
"""The account that stands for all that were deleted, as in Gitea; nobody can log in as it."""

sqlite3.register_converter("BOOLEAN", lambda raw: raw == b"1")


class Database:
    """One connection; every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds webhook secrets
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path,
            timeout=10,
            isolation_level=None,
            check_same_thread=False,
            detect_types=sqlite3.PARSE_DECLTYPES,
        )
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner transaction joins the outer one."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def run(self, sql: str, *values: object) -> int:
        """Run one statement and give the id of the row that it inserted."""
        with self._lock:
            return self._connection.execute(sql, values).lastrowid or 0

    def count(self, sql: str, *values: object) -> int:
        """The first column of the first row, an integer."""
        with self._lock:
            return int(self._connection.execute(sql, values).fetchone()[0] or 0)

    def rows(self, kind: type[Row], sql: str, *values: object) -> list[Row]:
        with self._lock:
            found: list[dict[str, Any]] = [dict(row) for row in self._connection.execute(sql, values)]
        return [kind(**row) for row in found]

    def row(self, kind: type[Row], sql: str, *values: object) -> Row | None:
        found = self.rows(kind, sql, *values)
        return found[0] if found else None
