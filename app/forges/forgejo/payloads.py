"""Forgejo's webhooks (https://forgejo.org/docs/latest/user/webhooks/); held to deliveries of 7 and 10."""

from app.forges.gitea_family.payloads import dialect

DIALECT = dialect("Forgejo")
