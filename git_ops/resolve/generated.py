"""Lock files and other work of programs: the target's, made anew; never a merge of texts.

* `Regenerate` is the port by which someone makes the file anew in a sandbox, from a tree that has all that is settled
  so far and the target's version of the file itself. Asked before everything that it is made from is settled, it
  isn't asked at all.
* Its objects are stored at once, in the rebase's quarantine. An answer that doesn't count leaves nothing behind.
* The exception is `go.sum`, whose lines are a set: "the go.sum file may contain hashes for multiple versions of a
  module … may also contain hashes for modules no longer needed" (Go Modules Reference, go.sum files). The union of
  both sides is right, unless they disagree on a hash, which nobody but a person may decide.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable

from git_ops import lookup, objects
from git_ops.conflict import Abstained, Conflict, File, Resolution, Side, merged_mode
from git_ops.generated import UNKNOWN_RECIPE, Recipe, recipe_for
from git_ops.resolve.chain import Context

Regenerate = Callable[[str, str], bytes | None]
"""Path of the file and a tree: the file's new bytes; none: it couldn't be made."""

_GO_SUMS = frozenset({"go.sum", "go.work.sum"})
_MARK = re.compile(rb"^<{7,} [0-9a-f]{40}", re.MULTILINE)
"""How Git's merge in memory begins a hunk: its label is a commit."""
_GO_SUM_LINE = re.compile(
    rb"(?P<module>[^\s]+) (?P<version>v[^\s/]+)(?P<part>/go\.mod)? (?P<hash>h\d+:[^\s]+)"
)


class GeneratedResolver:
    """Settles `generated`. May be in a chain twice: what it is made from may have been settled in between."""

    name = "generated"
    kinds = frozenset({"generated"})

    def __init__(self, regenerate: Regenerate | None = None) -> None:
        self._regenerate = regenerate

    def resolve(self, conflict: Conflict, context: Context) -> Resolution | Abstained:
        """The file made anew, or the sentence that says how to."""
        target = conflict.target
        if conflict.kind not in self.kinds or target is None or tuple(conflict.stages) != (conflict.path,):
            return Abstained(why=f"{conflict.kind} isn't about a generated file")
        if conflict.path.rpartition("/")[2] in _GO_SUMS:
            return _go_sum(self.name, conflict)
        recipe = recipe_for(conflict.path, target.content) or UNKNOWN_RECIPE
        if self._regenerate is None:
            return Abstained(why=f"it is generated and isn't merged as text; {_advice(recipe)}")
        if unsettled := _unsettled(conflict, context, recipe):
            return Abstained(why=f"{unsettled} must be settled before {conflict.path} can be made anew")
        content = self._regenerate(conflict.path, _tree(conflict, context, target))
        if content is None:
            return Abstained(why=f"it couldn't be made anew; {_advice(recipe)}")
        why = "generated: the target's version, made anew"
        # An object, not bytes: nobody wrote it, so it isn't to be searched for what either side wrote.
        file = File(mode=merged_mode(conflict), oid=objects.write_blob(context.git, content))
        return Resolution(resolver=self.name, source="rule", why=why, files={conflict.path: file})


def _advice(recipe: Recipe) -> str:
    how = f"run `{recipe.command}`" if recipe.command else "run what generates it"
    return f"take the target's and {how}"


def _tree(conflict: Conflict, context: Context, target: Side) -> str:
    """Git's merge with what is settled so far. Its objects stay in the rebase's quarantine."""
    changes: dict[str, tuple[str, str] | None] = {conflict.path: (target.mode, target.oid)}
    for path, file in _settled(context):
        oid = file and (file.oid or objects.write_blob(context.git, file.content or b""))
        changes[path] = (file.mode, oid) if file and oid else None
    return objects.edit_tree(context.git, context.merged_tree, changes)


def _settled(context: Context) -> Iterable[tuple[str, File | None]]:
    return (item for settled in context.settled for item in settled.resolution.files.items())


def _unsettled(conflict: Conflict, context: Context, recipe: Recipe) -> str:
    """A file that it is made from and that still has Git's conflict markers; empty where there is none."""
    folder = conflict.path.rpartition("/")[0]
    done = {path for path, _ in _settled(context)}
    names = [
        path
        for path in lookup.below(context.git, context.merged_tree, folder, deep=False)
        if any(fnmatch.fnmatchcase(path.rpartition("/")[2], pattern) for pattern in recipe.made_from)
    ]
    found = lookup.sides_at(context.git, context.merged_tree, [name for name in names if name not in done])
    contents = lookup.read(context.git, found.values())
    return next((path for path, side in found.items() if _MARK.search(contents.get(side.oid, b""))), "")


def _go_sum(resolver: str, conflict: Conflict) -> Resolution | Abstained:
    lines: dict[bytes, re.Match[bytes]] = {}
    for side in (conflict.target, conflict.agent):
        for line in (side.content or b"").splitlines() if side else ():
            match = _GO_SUM_LINE.fullmatch(line)
            if match is None and line.strip():
                return Abstained(why="a line of it isn't one that Go writes")
            if match is not None:
                lines[line] = match
    hashes: dict[tuple[bytes, ...], bytes] = {}
    for match in lines.values():
        key = (match["module"], match["version"], match["part"] or b"", match["hash"].split(b":")[0])
        if hashes.setdefault(key, match["hash"]) != match["hash"]:
            what = f"{match['module'].decode(errors='replace')} {match['version'].decode(errors='replace')}"
            return Abstained(why=f"the sides have different hashes for {what}: somebody must find out why")
    content = b"".join(line + b"\n" for line in sorted(lines, key=lambda line: _go_order(lines[line])))
    why = "the lines of go.sum are a set: the union of both sides"
    file = File(mode=merged_mode(conflict), content=content)
    return Resolution(resolver=resolver, source="rule", why=why, files={conflict.path: file})


def _go_order(line: re.Match[bytes]) -> tuple[object, ...]:
    """The order in which Go writes them: module, semantic version, the module before its go.mod."""
    core, _, rest = line["version"].removeprefix(b"v").partition(b"+")[0].partition(b"-")
    numbers = tuple(int(part) if part.isdigit() else 0 for part in core.split(b"."))
    before = tuple((0, int(part), b"") if part.isdigit() else (1, 0, part) for part in rest.split(b"."))
    return line["module"], numbers, rest == b"", before, line["part"] or b"", line["hash"]
