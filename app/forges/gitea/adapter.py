"""Gitea as a forge. What it shares with its relatives is in `app.forges.gitea_family`; here is what differs."""

from app.forges.gitea.connect import SETUP
from app.forges.gitea_family.connect import Connecting


class Gitea(Connecting):
    """One Gitea, seen with one token."""

    kind = "gitea"
    name = "Gitea"
    setup = SETUP
