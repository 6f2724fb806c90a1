"""From a merge's stages and typed messages to conflicts: one for each group of paths that belong together.

* Decided by the exit code and the typed messages, not by the stages alone: those can be empty, and prose may change.
* Paths named together in one message are one group, and so is a name that Git made up (`p~label`) with the path
  people know, and what lies below that where it is a directory. A name counts as made up only because a message
  says so: a file that people called `x~y` is safe.
* Where a side's stage holds Git's own marked-up merge in place of the side's file (renames), the file is read from
  that side's commit; without the commits it stays unknown (None), never wrong.
* Hunks are there where the conflict is one path's text. Kinds about names have none, because a text at a path that
  isn't decided yet settles nothing; their `Reduced.rest` or `Option.rest` has them, made with `with_hunks`.

Kinds, and where the parts are:

content             both sides changed one text                                   stages 1 2 3, hunks
add/add             both added a text at one path                                 stages 2 3, hunks
mode                one content, modes that differ                                stages 2 3 or 1 2 3
symlink             both changed where a link goes                                links; contents are the link texts
submodule           both moved a submodule                                        gitlinks
binary              not text, or an attribute says so                             no hunks
lfs-pointer         a side has a pointer to a large file in place of the file     no hunks
large               text beyond what is read                                      no hunks
generated           a lock file or other work of a program (`generated.py`)       no hunks
modify/delete       one side deleted what the other changed                       stages 1 2 or 1 3
rename/delete       one side deleted what the other renamed                       at the new name; base is the old file
rename/rename       both renamed one file, differently                            old 1, target's name 2, agent's 3
rename/rename-2to1  two files renamed to one name                                 stages 2 3, unrelated texts
rename/add          a file renamed to where the other side added one              stages 2 3, unrelated texts
rename-collision    the same, and the renamed file itself conflicts               a stage may hold Git's marked-up text
directory-rename    a file in a directory that the other side renamed             at the suggested new name
directory-rename-split      the directory went to several places                  no stages; `path` is the directory
directory-rename-collision  several files would move to one name                  often no stages
file/directory      a file where the other side has a directory                   `path` is the real one
distinct-types      a file, link or submodule where the other side has another    `path` is the real one
unknown             anything else, Git's errors included
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping

from git_ops import lookup
from git_ops.conflict import LINK, SUBMODULE, Conflict, Side
from git_ops.generated import declared_generated, recipe_for
from git_ops.hunks import is_lfs_pointer, split
from git_ops.mergetree import Merged, Message
from git_ops.process import Git

_TYPE = re.compile(r"(CONFLICT|ERROR) *\((.*)\)$", re.DOTALL)
_KINDS = {  # Git's words, the more telling ones first
    "rename/rename": "rename/rename",
    "rename involved in collision": "rename-collision",
    "file/directory": "file/directory",
    "distinct modes": "distinct-types",
    "distinct types": "distinct-types",
    "rename/delete": "rename/delete",
    "directory rename unclear split": "directory-rename-split",
    "directory rename collision": "directory-rename-collision",
    "file in way of directory rename": "directory-rename-collision",
    "directory rename suggested": "directory-rename",
    "modify/delete": "modify/delete",
    "contents": "content",
    "binary": "content",
}
_PARKING = frozenset({"file/directory", "distinct modes", "distinct types"})
_TEXT = frozenset({"content", "add/add"})


def conflicts_of(
    git: Git, merged: Merged, *, fork: str | None = None, onto: str | None = None, tip: str | None = None
) -> tuple[Conflict, ...]:
    """The conflicts of a merge; where it isn't clean never empty, whatever the stages say.

    `fork`, `onto` and `tip` are the commits that were merged: BASE, TARGET and AGENT. Without them, renamed files
    that Git marked up stay unknown, `rename/add` is told as `add/add`, and no attribute is read.
    """
    if merged.clean:
        return ()
    groups = _groups(merged)
    commits = _Commits(fork=fork, onto=onto, tip=tip)
    conflicts = [_named(merged, group) for group in groups]
    conflicts = _true_sides(git, groups, conflicts, commits)
    contents = lookup.read(git, [side for conflict in conflicts for side in _parts(conflict)])
    conflicts = [_filled(conflict, contents) for conflict in conflicts]
    conflicts = _renamed_adds(git, conflicts, commits)
    conflicts = _generated(git, conflicts, commits)
    return tuple(with_hunks(git, conflict) for conflict in conflicts)


def with_hunks(git: Git, conflict: Conflict) -> Conflict:
    """The conflict with its text taken apart, where it is one path's text; `between` alone where that merges clean."""
    base, target, agent = conflict.base, conflict.target, conflict.agent
    if conflict.kind not in _TEXT or not target or not agent:
        return conflict
    texts = [side.content for side in (target, agent)]
    origin = b"" if base is None else base.content
    if origin is None or None in texts:
        return dataclasses.replace(conflict, kind="large")
    found = split(git, base=origin, target=texts[0] or b"", agent=texts[1] or b"")
    if found is None:
        return dataclasses.replace(conflict, kind="binary")
    return dataclasses.replace(conflict, between=found.between, hunks=found.hunks)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Commits:
    fork: str | None
    onto: str | None
    tip: str | None


@dataclasses.dataclass(slots=True, kw_only=True)
class _Group:
    """Paths that belong together and what Git says of them."""

    paths: list[str]
    told: list[tuple[str, Message]] = dataclasses.field(default_factory=list)

    def words(self) -> frozenset[str]:
        return frozenset(word for word, _ in self.told)

    def named(self, word: str) -> Message | None:
        return next((message for said, message in self.told if said == word), None)


def _groups(merged: Merged) -> list[_Group]:
    """Connected paths, by name."""
    told = list(_told(merged.messages))
    roots = _Roots()
    for _, message in told:
        roots.join(message.paths)
    for path in merged.stages:
        roots.join((path,))
    in_the_way = set(parked_names((word, message.paths) for word, message in told).values())
    for path in roots.all() if in_the_way else ():
        roots.join((path, *(above for above in _directories_above(path) if above in in_the_way)))
    groups: dict[str, _Group] = {}
    for path in roots.all():
        groups.setdefault(roots.of(path), _Group(paths=[])).paths.append(path)
    for word, message in told:
        groups[roots.of(message.paths[0])].told.append((word, message))
    if not groups:
        said = "; ".join(message.text for message in merged.messages) or "Git couldn't merge"
        groups["."] = _Group(paths=["."], told=[("unknown", Message(paths=(".",), type="", text=said))])
    return sorted(groups.values(), key=lambda group: min(group.paths))


def _directories_above(path: str) -> Iterator[str]:
    return (path[:i] for i, char in enumerate(path) if char == "/")


def _told(messages: Iterable[Message]) -> Iterator[tuple[str, Message]]:
    for message in messages:
        match = _TYPE.match(message.type)
        if match and message.paths:
            yield ("error: " if match[1] == "ERROR" else "") + match[2], message


class _Roots:
    """Which paths are connected (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def join(self, paths: Iterable[str]) -> None:
        first = None
        for path in paths:
            self._parent.setdefault(path, path)
            if first is None:
                first = self.of(path)
            else:
                self._parent[self.of(path)] = first

    def of(self, path: str) -> str:
        while self._parent[path] != path:
            self._parent[path] = self._parent[self._parent[path]]
            path = self._parent[path]
        return path

    def all(self) -> tuple[str, ...]:
        return tuple(self._parent)


def parked_names(types_and_paths: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    """Names that Git made up, and the path each stands for: `p~label` where the same message names `p` as well."""
    found: dict[str, str] = {}
    for word, paths in types_and_paths:
        if word in _PARKING:
            for real in paths:
                found |= {path: real for path in paths if path.startswith(f"{real}~")}
    return found


def _named(merged: Merged, group: _Group) -> Conflict:
    """The conflict by its names: kind, path and stages, nothing read yet."""
    parked = parked_names((word, message.paths) for word, message in group.told)
    words = group.words()
    kind = next((kind for word, kind in _KINDS.items() if word in words), "unknown")
    if kind == "unknown" and any(word.startswith("submodule") for word in words):
        kind = "content"
    path = _path_for_people(group, kind, parked, merged)
    stages = {p: merged.stages[p] for p in sorted(group.paths) if p in merged.stages}
    sides: dict[int, Side] = {}
    for p in sorted(stages, key=lambda p: (p != path, parked.get(p) != path, p)):
        for stage, side in stages[p].items():
            sides.setdefault(stage, side)
    conflict = Conflict(
        path=path,
        kind=kind,
        paths=tuple(dict.fromkeys([path, *(p for _, message in group.told for p in message.paths), *stages])),
        stages=stages,
        base=sides.get(1),
        target=sides.get(2),
        agent=sides.get(3),
        types=tuple(dict.fromkeys(word for word, _ in group.told)),
        message="; ".join(dict.fromkeys(message.text for _, message in group.told))
        or "Git left this path unmerged",
    )
    return dataclasses.replace(conflict, kind=_by_objects(conflict)) if kind == "content" else conflict


def _path_for_people(group: _Group, kind: str, parked: Mapping[str, str], merged: Merged) -> str:
    for word, place in (("rename/rename", 1), ("file/directory", 1), ("rename/delete", 0)):
        message = group.named(word)
        if kind == _KINDS[word] and message and len(message.paths) > place:
            return message.paths[place]
    if kind.startswith("directory-rename") or kind in {"distinct-types", "rename-collision"}:
        first = next(message for word, message in group.told if _KINDS.get(word) == kind).paths[0]
        return parked.get(first, first)
    real = [path for path in group.paths if path not in parked]
    return min(real, key=lambda path: (path not in merged.stages, path))


def _by_objects(conflict: Conflict) -> str:
    """The kind of a conflict of contents, by what is there."""
    sides = [side for side in (conflict.base, conflict.target, conflict.agent) if side]
    if any(side.mode == SUBMODULE for side in sides):
        return "submodule"
    if sides and all(side.mode == LINK for side in sides):
        return "symlink"
    if not (conflict.target and conflict.agent and all(side.is_file for side in sides)):
        return "unknown"
    if conflict.target.oid == conflict.agent.oid:
        return "mode"
    if "binary" in conflict.types:
        return "binary"
    return "content" if conflict.base else "add/add"


def _parts(conflict: Conflict) -> Iterator[Side]:
    yield from (side for side in (conflict.base, conflict.target, conflict.agent) if side)


def _true_sides(
    git: Git, groups: list[_Group], conflicts: list[Conflict], commits: _Commits
) -> list[Conflict]:
    """For kinds where a stage may hold Git's own merge: what each side really has, by name."""
    names = [_names(group, conflict) for group, conflict in zip(groups, conflicts, strict=True)]
    onto, tip = (
        lookup.sides_at(git, commit, [name for pair in names for name in pair[i]]) if commit else {}
        for i, commit in enumerate((commits.onto, commits.tip))
    )
    return [
        dataclasses.replace(conflict, target=_first(onto, pair[0]), agent=_first(tip, pair[1]))
        if any(pair)
        else conflict
        for conflict, pair in zip(conflicts, names, strict=True)
    ]


def _names(group: _Group, conflict: Conflict) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names under which the target and the agent may have the file, likeliest first; empty: ask the stages."""
    if conflict.kind == "rename-collision":
        return (conflict.path,), (conflict.path,)
    message = group.named("rename/rename") if conflict.kind == "rename/rename" else None
    if message is None or len(message.paths) != 3:
        return (), ()
    moved = {
        told.paths[0]: told.paths[1:] for word, told in group.told if word == "directory rename suggested"
    }
    _, target, agent = message.paths
    return (target, *moved.get(target, ())), (agent, *moved.get(agent, ()))


def _first(found: Mapping[str, Side], names: Iterable[str]) -> Side | None:
    return next((found[name] for name in names if name in found), None)


def _filled(conflict: Conflict, contents: dict[str, bytes]) -> Conflict:
    base, target, agent = (
        lookup.filled(side, contents) for side in (conflict.base, conflict.target, conflict.agent)
    )
    full = dataclasses.replace(conflict, base=base, target=target, agent=agent)
    if conflict.kind in _TEXT | {"binary"} and any(
        is_lfs_pointer(side.content or b"") for side in _parts(full)
    ):
        return dataclasses.replace(full, kind="lfs-pointer")
    return full


def _renamed_adds(git: Git, conflicts: list[Conflict], commits: _Commits) -> list[Conflict]:
    """`add/add` where a side didn't add the file but renamed another one to this name, which Git doesn't say."""
    suspects = [conflict for conflict in conflicts if conflict.kind == "add/add"]
    if not suspects or not (commits.fork and commits.onto and commits.tip):
        return conflicts
    new = [
        {rename.new for rename in lookup.renames(git, commits.fork, side)}
        for side in (commits.onto, commits.tip)
    ]
    kinds = {0: "add/add", 1: "rename/add", 2: "rename/rename-2to1"}
    return [
        dataclasses.replace(conflict, kind=kinds[sum(conflict.path in names for names in new)])
        if conflict.kind == "add/add"
        else conflict
        for conflict in conflicts
    ]


def _generated(git: Git, conflicts: list[Conflict], commits: _Commits) -> list[Conflict]:
    possible = [conflict for conflict in conflicts if conflict.kind in _TEXT | {"binary"}]
    paths = [conflict.path for conflict in possible]
    declared = declared_generated(git, commits.onto, paths) if commits.onto and paths else {}
    return [
        dataclasses.replace(conflict, kind="generated")
        if conflict.kind in _TEXT | {"binary"} and _is_generated(conflict, declared.get(conflict.path))
        else conflict
        for conflict in conflicts
    ]


def _is_generated(conflict: Conflict, declared: bool | None) -> bool:  # noqa: FBT001  # an attribute's value
    content = conflict.target.content if conflict.target else None
    return recipe_for(conflict.path, content, declared=declared) is not None
