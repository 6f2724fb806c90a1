"""Forgejo as a forge. What it shares with its relatives is in `app.forges.gitea_family`; here is what differs."""

from app.forges.gitea_family.api import GiteaFamily


class Forgejo(GiteaFamily):
    """One Forgejo, seen with one token."""

    kind = "forgejo"
    name = "Forgejo"
