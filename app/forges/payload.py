"""What the payloads of all forges have in common: types and sizes of what we take, and how a body becomes an event.

Strict about the fields that are read, in type and size; the others are never looked at.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError, from_json

from app.domain.event import Event, Ignored

MAX_TEXT = 200_000
MAX_LABELS = 1_000


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("not_printable", "not printable")
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "a NUL in text")
    return text


def _no_dots(full_name: str) -> str:
    if {".", ".."} & {*full_name.split("/")}:
        raise PydanticCustomError("no_repository", "no repository can be called so")
    return full_name


FullName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$"), AfterValidator(_no_dots)
]
Id = Annotated[int, Field(ge=1, lt=2**63)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_no_nul)]
Ref = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_printable)]
Hash = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Word = Annotated[str, Field(max_length=64), AfterValidator(_printable)]
"""A name from a small set, or an instant."""


class Shape(BaseModel):
    """A part of a payload."""

    model_config = ConfigDict(strict=True, frozen=True)


def header(headers: Mapping[str, str], name: str) -> str:
    """The header's value, whatever the letter case; empty where there is none."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def hex_hmac(body: bytes, secret: str) -> str:
    """The hex HMAC-SHA256 with which forges sign."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def read(parsers: Mapping[str, Callable[[object], Event]], event_name: str, body: bytes) -> Event:
    """The event that a verified delivery tells of; `Ignored` with the reason where it can't be read.

    A reason says the place and the problem, and has no text of the payload in it.
    """
    parser = parsers.get(event_name)
    if parser is None:
        return Ignored(reason="an event of a kind that we don't handle")
    try:
        # Parsed before it is looked at: a model that reads JSON itself copies all of it into each of its errors.
        told = from_json(body, allow_inf_nan=False)
    except ValueError:
        return Ignored(reason="not usable: the body is no JSON, or more of it than can be read")
    try:
        return parser(told)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        return Ignored(reason=f"not usable: {where or 'the whole'}: {problem['msg']}")
