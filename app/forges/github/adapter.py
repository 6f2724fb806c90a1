"""GitHub and GitHub Enterprise Server as a forge: reading and writing is in `api`, setting up in `connect`."""

from app.forges.github.connect import Connecting


class GitHub(Connecting):
    """One GitHub, seen with one token or as one App."""

    kind = "github"
    name = "GitHub"
