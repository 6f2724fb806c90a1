"""What the stand-in's routes share: who asks, bodies as GitHub checks them, pages as GitHub links them."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, request

from tests.support.github.apps import Refusal

Json = dict[str, Any]


def bearer() -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() not in {"token", "bearer"} or not token:
        raise Refusal(401, "Requires authentication")
    return token


def body_of(*allowed: str, needed: tuple[str, ...] = ()) -> Json:
    """The request's body; GitHub refuses fields that it doesn't know, and says which are missing."""
    try:
        found = json.loads(request.get_data() or b"{}")
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
    unknown = sorted(found.keys() - {*allowed, *needed})
    if unknown:
        raise Refusal(422, f"Invalid request.\n\n{unknown[0]!r} is not a permitted key.", "invalid")
    missing = [name for name in needed if name not in found]
    if missing:
        raise Refusal(422, f"Invalid request.\n\n{missing[0]!r} wasn't supplied.", "missing")
    return found


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        json.dumps(value), status, {"Content-Type": "application/json; charset=utf-8"} | (headers or {})
    )


def page_of(items: list[Any]) -> tuple[list[Any], dict[str, str]]:
    """The page that is asked for, and the `Link` header that tells of the others."""
    size = min(100, max(1, request.args.get("per_page", 30, type=int)))
    number = max(1, request.args.get("page", 1, type=int))
    last = max(1, -(-len(items) // size))
    rest = {name: value for name, value in request.args.items() if name != "page"}
    links = {"next": number + 1, "last": last} if number < last else {}
    header = ", ".join(
        f'<{request.base_url}?{urlencode(rest | {"page": page})}>; rel="{rel}"' for rel, page in links.items()
    )
    return items[(number - 1) * size : number * size], {"Link": header} if header else {}


def listed(items: list[Json]) -> Response:
    shown, headers = page_of(items)
    return answer(shown, 200, headers)


def repo_path(owner: str, name: str) -> str:
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"
