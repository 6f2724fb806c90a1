"""What Gitea's webhooks look like (https://docs.gitea.com/usage/webhooks)."""

from collections.abc import Mapping

from app.forges.gitea_family.payloads import parse
from app.forges.port import Dialect


def _header(name: str, headers: Mapping[str, str]) -> str:
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


DIALECT = Dialect(
    signature=lambda headers: _header("X-Gitea-Signature", headers),
    # the finer name first; older servers send only the second
    event_name=lambda headers: _header("X-Gitea-Event-Type", headers) or _header("X-Gitea-Event", headers),
    delivery_id=lambda headers: _header("X-Gitea-Delivery", headers),
    parse=parse,
)
"""Gitea sends Gogs' and GitHub's headers beside its own; those are never looked at."""
