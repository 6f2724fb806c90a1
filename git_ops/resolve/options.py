"""The closed questions: every answer that makes sense for a conflict about names, types or whole objects.

* Each option decides every path that has stages. A name that Git made up always goes.
* Nothing is put together: where an option leaves a text to merge, that is its `rest`.
* A text with hunks and a generated file have no options: the first is merged, the second made anew.
"""

from collections.abc import Callable, Iterator
from itertools import count

from git_ops import lookup
from git_ops.conflict import LINK, SUBMODULE, Conflict, File, Option, Side
from git_ops.objects import show_path
from git_ops.resolve.chain import Context
from git_ops.resolve.clashes import sort_of
from git_ops.resolve.directories import directories, mover_of
from git_ops.resolve.renamed import stage_names
from git_ops.resolve.rest import clean_text, rest_at

_MOST_DESTINATIONS = 5
_MOST_FILES = 1_000
"""An option that would touch more files isn't offered."""

Files = dict[str, File | None]


def options_of(conflict: Conflict, context: Context) -> tuple[Option, ...]:
    """The options, the target's first; empty where the question isn't a closed one."""
    if conflict.hunks or conflict.kind == "generated":
        return ()
    found = tuple(_BY_KIND.get(conflict.kind, _each_side)(conflict, context))
    return found or tuple(_each_side(conflict, context))


def _whole(conflict: Conflict, context: Context) -> Iterator[Option]:  # noqa: ARG001  # one signature for all
    path = conflict.path
    if tuple(conflict.stages) != (path,):
        return
    for name, side, whose in (
        ("keep-target", conflict.target, "target's"),
        ("take-agent", conflict.agent, "agent's"),
    ):
        if side:
            yield Option(
                name=name,
                meaning=f"{show_path(path)} is {_told(side, whose)}; the other version is dropped",
                files={path: File.of(side)},
            )


def _deleted(conflict: Conflict, context: Context) -> Iterator[Option]:  # noqa: ARG001  # one signature for all
    edited = conflict.target or conflict.agent
    if edited is None or (conflict.target and conflict.agent) or len(conflict.stages) != 1:
        return
    editor, deleter = ("target", "agent") if conflict.target else ("agent", "target")
    path = show_path(conflict.path)
    keep = Option(
        name="keep-modified",
        meaning=f"{path} stays as the {editor} has it; the {deleter}'s deletion is given up",
        files={conflict.path: File.of(edited)},
    )
    drop = Option(
        name="keep-deleted",
        meaning=f"{path} stays deleted, as the {deleter} has it; the {editor}'s edit is dropped",
        files=_gone(conflict),
    )
    yield from (keep, drop) if conflict.target else (drop, keep)


def _renamed(conflict: Conflict, context: Context) -> Iterator[Option]:
    base, target, agent = conflict.base, conflict.target, conflict.agent
    names = stage_names(conflict)
    if names is None or base is None or target is None or agent is None:
        return
    for name, path in (("target-name", names[1]), ("agent-name", names[2])):
        rest = rest_at(context.git, conflict, path, base=base, target=target, agent=agent)
        meaning = f"the file is called {show_path(path)}, and both sides' changes are merged there"
        yield _merging(name, meaning, {other: None for other in names if other != path}, rest)


def _one_name(conflict: Conflict, context: Context) -> Iterator[Option]:
    """Two files at one path: either, or both under two names."""
    path, target, agent = conflict.path, conflict.target, conflict.agent
    yield from _whole(conflict, context)
    if target is None or agent is None or tuple(conflict.stages) != (path,):
        return
    renamed = [
        rename.old for rename in lookup.renames(context.git, context.fork, context.tip) if rename.new == path
    ]
    free = [old for old in renamed if not lookup.sides_at(context.git, context.merged_tree, [old])]
    aside = free[0] if free else _free_name(conflict, context)
    yield Option(
        name="keep-both",
        meaning=f"{show_path(path)} is the target's file, the agent's goes to {show_path(aside)}",
        files={path: File.of(target), aside: File.of(agent)},
    )


def _directory_rename(conflict: Conflict, context: Context) -> Iterator[Option]:
    if len(conflict.paths) != 2 or tuple(conflict.stages) != (conflict.path,):
        return
    new, old = conflict.paths
    base, target, agent = conflict.base, conflict.target, conflict.agent
    there, here = f"the file follows its directory to {show_path(new)}", f"the file stays at {show_path(old)}"
    if target and agent and base:
        for name, path, meaning in (("follow", new, there), ("stay", old, here)):
            rest = rest_at(context.git, conflict, path, base=base, target=target, agent=agent)
            gone: Files = {} if path == new else {new: None}
            yield _merging(name, f"{meaning}; both sides' changes are merged", gone, rest)
    elif target and agent:
        moved, other = (agent, target) if mover_of(context, old) == context.onto else (target, agent)
        files: Files = {new: File.of(other), old: File.of(moved)}
        yield Option(name="stay", meaning=f"{here}; {show_path(new)} is the other side's", files=files)
        rest = rest_at(context.git, conflict, new, base=None, target=target, agent=agent)
        yield _merging("merge", f"both are one file at {show_path(new)}", {}, rest)
    elif side := target or agent:
        yield Option(name="follow", meaning=there, files={new: File.of(side)})
        yield Option(name="stay", meaning=here, files={new: None, old: File.of(side)})


def _directory_split(conflict: Conflict, context: Context) -> Iterator[Option]:
    folder = conflict.path
    yield Option(
        name="stay",
        meaning=f"what is in {show_path(folder)} stays there, although the directory's other files have left",
        files={},
    )
    mover = context.tip if lookup.is_directory(context.git, context.onto, folder) else context.onto
    left = lookup.below(context.git, context.merged_tree, folder)
    if len(left) > _MOST_FILES:
        return
    here = lookup.sides_at(context.git, context.merged_tree, left)
    renames = lookup.renames(context.git, context.fork, mover)
    pairs = (directories(rename.old, rename.new) for rename in renames if rename.old.startswith(f"{folder}/"))
    places = dict.fromkeys(after for before, after in pairs if before == folder)
    for i, place in enumerate(list(places)[:_MOST_DESTINATIONS], 1):
        moved = {path: f"{place}{path.removeprefix(folder)}" for path in here}
        if lookup.sides_at(context.git, context.merged_tree, moved.values()):
            continue
        files = dict.fromkeys(here) | {moved[path]: File.of(side) for path, side in here.items()}
        yield Option(
            name=f"move-{i}",
            meaning=f"all that is left in {show_path(folder)} moves to {show_path(place)}",
            files=files,
        )


def _collision(conflict: Conflict, context: Context) -> Iterator[Option]:
    if not conflict.stages:
        meaning = "every file stays where its side put it; none follows the renamed directory"
        yield Option(name="stay", meaning=meaning, files={})
    else:
        yield from _each_side(conflict, context)


def _file_directory(conflict: Conflict, context: Context) -> Iterator[Option]:
    path, sides = conflict.path, (conflict.target, conflict.agent)
    if len(conflict.stages) != 1 or (sides[0] is None) == (sides[1] is None):
        return
    side = sides[0] or sides[1]
    assert side is not None  # noqa: S101  # one of the two is, as was just seen
    inside = lookup.below(context.git, context.merged_tree, path)
    gone, aside = _gone(conflict), _free_name(conflict, context)
    directory = Option(
        name="take-agent" if sides[0] else "keep-target",
        meaning=f"{show_path(path)} is a directory; the other side's file of that name is dropped",
        files=gone,
    )
    file = Option(
        name="keep-target" if sides[0] else "take-agent",
        meaning=f"{show_path(path)} is a {sort_of(side)}; the other side's {len(inside)} files below it are dropped",
        files=gone | dict.fromkeys(inside) | {path: File.of(side)},
    )
    both = Option(
        name="keep-both",
        meaning=f"{show_path(path)} is a directory; the file of that name goes to {show_path(aside)}",
        files=gone | {aside: File.of(side)},
    )
    pair = (file, directory) if sides[0] else (directory, file)
    yield from (option for option in (*pair, both) if len(option.files) <= _MOST_FILES)


def _distinct_types(conflict: Conflict, context: Context) -> Iterator[Option]:
    path, target, agent = conflict.path, conflict.target, conflict.agent
    if target is None or agent is None:
        return
    gone, aside = _gone(conflict), _free_name(conflict, context)
    for name, side, whose in (("keep-target", target, "target's"), ("take-agent", agent, "agent's")):
        yield Option(
            name=name,
            meaning=f"{show_path(path)} is {_told(side, whose)}; the other side's is dropped",
            files=gone | {path: File.of(side)},
        )
    yield Option(
        name="keep-both",
        meaning=f"{show_path(path)} is the target's {sort_of(target)}, the agent's goes to {show_path(aside)}",
        files=gone | {path: File.of(target), aside: File.of(agent)},
    )


def _each_side(conflict: Conflict, context: Context) -> Iterator[Option]:
    """For what has no better answers: all of these paths as one side has them."""
    for name, commit, whose in (
        ("keep-target", context.onto, "target"),
        ("take-agent", context.tip, "agent"),
    ):
        there = lookup.sides_at(context.git, commit, conflict.stages)
        files: Files = {path: File.of(there[path]) if path in there else None for path in conflict.stages}
        if files and not _blocked(context, files):
            names = ", ".join(map(show_path, sorted(there))) or "none of them"
            yield Option(name=name, meaning=f"exactly what the {whose} has: {names}", files=files)


def _blocked(context: Context, files: Files) -> bool:
    """A file would come where other files have a directory, or below another file."""
    kept = [path for path, file in files.items() if file]
    if any(set(lookup.below(context.git, context.merged_tree, path)) - files.keys() for path in kept):
        return True
    above = {path[:i] for path in kept for i, char in enumerate(path) if char == "/"}
    return bool(lookup.sides_at(context.git, context.merged_tree, above).keys() - files.keys())


def _merging(name: str, meaning: str, files: Files, rest: Conflict) -> Option:
    """An option that leaves a text to merge, or has the text where that merges by itself."""
    if file := clean_text(rest):
        return Option(name=name, meaning=meaning, files=files | {rest.path: file})
    return Option(name=name, meaning=meaning, files=files, rest=rest)


def _gone(conflict: Conflict) -> Files:
    return dict.fromkeys(conflict.stages)


def _told(side: Side, whose: str) -> str:
    if side.mode == LINK and side.content is not None:
        return f"the {whose} link to {show_path(side.content[:200].decode('utf-8', 'replace'))}"
    if side.mode == SUBMODULE:
        return f"the {whose} submodule at {side.oid[:10]}"
    return f"the {whose} file"


def _free_name(conflict: Conflict, context: Context) -> str:
    """A name beside the conflict's path that nothing has: `name-2.ext`."""
    folder, slash, last = conflict.path.rpartition("/")
    stem, dot, extension = last.rpartition(".")
    if not stem:
        stem, dot, extension = last, "", ""
    names = (f"{folder}{slash}{stem}-{number}{dot}{extension}" for number in count(2))
    return next(name for name in names if not _taken(context, name))


def _taken(context: Context, name: str) -> bool:
    trees = (context.merged_tree, context.onto, context.tip)
    return any(
        lookup.sides_at(context.git, tree, [name]) or lookup.is_directory(context.git, tree, name)
        for tree in trees
    )


_BY_KIND: dict[str, Callable[[Conflict, Context], Iterator[Option]]] = {
    "mode": _whole,
    "symlink": _whole,
    "submodule": _whole,
    "binary": _whole,
    "lfs-pointer": _whole,
    "large": _whole,
    "modify/delete": _deleted,
    "rename/delete": _deleted,
    "rename/rename": _renamed,
    "rename/add": _one_name,
    "rename/rename-2to1": _one_name,
    "rename-collision": _one_name,
    "directory-rename": _directory_rename,
    "directory-rename-split": _directory_split,
    "directory-rename-collision": _collision,
    "file/directory": _file_directory,
    "distinct-types": _distinct_types,
}
