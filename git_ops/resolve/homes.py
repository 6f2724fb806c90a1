"""Where a file went that one side no longer has: followed commit by commit, or found among the new files.

* A rename that one commit shows is believed. It is often too dissimilar between the tips to be seen there.
* Otherwise the new home is the new file that shares most of its telling lines, by far: boilerplate doesn't count, and
  a file that Git takes for another one's successor isn't asked.
* Bounded: so many hops, so many candidates, one read for all.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from git_ops import lookup
from git_ops.conflict import Side
from git_ops.process import Git
from git_ops.similarity import boilerplate_of, similarity, telling_lines

MIN_SIMILARITY = 0.3
_SURE_SIMILARITY = 0.5
_CLEARLY_BETTER = 1.5
_FEWEST_LINES = 3
_HOPS = 8
_CANDIDATES = 300
_SIBLINGS = 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The path at which a side has the file now."""

    path: str
    side: Side
    sure: bool
    """Sure enough to put a question about its text to someone; otherwise only a clean merge proves it."""
    why: str


def find_home(git: Git, *, fork: str, tip: str, old: str, base: Side) -> Home | None:
    """Where the file `old` of the commit `fork` is in `tip`, which has none of that name."""
    if base.content is None:
        return None
    return _followed(git, fork=fork, tip=tip, old=old) or _most_similar(
        git, fork=fork, tip=tip, old=old, text=base.content
    )


def best_match(text_lines: Counter[bytes], others: Mapping[str, Counter[bytes]]) -> tuple[str, float] | None:
    """The text that shares most with the first one, if it is clearly better than the second best."""
    ranked = sorted(((similarity(text_lines, lines), path) for path, lines in others.items()), reverse=True)
    if not ranked or ranked[0][0] < MIN_SIMILARITY:
        return None
    if len(ranked) > 1 and ranked[0][0] < _CLEARLY_BETTER * ranked[1][0]:
        return None
    return ranked[0][1], ranked[0][0]


def alike(path: str, others: Iterable[str]) -> list[str]:
    """Those with the same name or the same extension, those with the same name first; boundedly many."""
    name, extension = _name(path), _extension(path)
    fitting = [
        (_name(other) != name, other)
        for other in others
        if _name(other) == name or (extension and _extension(other) == extension)
    ]
    return [other for _, other in sorted(fitting)[:_CANDIDATES]]


def _followed(git: Git, *, fork: str, tip: str, old: str) -> Home | None:
    since, path = fork, old
    for _ in range(_HOPS):
        options = ("-1", "--format=%H %P", "--full-history", "--no-merges", "--no-renames", "--diff-filter=D")
        found = git.text("log", *options, f"{since}..{tip}", "--", path)
        if found.count(" ") != 1:
            return None
        since, parent = found.split(" ")
        renames = lookup.renames(git, parent, since)
        path = next((rename.new for rename in renames if rename.old == path), "")
        if not path:
            return None
        side = lookup.sides_at(git, tip, [path]).get(path)
        if side is not None and side.is_file:
            filled = dataclasses.replace(side, content=lookup.read(git, [side]).get(side.oid))
            return Home(path=path, side=filled, sure=True, why=f"commit {since[:10]} renamed it")
    return None


def _most_similar(git: Git, *, fork: str, tip: str, old: str, text: bytes) -> Home | None:
    successors = {rename.new for rename in lookup.renames(git, fork, tip)}
    new = {
        path: side
        for path, side in lookup.added(git, fork, tip).items()
        if side.is_file and path not in successors
    }
    candidates = {path: new[path] for path in alike(old, new)}
    if not candidates:
        return None
    siblings = _siblings(git, fork, old)
    contents = _read(git, tuple(candidates.values())) | lookup.read(git, siblings)
    known = {path: contents[side.oid] for path, side in candidates.items() if side.oid in contents}
    usual = boilerplate_of([*known.values(), *(contents.get(side.oid, b"") for side in siblings)])
    lines = telling_lines(text, usual)
    if lines.total() < _FEWEST_LINES:
        return None
    match = best_match(lines, {path: telling_lines(content, usual) for path, content in known.items()})
    if match is None:
        return None
    path, score = match
    return Home(
        path=path,
        side=dataclasses.replace(candidates[path], content=known[path]),
        sure=score >= _SURE_SIMILARITY or _name(path) == _name(old),
        why=f"it shares {score:.0%} of its lines with this new file, far more than with any other",
    )


@lru_cache(maxsize=1)
def _read(git: Git, sides: tuple[Side, ...]) -> dict[str, bytes]:
    """The contents of candidates: files that went together mostly have the same ones."""
    return lookup.read(git, sides)


def _siblings(git: Git, commit: str, path: str) -> list[Side]:
    """Some other files of the same sort in the same directory: they show what is boilerplate there."""
    folder = path.rpartition("/")[0]
    near = [name for name in lookup.below(git, commit, folder, deep=False) if name != path]
    wanted = [name for name in near if _extension(name) == _extension(path)][:_SIBLINGS]
    return [side for side in lookup.sides_at(git, commit, wanted).values() if side.is_file]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _extension(path: str) -> str:
    stem, dot, extension = _name(path).rpartition(".")
    return extension if dot and stem else ""
