"""Which conflicts are asked about together: files whose changes belong together.

* Tied by names (`foo.c` and `foo.h`, `x` and `test_x`, a rename's two names), by an import of one in the other, or by
  a rare word that both changed. Stronger ties first.
* A cluster never grows beyond a size that a model can look at closely; a tie that would make it do so is ignored.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from git_ops.conflict import Conflict

MAX_FILES = 8
MAX_CHARS = 30_000
_RARE = 3
"""A changed word ties files together if no more than this many of them have it."""
_WORD = re.compile(rb"[A-Za-z_]\w{3,63}")
_IMPORT = re.compile(
    rb"^\W{0,4}(?:import|from|use|using|require|include|export|mod)\b[^\n]{0,300}|^[^\n]{0,200}\brequire\([^\n]{0,200}",
    re.MULTILINE,
)
_TEST_NAME = re.compile(r"^tests?[_-]|[._-](?:tests?|spec)$|(?<=[a-z0-9])Tests?$")
_COMMON_STEMS = {"", "__init__", "index", "main", "mod", "test", "tests", "readme", "makefile"}


def clusters_of(conflicts: Sequence[Conflict]) -> list[tuple[Conflict, ...]]:
    """The conflicts in clusters, each in the order given."""
    groups = _Groups([weight(conflict) for conflict in conflicts])
    for one, other in _ties(conflicts):
        groups.join(one, other)
    return [tuple(conflicts[i] for i in members) for members in groups.members()]


def weight(conflict: Conflict) -> int:
    """Characters that its hunks take."""
    return sum(len(hunk.base) + len(hunk.target) + len(hunk.agent) for hunk in conflict.hunks)


class _Groups:
    """Union-find with a limit on a group's size."""

    def __init__(self, weights: Sequence[int]) -> None:
        self._parent = list(range(len(weights)))
        self._weight = list(weights)
        self._count = [1] * len(weights)

    def join(self, one: int, other: int) -> None:
        """Make one group of two, unless it would be too large."""
        a, b = sorted((self._root(one), self._root(other)))
        too_many = self._count[a] + self._count[b] > MAX_FILES
        if a == b or too_many or self._weight[a] + self._weight[b] > MAX_CHARS:
            return
        self._parent[b] = a
        self._weight[a] += self._weight[b]
        self._count[a] += self._count[b]

    def members(self) -> list[list[int]]:
        """The groups, by their first member."""
        found: dict[int, list[int]] = defaultdict(list)
        for i in range(len(self._parent)):
            found[self._root(i)].append(i)
        return list(found.values())

    def _root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i


def _ties(conflicts: Sequence[Conflict]) -> Iterator[tuple[int, int]]:
    """Pairs that belong together, strongest ties first. Linear: everything that shares a key is tied in a row."""
    yield from _sharing((i, path) for i, c in enumerate(conflicts) for path in {c.path, *c.paths, *c.stages})
    yield from _sharing((i, _place(c.path)) for i, c in enumerate(conflicts))
    yield from _tests(conflicts)
    yield from _imports(conflicts)
    yield from _rare_words(conflicts)


def _sharing(keys: Iterable[tuple[int, object]]) -> Iterator[tuple[int, int]]:
    last: dict[object, int] = {}
    for i, key in keys:
        if key in last and last[key] != i:
            yield last[key], i
        last[key] = i


def _place(path: str) -> tuple[str, str]:
    """Directory and stem."""
    return str(PurePosixPath(path).parent), _stem(path)


def _stem(path: str) -> str:
    return PurePosixPath(path).name.lstrip(".").partition(".")[0]


def _subject(path: str) -> str:
    """What a test is called after; other files are their own subject."""
    name = PurePosixPath(path).name
    return _TEST_NAME.sub("", name.rpartition(".")[0] or name).lower()


def _tests(conflicts: Sequence[Conflict]) -> Iterator[tuple[int, int]]:
    subjects = [(i, _subject(c.path)) for i, c in enumerate(conflicts)]
    tested = {
        subject for i, subject in subjects if subject != PurePosixPath(conflicts[i].path).stem.lower()
    } - _COMMON_STEMS
    yield from _sharing((i, subject) for i, subject in subjects if subject in tested)


def _imports(conflicts: Sequence[Conflict]) -> Iterator[tuple[int, int]]:
    """One file's import lines name another."""
    by_stem: dict[bytes, list[int]] = defaultdict(list)
    for i, conflict in enumerate(conflicts):
        if (stem := _stem(conflict.path)).lower() not in _COMMON_STEMS:
            by_stem[stem.encode("utf-8", "surrogateescape")].append(i)
    for i, conflict in enumerate(conflicts):
        lines = b"\n".join(_IMPORT.findall(conflict.target.content or b"" if conflict.target else b""))
        for word in sorted(set(re.findall(rb"[\w-]+", lines)) & by_stem.keys()):
            yield from ((i, j) for j in by_stem[word][:MAX_FILES] if i != j)


def _rare_words(conflicts: Sequence[Conflict]) -> Iterator[tuple[int, int]]:
    """Both have a word that few others changed."""
    changed = [_changed_words(conflict) for conflict in conflicts]
    counts = Counter(word for words in changed for word in words)
    yield from _sharing(
        (i, word) for i, words in enumerate(changed) for word in sorted(words) if counts[word] <= _RARE
    )


def _changed_words(conflict: Conflict) -> set[bytes]:
    """Words that a side has in the hunks and BASE hasn't, or the other way round."""
    words: set[bytes] = set()
    for hunk in conflict.hunks:
        base, target, agent = (set(_WORD.findall(text)) for text in (hunk.base, hunk.target, hunk.agent))
        words |= (base ^ target) | (base ^ agent)
    return words
