"""Where conflicts of meaning hide: what one side's lines use and the other side defines differently by now.

Looked for among the files that a side changed, in the languages of the conflicted files, within bounds. It helps a
reader; that nothing is found proves nothing.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence

from git_ops import objects
from git_ops.conflict import Conflict
from git_ops.errors import GitError
from git_ops.objects import decode_path, show_path
from git_ops.resolve.chain import Context
from git_ops.resolve.prompt.codec import lines_of, shorten, visible
from git_ops.resolve.prompt.symbols import outlined
from git_ops.verify.syntax.languages import language_of

_FILES = 40
"""Changed files of one side that are looked at."""
_FILE_BYTES = 200_000
_READ_MIB = 32
_NAMES = 8
_CALLERS = 12
_SIGNATURE_LINES = 8
_DEFINITION_CHARS = 1_500
_SECONDS = 5
_WORD = re.compile(rb"[A-Za-z_]\w{3,}")
_ENDS_SIGNATURE = (b"{", b":", b";", b"=>", b"=")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A name that one side defines otherwise; `now` is empty where it doesn't any more."""

    name: bytes
    path: str
    was: bytes
    now: bytes


def changed_signatures(conflicts: Sequence[Conflict], context: Context) -> str:
    """For each side, what it changed of the definitions that the other side's lines use, and who else uses them."""
    parts = []
    for role, side, other in (("TARGET", context.onto, context.tip), ("AGENT", context.tip, context.onto)):
        used = _words(conflicts, "agent" if role == "TARGET" else "target")
        try:
            changes = _changes(context, side, conflicts, used)[:_NAMES]
            parts += [_told(role, change) for change in changes]
            parts += _callers(context, other, [change.name for change in changes])
        except GitError:
            continue  # helpful, not needed
    return "\n\n".join(parts)


def _words(conflicts: Sequence[Conflict], attribute: str) -> set[bytes]:
    """The words of a side in the hunks."""
    texts: Iterable[bytes] = (getattr(hunk, attribute) for conflict in conflicts for hunk in conflict.hunks)
    return {word for text in texts for word in _WORD.findall(text)}


def _changes(context: Context, side: str, conflicts: Sequence[Conflict], used: set[bytes]) -> list[_Change]:
    files = _changed_files(context, side, conflicts)
    oids = [oid for _, *pair in files for oid in pair if oid is not None]
    contents = iter(objects.read_blobs(context.git, oids, max_output_mib=_READ_MIB))
    found: list[_Change] = []
    for path, old, new in files:
        was, now = (b"" if oid is None else next(contents) for oid in (old, new))
        if max(len(was), len(now)) <= _FILE_BYTES and not used.isdisjoint(_WORD.findall(was)):
            found += [change for change in _changed_in(path, was, now) if change.name in used]
    return found


def _changed_files(
    context: Context, side: str, conflicts: Sequence[Conflict]
) -> list[tuple[str, str, str | None]]:
    """Path, object at BASE and object of the side, none where it is gone; the conflicts' directories first."""
    languages = {language_of(conflict.path) for conflict in conflicts} - {None}
    if not languages:
        return []
    args = ("diff-tree", "-r", "-z", "--no-renames", "--diff-filter=MD", "--raw", "--no-abbrev")
    raw = context.git.run(*args, context.fork, side, timeout_seconds=_SECONDS).stdout
    fields = raw.split(b"\0")[:-1]
    found = []
    for head, name in zip(fields[::2], fields[1::2], strict=True):
        path, (old_mode, new_mode, old, new, _status) = decode_path(name), head.decode()[1:].split(" ")
        if language_of(path) in languages and old_mode.startswith("10"):
            found.append((path, old, new if new_mode.startswith("10") else None))
    near = {conflict.path.rpartition("/")[0] for conflict in conflicts}
    found.sort(key=lambda file: (file[0].rpartition("/")[0] not in near, file[0]))
    return found[:_FILES]


def _changed_in(path: str, before: bytes, after: bytes) -> list[_Change]:
    was, now = _signatures(path, before), _signatures(path, after)
    return [
        _Change(name=name, path=path, was=texts[0], now=now[name][0] if name in now else b"")
        for name, texts in was.items()
        if [_head(text) for text in texts] != [_head(text) for text in now.get(name, [])]
    ]


def _signatures(path: str, content: bytes) -> dict[bytes, list[bytes]]:
    """Each name's definitions."""
    lines = lines_of(content)
    found: dict[bytes, list[bytes]] = {}
    for definition in outlined(path, content):
        text = b"".join(lines[definition.first : definition.last + 1])
        found.setdefault(definition.name.encode("utf-8", "surrogateescape"), []).append(text)
    return found


def _head(definition: bytes) -> bytes:
    """The signature: up to the line where the body opens, blanks squeezed."""
    lines = definition.splitlines()[:_SIGNATURE_LINES]
    ends = [i for i, line in enumerate(lines) if line.rstrip().endswith(_ENDS_SIGNATURE)]
    return b" ".join(b" ".join(lines[: ends[0] + 1] if ends else lines[:1]).split())


def _told(role: str, change: _Change) -> str:
    name = visible(change.name)
    was = visible(_head(change.was))
    if not change.now:
        return f"{role} removed {name} from {show_path(change.path)}; it was: {was}"
    now = shorten(visible(change.now), _DEFINITION_CHARS)
    return f"{role} changed {name} in {show_path(change.path)}; it was: {was}\nIt is now:\n{now}"


def _callers(context: Context, side: str, names: Sequence[bytes]) -> list[str]:
    """Lines of the other side that have one of the names."""
    if not names:
        return []
    args = ["grep", "-n", "-w", "-F", "-I", "--no-color", "--full-name", f"--max-count={_CALLERS}"]
    for name in names:
        args += ["-e", name.decode("utf-8", "surrogateescape")]
    done = context.git.run(*args, side, ok=(0, 1), timeout_seconds=_SECONDS, max_output_mib=4)
    lines = done.stdout.splitlines()[: _CALLERS * 2]
    shown = [visible(line.removeprefix(side.encode() + b":"))[:300] for line in lines]
    return ["Lines of the other side with these names:\n" + "\n".join(shown)] if shown else []
