"""Reading and writing single Git objects: commits raw, directories as they are, blobs as bytes.

* One persistent process each reads, stores and builds trees where the `Git` is a session (`Git.session`); otherwise
  every call has its own. What was written is there for everyone once the call returns.
* Nothing here needs or touches a work tree, HEAD or the repository's own index.
* Paths are `str` with surrogate escapes, so that every byte string survives the round trip; `show_path` makes one
  safe to print.
* A commit's bytes that we don't mean to change are never decoded.
"""

import dataclasses
import os
import re
import tempfile
from collections.abc import Iterable, Mapping

from git_ops.coprocess import Coprocess
from git_ops.errors import (
    BadName,
    CorruptObject,
    OutputTooLarge,
    UnknownRef,
    Unmergeable,
    from_os_error,
    from_stderr,
)
from git_ops.process import Git
from git_ops.refs import check_oid

_IDENT = re.compile(rb"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<when>\d+) (?P<zone>[+-]\d{4})", re.DOTALL)
_DROPPED_HEADERS = (b"gpgsig", b"gpgsig-sha256", b"mergetag")
_READER = ("cat-file", "--batch-command")
_AT_ONCE = 500
"""Questions sent before the first answer is read."""
_MAX_COMMIT_BYTES = 64 * 2**20
_MAX_TREE_BYTES = 512 * 2**20
_FOLDER, _SUBMODULE = "040000", "160000"
_MODES = {"100644", "100755", "120000", _SUBMODULE}
_KINDS = {_FOLDER: "tree", _SUBMODULE: "commit"}
_NO_ENTRY = ("", "")
_PLAIN_PATH = re.compile(
    rb"(?!.*(?:^|/)(?:\.{1,2}(?:/|$)|\.git|git~))(?:[\w.+@-]+/)*[\w.+@-]+", re.IGNORECASE
)
"""Names in which nothing can hide. Every other name is put to Git."""


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
    """Parse a commit. Raises `UnknownRef` where there is none of that id, `CorruptObject` where it isn't whole."""
    return read_commits(git, [oid])[0]


def read_commits(git: Git, oids: Iterable[str]) -> list[RawCommit]:
    """Many commits at once, in order."""
    asked = list(oids)
    found = _read_many(git, asked, "commit", max_bytes=_MAX_COMMIT_BYTES)
    return [_commit(oid, raw) for oid, raw in zip(asked, found, strict=True)]


def _commit(oid: str, raw: bytes) -> RawCommit:
    try:
        return _parse_commit(raw)
    except (KeyError, ValueError) as e:  # Git lets anybody push it where nothing is checked on arrival
        raise CorruptObject(_READER, 0, f"{oid} isn't a whole commit") from e


def _parse_commit(raw: bytes) -> RawCommit:
    """The commit in an object's bytes. Raises `KeyError` or `ValueError` where it isn't a whole one."""
    head, _, message = raw.partition(b"\n\n")
    single: dict[bytes, bytes] = {}
    parents, others, signed = [], [], False
    for header in re.split(rb"\n(?! )", head):  # continuation lines start with a blank
        key, _, value = header.partition(b" ")
        if key == b"parent":
            parents.append(value.decode("ascii"))
        elif key in (b"tree", b"author", b"committer"):
            single[key] = value
        elif key in _DROPPED_HEADERS:
            signed = True
        else:
            others.append(header)
    return RawCommit(
        tree=single[b"tree"].decode("ascii"),
        parents=tuple(parents),
        author=single[b"author"],
        committer=single[b"committer"],
        others=tuple(others),
        message=message,
        signed=signed,
    )


def committer_line(commit: RawCommit, when: int) -> bytes:
    """The committer's header with another date, in UTC; name and address as they are, byte for byte."""
    match = _IDENT.fullmatch(commit.committer)
    who = commit.committer[: match.start("when")].rstrip() if match else b"unknown <unknown>"
    return who + f" {when} +0000".encode()


def write_commit(git: Git, commit: RawCommit) -> str:
    """Store a commit and return its id. Its message goes in byte for byte.

    What an old commit says oddly (a date without a zone) isn't refused: it is kept as it was.
    """
    return _store(git, commit.bytes(), "-t", "commit", "--literally")


def write_blob(git: Git, content: bytes) -> str:
    """Store a blob as it is: no filter, no end-of-line conversion."""
    return _store(git, content, "--no-filters")


def read_blob(git: Git, oid: str, *, max_bytes: int) -> bytes:
    """A blob's bytes. Raises `OutputTooLarge` beyond `max_bytes`."""
    return _read(git, oid, "blob", max_bytes=max_bytes)


def read_blobs(git: Git, oids: Iterable[str], *, max_output_mib: float = 64) -> list[bytes]:
    """Many blobs at once, in order. Raises `OutputTooLarge` where they are more than that together."""
    return _read_many(git, oids, "blob", max_bytes=int(max_output_mib * 2**20))


def tree_of(git: Git, commit: str) -> str:
    """The commit's tree; a tree's own id."""
    with git.asking(*_READER) as reader:
        reader.tell(f"info {check_oid(commit)}^{{tree}}\n".encode())
        return _head(reader, commit, "tree")[0]


def size_of(git: Git, oid: str) -> int:
    """Bytes that an object has."""
    with git.asking(*_READER) as reader:
        reader.tell(f"info {check_oid(oid)}\n".encode())
        return _head(reader, oid, "object")[2]


def read_tree(git: Git, oid: str) -> dict[bytes, tuple[str, str]]:
    """One directory: name to mode and object id."""
    raw = _read(git, oid, "tree", max_bytes=_MAX_TREE_BYTES)
    try:
        return _parse_tree(raw, len(oid) // 2)
    except ValueError as e:
        raise CorruptObject(_READER, 0, f"{oid} isn't a whole tree") from e


def _parse_tree(raw: bytes, width: int) -> dict[bytes, tuple[str, str]]:
    """`width` is the length of an object id in bytes. Raises `ValueError` where it isn't a whole tree."""
    found, at = {}, 0
    while at < len(raw):
        blank, end = raw.index(b" ", at), raw.index(b"\0", at)
        mode = raw[at:blank].decode("ascii").zfill(6)
        found[raw[blank + 1 : end]] = (mode, raw[end + 1 : end + 1 + width].hex())
        at = end + 1 + width
    return found


def write_tree(git: Git, entries: Mapping[bytes, tuple[str, str]]) -> str:
    """Store one directory. Git sorts it; names are the caller's to check."""
    lines = (
        f"{mode} {_KINDS.get(mode, 'blob')} {oid}\t".encode() + name + b"\0"
        for name, (mode, oid) in entries.items()
    )
    with git.asking("mktree", "-z", "--batch", "--missing") as writer:
        writer.tell(b"".join(lines) + b"\0")
        return check_oid(writer.line().decode("ascii", "replace"))


def entry(git: Git, treeish: str, path: str) -> Entry | None:
    """What stands at `path` in a commit or tree, or none."""
    if not path or path.startswith("/") or ".." in path.split("/"):
        return None
    plain = path.rstrip("/")
    return entries(git, treeish, [plain]).get(plain)


def entries(git: Git, treeish: str, paths: Iterable[str]) -> dict[str, Entry]:
    """What stands at each of these paths, where something does. They go into one command line."""
    found = {}
    listed = git.run("ls-tree", "-z", "-l", "--full-tree", check_oid(treeish), "--", *paths).stdout
    for record in listed.split(b"\0"):
        head, tab, name = record.partition(b"\t")
        if tab:
            mode, kind, oid, size = head.decode().split()
            found[decode_path(name)] = Entry(mode=mode, kind=kind, oid=oid, size=_number(size))
    return found


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)


def edit_tree(git: Git, tree: str, changes: Mapping[str, tuple[str, str] | None]) -> str:
    """The tree with `(mode, oid)` put at each path of `changes`, or the path taken away where it is none.

    Only the directories on the way to these paths are read. A file may take a directory's place and the other way
    round. Raises `Unmergeable` for a path that Git refuses (`.git/x`, `../x`) and for an object that isn't there.
    """
    added = {encode_path(path): new for path, new in changes.items() if new is not None}
    removed = [encode_path(path) for path in changes if changes[path] is None]
    _check_paths(git, added)
    folders = _folders(git, tree, [*removed, *added])
    for path in removed:
        folder, name = _split(path)
        if folders[folder].get(name, _NO_ENTRY)[0] != _FOLDER:
            folders[folder].pop(name, None)
    for path, new in added.items():
        folder, name = _split(path)
        folders[folder][name] = new
    for path in sorted(folders, key=len, reverse=True):  # what is deeper is longer
        if not path:
            break
        parent, name = _split(path)
        if path in added:
            if any(other.startswith(path + b"/") for other in added):
                raise Unmergeable(f"{show_path(decode_path(path))} can't be a file and a directory at once")
        elif folders[path]:
            folders[parent][name] = (_FOLDER, write_tree(git, folders[path]))
        elif folders[parent].get(name, _NO_ENTRY)[0] == _FOLDER:
            del folders[parent][name]
    return write_tree(git, folders[b""])


def _folders(git: Git, tree: str, paths: Iterable[bytes]) -> dict[bytes, dict[bytes, tuple[str, str]]]:
    """The directories above these paths as they are; empty where there is none, or a file."""
    wanted = {path[:i] for path in paths for i in range(len(path)) if path[i : i + 1] == b"/"}
    folders = {b"": read_tree(git, tree)}
    for path in sorted(wanted, key=len):
        parent, name = _split(path)
        mode, oid = folders[parent].get(name, _NO_ENTRY)
        folders[path] = read_tree(git, oid) if mode == _FOLDER else {}
    return folders


def _split(path: bytes) -> tuple[bytes, bytes]:
    """Directory and name."""
    folder, _, name = path.rpartition(b"/")
    return folder, name


def _check_paths(git: Git, added: Mapping[bytes, tuple[str, str]]) -> None:
    """Raise `Unmergeable` where Git wouldn't take an entry. Plain names aren't worth a process."""
    for path, (mode, oid) in added.items():
        if mode not in _MODES:
            raise Unmergeable(f"{mode} is no mode for {show_path(decode_path(path))[:200]}")
        if mode != _SUBMODULE:
            _check_there(git, oid, path)
    odd = {path: new for path, new in added.items() if not _PLAIN_PATH.fullmatch(path)}
    if not odd:
        return
    lines = b"".join(f"{mode} {oid}\t".encode() + path + b"\0" for path, (mode, oid) in odd.items())
    with tempfile.TemporaryDirectory(prefix="git-index-") as folder:
        done = git.run(
            "update-index", "-z", "--index-info", stdin=lines, env={"GIT_INDEX_FILE": f"{folder}/index"}
        )
    if done.stderr:  # a path that may not be is skipped with a word and exit code 0
        said = show_path(done.stderr.decode("utf-8", "replace").strip())
        raise Unmergeable(f"Git refused a path of the result: {said[:200]}")


def _check_there(git: Git, oid: str, path: bytes) -> None:
    try:
        with git.asking(*_READER) as reader:
            reader.tell(f"info {check_oid(oid)}\n".encode())
            _head(reader, oid, "blob")
    except UnknownRef as e:
        raise Unmergeable(f"The content for {show_path(decode_path(path))[:200]} isn't stored here") from e


def _read(git: Git, oid: str, kind: str, *, max_bytes: int) -> bytes:
    return _read_many(git, [oid], kind, max_bytes=max_bytes)[0]


def _read_many(git: Git, oids: Iterable[str], kind: str, *, max_bytes: int) -> list[bytes]:
    """`max_bytes` is for all together."""
    asked = [check_oid(oid) for oid in oids]
    found: list[bytes] = []
    for i in range(0, len(asked), _AT_ONCE):
        some = asked[i : i + _AT_ONCE]
        with git.asking(*_READER) as reader:
            reader.tell("".join(f"contents {oid}\n" for oid in some).encode())
            for oid in some:
                found.append(_answer(reader, oid, kind, max_bytes=max_bytes))
                max_bytes -= len(found[-1])
    return found


def _answer(reader: Coprocess, oid: str, kind: str, *, max_bytes: int) -> bytes:
    size = _head(reader, oid, kind)[2]
    _check_size(size, max_bytes)
    return reader.exactly(size + 1)[:-1]


def _head(reader: Coprocess, oid: str, kind: str) -> tuple[str, str, int]:
    """Id, kind and size as `cat-file` tells them. Raises `UnknownRef`, or `CorruptObject` where Git complains."""
    words = reader.line().decode("ascii", "replace").split(" ")
    if len(words) != 3 or not words[2].isdecimal():
        if complaint := reader.complaint():
            raise from_stderr(_READER, 128, complaint.decode("utf-8", "replace"))
        raise UnknownRef(f"There is no {kind} {oid[:10]} here")
    if kind not in {"object", words[1]}:
        raise UnknownRef(f"{oid[:10]} is a {words[1]} and no {kind}")
    return words[0], words[1], int(words[2])


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise OutputTooLarge(f"The object has {size} bytes, more than the {max_bytes} that are read")


def _store(git: Git, content: bytes, *options: str) -> str:
    try:
        with tempfile.NamedTemporaryFile(prefix="git-object-") as file:
            file.write(content)
            file.flush()
            with git.asking("hash-object", "-w", *options, "--stdin-paths") as writer:
                writer.tell(os.fsencode(file.name) + b"\n")
                return check_oid(writer.line().decode("ascii", "replace"))
    except OSError as e:
        raise from_os_error(e) from e


def encode_path(path: str) -> bytes:
    """A path's bytes."""
    return path.encode("utf-8", "surrogateescape")


def decode_path(path: bytes) -> str:
    """A path as text that turns back into the same bytes."""
    return path.decode("utf-8", "surrogateescape")


def show_path(path: str) -> str:
    """A path as it may be printed: control, direction and broken characters as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path)
