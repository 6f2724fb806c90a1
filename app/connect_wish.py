"""What was typed for `forgehand connect`, made sense of together with what is written in the settings already.

Nothing is asked of a forge here. What isn't typed and isn't written is asked for: the token, which is no argument.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from app.settings import PREFIX
from app.settings_draft import as_json
from app.settings_types import ForgeName, RepoName, Url

KINDS = ("gitea", "forgejo", "github")
AskSecret = Callable[[str], str]
"""Given a sentence, answers what the person typed."""


class ConnectError(Exception):
    """It can't be connected; the message says what to do."""


class WrongUsageError(ConnectError):
    """What was typed, or what is written in the settings, can't be meant so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person typed: nothing in it has been checked."""

    kind: str
    url: str
    repo: str
    name: str | None
    env_file: Path
    public_url: str | None = None
    rotate_secret: bool = False
    app_id: int | None = None
    app_key_file: Path | None = None


def name_of(wish: Wish, known: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of the forge: as asked for, as it is called already, or as its kind is."""
    same = [name for name, one in known.items() if "url" in one and _same_place(str(one["url"]), wish.url)]
    name = (wish.name or (same[0] if same else wish.kind)).lower()
    present = known.get(name, {})
    if "url" in present and name not in same:
        raise ConnectError(
            f"{name} is another forge, or its address can't be read: see {PREFIX}FORGES__{name.upper()}__URL, or give"
            " this one a name, --name NAME"
        )
    if present.get("kind", wish.kind) != wish.kind:
        raise ConnectError(
            f"{name} is written down as a {present['kind']}: give this one a name, --name NAME"
        )
    return name


def _same_place(one: str, other: str) -> bool:
    """Of two addresses, the second of which is known to be one."""
    try:
        _check("", Url, one)
    except WrongUsageError:
        return False
    places = [(urlsplit(url).netloc.lower(), urlsplit(url).path.rstrip("/")) for url in (one, other)]
    return places[0] == places[1]


def checked(wish: Wish) -> Wish:
    """The wish with what needn't be typed. Raise `WrongUsageError`."""
    kind = wish.kind.lower()
    if kind not in KINDS or not (wish.url or kind == "github"):
        raise WrongUsageError(
            "say which forge: connect gitea|forgejo|github --url https://… --repo owner/name"
        )
    found = replace(wish, kind=kind, url=wish.url or "https://github.com")
    _check("--url", Url, found.url)
    _check("--repo", RepoName, found.repo)
    _check("--name", ForgeName, (found.name or kind).lower())
    _check("--public-url", Url, found.public_url or found.url)
    return found


def _check(option: str, kind: Any, value: str) -> None:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise WrongUsageError(
            f"{option}: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
        ) from error


def credentials(wish: Wish, head: str, values: Mapping[str, str], ask_secret: AskSecret) -> dict[str, str]:
    """Token, or id and key of a GitHub App, by the field's name: as typed, as written, or asked for."""
    if wish.app_id is not None or wish.app_key_file is not None or f"{head}APP_ID" in values:
        return _app_credentials(wish, head, values, ask_secret)
    token = values.get(f"{head}TOKEN") or ask_secret(f"Token of the bot's account at {wish.url}").strip()
    if not token:
        raise ConnectError(f"there is no token: set {head}TOKEN, or give it on standard input")
    return {"TOKEN": token}


def _app_credentials(
    wish: Wish, head: str, values: Mapping[str, str], ask_secret: AskSecret
) -> dict[str, str]:
    found = {name: values.get(head + name, "") for name in ("APP_ID", "APP_PRIVATE_KEY", "WEBHOOK_SECRETS")}
    if wish.app_id is not None:
        found["APP_ID"] = str(wish.app_id)
    if wish.app_key_file is not None:
        try:
            found["APP_PRIVATE_KEY"] = wish.app_key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConnectError(f"the App's key can't be read: {error}") from error
    if not found["APP_ID"] or not found["APP_PRIVATE_KEY"]:
        raise ConnectError("a GitHub App needs both: --app-id and --app-key-file")
    if wish.rotate_secret:
        raise ConnectError(
            f"an App's webhook is changed by hand: put a new secret beside the old one into {head}WEBHOOK_SECRETS,"
            " set it in the App's settings, then remove the old one"
        )
    if not found["WEBHOOK_SECRETS"]:
        secret = ask_secret("Webhook secret in the App's settings (forgehand secret makes one)").strip()
        found["WEBHOOK_SECRETS"] = as_json([secret])
    return found
