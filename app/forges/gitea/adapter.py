"""Gitea as a forge. What it shares with its relatives is in `app.forges.gitea_family`; here is what differs."""

from app.forges.gitea_family.api import GiteaFamily


class Gitea(GiteaFamily):
    """One Gitea, seen with one token."""

    kind = "gitea"
    name = "Gitea"
