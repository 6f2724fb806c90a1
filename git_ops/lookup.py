"""What stands in trees and what differs between two of them, for whoever must find a file under another name.

* Everything is read NUL-separated and in batches: a bounded number of processes however many paths are asked for.
* Contents beyond `MAX_TEXT_BYTES` a file and `MAX_TOTAL_BYTES` together stay unread (`Side.content` is None).
* Answers depend on object ids alone, so those that are dear are remembered.
"""

import dataclasses
import functools
from collections.abc import Collection, Iterable, Iterator

from git_ops import objects
from git_ops.conflict import SUBMODULE, Side
from git_ops.hunks import MAX_TEXT_BYTES
from git_ops.objects import decode_path, encode_path
from git_ops.process import Git
from git_ops.refs import check_oid

MAX_TOTAL_BYTES = 128 * 1024 * 1024
_PATHS_IN_ARGV = 64 * 1024
"""Bytes; far below what the system allows for a command line."""
_TREE = "040000"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A file that Git takes for another one of the older tree."""

    old: str
    new: str
    similarity: int
    """Percent."""


def sides_at(git: Git, treeish: str, paths: Iterable[str]) -> dict[str, Side]:
    """What a commit or tree has at these paths, contents unread. Directories and what isn't there are left out."""
    return {path: side for path, side in _listed(git, treeish, paths) if side.mode != _TREE}


def is_directory(git: Git, treeish: str, path: str) -> bool:
    """A directory stands there. Asked one by one: ls-tree leaves out a directory when something below is named too."""
    return any(side.mode == _TREE for _, side in _listed(git, treeish, [path]))


def below(git: Git, treeish: str, directory: str, *, deep: bool = True) -> tuple[str, ...]:
    """The paths of the files under a directory (empty: the root), in its directories too where `deep`."""
    options = ("-r",) if deep else ()
    where = ("--", f"{directory}/") if directory else ()
    args = ("ls-tree", *options, "-z", "--full-tree", check_oid(treeish), *where)
    records = (record.partition(b"\t") for record in git.run(*args, max_output_mib=256).stdout.split(b"\0"))
    return tuple(decode_path(name) for head, _, name in records if name and not head.startswith(b"040000"))


def read(git: Git, sides: Collection[Side]) -> dict[str, bytes]:
    """Contents by object id; those too large or not there are left out. Two processes, whatever the number."""
    oids = sorted({check_oid(side.oid) for side in sides if side.mode not in {SUBMODULE, _TREE}})
    if not oids:
        return {}
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    total, wanted = 0, []
    for line in git.run("cat-file", "--batch-check", stdin=asked).stdout.splitlines():
        oid, _, rest = line.decode().partition(" ")
        kind, _, size = rest.partition(" ")
        if kind == "blob" and int(size) <= MAX_TEXT_BYTES and total + int(size) <= MAX_TOTAL_BYTES:
            total += int(size)
            wanted.append(oid)
    contents = objects.read_blobs(git, wanted, max_output_mib=total / 2**20 + len(wanted) / 2**10 + 1)
    return dict(zip(wanted, contents, strict=True))


def filled(side: Side | None, contents: dict[str, bytes]) -> Side | None:
    """The side with its content, where that was read."""
    return side and dataclasses.replace(side, content=contents.get(side.oid))


@functools.lru_cache(maxsize=16)
def renames(git: Git, old: str, new: str) -> tuple[Rename, ...]:
    """The renames between two commits, as Git's merge finds them."""
    found = []
    for letter, score, _, paths in _changes(git, old, new, "-M", "-l7000", "--diff-filter=R"):
        if letter == "R":
            found.append(Rename(old=paths[0], new=paths[1], similarity=score))
    return tuple(found)


@functools.lru_cache(maxsize=16)
def added(git: Git, old: str, new: str) -> dict[str, Side]:
    """The paths that only the newer commit has, contents unread."""
    return {
        paths[0]: side for _, _, side, paths in _changes(git, old, new, "--no-renames", "--diff-filter=A")
    }


@functools.lru_cache(maxsize=16)
def removed(git: Git, old: str, new: str) -> frozenset[str]:
    """The paths that only the older commit has."""
    return frozenset(paths[0] for *_, paths in _changes(git, old, new, "--no-renames", "--diff-filter=D"))


def _changes(git: Git, old: str, new: str, *options: str) -> Iterator[tuple[str, int, Side, tuple[str, ...]]]:
    args = ("diff-tree", "-r", "-z", "--raw", "--no-abbrev", *options, check_oid(old), check_oid(new))
    fields = iter(git.run(*args, max_output_mib=512).stdout.split(b"\0"))
    while head := next(fields, b""):
        _, mode, _, oid, status = head.decode().split(" ")
        count = 2 if status[0] in "RC" else 1
        paths = tuple(decode_path(next(fields)) for _ in range(count))
        yield status[0], int(status[1:] or 0), Side(mode=mode, oid=oid), paths


def _listed(git: Git, treeish: str, paths: Iterable[str]) -> Iterator[tuple[str, Side]]:
    wanted = {path: None for path in paths if path and not path.startswith("/")}
    for part in _parts(list(wanted)):
        raw = git.run("ls-tree", "-z", "--full-tree", check_oid(treeish), "--", *part).stdout
        for record in raw.split(b"\0"):
            head, tab, name = record.partition(b"\t")
            path = decode_path(name)
            if tab and path in wanted:  # asked for a and a/b, it lists all that is in a
                mode, _, oid = head.decode().split(" ")
                yield path, Side(mode=mode, oid=oid)


def _parts(paths: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for path in paths:
        size += len(encode_path(path)) + 1
        if part and size > _PATHS_IN_ARGV:
            yield part
            part, size = [], len(encode_path(path)) + 1
        part.append(path)
    if part:
        yield part
