"""Accounts and their access tokens, and the forge's version."""

import secrets

from flask import Response, request
from pydantic import Field

from app.demo.forge import accounts, views
from app.demo.forge.api.http import Body, Text, answer, api, empty, parsed
from app.demo.forge.identity import SCOPES, caller, hash_token
from app.demo.forge.records import Account, Token
from app.demo.forge.refusals import Forbidden, Invalid, Moved, Refusal, Unauthorized
from app.demo.forge.world import forge

VERSION = "1.22.0"


class NewUser(Body):
    username: str
    email: str
    password: str
    full_name: Text = ""
    must_change_password: bool | None = None


class NewName(Body):
    """Its field is `NewName` in Gitea's complaints."""

    new_username: str = Field(min_length=1, title="NewName")


class NewToken(Body):
    name: str = Field(min_length=1, max_length=255)
    scopes: tuple[str, ...] | None = None


@api.get("/version")
def version() -> Response:
    return answer({"version": VERSION})


@api.get("/user")
def myself() -> Response:
    return answer(views.user(forge(), caller().signed_in()) | {"active": True})


@api.get("/users/<login>")
def get_user(login: str) -> Response:
    return answer(views.user(forge(), _named(login)))


@api.post("/admin/users")
def create_user() -> Response:
    _site_admin()
    form = parsed(NewUser)
    account = accounts.create(
        forge().db,
        login=form.username,
        email=form.email,
        full_name=form.full_name,
        password=form.password,
        is_admin=False,
        must_change_password=form.must_change_password is not False,
    )
    return answer(views.user(forge(), account), 201)


@api.post("/admin/users/<login>/rename")
def rename_user(login: str) -> Response:
    _site_admin()
    account, form = _named(login), parsed(NewName)
    accounts.rename(forge().db, account, form.new_username)
    return empty()


@api.delete("/admin/users/<login>")
def delete_user(login: str) -> Response:
    me, account = _site_admin(), _named(login)
    if account.id == me.id:
        raise Invalid("you cannot delete yourself")
    accounts.delete(forge().db, account)
    return empty()


def _site_admin() -> Account:
    me = caller().signed_in()
    if not me.is_admin:
        raise Forbidden("user should be the site admin")
    return me


def _named(login: str) -> Account:
    """Leads on to the new name of an account that was renamed."""
    account = forge().account_named(login)
    if account is None:
        renamed = forge().renamed(login)
        if renamed:
            raise Moved(request.full_path.rstrip("?").replace(f"/{login}", f"/{renamed.login}", 1))
        raise Refusal(f"user redirect does not exist [name: {login}]", status=404)
    return account


@api.post("/users/<login>/tokens")
def create_token(login: str) -> Response:
    """Only a password makes a token; a token can't make another. One without scopes may do nothing."""
    me = caller().signed_in()
    if caller().scopes is not None:
        raise Unauthorized("auth required")
    account = forge().account_named(login)
    if account is None or (account.id != me.id and not me.is_admin):
        raise Forbidden("doer should be the site admin or be same as the contextUser")
    form = parsed(NewToken)
    unknown = next((scope for scope in form.scopes or () if scope not in SCOPES), None)
    if unknown is not None:
        raise Refusal(f"invalid access token scope provided: invalid access token scope: {unknown}")
    value = secrets.token_hex(20)
    with forge().db.transaction():
        same = "SELECT * FROM tokens WHERE account_id = ? AND name = ?"
        if forge().db.row(Token, same, account.id, form.name):
            raise Refusal("access token name has been used already")
        token_id = forge().db.run(
            "INSERT INTO tokens (account_id, name, sha256, last_eight, scopes) VALUES (?, ?, ?, ?, ?)",
            *(account.id, form.name, hash_token(value), value[-8:], ",".join(form.scopes or ())),
        )
    shown = {
        "id": token_id,
        "name": form.name,
        "sha1": value,
        "token_last_eight": value[-8:],
        "scopes": None,  # whatever it may do: as Gitea 1.22 answers
    }
    return answer(shown, 201)
