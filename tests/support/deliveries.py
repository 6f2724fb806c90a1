"""Webhook deliveries as test data: read and written, made fit to be kept, signed again.

Real servers sent what is kept in `tests/app/forges/deliveries/<forge>-<version>`. `scrubbed` takes out of a delivery
what tells where it was recorded: addresses, accounts, hashes.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forge import Call

SECRET = "a secret of this hook"
KEPT = Path(__file__).parents[1] / "app" / "forges" / "deliveries"
URL = "https://forge.example.com"
_HEADERS = re.compile(r"x-(gitea|forgejo|gogs|github|hub)-.*|content-type")
_HASH = re.compile(r"\b[0-9a-f]{40}\b")
_ESCAPES = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


@dataclass(frozen=True)
class Delivery:
    """One webhook call. Header names are lower-case; only those that forges of this family send are kept."""

    headers: dict[str, str]
    raw: bytes

    @classmethod
    def of(cls, call: Call) -> "Delivery":
        return cls(
            {name: value for name, value in call.headers.items() if _HEADERS.fullmatch(name)}, call.body
        )

    @classmethod
    def kept(cls, path: Path) -> "Delivery":
        found = json.loads(path.read_text())
        return cls(found["headers"], encoded(found["body"]))

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)

    @property
    def event(self) -> str:
        return self.headers["x-gitea-event-type"]

    @property
    def kind(self) -> str:
        """Event type, and the action, the ref or the state."""
        body = self.body
        return f"{self.event} {body.get('action') or body.get('ref') or body['state']}"

    def keep(self, path: Path) -> None:
        lines = (f"{json.dumps(key)}: {_compact(value)}" for key, value in self.body.items())
        body = ",\n  ".join(lines)
        path.write_text(f'{{"headers": {_compact(self.headers)},\n "body": {{\n  {body}}}}}\n')


def kept(*kinds: str) -> Iterator[tuple[str, Delivery]]:
    """`<forge>-<version>/<act>` and the delivery, of all that is kept of these kinds of forges."""
    for path in sorted(path for kind in kinds for path in KEPT.glob(f"{kind}*/*.json")):
        yield f"{path.parent.name}/{path.stem}", Delivery.kept(path)


def encoded(body: Any) -> bytes:
    """JSON as Gitea writes it."""
    return json.dumps(body, indent=2, ensure_ascii=False).translate(_ESCAPES).encode()


def signed(headers: Mapping[str, str], raw: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers with every signature that is in them made anew."""
    sha1, sha256 = (hmac.digest(secret.encode(), raw, kind).hex() for kind in ("sha1", "sha256"))
    made = {
        "x-forgejo-signature": sha256,
        "x-gitea-signature": sha256,
        "x-gogs-signature": sha256,
        "x-hub-signature": f"sha1={sha1}",
        "x-hub-signature-256": f"sha256={sha256}",
    }
    return {name: made.get(name, value) for name, value in headers.items()}


def scrubbed(found: Mapping[str, Delivery], names: Mapping[str, str]) -> dict[str, Delivery]:
    """The deliveries with `names` replaced, as if they came from `URL`."""
    hashes = {"0" * 40: "0" * 40}

    def neutral(match: re.Match[str]) -> str:
        return hashes.setdefault(match[0], hashlib.sha1(str(len(hashes)).encode()).hexdigest())

    def scrub(one: Delivery, number: int) -> Delivery:
        text = one.raw.decode()
        for name, instead in names.items():
            text = re.sub(re.escape(name), instead, text, flags=re.IGNORECASE)
        text = re.sub(r"(?<=/avatars/)[0-9a-f]+", "0" * 32, text)
        raw = encoded(json.loads(_HASH.sub(neutral, text)))
        uuid = f"00000000-0000-4000-8000-{number:012}"
        headers = {name: uuid if name.endswith("-delivery") else value for name, value in one.headers.items()}
        return Delivery(signed(headers, raw), raw)

    return {name: scrub(one, number) for number, (name, one) in enumerate(found.items(), 1)}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
