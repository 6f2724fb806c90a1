"""Whether a webhook delivery comes from who knows the secret.

Forges sign the raw body with HMAC-SHA256 and send it in hex (https://docs.gitea.com/usage/webhooks,
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries). With no secret configured Gitea and
Forgejo send an empty value, which must never count. Which header is read is the endpoint's dialect's business;
SHA-1 is never looked at.
"""

import hmac
import re
from collections.abc import Iterable

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_signed(claimed: str, body: bytes, secrets: Iterable[str]) -> bool:
    """Tell whether one of `secrets` signed `body` as `claimed` says; several, so that a secret can be rotated."""
    if not _HEX_SHA256.fullmatch(claimed):
        return False
    wanted = [hmac.digest(secret.encode(), body, "sha256").hex() for secret in secrets if secret]
    return any(hmac.compare_digest(claimed, candidate) for candidate in wanted)
