"""Distributing a known end over the commits that lead there.

The goal is the tree in which the rebased branch must end: Git's own merge of the tips, or that merge with its conflicts
settled. So no step needs an answer of its own.

* A step that merges stays as it is: one commit for one commit.
* At a step that doesn't, a conflicted path that no later commit touches gets what the goal has there. One that is
  touched again can't be known yet: the step is folded into the following ones, up to the last that touches it.
  Where the target renamed it, the branch's commits touch it under its old name.
* A commit whose patch the target has is left out, unless the goal can't be reached without it: the target has taken
  that patch back since, and Git's merge of the tips lets the branch have it.
* What stood only in merge commits of the range (a hand edit inside a merge) is kept by one more commit at the end.
* The series ends in the goal or it isn't returned. Every fold and every extra commit is reported with its reason.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from git_ops import objects
from git_ops.lookup import sides_at
from git_ops.mergetree import Merged, Merger
from git_ops.objects import Identity, RawCommit
from git_ops.process import Git
from git_ops.replay import rewritten
from git_ops.report import ReplayedCommit

Entry = tuple[str, str] | None
"""Mode and object id, or nothing there."""
_NOBODY = b"nobody <nobody> 0 +0000"
_NAMED = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Guided:
    """Commits that end in the goal. `carried` is the extra one, if it was needed."""

    new_tip: str
    commits: tuple[ReplayedCommit, ...]
    carried: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is to be replayed: the range's commits in order, with what each touches."""

    onto: str
    goal: str
    commits: Sequence[tuple[str, bool]]
    """Object id, and whether the target has the same patch already."""
    merges: Sequence[str]
    touched: Mapping[str, frozenset[str]]
    elsewhere: frozenset[str] = frozenset()
    """Paths outside the conflicts that were edited to settle them: they get the goal's content where those do."""


def guide(git: Git, merger: Merger, route: Route, *, committer: Identity | None = None) -> Guided:
    """Replay the route's commits so that they end in its goal."""
    walk = _walked(git, merger, route, committer)
    if walk.tree != route.goal and any(is_twin for _, is_twin in route.commits):
        everything = dataclasses.replace(route, commits=[(oid, False) for oid, _ in route.commits])
        again = _walked(git, merger, everything, committer)
        walk = again if again.tree == route.goal else walk
    return walk.end()


def _walked(git: Git, merger: Merger, route: Route, committer: Identity | None) -> "_Walk":
    walk = _Walk(git, merger, route, committer)
    for at, (oid, is_twin) in enumerate(route.commits):
        if is_twin:
            walk.drop(oid, "the target already has the same patch")
        else:
            walk.step(at, oid)
    return walk


class _Walk:
    """Where the replay stands: the last commit made, the tree so far, and the commits waiting to be folded."""

    def __init__(self, git: Git, merger: Merger, route: Route, committer: Identity | None) -> None:
        self.git = git
        self.merger = merger
        self.route = route
        self.committer = committer
        self.head = route.onto
        self.tree = objects.tree_of(git, route.onto)
        self.waiting: list[str] = []
        self.open_paths: dict[str, int] = {}
        """Conflicted paths that are still to be decided, and the number of the last commit that touches each."""
        self.last_touch = {
            path: at
            for at, (oid, is_twin) in enumerate(route.commits)
            if not is_twin
            for path in route.touched[oid]
        }
        self.conflicted = False
        """One of the commits that wait didn't merge."""
        self.done: list[ReplayedCommit] = []
        self.first_conflict: int | None = None
        """Index in `done` of the first step that conflicted; `_below` is the commit it was put on."""
        self._below = route.onto

    def drop(self, oid: str, reason: str) -> None:
        """Leave a commit out."""
        self.done.append(ReplayedCommit(old=oid, new=None, reason=reason))

    def step(self, at: int, oid: str) -> None:
        """Put one commit on top, the one with this number."""
        commit = objects.read_commit(self.git, oid)
        if commit.parents == (self.head,) and not self.waiting:
            self.done.append(ReplayedCommit(old=oid, new=oid, reason="already in place"))
            self.head, self.tree = oid, commit.tree
            return
        ours = self._here()
        merged = self.merger.merge(base=next(iter(commit.parents), None), ours=ours, theirs=oid)
        if not merged.clean:
            self._mark()
            self.conflicted = True
            self.open_paths |= self._open(oid, merged)
            self.open_paths |= {path: self._last({path}) for path in self.route.elsewhere}
        self.tree = self._settled(merged.tree, at)
        self.waiting.append(oid)
        if not self.open_paths:
            self._commit()

    def end(self) -> Guided:
        """The finished series."""
        if self.tree != self.route.goal and not self.route.merges and self.first_conflict is not None:
            self._refold()
        carried = self._carry() if self.tree != self.route.goal else None
        return Guided(new_tip=self.head, commits=tuple(self.done), carried=carried)

    def _mark(self) -> None:
        if self.first_conflict is None:
            self.first_conflict = len(self.done)
            self._below = self.head

    def _here(self) -> str:
        """A commit with the tree so far: the last one made, or a throw-away where commits wait."""
        if not self.waiting:
            return self.head
        here = RawCommit(
            tree=self.tree, parents=(self.head,), author=_NOBODY, committer=_NOBODY, message=b"on the way\n"
        )
        return objects.write_commit(self.git, here)

    def _open(self, oid: str, merged: Merged) -> dict[str, int]:
        """Every path of the step that Git couldn't decide, or made up, and by when it is known.

        That is the last commit that touches it, under its name or what the commit itself calls it.
        """
        own = self.route.touched[oid]
        followed = [path for path in merged.stages if path not in own]  # renamed by the target, or made up
        called: dict[str, set[str]] = {}
        for name, entry in (_entries(self.git, oid, own) if followed else {}).items():
            called.setdefault(entry[1] if entry else "", set()).add(name)
        whatever = self._last(own)
        known = {path: self._last({path}) for path in merged.stages}
        for path in followed:
            side = merged.stages[path].get(3)
            same = called.get(side.oid) if side else None
            known[path] = max(known[path], self._last(same) if same else whatever)
        return known

    def _last(self, names: Iterable[str]) -> int:
        return max((self.last_touch.get(name, -1) for name in names), default=-1)

    def _settled(self, tree: str, at: int) -> str:
        """The step's tree with every open path decided: the goal's where nothing comes after, else as it was."""
        ready = {path for path, last in self.open_paths.items() if last <= at}
        goal = _entries(self.git, self.route.goal, ready)
        kept = _entries(self.git, self.tree, self.open_paths.keys() - ready)
        self.open_paths = {path: last for path, last in self.open_paths.items() if path not in ready}
        changes = {**goal, **kept}
        return objects.edit_tree(self.git, tree, changes) if changes else tree

    def _commit(self) -> None:
        olds, self.waiting = self.waiting, []
        conflicted, self.conflicted = self.conflicted, False
        commits = [objects.read_commit(self.git, oid) for oid in olds]
        above = objects.read_commit(self.git, self.head)
        if self.tree == above.tree and not any(self._was_empty(commit) for commit in commits):
            kept = "its conflicts were settled to what was there" if conflicted else "the target has it all"
            for oid in olds:
                self.drop(oid, f"nothing of it is left: {kept}")
            return
        self._put(folded(commits), above)
        self.done += [
            ReplayedCommit(old=oid, new=self.head, reason=_reason(commit, olds))
            for oid, commit in zip(olds, commits, strict=True)
        ]

    def _was_empty(self, commit: RawCommit) -> bool:
        return bool(commit.parents) and objects.tree_of(self.git, commit.parents[0]) == commit.tree

    def _put(self, commit: RawCommit, above: RawCommit) -> None:
        new = rewritten(commit, tree=self.tree, parent=self.head, above=above, committer=self.committer)
        self.head = objects.write_commit(self.git, new)

    def _refold(self) -> None:
        """The steps from the first conflict on don't lead to the goal one by one: make one commit of them."""
        kept = self.done[: self.first_conflict]
        folded_ones = [one.old for one in self.done[self.first_conflict :] if one.new is not None]
        dropped = [one for one in self.done[self.first_conflict :] if one.new is None]
        self.head, self.tree, self.waiting = self._below, self.route.goal, folded_ones or [dropped.pop().old]
        self.done = [*kept, *dropped]
        self._commit()

    def _carry(self) -> str:
        """One more commit with what the merge commits of the range hold and no other commit does."""
        self.tree = self.route.goal
        source = carrier(self.git, self.route.merges or [self.done[-1].old])
        self._put(source, objects.read_commit(self.git, self.head))
        return self.head


def carrier(git: Git, merges: Sequence[str]) -> RawCommit:
    """What the commit that carries over the hand edits of these merges says: by whom, when and why."""
    source = objects.read_commit(git, merges[0])
    named = " ".join(oid[:12] for oid in merges[:_NAMED])
    message = f"Keep what was changed by hand in merge {named}\n\n".encode() + source.message
    return dataclasses.replace(source, message=message, parents=())


def folded(commits: Sequence[RawCommit]) -> RawCommit:
    """One commit for several: the first one's author and date, all messages, everybody else as co-author."""
    first = commits[0]
    if len(commits) == 1:
        return first
    same_encoding = all(commit.others == first.others for commit in commits)
    texts = [commit.message if same_encoding else _in_utf8(commit) for commit in commits]
    message = b"\n\n".join(text.strip(b"\n") for text in texts) + b"\n"
    people = dict.fromkeys(_person(commit) for commit in commits[1:])
    credits_ = [b"Co-authored-by: " + person for person in people if person != _person(first)]
    if credits_:
        message += b"\n" + b"\n".join(credits_) + b"\n"
    return dataclasses.replace(
        first,
        message=message,
        others=first.others if same_encoding else (),
        signed=any(c.signed for c in commits),
    )


def _in_utf8(commit: RawCommit) -> bytes:
    """The message in the encoding that a commit without `encoding` header has; as it is where that isn't known."""
    name = next(
        (header[9:].decode("ascii", "replace") for header in commit.others if header[:9] == b"encoding "),
        "utf-8",
    )
    try:
        return commit.message.decode(name).encode()
    except (UnicodeDecodeError, LookupError):
        return commit.message


def _entries(git: Git, tree: str, paths: Iterable[str]) -> dict[str, Entry]:
    """What a tree has at each path; none where there is nothing, or a directory."""
    asked = sorted(paths)
    found = sides_at(git, tree, asked)
    return {path: (found[path].mode, found[path].oid) if path in found else None for path in asked}


def _person(commit: RawCommit) -> bytes:
    """`Name <mail>` of the author."""
    return commit.author[: commit.author.rfind(b">") + 1]


def _reason(commit: RawCommit, olds: Sequence[str]) -> str:
    reasons = ["its signature is gone"] if commit.signed else []
    if len(olds) > 1:
        more = f" and {len(olds) - _NAMED} more" if len(olds) > _NAMED else ""
        others = ", ".join(oid[:10] for oid in olds[:_NAMED]) + more
        reasons.append(
            f"folded into one with its neighbours ({others}), which change the same conflicted lines"
        )
    return "; ".join(reasons)
