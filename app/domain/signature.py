"""Whether a webhook delivery comes from who knows the secret, and which event it claims to be.

Gitea and Forgejo sign the raw body with HMAC-SHA256 and send bare hex in `X-Gitea-Signature`
(https://docs.gitea.com/usage/webhooks). With no secret configured they send an empty value, which must never
count. Which header is read depends on the endpoint's configuration, not on which headers are there; SHA-1 is
never looked at.
"""

import hmac
import re
from collections.abc import Iterable, Mapping

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
SIGNATURE_HEADER = {"gitea": "X-Gitea-Signature"}
EVENT_HEADERS = {"gitea": ("X-Gitea-Event-Type", "X-Gitea-Event")}
"""The finer name first; older forges send only the second."""


def is_signed(kind: str, headers: Mapping[str, str], body: bytes, secrets: Iterable[str]) -> bool:
    """Tell whether one of `secrets` signed `body`; several, so that a secret can be rotated."""
    given = headers.get(SIGNATURE_HEADER[kind], "")
    if not _HEX_SHA256.fullmatch(given):
        return False
    wanted = [hmac.digest(secret.encode(), body, "sha256").hex() for secret in secrets if secret]
    return any(hmac.compare_digest(given, candidate) for candidate in wanted)


def event_name(kind: str, headers: Mapping[str, str]) -> str:
    """What the delivery says it is about; empty where it doesn't. Not signed: it only picks the parser."""
    return next((headers[name] for name in EVENT_HEADERS[kind] if name in headers), "")
