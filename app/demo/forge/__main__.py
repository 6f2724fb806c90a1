"""`python -m app.demo.forge`: serve a forge, or make its first administrator.

    python -m app.demo.forge --data DIR --port N
    python -m app.demo.forge --data DIR admin-user create --username NAME --admin   # password on standard input

The password comes from `FORGE_ADMIN_PASSWORD` or standard input, never from the command line, which others can read.
"""

import argparse
import os
import sys
from pathlib import Path

from app.demo.forge import accounts
from app.demo.forge.refusals import Refusal
from app.demo.forge.server import database, serve


def main(argv: list[str] | None = None) -> int:
    """Give the exit code: 0, 1 for what went wrong, 2 for a wrong command line."""
    options = _parser().parse_args(argv)
    try:
        if options.command == "admin-user":
            _create(options)
        else:
            serve(options.data, options.port)
    except (Refusal, OSError) as error:
        sys.stderr.write(f"forge: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.demo.forge", description="A small Gitea-compatible forge."
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder for the database and the repositories"
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    commands = parser.add_subparsers(dest="command")
    verbs = commands.add_parser("admin-user", help="accounts").add_subparsers(dest="verb", required=True)
    create = verbs.add_parser("create", help="make an account; its password comes on standard input")
    create.add_argument("--username", required=True)
    create.add_argument("--email")
    create.add_argument("--admin", action="store_true", help="make it a site administrator")
    return parser


def _create(options: argparse.Namespace) -> None:
    password = os.environ.get("FORGE_ADMIN_PASSWORD") or sys.stdin.readline().rstrip("\n")
    db = database(options.data)
    try:
        accounts.create(
            db,
            login=options.username,
            email=options.email or f"{options.username}@forge.invalid",
            full_name="",
            password=password,
            is_admin=options.admin,
        )
    finally:
        db.close()
    sys.stdout.write(f"New user '{options.username}' has been successfully created!\n")


if __name__ == "__main__":
    sys.exit(main())
