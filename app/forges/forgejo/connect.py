"""What setting up a Forgejo takes that setting up its relatives doesn't."""

from app.forges.gitea_family.connect import Setup

SETUP = Setup(
    hook_types=("forgejo", "gitea"),
    oldest=(7, 0),
    status_since=None,
    is_kin=lambda version: "+gitea-" in version,
)
