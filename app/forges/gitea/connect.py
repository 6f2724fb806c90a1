"""What setting up a Gitea takes that setting up its relatives doesn't."""

from app.forges.gitea_family.connect import Setup

SETUP = Setup(
    hook_types=("gitea",),
    oldest=(1, 22),
    status_since=(1, 23),  # its changelog: "Add new event commit status creation and webhook implementation"
    is_kin=lambda version: "+gitea-" not in version,  # Forgejo names the Gitea that it is compatible with
)
