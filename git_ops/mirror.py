"""A bare copy of a remote repository: branches and tags are the remote's, `refs/forgehand/**` is ours.

* Whole history, never shallow: without it there is no merge base.
* One writer at a time, by a lock beside the directory; readers need none.
* A mirror exists whole or not at all: it is made beside its place and renamed into it.
* Nothing is ever collected here, because work in progress borrows its objects.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from git_ops import objects, remote
from git_ops.errors import (
    CorruptObject,
    DiskFull,
    GitFailed,
    NotARepository,
    OutputTooLarge,
    UnknownRef,
    os_errors,
)
from git_ops.lock import locked
from git_ops.process import Git, HeaderAuth
from git_ops.refs import branch_ref, check_oid, check_ref, check_url, is_oid

OURS = "refs/forgehand"
"""Where our own refs live. Pruning never reaches it, and readers of the mirror don't see it."""

_CONFIG = (
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("receive.autogc", "false"),
    ("receive.fsckObjects", "true"),
    ("receive.advertisePushOptions", "false"),
    ("uploadpack.hideRefs", OURS),
    # A job starts from the commit that was judged, even where the branch has moved since.
    ("uploadpack.allowAnySHA1InWant", "true"),
    ("uploadpack.allowFilter", "true"),
)


class Mirror:
    """A bare mirror of `url` at `path`. Thread-safe: all state is on the disk."""

    def __init__(
        self,
        path: Path,
        url: str,
        *,
        auth: HeaderAuth | None = None,
        allow_protocols: tuple[str, ...] = ("http", "https"),
        timeout_seconds: float = 600,
        blobless: bool = False,
    ) -> None:
        """`blobless`: fetch history without the files' contents, which come when they are needed, or by `fill`.

        That pays above some gigabytes; work in it needs the remote. It is fixed when the mirror is made.
        """
        self.path = path
        self.blobless = blobless
        self.url = check_url(url)
        self.timeout_seconds = timeout_seconds
        self.git = Git(path, auth=auth, allow_protocols=allow_protocols, timeout_seconds=timeout_seconds)
        self._lock = path.with_name(path.name + ".lock")

    @os_errors()
    def ensure(self) -> None:
        """Make the empty mirror if it isn't there. Idempotent; a crash half way leaves no mirror."""
        if (self.path / "HEAD").exists():
            return
        with locked(self._lock, timeout_seconds=self.timeout_seconds):
            if (self.path / "HEAD").exists():
                return
            draft = Path(tempfile.mkdtemp(prefix=self.path.name + ".new-", dir=self.path.parent))
            try:
                init_bare(draft, _CONFIG + (remote.promisor_config(self.url) if self.blobless else ()))
                draft.rename(self.path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def fetch(self, *branches: str) -> None:
        """Bring these branches up to date, or all and the tags, and drop those that are gone at the remote.

        Branches whose names begin with one of those named come along: only a pattern may match nothing.
        """
        specs = [f"+{ref}*:{ref}*" for ref in map(branch_ref, branches)]
        self._fetch(*specs or ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"), prune=True)

    def fetch_ref(self, remote_ref: str, local_ref: str) -> str:
        """Fetch one ref, or one commit by its id, into `local_ref`; return what it points at."""
        source = remote_ref if is_oid(remote_ref) else check_ref(remote_ref)
        self._fetch(f"+{source}:{check_ref(local_ref)}")
        return self.resolve(local_ref)

    def fetch_refs(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Fetch just these: a full ref or commit id of the remote to the local ref it goes to.

        A job on two branches needn't wait for a thousand. Returns what each is at now, by the remote's name. Raises
        `UnknownRef` where the remote lacks one.
        """
        self._must_be_there()
        with locked(self._lock, timeout_seconds=self.timeout_seconds):
            return remote.fetch_refs(self.git, self.url, wanted, blobless=self.blobless)

    def fetch_branches(self, *names: str) -> dict[str, str]:
        """Bring these branches up to date, as `fetch` does it for all; where each is now, by name."""
        refs = {name: branch_ref(name) for name in names}
        found = self.fetch_refs({ref: ref for ref in refs.values()})
        return {name: found[ref] for name, ref in refs.items()}

    def fill(self, *, wanted: Sequence[str], without: Sequence[str] = ()) -> int:
        """In a blobless mirror, bring the files that the commits `wanted` have and those `without` haven't.

        Afterwards work on these needs no remote. Returns how many objects were missing.
        """
        revisions = [*map(check_oid, wanted), *(f"^{check_oid(oid)}" for oid in without)]
        done = self.git.run("rev-list", "--objects", "--missing=print", *revisions, max_output_mib=1024)
        missing = [line[1:] for line in done.stdout.split(b"\n") if line.startswith(b"?")]
        if missing:
            with locked(self._lock, timeout_seconds=self.timeout_seconds):
                remote.fetch_objects(self.git, b"\n".join(missing) + b"\n")
        return len(missing)

    def resolve(self, name: str) -> str:
        """The commit that a branch (`main`), a full ref (`refs/…`) or an object id names. Raises `UnknownRef`."""
        return resolve(self.git, name)

    def read_blob(self, commit: str, path: str, max_bytes: int) -> bytes | None:
        """A regular file's content; none where there is no file (or a link, or a directory).

        Raises `OutputTooLarge` where it is longer than `max_bytes`.
        """
        found = objects.entry(self.git, commit, path)
        if found is None or found.mode not in {"100644", "100755"} or found.size is None:
            return None
        if found.size > max_bytes:
            raise OutputTooLarge(
                f"{objects.show_path(path)} has {found.size} bytes; at most {max_bytes} are read"
            )
        return objects.read_blob(self.git, found.oid, max_bytes=max_bytes)

    def default_branch(self) -> str:
        """Short name of the remote's default branch, asked of the remote now."""
        return remote.default_branch(self.git, self.url)

    def _fetch(self, *refspecs: str, prune: bool = False) -> None:
        self._must_be_there()
        with locked(self._lock, timeout_seconds=self.timeout_seconds):
            remote.fetch(self.git, self.url, *refspecs, prune=prune, blobless=self.blobless)

    def _must_be_there(self) -> None:
        if not (self.path / "HEAD").exists():
            raise NotARepository("The mirror isn't there yet: call ensure() first")


def init_bare(path: Path, config: tuple[tuple[str, str], ...] = ()) -> None:
    """Make (or make again) an empty bare repository at `path`, from no template."""
    git = Git(path)
    path.mkdir(parents=True, exist_ok=True)
    git.run("init", "--quiet", "--bare", "--template=", "--initial-branch=main")
    for key, value in config:
        git.run("config", key, value)


def resolve(git: Git, name: str) -> str:
    """See `Mirror.resolve`."""
    ref = name if is_oid(name) else check_ref(name) if name.startswith("refs/") else branch_ref(name)
    try:
        return git.text("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except (CorruptObject, DiskFull):
        raise
    except GitFailed as e:
        raise UnknownRef(f"There is no commit {name!a} in this repository") from e
