"""What is the same in every forge's HTTP, whichever library speaks it: bounds, retries, words about what went wrong.

* Only requests that may be repeated are; one that mayn't is sent again only where it never reached the forge.
* A message has no more of an answer in it than one bounded, printable line, and never a credential.
"""

import email.utils
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import stamina
from pydantic import TypeAdapter, ValidationError

from app.forges.port import ForgeError, ForgeUnavailable

Done = TypeVar("Done")
Parsed = TypeVar("Parsed")

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.2
MAX_WAIT_SECONDS = 20.0
"""The longest single wait; a forge that asks for more (`Retry-After`, `X-RateLimit-Reset`) ends the attempts."""
CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 32 * 2**20
MAX_ANSWER_SECONDS = 120.0
"""How long the body of one answer may take, however steadily it drips."""
MAX_WORDS = 300
MOVED = "it was renamed or moved: connect its present name"
"""What to do where a request about a repository is redirected."""
IDEMPOTENT = frozenset({"GET", "PUT", "PATCH", "DELETE"})
_COUNT = re.compile(r"[0-9]{1,15}", re.ASCII)

OnCall = Callable[[str, int], None]
"""Told of every HTTP attempt: its method, and the answer's status, 0 where none came."""


class Unavailable(ForgeUnavailable):
    """With what the retry has to know."""

    def __init__(
        self, message: str, *, status: int | None = None, sent: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.sent = sent
        """Whether the request may have reached the forge."""
        self.retry_after = retry_after
        """Seconds that the forge asks to wait."""


def repeated(send: Callable[[], Done], *, repeatable: bool) -> Done:
    """What `send` gives, tried again with jitter as long as that is right. Raises what it raised last."""

    def decide(error: Exception) -> bool | float:
        if not isinstance(error, Unavailable) or (error.sent and not repeatable):
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= MAX_WAIT_SECONDS else False

    for attempt in stamina.retry_context(
        on=decide,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=FIRST_WAIT_SECONDS,
        wait_max=MAX_WAIT_SECONDS,
    ):
        with attempt:
            return send()
    raise ForgeUnavailable("no attempt was made")


def unheard(_method: str, _status: int) -> None:
    """Nobody counts."""


def one_line(text: str, limit: int = MAX_WORDS, *, hide: Collection[str] = ()) -> str:
    """`text` of a forge for a message: printable, on one line, cut, and without what is to be hidden."""
    for secret in hide:
        text = text.replace(secret, "***")
    return "".join(sign if sign.isprintable() else " " for sign in text[:limit])


def json_of(content: bytes | str) -> dict[str, object]:
    """The JSON object in `content`; empty where there is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def parsed(kind: type[Parsed], content: bytes | str, *, whose: str, status: int) -> Parsed:
    """`content` as `kind`; raise `ForgeError` about `whose` answer where it isn't one."""
    try:
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        # a place may be named by a key that the forge chose
        where = one_line(".".join(str(part)[:60] for part in first["loc"][:20])) or "the body"
        message = f"{whose} can't be read: {where}: {one_line(first['msg'])}"
        raise ForgeError(message, status=status) from error


def was_moved(error: ForgeError) -> bool:
    """Whether the forge pointed elsewhere, which it does where a repository has another name by now."""
    return error.status is not None and 300 <= error.status < 400


def instant(seconds: float) -> str:
    """Seconds since the epoch as forges take moments (RFC 3339, UTC, whole seconds); raise `ForgeError` for none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError) as error:
        raise ForgeError(f"{seconds!r} is no moment that a forge knows") from error


def wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds that the forge asks to wait; none where it doesn't, or makes no sense. Header names are lower-case.

    `Retry-After` in either form (RFC 9110, 10.2.3); else `X-RateLimit-Reset` in seconds since the epoch, where
    `X-RateLimit-Remaining` is 0 (https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
    """
    value = headers.get("retry-after", "").strip()
    if _COUNT.fullmatch(value):
        return float(value)
    reset = headers.get("x-ratelimit-reset", "").strip()
    if not value and headers.get("x-ratelimit-remaining", "").strip() == "0" and _COUNT.fullmatch(reset):
        return max(0.0, float(reset) - time.time())
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None
