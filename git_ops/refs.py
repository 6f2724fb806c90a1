"""Names that may be handed to git: branches, refs, object ids, URLs and slugs made from hostile text.

* Stricter than `git check-ref-format`: all that is accepted here is accepted there, not the other way round.
* A branch is a short name (`main`), a ref a full one (`refs/heads/main`); neither can pass for the other, for
  an option, or for an object id.
"""

import re
import unicodedata
from urllib.parse import urlsplit

from git_ops.errors import BadName

ZERO_OID = "0" * 40
_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PUNCTUATION = frozenset("._-/+@#=,")
_SPECIAL = frozenset(
    {"HEAD", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD", "@"}
)
_MAX_BYTES = 200
_SLUG_LENGTH = 40


def is_oid(text: str) -> bool:
    """A full object id, SHA-1 or SHA-256, in lower case."""
    return _OID.fullmatch(text) is not None


def check_oid(text: str) -> str:
    """The object id itself, or `BadName`."""
    if not is_oid(text):
        raise BadName(f"{_show(text)} isn't a full object id (40 or 64 lower-case hexadecimal digits)")
    return text


def check_branch(name: str) -> str:
    """The branch name itself, or `BadName` with what is wrong. Rules: git-check-ref-format(1) and ours."""
    if problem := _problem(name):
        raise BadName(f"{_show(name)} can't be used as a branch name: {problem}")
    if name in _SPECIAL or is_oid(name):
        raise BadName(f"{_show(name)} can't be used as a branch name: it means something else to Git")
    if name.startswith("refs/"):
        raise BadName(f"{_show(name)} can't be used as a branch name: write it without refs/…")
    return name


def check_ref(name: str) -> str:
    """A full ref name (`refs/…/…`) itself, or `BadName` with what is wrong."""
    if problem := _problem(name):
        raise BadName(f"{_show(name)} can't be used as a ref: {problem}")
    if not name.startswith("refs/") or name.count("/") < 2:
        raise BadName(f"{_show(name)} can't be used as a ref: a full one starts with refs/…/")
    return name


def branch_ref(name: str) -> str:
    """`refs/heads/<name>` of a checked branch name."""
    return f"refs/heads/{check_branch(name)}"


def check_url(url: str) -> str:
    """A remote's URL itself, or `BadName`: it has a scheme, no credential and no odd character."""
    if not re.fullmatch(r"[a-z]+://[!-~]+", url):
        raise BadName("A remote must be a URL such as https://host/owner/name.git, without blanks")
    if urlsplit(url).username is not None:
        raise BadName("A remote's URL must not hold a user name or a token; give the credential as a header")
    return url


def branch_slug(text: str) -> str:
    """A part of a branch name made from any text: `[a-z0-9-]`, at most 40 characters, never empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))
    if len(slug) > _SLUG_LENGTH:
        cut = slug[: _SLUG_LENGTH + 1]
        slug = cut.rpartition("-")[0] or slug[:_SLUG_LENGTH]
    return slug or "change"


def _problem(name: str) -> str | None:
    if not name:
        return "it is empty"
    if bad := next((c for c in name if not (c.isalnum() or c in _PUNCTUATION)), None):
        return f"it contains {bad!a}"
    if len(name.encode()) > _MAX_BYTES:
        return f"it is longer than {_MAX_BYTES} bytes"
    if ".." in name or "@{" in name:
        return "it contains '..'"
    if any(not p or p[0] in "-." or p.endswith((".", ".lock")) for p in name.split("/")):
        return "a part of it is empty, starts with '-' or '.', or ends with '.' or '.lock'"
    return None


def _show(text: str) -> str:
    return ascii(text if len(text) <= 80 else text[:80] + "…")
