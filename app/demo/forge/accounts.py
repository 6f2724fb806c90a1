"""Accounts: made by a site administrator over the API, the first one from the command line; renamed and deleted."""

import re
import time

from werkzeug.security import generate_password_hash

from app.demo.forge.database import GHOST, Database
from app.demo.forge.records import Account
from app.demo.forge.refusals import Invalid

_LOGIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9]|[-_.](?=[A-Za-z0-9])){0,39}")
_CHARACTERS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9]|[-_.](?=[A-Za-z0-9]))*")
_FORGET = (
    "DELETE FROM tokens WHERE account_id = ?",
    "DELETE FROM collaborators WHERE account_id = ?",
    "DELETE FROM reactions WHERE account_id = ?",
    "DELETE FROM redirects WHERE account_id = ?",
)
_DISOWN = (
    "UPDATE issues SET author_id = ? WHERE author_id = ?",
    "UPDATE comments SET author_id = ? WHERE author_id = ?",
    "UPDATE reviews SET author_id = ? WHERE author_id = ?",
    "UPDATE pulls SET merged_by = ? WHERE merged_by = ?",
    "UPDATE statuses SET creator_id = ? WHERE creator_id = ?",
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
MIN_PASSWORD = 8
_HASH = (
    "scrypt:4096:8:1"  # light: the passwords of a rehearsal are asked for at every request that brings one
)
RESERVED = frozenset(
    {"admin", "api", "assets", "explore", "ghost", "issues", "pulls", "static", "user", "users"}
)


def is_name(name: str) -> bool:
    """Letters and digits, with single `-`, `_` or `.` between them."""
    return bool(_LOGIN.fullmatch(name)) and name.lower() not in RESERVED


def create(
    db: Database,
    *,
    login: str,
    email: str,
    full_name: str,
    password: str,
    is_admin: bool,
    must_change_password: bool = False,
) -> Account:
    """Raise `Invalid` for a name or address that can't be had, or one that is taken, or for a short password."""
    if not is_name(login):
        raise Invalid(f"user name {login!r} is invalid: use letters, digits and single . _ - between them")
    if not _EMAIL.fullmatch(email):
        raise Invalid(f"e-mail address {email!r} is invalid")
    if len(password) < MIN_PASSWORD:
        raise Invalid(f"the password needs {MIN_PASSWORD} characters")
    hashed = generate_password_hash(password, method=_HASH)
    with db.transaction():
        if db.row(Account, "SELECT * FROM accounts WHERE login = ?", login):
            raise Invalid(f"user already exists [name: {login}]")
        db.run("DELETE FROM redirects WHERE name = ?", login)
        account_id = db.run(
            "INSERT INTO accounts"
            " (login, email, full_name, is_admin, password_hash, must_change_password, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(login, email, full_name, is_admin, hashed, must_change_password, time.time()),
        )
        found = db.row(Account, "SELECT * FROM accounts WHERE id = ?", account_id)
    if found is None:
        raise Invalid(f"user {login!r} vanished while it was made")
    return found


def rename(db: Database, account: Account, login: str) -> None:
    """Give the account another name; the old one leads to it until somebody takes it. Raise `Invalid` as Gitea does."""
    if not _CHARACTERS.fullmatch(login):
        raise Invalid(f'User name "{login}" contains invalid characters.')
    if not is_name(login):
        raise Invalid(f'The username "{login}" is reserved.')
    with db.transaction():
        taken = db.row(Account, "SELECT * FROM accounts WHERE login = ?", login)
        if taken and taken.id != account.id:
            raise Invalid("The username is already taken.")
        db.run("DELETE FROM redirects WHERE name = ?", login)
        if login.lower() != account.login.lower():
            db.run(
                "INSERT OR REPLACE INTO redirects (name, account_id) VALUES (?, ?)", account.login, account.id
            )
        db.run("UPDATE accounts SET login = ? WHERE id = ?", login, account.id)


def delete(db: Database, account: Account) -> None:
    """The account goes; what it wrote stays and is a ghost's. Raise `Invalid` while it owns repositories."""
    if db.count("SELECT COUNT(*) FROM repositories WHERE owner_id = ?", account.id):
        raise Invalid(f"user still has ownership of repositories [uid: {account.id}]")
    with db.transaction():
        for statement in _FORGET:
            db.run(statement, account.id)
        for statement in _DISOWN:
            db.run(statement, GHOST, account.id)
        db.run("DELETE FROM accounts WHERE id = ?", account.id)
