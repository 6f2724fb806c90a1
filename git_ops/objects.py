"""Reading and writing single Git objects: commits raw, trees through a throw-away index, blobs as bytes.

* Nothing here needs or touches a work tree, HEAD or the repository's own index.
* Paths are `str` with surrogate escapes, so that every byte string survives the round trip; `show_path` makes one
  safe to print.
* A commit's bytes that we don't mean to change are never decoded.
"""

import dataclasses
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from git_ops.errors import BadName, GitFailed, OutputTooLarge, UnknownRef, Unmergeable
from git_ops.process import Git
from git_ops.refs import ZERO_OID, check_oid

_IDENT = re.compile(rb"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<when>\d+) (?P<zone>[+-]\d{4})", re.DOTALL)
_DROPPED_HEADERS = (b"gpgsig", b"gpgsig-sha256", b"mergetag")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person's name and mail address as commits carry them."""

    name: str
    email: str

    def __post_init__(self) -> None:
        if not self.name.strip() or re.search(r"[<>\n\0]", self.name + self.email):
            raise BadName(
                "A commit identity needs a name, and neither name nor address may hold <, > or a newline"
            )

    def line(self, when: int, zone: str = "+0000") -> bytes:
        """`Name <mail> seconds zone`, as a commit header has it."""
        return f"{self.name.strip()} <{self.email.strip()}> {when} {zone}".encode()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a tree."""

    mode: str
    kind: str
    oid: str
    size: int | None
    """Bytes; none for trees and submodules."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RawCommit:
    """A commit as bytes. `others` are all headers but tree, parent, author, committer and signatures."""

    tree: str
    parents: tuple[str, ...]
    author: bytes
    committer: bytes
    others: tuple[bytes, ...] = ()
    message: bytes
    signed: bool = False

    def bytes(self) -> bytes:
        """The object's content, without the signature."""
        head = [b"tree " + self.tree.encode(), *(b"parent " + p.encode() for p in self.parents)]
        head += [b"author " + self.author, b"committer " + self.committer, *self.others]
        return b"\n".join(head) + b"\n\n" + self.message

    @property
    def committed_at(self) -> int:
        """Seconds since 1970; 0 where the header can't be read."""
        match = _IDENT.fullmatch(self.committer)
        return int(match["when"]) if match else 0

    @property
    def subject(self) -> str:
        """The message's first line, for people."""
        return self.message.strip().split(b"\n", 1)[0].decode("utf-8", "replace")

    def committer_identity(self) -> Identity:
        """Who committed it, bytes that aren't UTF-8 replaced."""
        match = _IDENT.fullmatch(self.committer)
        if match is None or not match["name"].strip():
            return Identity(name="unknown", email="unknown")
        name, email = (match[g].decode("utf-8", "replace").replace("<", "") for g in ("name", "email"))
        return Identity(name=name, email=email.replace("\n", ""))


def read_commit(git: Git, oid: str) -> RawCommit:
    """Parse a commit. Raises `UnknownRef` where there is none of that id."""
    try:
        raw = git.run("cat-file", "commit", check_oid(oid)).stdout
    except GitFailed as e:
        raise UnknownRef(f"There is no commit {oid[:10]} here") from e
    head, _, message = raw.partition(b"\n\n")
    single: dict[bytes, bytes] = {}
    parents, others, signed = [], [], False
    for header in re.split(rb"\n(?! )", head):  # continuation lines start with a blank
        key, _, value = header.partition(b" ")
        if key == b"parent":
            parents.append(value.decode())
        elif key in (b"tree", b"author", b"committer"):
            single[key] = value
        elif key in _DROPPED_HEADERS:
            signed = True
        else:
            others.append(header)
    return RawCommit(
        tree=single[b"tree"].decode(),
        parents=tuple(parents),
        author=single[b"author"],
        committer=single[b"committer"],
        others=tuple(others),
        message=message,
        signed=signed,
    )


def write_commit(git: Git, commit: RawCommit) -> str:
    """Store a commit and return its id. Its message goes in byte for byte."""
    return git.text("hash-object", "-t", "commit", "-w", "--stdin", stdin=commit.bytes())


def write_blob(git: Git, content: bytes) -> str:
    """Store a blob as it is: no filter, no end-of-line conversion."""
    return git.text("hash-object", "-w", "--no-filters", "--stdin", stdin=content)


def read_blob(git: Git, oid: str, *, max_bytes: int) -> bytes:
    """A blob's bytes. Raises `OutputTooLarge` beyond `max_bytes`."""
    size = int(git.text("cat-file", "-s", check_oid(oid)))
    if size > max_bytes:
        raise OutputTooLarge(f"The file has {size} bytes, more than the {max_bytes} that are read")
    return git.run("cat-file", "blob", oid, max_output_mib=size / 2**20 + 1).stdout


def read_blobs(git: Git, oids: Iterable[str], *, max_output_mib: float = 64) -> list[bytes]:
    """Many blobs with one process, in order."""
    asked = [check_oid(oid) for oid in oids]
    if not asked:
        return []
    lines = "".join(f"{oid}\n" for oid in asked).encode()
    data = git.run("cat-file", "--batch", stdin=lines, max_output_mib=max_output_mib).stdout
    blobs, at = [], 0
    for oid in asked:
        end = data.index(b"\n", at)
        if not data[at:end].split(b" ")[1:2] == [b"blob"]:
            raise UnknownRef(f"There is no blob {oid[:10]} here")
        size = int(data[at:end].rsplit(b" ", 1)[1])
        blobs.append(data[end + 1 : end + 1 + size])
        at = end + 2 + size
    return blobs


def tree_of(git: Git, commit: str) -> str:
    """The commit's tree."""
    return git.text("rev-parse", "--verify", f"{check_oid(commit)}^{{tree}}")


def entry(git: Git, treeish: str, path: str) -> Entry | None:
    """What stands at `path` in a commit or tree, or none."""
    if not path or path.startswith("/") or ".." in path.split("/"):
        return None
    done = git.run("ls-tree", "-z", "-l", check_oid(treeish), "--", path.rstrip("/"))
    for record in done.stdout.split(b"\0"):
        head, tab, name = record.partition(b"\t")
        if tab and decode_path(name) == path.rstrip("/"):
            mode, kind, oid, size = head.decode().split()
            return Entry(mode=mode, kind=kind, oid=oid, size=None if size == "-" else int(size))
    return None


def edit_tree(git: Git, tree: str, changes: Mapping[str, tuple[str, str] | None]) -> str:
    """The tree with `(mode, oid)` put at each path of `changes`, or the path taken away where it is none."""
    removed = b"".join(b"0 " + ZERO_OID.encode() + b"\t" + encode_path(p) + b"\0" for p in changes)
    added = b"".join(
        f"{new[0]} {check_oid(new[1])}\t".encode() + encode_path(path) + b"\0"
        for path, new in changes.items()
        if new is not None
    )
    with tempfile.TemporaryDirectory(prefix="git-index-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.run("read-tree", check_oid(tree), env=env)
        done = git.run("update-index", "-z", "--index-info", stdin=removed + added, env=env)
        if done.stderr:  # a path that may not be (.git/x, ../x) is skipped with a word and exit code 0
            said = show_path(done.stderr.decode("utf-8", "replace").strip())
            raise Unmergeable(f"Git refused a path of the result: {said[:200]}")
        return git.text("write-tree", env=env)


def encode_path(path: str) -> bytes:
    """A path's bytes."""
    return path.encode("utf-8", "surrogateescape")


def decode_path(path: bytes) -> str:
    """A path as text that turns back into the same bytes."""
    return path.decode("utf-8", "surrogateescape")


def show_path(path: str) -> str:
    """A path as it may be printed: control, direction and broken characters as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path)
