"""Both sides renamed one file, or files met at one name.

* Names merge three-way by their parts: who changed only the directory and who changed only the last part both get
  what they want. Otherwise the target's name wins, for it is published. The text goes on as a conflict of its own.
* Two files that are one and the same, moved and rewritten by both sides, get the file they came from as their base.
* Unrelated files at one name are a question. Their texts are never put together.
"""

from git_ops import lookup
from git_ops.conflict import Abstained, Answer, Conflict, Reduced, Side
from git_ops.resolve.chain import Context
from git_ops.resolve.homes import MIN_SIMILARITY, alike, best_match
from git_ops.resolve.rest import rest_at
from git_ops.similarity import boilerplate_of, similarity, telling_lines


class RenamedResolver:
    """Decides the name of a file that both sides renamed."""

    name = "renamed"
    kinds = frozenset({"rename/rename"})

    def resolve(self, conflict: Conflict, context: Context) -> Answer:
        """The conflict of the text at the merged name."""
        if conflict.kind not in self.kinds:
            return Abstained(why=f"{conflict.kind} isn't one file renamed twice")
        base, target, agent = conflict.base, conflict.target, conflict.agent
        names = stage_names(conflict)
        if base is None or target is None or agent is None or names is None:
            return Abstained(why="other changes meet at the names to which the file was renamed")
        path = _merged_name(names[0], names[1], _own_name(conflict, context, agent, names[2]))
        if path not in conflict.stages and lookup.sides_at(context.git, context.merged_tree, [path]):
            path = names[1]
        rest = rest_at(context.git, conflict, path, base=base, target=target, agent=agent)
        why = f"both sides renamed {names[0]}; its name is {path}. What refers to {names[2]} must follow"
        gone: dict[str, None] = dict.fromkeys(name for name in names if name != path)
        return Reduced(resolver=self.name, why=why, files=gone, rest=rest)


class BetterBaseResolver:
    """Finds the file that two additions at one path both come from."""

    name = "common-origin"
    kinds = frozenset({"add/add", "rename/add", "rename/rename-2to1", "rename-collision", "rename/delete"})

    def resolve(self, conflict: Conflict, context: Context) -> Answer:
        """The same conflict with a base."""
        if conflict.kind not in self.kinds or conflict.base is not None:
            return Abstained(why=f"{conflict.kind} isn't about files that met at one name")
        sides = {}
        for role, commit in (("target", context.onto), ("agent", context.tip)):
            found = lookup.sides_at(context.git, commit, [conflict.path])
            sides[role] = lookup.filled(found.get(conflict.path), lookup.read(context.git, [*found.values()]))
        target, agent = sides["target"], sides["agent"]
        if not (target and agent and target.is_file and agent.is_file and len(conflict.stages) == 1):
            return Abstained(why="two unrelated things met at this name")
        if (origin := _origin(conflict.path, context, target, agent)) is None:
            return Abstained(why="the two files at this name have no common origin")
        old, base = origin
        rest = rest_at(context.git, conflict, conflict.path, base=base, target=target, agent=agent)
        return Reduced(resolver=self.name, why=f"both sides moved {old} here", files={}, rest=rest)


def stage_names(conflict: Conflict) -> tuple[str, str, str] | None:
    """The old name and each side's new one, where nothing else has stages."""
    names = {tuple(stages): path for path, stages in conflict.stages.items() if len(conflict.stages) == 3}
    old, target, agent = names.get((1,)), names.get((2,)), names.get((3,))
    return (old, target, agent) if old and target and agent else None


def _own_name(conflict: Conflict, context: Context, agent: Side, staged: str) -> str:
    """What the agent itself called it: Git may have moved the name along with a renamed directory."""
    there = lookup.sides_at(context.git, context.tip, [staged, *conflict.paths])
    return next((path for path, side in there.items() if side.oid == agent.oid), staged)


def _merged_name(old: str, target: str, agent: str) -> str:
    old_folder, _, old_last = old.rpartition("/")
    folder, _, last = target.rpartition("/")
    agent_folder, _, agent_last = agent.rpartition("/")
    if folder == old_folder and agent_last == old_last:
        folder = agent_folder
    elif last == old_last and agent_folder == old_folder:
        last = agent_last
    return f"{folder}/{last}" if folder else last


def _origin(path: str, context: Context, target: Side, agent: Side) -> tuple[str, Side] | None:
    """A file of the fork that neither side has any more and that both texts clearly come from."""
    if target.content is None or agent.content is None:
        return None
    git, fork = context.git, context.fork
    gone = lookup.removed(git, fork, context.onto) & lookup.removed(git, fork, context.tip)
    renamed = {
        rename.old
        for side in (context.onto, context.tip)
        for rename in lookup.renames(git, fork, side)
        if rename.new == path
    }
    wanted = dict.fromkeys([*sorted(renamed & gone), *alike(path, gone)])
    old = {name: side for name, side in lookup.sides_at(git, fork, wanted).items() if side.is_file}
    contents = lookup.read(git, [*old.values()])
    texts = {name: contents[side.oid] for name, side in old.items() if side.oid in contents}
    usual = boilerplate_of(texts.values())
    lines = {name: telling_lines(text, usual) for name, text in texts.items()}
    match = best_match(telling_lines(target.content, usual), lines)
    if match is None or similarity(telling_lines(agent.content, usual), lines[match[0]]) < MIN_SIMILARITY:
        return None
    return match[0], Side(mode=old[match[0]].mode, oid=old[match[0]].oid, content=texts[match[0]])
