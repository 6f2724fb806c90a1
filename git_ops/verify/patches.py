"""The lines that commits add and remove, read from one `git diff-tree`.

* Read by the lengths that hunk headers state, so that no content can pass for a header.
* Without renames, external programs or text conversion. Lines are kept as bytes with their `+` or `-` in front.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from git_ops.objects import decode_path
from git_ops.process import Git
from git_ops.refs import check_oid

Patch = Counter[bytes]
"""Changed lines, `+` or `-` in front, and how often each is there; a binary file counts as one line."""
Wanted = Callable[[str, int], bool]
"""Given a path and how many lines its difference has: whether they are to be read."""
_MAX_MIB = 256

_OPTIONS = (
    "-r",
    "-p",
    "-U0",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_TELLING = (b"Binary files ", b"new mode ", b"new file mode ", b"deleted file mode ")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One changed line. `row` is where an added line stands in the new file, from 0."""

    path: str
    added: bool
    text: bytes
    row: int


def patches_of(git: Git, commits: Iterable[str]) -> Mapping[str, Patch]:
    """The patch of each commit against its parent. Raises `OutputTooLarge` and other `GitError`s."""
    patches: dict[str, Patch] = {check_oid(oid): Counter() for oid in commits}
    if not patches:
        return patches
    stdin = "".join(f"{oid}\n" for oid in patches).encode()
    raw = git.run("diff-tree", "--stdin", "--root", *_OPTIONS, stdin=stdin, max_output_mib=_MAX_MIB).stdout
    current: Patch = Counter()
    for header, change, _row in _parse(raw):
        if change:
            current[change] += 1
        elif header.startswith(_TELLING):
            current[header] += 1
        elif (oid := header.decode("utf-8", "replace")) in patches:
            current = patches[oid]
    return patches


def changed_lines(
    git: Git, old: str, new: str, *, max_mib: float, wanted: Wanted = lambda _path, _lines: True
) -> Iterator[Line]:
    """The lines that differ between two commits or trees, in the files that are `wanted`.

    Raises `OutputTooLarge` where the whole difference is beyond `max_mib`.
    """
    raw = git.run("diff-tree", *_OPTIONS, check_oid(old), check_oid(new), max_output_mib=max_mib).stdout
    for part in raw.split(b"\ndiff --git "):  # a changed line has its sign in front: none looks like that
        path = _path_of(part)
        if path and wanted(path, part.count(b"\n")):
            for _, change, row in _parse(part):
                if change:
                    yield Line(path=path, added=change[:1] == b"+", text=change[1:], row=row)


def _path_of(part: bytes) -> str:
    """The path in a file's header, the new one where there are two; nothing where no line of text differs."""
    path = ""
    for header in part.partition(b"\n@@ ")[0].split(b"\n"):
        if header.startswith((b"--- ", b"+++ ")) and header[4:] != b"/dev/null":
            path = _path(header[4:])
    return path


def _parse(raw: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Either a header's line or a changed line, and for an added line its row."""
    lines = iter(raw.split(b"\n"))
    for header in lines:
        match = _HUNK.match(header)
        if match is None:
            yield header, b"", 0
            continue
        row = int(match[2]) - 1
        left = int(match[1] or 1) + int(match[3] or 1)
        while left and (change := next(lines, b"")):
            if change.startswith(b"\\"):  # "no newline at end of file" is about the line before
                continue
            yield b"", change, row
            left -= 1
            row += change[:1] == b"+"


def _path(name: bytes) -> str:
    """`a/path` as a header has it: with a tab behind where it holds a blank, in quotes where it holds odd bytes."""
    name = name.removesuffix(b"\t")
    if name.startswith(b'"'):
        name = _ESCAPE.sub(_unescape, name[1:-1])
    return decode_path(name[2:])


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if len(code) == 3 else _ESCAPES.get(code, code)
