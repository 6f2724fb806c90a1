"""Forgejo as a forge. What it shares with its relatives is in `app.forges.gitea_family`; here is what differs.

Seen in the sources of Forgejo 7.0 and 10, and on servers built from them, beside Gitea 1.22 and 1.25:

| | Forgejo 7, 10 | Gitea |
|---|---|---|
| type of a webhook | `forgejo`; `gitea` sends the same | `gitea`; `forgejo` is 422 |
| webhook for commit statuses | none | from 1.23 on |
| asking for one's own permission | administrators only | everybody, from 1.23 on |
| status of an unknown commit | empty list, then 500 when set | the same in 1.22; 404 later |
| a quota that is used up (10) | 413 | no quotas |
| `draft` of a pull request | not said by 7 | said |
| version | `10.0.0+gitea-1.22.0` | `1.22.0` |
"""

from app.forges.forgejo.connect import SETUP
from app.forges.gitea_family.connect import Connecting


class Forgejo(Connecting):
    """One Forgejo, seen with one token."""

    kind = "forgejo"
    name = "Forgejo"
    setup = SETUP
