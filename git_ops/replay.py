"""Replaying commits onto another commit, in memory, as `git rebase` does it.

* The same end tree as `git rebase` (merge backend, `--empty=drop`), or a stop at the same commit with the same stages.
* One new commit for each old one: author, date, encoding and message are kept byte for byte; the signature can't
  be kept and that is reported. What is dropped or folded is reported with the reason, never silently.
* The committer's date is computed (not earlier than the original's and the new parent's), so the same input gives
  the same commits: a retry after a crash finds its own work.
* Merge commits are left out, as Git does. Which they were is told: what exists only in them isn't in the result.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence

from git_ops import objects
from git_ops.autosquash import Verb, arrange, folded_message
from git_ops.errors import Unmergeable
from git_ops.mergetree import Merged, Merger, merging
from git_ops.objects import Identity, RawCommit, decode_path
from git_ops.process import Git
from git_ops.refs import check_oid
from git_ops.report import ReplayedCommit

MAX_COMMITS = 3_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The commit at hand, what it is put on, and which commits come after it."""

    oid: str
    commit: RawCommit
    onto: str
    remaining: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """All commits were replayed or dropped for a reason."""

    new_tip: str
    tree: str
    commits: tuple[ReplayedCommit, ...]
    merges: tuple[str, ...] = ()
    """Merge commits of the range, which were left out."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A commit doesn't merge, and nobody settled its conflicts."""

    step: Step
    merged: Merged
    done: tuple[ReplayedCommit, ...]
    merges: tuple[str, ...] = ()


Refused = Stopped  # the old name, until the package no longer imports it
Settle = Callable[[Step, Merged], str | None]
"""Given a step whose merge wasn't clean: the tree that settles it, or none."""


def replay(
    git: Git,
    *,
    base: str,
    tip: str,
    onto: str,
    committer: Identity | None = None,
    settle: Settle | None = None,
    autosquash: bool = False,
    merger: Merger | None = None,
) -> Replayed | Stopped:
    """Put the commits `base..tip` that `onto` hasn't onto `onto`.

    `committer` none keeps each commit's own. `autosquash` folds `fixup!` commits and their kind into what they name.
    `merger` is one made for `onto`; none: one is made. Raises `Unmergeable` for more than `MAX_COMMITS`.
    """
    with contextlib.ExitStack() as stack:
        merger = merger or stack.enter_context(merging(git, attributes_of=onto))
        merges, commits = commits_of_range(merger.git, base, tip, onto)
        if len(commits) > MAX_COMMITS:
            raise Unmergeable(
                f"There are {len(commits)} commits to replay, and at most {MAX_COMMITS} are replayed: "
                "squash some of them, or merge the target into the branch instead"
            )
        run = _Replay(merger, committer, settle, onto)
        result = run(_picks(merger.git, commits, autosquash=autosquash), linear=not merges)
    return dataclasses.replace(result, merges=merges)


def commits_of_range(
    git: Git, base: str, tip: str, onto: str
) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...]]:
    """The merge commits of `base..tip` that `onto` hasn't, and the other ones, oldest first.

    Each of those comes with whether `onto` has a commit with the same patch, see git-patch-id(1).
    """
    options = ("--topo-order", "--reverse", "--parents", "--right-only", "--cherry-mark")
    range_ = f"{check_oid(onto)}...{check_oid(tip)}"
    merges, commits = [], []
    for line in git.text("rev-list", *options, range_, f"^{check_oid(base)}").splitlines():
        oid, *parents = line.split(" ")
        if len(parents) > 1:
            merges.append(oid[1:])
        else:
            commits.append((oid[1:], oid.startswith("=") and not is_empty(git, oid[1:])))
    return tuple(merges), tuple(commits)


def is_empty(git: Git, oid: str) -> bool:
    """The commit changes nothing. It was made on purpose: Git keeps it, even where the target has one, too."""
    commit = objects.read_commit(git, oid)
    if not commit.parents:
        return not objects.read_tree(git, commit.tree)
    return objects.tree_of(git, commit.parents[0]) == commit.tree


def touched(git: Git, commits: Iterable[str]) -> dict[str, frozenset[str]]:
    """The paths that each of these commits changes against its parent; a merge commit, against any of them."""
    found: dict[str, set[str]] = {check_oid(oid): set() for oid in commits}
    if not found:
        return {}
    options = ("--stdin", "-r", "-z", "--root", "--raw", "--no-renames", "-m")
    raw = git.run(
        "diff-tree", *options, stdin="".join(f"{oid}\n" for oid in found).encode(), max_output_mib=512
    )
    fields = iter(raw.stdout.split(b"\0"))
    paths: set[str] = set()
    for field in fields:
        if field.startswith(b":"):
            paths.add(decode_path(next(fields)))
        elif field:
            paths = found[field.decode().split(" ")[0].strip()]
    return {oid: frozenset(paths) for oid, paths in found.items()}


def rewritten(
    commit: RawCommit, *, tree: str, parent: str, above: RawCommit, committer: Identity | None
) -> RawCommit:
    """The commit with another tree on another parent, which is `above`. `committer` none keeps its own."""
    when = max(commit.committed_at, above.committed_at)
    who = committer.line(when) if committer else objects.committer_line(commit, when)
    return dataclasses.replace(commit, tree=tree, parents=(parent,), committer=who)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Pick:
    """One line of the to-do list."""

    oid: str
    commit: RawCommit
    twin: bool
    verb: Verb


def _picks(git: Git, commits: Sequence[tuple[str, bool]], *, autosquash: bool) -> list[_Pick]:
    raw = objects.read_commits(git, (oid for oid, _ in commits))
    picks = [
        _Pick(oid=oid, commit=commit, twin=twin, verb="pick")
        for (oid, twin), commit in zip(commits, raw, strict=True)
    ]
    if not autosquash:
        return picks
    twins, own = [pick for pick in picks if pick.twin], [pick for pick in picks if not pick.twin]
    moves = arrange([(pick.oid, pick.commit) for pick in own])
    return twins + [dataclasses.replace(own[move.index], verb=move.verb) for move in moves]


class _Replay:
    """One pass over the to-do list: where it stands, and what became of the commits so far."""

    def __init__(self, merger: Merger, committer: Identity | None, settle: Settle | None, onto: str) -> None:
        self.git = merger.git
        self.merger = merger
        self.committer = committer
        self.settle = settle
        self.head = onto
        self.above = objects.read_commit(self.git, onto)
        self.done: list[ReplayedCommit] = []

    def __call__(self, picks: Sequence[_Pick], *, linear: bool) -> Replayed | Stopped:
        trees = self._trees_by_git(picks) if linear else {}
        for i, pick in enumerate(picks):
            if pick.twin:
                self._drop(pick, "the target already has the same patch")
            elif pick.verb == "pick" and pick.commit.parents == (self.head,):
                self._note(pick, pick.oid, pick.commit, "already in place")
            else:
                tree = trees.get(pick.oid) or self._merged(pick, picks[i + 1 :])
                if isinstance(tree, Stopped):
                    return tree
                self._put(pick, tree)
        return Replayed(new_tip=self.head, tree=self.above.tree, commits=tuple(self.done))

    def _trees_by_git(self, picks: Sequence[_Pick]) -> dict[str, str]:
        """The commits' new trees where `git replay` gets through all of them; else nothing."""
        steps = [(pick.oid, pick.commit.parents) for pick in picks]
        follows = all(parents == (oid,) for (oid, _), (_, parents) in itertools.pairwise(steps))
        plain = all(pick.verb == "pick" and not pick.twin for pick in picks)
        if not (len(picks) > 1 and plain and follows and steps[0][1]) or steps[0][1] == (self.head,):
            return {}
        new = self.merger.replay(base=steps[0][1][0], tip=steps[-1][0], onto=self.head)
        trees: list[str] = []
        while new and new != self.head and len(trees) < len(picks):
            commit = objects.read_commit(self.git, new)
            trees.append(commit.tree)
            new = next(iter(commit.parents), None)
        if new != self.head or len(trees) != len(picks):  # some Gits leave out what has become empty
            return {}
        return {oid: tree for (oid, _), tree in zip(steps, reversed(trees), strict=True)}

    def _merged(self, pick: _Pick, later: Sequence[_Pick]) -> str | Stopped:
        parent = next(iter(pick.commit.parents), None)
        merged = self.merger.merge(base=parent, ours=self.head, theirs=pick.oid)
        if merged.clean:
            return merged.tree
        remaining = tuple(other.oid for other in later if not other.twin)
        step = Step(oid=pick.oid, commit=pick.commit, onto=self.head, remaining=remaining)
        tree = self.settle(step, merged) if self.settle else None
        return tree or Stopped(step=step, merged=merged, done=tuple(self.done))

    def _put(self, pick: _Pick, tree: str) -> None:
        if tree == self.above.tree and not is_empty(self.git, pick.oid):
            self._drop(pick, "nothing of it is left: the target has it all")
        elif pick.verb == "pick":
            commit = rewritten(
                pick.commit, tree=tree, parent=self.head, above=self.above, committer=self.committer
            )
            reason = "its signature is gone" if pick.commit.signed else ""
            self._note(pick, objects.write_commit(self.git, commit), commit, reason)
        else:
            self._fold(pick, tree)

    def _fold(self, pick: _Pick, tree: str) -> None:
        """Make the last commit and this one a single one, under the last one's name."""
        last, above = self.head, self.above
        message = folded_message(pick.verb, above.message, pick.commit.message)
        when = max(above.committed_at, pick.commit.committed_at)
        who = self.committer.line(when) if self.committer else objects.committer_line(above, when)
        commit = dataclasses.replace(above, tree=tree, message=message, committer=who)
        new = objects.write_commit(self.git, commit)
        self.done = [dataclasses.replace(one, new=new) if one.new == last else one for one in self.done]
        goal = next(one.old for one in self.done if one.new == new)
        self._note(pick, new, commit, f"folded into {goal[:10]}, which its subject names")

    def _note(self, pick: _Pick, new: str, commit: RawCommit, reason: str) -> None:
        self.head, self.above = new, commit
        self.done.append(ReplayedCommit(old=pick.oid, new=new, reason=reason))

    def _drop(self, pick: _Pick, reason: str) -> None:
        self.done.append(ReplayedCommit(old=pick.oid, new=None, reason=reason))
