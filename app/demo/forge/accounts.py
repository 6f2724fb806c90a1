"""Making accounts: by a site administrator over the API, and the first one from the command line."""

import re
import time

from werkzeug.security import generate_password_hash

from app.demo.forge.database import Database
from app.demo.forge.records import Account
from app.demo.forge.refusals import Invalid

_LOGIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9]|[-_.](?=[A-Za-z0-9])){0,39}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
MIN_PASSWORD = 8
_HASH = (
    "scrypt:4096:8:1"  # light: the passwords of a rehearsal are asked for at every request that brings one
)
RESERVED = frozenset({"api", "user", "users", "admin", "explore", "issues", "pulls", "assets", "static"})


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
