"""What Gitea's webhooks look like (https://docs.gitea.com/usage/webhooks); held to deliveries of 1.22 and 1.25."""

from app.forges.gitea_family.payloads import dialect

DIALECT = dialect("Gitea")
