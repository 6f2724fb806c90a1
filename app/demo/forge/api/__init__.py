"""Gitea's REST API under `/api/v1`, the part that Forgehand and its demo use.

Every module adds its routes to the one blueprint; `http` holds what they share.
"""

from app.demo.forge.api import (
    comments,
    contents,
    hooks,
    issues,
    labels,
    protections,
    pulls,
    reactions,
    repos,
    reviews,
    statuses,
    users,
)
from app.demo.forge.api.http import api

ROUTES = (
    comments, contents, hooks, issues, labels, protections, pulls, reactions, repos, reviews, statuses, users,
)  # fmt: skip
"""The modules whose import adds routes."""

__all__ = ["ROUTES", "api"]
