"""What all API routes share: parsing a body, pages of a list, and errors in Gitea's words."""

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from werkzeug.exceptions import HTTPException

from app.demo.forge.identity import check_scopes
from app.demo.forge.refusals import Invalid, Moved, NotFound, Refusal, Silent
from app.demo.forge.world import forge

DEFAULT_PAGE_SIZE = 30
MAX_PAGE_SIZE = 50
MAX_BODY_BYTES = 16 * 1024 * 1024

Form = TypeVar("Form", bound="Body")
Item = TypeVar("Item")
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""A string, where Gitea takes `null` for the empty one."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")

api = Blueprint("api", __name__, url_prefix="/api/v1")


class Body(BaseModel):
    """A request's JSON body; fields that the forge doesn't know are ignored, as Gitea does."""

    model_config = ConfigDict(frozen=True, extra="ignore")


@api.before_request
def limit() -> None:
    request.max_content_length = MAX_BODY_BYTES
    check_scopes()


@api.errorhandler(Refusal)
def refused(error: Refusal) -> Response:
    return error_answer(error)


@api.errorhandler(OverflowError)
def beyond(_error: OverflowError) -> Response:
    """A number that no id can be: SQLite's integers have 64 bits."""
    return error_answer(NotFound())


@api.errorhandler(HTTPException)
def broken(error: HTTPException) -> Response:
    return error_answer(Refusal(error.description or error.name, status=error.code or 500))


def unrouted(error: HTTPException) -> HTTPException | Response:
    """What has no route: in the API Gitea's bare words, and nothing at all for a method that isn't there."""
    if not request.path.startswith("/api/"):
        return error
    text = "404 page not found\n" if error.code == 404 else ""
    return Response(text, status=error.code, headers={"Content-Type": "text/plain; charset=utf-8"})


def error_answer(error: Refusal) -> Response:
    if isinstance(error, Silent):
        return empty(error.status)
    if isinstance(error, Moved):
        shown = (
            f'<a href="{escape(error.location)}">Temporary Redirect</a>.\n\n'
            if request.method == "GET"
            else ""
        )
        return Response(shown, status=error.status, headers={"Location": error.location})
    body: dict[str, Any] = {"message": error.message, "url": f"{forge().url}/api/swagger"}
    if isinstance(error, NotFound):
        body["errors"] = [error.detail] if error.detail else None
    answer = jsonify(body)
    answer.status_code = error.status
    return answer


def parsed(kind: type[Form]) -> Form:
    """The request's body as `kind`; raise `Invalid` (422) with what is wrong with which field."""
    try:
        return kind.model_validate_json(request.get_data() or b"{}")
    except ValidationError as error:
        raise Invalid(_complaint(kind, error)) from error


def _complaint(kind: type[Body], error: ValidationError) -> str:
    """What is wrong with the first wrong field, as Gitea's forms put it."""
    first = error.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    known = kind.model_fields.get(name)
    field = known.title if known and known.title else "".join(map(str.capitalize, name.split("_")))
    if first["type"] in {"missing", "string_too_short"}:
        return f"[{field}]: Required"
    if first["type"] == "string_too_long":
        return f"[{field}]: MaxSize"
    where = ".".join(str(part) for part in first["loc"])
    return f"[]: json: {where}: {first['msg']}"


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    found = jsonify(value)
    found.status_code = status
    return found


def empty(status: int = 204) -> Response:
    return Response(status=status)


class Period:
    """The time that `since` and `before` ask for, in whole Unix seconds; 0 where they don't say."""

    def __init__(self) -> None:
        self.before, self.since = _seconds("before"), _seconds("since")  # Gitea looks at them in this order


def _seconds(name: str) -> int:
    value = request.args.get(name, "").strip()
    if not value:
        return 0
    try:
        found = datetime.fromisoformat(value if _RFC3339.fullmatch(value) else "")
    except ValueError as error:
        layout = "2006-01-02T15:04:05Z07:00"
        raise Invalid(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"') from error
    return max(0, int(found.timestamp()))


class Page:
    """The slice of a list that `page` and `limit` ask for; pages count from 1."""

    def __init__(self) -> None:
        self.asked = request.args.get("page", 0, type=int) != 0
        self.number = max(1, request.args.get("page", 1, type=int))
        asked = request.args.get("limit", DEFAULT_PAGE_SIZE, type=int)
        self.size = min(asked, MAX_PAGE_SIZE) if asked > 0 else DEFAULT_PAGE_SIZE

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        start = (self.number - 1) * self.size
        return items[start : start + self.size]

    def answer(self, shown: list[dict[str, Any]] | None, total: int, *, link: bool = True) -> Response:
        """The page with `X-Total-Count`, and `Link` where Gitea sends one for this list."""
        found = answer(shown)
        found.headers["X-Total-Count"] = str(total)
        last = -(-total // self.size)
        if link and last > 1:
            found.headers["Link"] = ",".join(self._links(last))
        return found

    def _links(self, last: int) -> list[str]:
        targets = []
        if self.number < last:
            targets += [(self.number + 1, "next"), (last, "last")]
        if self.number > 1:
            targets += [(1, "first"), (self.number - 1, "prev")]
        return [f'<{self._address(number)}>; rel="{rel}"' for number, rel in targets]

    def _address(self, number: int) -> str:
        query = {**request.args.to_dict(), "page": str(number), "limit": str(self.size)}
        return f"{forge().url}{request.path}?{urlencode(sorted(query.items()))}"
