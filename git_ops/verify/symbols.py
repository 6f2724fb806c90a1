"""The gate `stale-symbols`: a clean merge that uses what the other side took away.

One side removes or renames a definition, the other adds a line that uses it, and Git has nothing to object. Precision
goes before recall, so a name is only reported if all of this holds:

* It was defined in a file that the one side changed, on a line that this side removed.
* In the result it stands in code only on lines that the other side added: whoever took the definition away took
  every use away, too, and nothing defines, binds or imports the name anew.
* It isn't very short, and it doesn't stand where only text stands (comments, strings, keys, prose).

Where that can't be found out within bounds, nothing is reported and the verdict says so. It costs two diffs; the
grammar is asked only about names that one side removed and the other added, and the tree is searched only for those
that were definitions.
"""

import builtins
import dataclasses
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from git_ops.errors import GitError
from git_ops.objects import decode_path, encode_path, show_path
from git_ops.process import Git
from git_ops.refs import check_oid
from git_ops.verify.gate import STALE_SYMBOLS, Gate
from git_ops.verify.patches import changed_lines
from git_ops.verify.syntax import Definition, Occurrence, Unreadable, occurrences, outline
from git_ops.verify.syntax.languages import language_of

_NAME = re.compile(rb"[^\W\d]\w{2,}")
_QUALIFIED = re.compile(rb"(\w*)\)?\s*(?:\.|->|::)\s*$")
_MAX_DIFF_MIB = 32.0
_MAX_LINE_BYTES = 1_000
"""Longer ones are generated."""
_MAX_FILE_LINES = 20_000
"""In one file; where more are changed, nobody wrote them by hand."""
_MAX_LINES = 100_000
_MAX_NAMES = 500
_MAX_FILES = 40
"""In how many files a name may stand that is still looked into, and how many files are for one question."""
_GREP_SECONDS = 20
_PROSE = frozenset(
    ["", "adoc", "authors", "changes", "csv", "log", "md", "news", "po", "pot", "rst", "svg", "tex", "txt"]
)
_FAMILIES = (
    frozenset(["c", "cpp", "objc", "cuda"]),
    frozenset(["javascript", "typescript", "tsx", "vue", "svelte"]),
    frozenset(["java", "kotlin", "scala", "groovy"]),
)
_IMPLICIT_THIS = frozenset(["java", "kotlin", "scala", "groovy", "csharp", "cpp", "swift", "dart", "ruby"])

Added = Mapping[str, Mapping[str, frozenset[bytes]]]
"""Name to path to the added lines that hold the name."""

_Use = tuple[str, Occurrence, bytes]
"""Path, place, and the line."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Diff:
    """The names in what one side did since the fork."""

    role: str
    removed: Mapping[str, frozenset[str]]
    """Name to the files with a removed line that holds it, unless the side added it, too."""
    added: Added


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Gone:
    """A definition that one side took away."""

    name: str
    path: str
    definition: Definition

    @property
    def language(self) -> str:
        return language_of(self.path) or ""

    @property
    def homes(self) -> frozenset[bytes]:
        """What code elsewhere calls the place by: the file's stem and the folders around it."""
        folders, _, name = encode_path(self.path).rpartition(b"/")
        return frozenset([name.partition(b".")[0], *folders.split(b"/")]) - {b""}


def clean_but_suspicious(git: Git, *, fork: str, onto: str, tip: str, result: str) -> Gate:
    """Nothing that one side added uses a definition that the other took away. `result` is a commit or a tree."""
    try:
        agent, target = _diff(git, "agent", fork, tip), _diff(git, "target", fork, onto)
        for remover, user in ((target, agent), (agent, target)):
            for use in _stale(git, fork, result, remover, user):
                return Gate(name=STALE_SYMBOLS, passed=False, why=use)
    except (GitError, Unreadable) as e:
        return Gate(name=STALE_SYMBOLS, passed=True, why=f"not examined: {e}")
    return Gate(name=STALE_SYMBOLS, passed=True)


class _Bounds:
    """Which files of a difference are looked at; `Unreadable` where they are too much together."""

    def __init__(self) -> None:
        self.left = _MAX_LINES

    def __call__(self, path: str, lines: int) -> bool:
        if lines > _MAX_FILE_LINES or language_of(path) is None:
            return False
        self.left -= lines
        if self.left < 0:
            raise Unreadable(f"a side changes more than {_MAX_LINES} lines of code")
        return True


def _diff(git: Git, role: str, fork: str, tip: str) -> _Diff:
    removed: dict[str, set[str]] = defaultdict(set)
    added: dict[str, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))
    for line in changed_lines(git, fork, tip, max_mib=_MAX_DIFF_MIB, wanted=_Bounds()):
        if len(line.text) > _MAX_LINE_BYTES:
            continue
        for word in _NAME.findall(line.text):
            name = word.decode("utf-8", "surrogateescape")
            if line.added:
                added[name][line.path].add(line.text)
            else:
                removed[name].add(line.path)
    return _Diff(
        role=role,
        removed={name: frozenset(paths) for name, paths in removed.items() if name not in added},
        added={n: {path: frozenset(texts) for path, texts in by.items()} for n, by in added.items()},
    )


def _stale(git: Git, fork: str, result: str, remover: _Diff, user: _Diff) -> Iterator[str]:
    names = remover.removed.keys() & user.added.keys()
    if not names or len(names) > _MAX_NAMES:
        return
    gone = _definitions(git, fork, {name: remover.removed[name] for name in names})
    for uses in _uses(git, result, gone.keys(), user.added):
        path, first, _ = uses[0]
        for one in gone[first.name]:
            imports = [use for use in uses if use[1].role == "import"]
            # A file that imports the name says where from; in any other file each use speaks for itself.
            meant = [use for use in imports or uses if _meant(one, *use)]
            if meant:
                yield (
                    f"{show_path(one.name)}, which the {remover.role} took away from {show_path(one.path)}, "
                    f"is used in what the {user.role} added: {show_path(path)}, line {meant[0][1].row + 1}"
                )


def _definitions(git: Git, fork: str, names: Mapping[str, frozenset[str]]) -> Mapping[str, list[_Gone]]:
    """Those names that had a definition in one of their files."""
    paths = sorted({path for files in names.values() if len(files) <= _MAX_FILES for path in files})
    gone: dict[str, list[_Gone]] = defaultdict(list)
    for path, content in _blobs(git, fork, paths[: 5 * _MAX_FILES]).items():
        try:
            found = outline(path, content)
        except Unreadable:
            continue
        for one in found.definitions if found else ():
            if path in names.get(one.name, ()) and not (path.endswith(".py") and hasattr(builtins, one.name)):
                gone[one.name].append(_Gone(name=one.name, path=path, definition=one))
    return gone


def _uses(git: Git, result: str, names: Collection[str], added: Added) -> Iterator[list[_Use]]:
    """For each file the uses on added lines, of names that stand in code nowhere else."""
    files = _files_with(git, result, names)
    contents = _blobs(git, result, {path for paths in files.values() for path in paths})
    for name in sorted(files):
        by_file: list[list[_Use]] = []
        for path in sorted(files[name]):
            found = _in_file(path, contents.get(path), name, added[name].get(path, frozenset()))
            if found is None:
                break
            by_file += [found] if found else []
        else:
            yield from by_file


def _files_with(git: Git, treeish: str, names: Collection[str]) -> Mapping[str, set[str]]:
    """The files in which each name stands as a word; names that stand in too many are left out."""
    if not names:
        return {}
    patterns = [part for name in sorted(names) for part in ("-e", name)]
    options = ("-z", "-o", "-w", "-F", "-I", "--no-color", "--full-name", "--no-recurse-submodules")
    done = git.run("grep", *options, *patterns, check_oid(treeish), ok=(0, 1), timeout_seconds=_GREP_SECONDS)
    files: dict[str, set[str]] = defaultdict(set)
    for match in re.finditer(rb"[0-9a-f]+:([^\0]+)\0([^\n]*)\n", done.stdout):
        files[match[2].decode("utf-8", "surrogateescape")].add(decode_path(match[1]))
    return {name: paths for name, paths in files.items() if len(paths) <= _MAX_FILES}


def _in_file(path: str, content: bytes | None, name: str, added: frozenset[bytes]) -> list[_Use] | None:
    """The uses of a name in a file, all on added lines; none where that isn't so, or can't be known."""
    if language_of(path) is None:
        extension = path.rpartition("/")[2].rpartition(".")[2].lower()
        return [] if extension in _PROSE else None
    try:
        found = None if content is None else occurrences(path, content, [name])
    except Unreadable:
        return None
    if content is None or found is None:
        return None
    lines = content.split(b"\n")
    uses = [(path, one, lines[one.row]) for one in found if one.role != "key"]
    return uses if all(one.role != "binding" and line in added for _, one, line in uses) else None


def _meant(gone: _Gone, path: str, use: Occurrence, line: bytes) -> bool:
    """The use can mean that very definition: its language, and how it is reached."""
    language = language_of(path) or ""
    family = next((one for one in _FAMILIES if gone.language in one), frozenset([gone.language]))
    if language not in family:
        return False
    if use.role == "import":
        return any(re.search(rb"\b" + re.escape(home) + rb"\b", line) for home in gone.homes)
    qualified = _QUALIFIED.search(line[: use.column])
    if gone.definition.member:
        return qualified is not None or language in _IMPLICIT_THIS
    return qualified is None or qualified[1] in gone.homes


def _blobs(git: Git, treeish: str, paths: Collection[str]) -> Mapping[str, bytes]:
    """Files of a commit or tree by path, those that are there and are files."""
    asked = [path for path in paths if "\n" not in path]
    stdin = b"".join(check_oid(treeish).encode() + b":" + encode_path(path) + b"\n" for path in asked)
    raw = git.run("cat-file", "--batch", stdin=stdin, max_output_mib=128).stdout if asked else b""
    found, at = {}, 0
    for path in asked:
        end = raw.index(b"\n", at)
        words = raw[at:end].split(b" ")
        at = end + 1
        if len(words) == 3 and words[2].isdigit() and words[1] in {b"blob", b"tree", b"commit"}:
            size = int(words[2])
            if words[1] == b"blob":
                found[path] = raw[at : at + size]
            at += size + 1
    return found
