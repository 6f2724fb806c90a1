"""What two commits differ in, as values computed from Git alone.

Everything comes from NUL-separated output without renames, so that each path stands for itself. Texts of commits
and paths are untrusted; `to_dict` makes them printable.
"""

import dataclasses
from typing import Any

from git_ops.objects import decode_path
from git_ops.plain import plain
from git_ops.process import Git
from git_ops.refs import check_oid

MAX_COMMITS = 1_000
_FORMAT = "%H%x00%P%x00%an%x00%cn%x00%ae%x00%ce%x00%at%x00%s"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CommitFact:
    """A commit for a report."""

    oid: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored_at: int
    """Seconds since 1970."""
    committer_name: str
    committer_email: str
    subject: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPath:
    """One path that differs. `status` is A, D, M or T (type changed); modes are `000000` where there is none."""

    path: str
    status: str
    old_mode: str
    new_mode: str
    new_oid: str
    added: int | None
    """Lines; none for binary files."""
    removed: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DiffFacts:
    """What `tip` has that `base` hasn't: commits oldest first, and the files of the two trees that differ."""

    base: str
    tip: str
    commits: tuple[CommitFact, ...]
    files: tuple[ChangedPath, ...]

    @property
    def added(self) -> int:
        """Lines added in text files."""
        return sum(file.added or 0 for file in self.files)

    @property
    def removed(self) -> int:
        """Lines removed from text files."""
        return sum(file.removed or 0 for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, safe to show."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


def diff_facts(git: Git, base: str, tip: str, *, max_commits: int = MAX_COMMITS) -> DiffFacts:
    """Compare two commits. Of more than `max_commits` commits the newest are told."""
    args = ("diff-tree", "-r", "--raw", "--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv")
    raw = git.run(*args, "--no-abbrev", check_oid(base), check_oid(tip)).stdout
    return DiffFacts(
        base=base, tip=tip, commits=commit_facts(git, base, tip, max_commits=max_commits), files=_files(raw)
    )


def commit_facts(git: Git, base: str, tip: str, *, max_commits: int = MAX_COMMITS) -> tuple[CommitFact, ...]:
    """The commits of `base..tip`, parents before children."""
    args = ("log", "-z", "--topo-order", "--no-color", "--no-show-signature", f"--max-count={max_commits}")
    raw = git.text(*args, f"--format={_FORMAT}", f"{check_oid(base)}..{check_oid(tip)}", "--")
    fields = raw.split("\0")[:-1]
    size = _FORMAT.count("%x00") + 1
    records = [fields[i : i + size] for i in range(0, len(fields), size)]
    return tuple(_commit_fact(*record) for record in reversed(records))


def _commit_fact(oid: str, parents: str, author: str, committer: str, *rest: str) -> CommitFact:
    author_email, committer_email, authored_at, subject = rest
    return CommitFact(
        oid=oid,
        parents=tuple(parents.split()),
        author_name=author,
        author_email=author_email,
        authored_at=int(authored_at or 0),
        committer_name=committer,
        committer_email=committer_email,
        subject=subject,
    )


def _files(raw: bytes) -> tuple[ChangedPath, ...]:
    """Parse `:modes oids status NUL path NUL`, repeated, and after it `added TAB removed TAB path NUL`, repeated."""
    fields = raw.split(b"\0")[:-1]
    entries, counts, at = [], {}, 0
    while at < len(fields):
        if fields[at].startswith(b":"):
            entries.append((fields[at][1:].decode().split(" "), fields[at + 1]))
            at += 2
        else:
            added, removed, path = fields[at].split(b"\t", 2)
            counts[path] = tuple(None if n == b"-" else int(n) for n in (added, removed))
            at += 1
    return tuple(
        ChangedPath(
            path=decode_path(path),
            status=status[0],
            old_mode=old_mode,
            new_mode=new_mode,
            new_oid=new_oid,
            added=counts.get(path, (0, 0))[0],
            removed=counts.get(path, (0, 0))[1],
        )
        for (old_mode, new_mode, _old_oid, new_oid, status), path in entries
    )
