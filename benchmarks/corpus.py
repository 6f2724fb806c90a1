"""How the engine does on the conflicts of a repository's own history, with what its people made of them as the truth.

    python benchmarks/corpus.py PATH [--limit N] [--clean EVERY] [--json FILE]

Every merge commit of two parents whose parents conflict is taken for a branch (the second parent) that is to be rebased
onto its target (the first). Twice: without any model, and with an *oracle* in the model's place that answers what the
people wrote, and names every line that they gave up. Nothing is written to the repository at PATH; a clone that borrows
its objects is worked on.

Counted: what is settled without a model and how much of it equals the people's text (what doesn't is listed: it may be
wrong, or another taste); with the oracle, how often the rebased branch ends in exactly the people's tree, of all merges
and of those in which they touched nothing but the conflicted hunks. With `--clean`, every so many of the merges that
don't conflict is rebased, too: it should end in Git's merge of the tips, and not be found suspicious.
"""

import argparse
import collections
import contextlib
import difflib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from git_ops.conflict import Abstained, File, HunkChoice, Resolution, merged_mode
from git_ops.errors import GitError
from git_ops.grouping import conflicts_of
from git_ops.lookup import sides_at
from git_ops.mergetree import merging
from git_ops.objects import read_blob, tree_of
from git_ops.process import Git
from git_ops.rebase import merge_base, rebase
from git_ops.resolve.chain import Chain
from git_ops.resolve.default import default_chain

MAX_BYTES = 8 * 2**20
ALIKE = 0.6


class Oracle:
    """Answers with what stands in the people's tree, hunk by hunk, and names what they gave up."""

    name = "oracle"

    def __init__(self, git, tree):
        self.git = git
        self.tree = tree

    def resolve_together(self, conflicts, _context):
        return {conflict.path: self.answer(conflict) for conflict in conflicts}

    def answer(self, conflict):
        found = entries(self.git, self.tree, {conflict.path, *conflict.paths, *conflict.stages})
        here = found[conflict.path]
        if conflict.textual and here and here[0] != "120000":
            return self.hunks(conflict, here)
        files = {path: File(mode=entry[0], oid=entry[1]) for path, entry in found.items() if entry}
        files = {**dict.fromkeys({conflict.path, *conflict.stages}), **files}
        return Resolution(resolver=self.name, source="git", why="as the people did", files=files)

    def hunks(self, conflict, here):
        content = read_blob(self.git, here[1], max_bytes=MAX_BYTES)
        texts = align(conflict.between, content)
        if texts is None:
            return Abstained(why="the people changed text outside the hunks")
        choices = tuple(
            HunkChoice(id=hunk.id, text=text, dropped=dropped(hunk, text))
            for hunk, text in zip(conflict.hunks, texts, strict=True)
        )
        file = File(mode=merged_mode(conflict), content=content)
        others = dict.fromkeys(path for path in conflict.stages if path != conflict.path)
        files = {**others, conflict.path: file}
        return Resolution(
            resolver=self.name, source="model", why="as the people did", files=files, hunks=choices
        )


def entries(git, tree, paths):
    """Mode and object id by path; none where there is nothing."""
    found = sides_at(git, tree, paths)
    return {path: (found[path].mode, found[path].oid) if path in found else None for path in paths}


def align(between, content):
    """The texts between the given regions; none where they aren't there, in order. Ambiguity goes to the nearest."""
    first, *rest = between
    if not content.startswith(first) or not rest:
        return None
    at, texts = len(first), []
    for i, part in enumerate(rest):
        last = i == len(rest) - 1
        found = len(content) - len(part) if last else find_line(content, part, at)
        if found < at or content[found : found + len(part)] != part or not starts_line(content, found):
            return None
        texts.append(content[at:found])
        at = found + len(part)
    return texts


def starts_line(content, at):
    return at in (0, len(content)) or content[at - 1 : at] == b"\n"


def find_line(content, part, at):
    """Where `part` stands next, from the start of a line."""
    while (at := content.find(part, at)) >= 0 and not starts_line(content, at):
        at += 1
    return at


def dropped(hunk, text):
    """The lines that the people kept less often than a side has them, and those of which they undid a change."""
    kept, sides = lines_of(text), [lines_of(side) for side in (hunk.target, hunk.agent)]
    base = lines_of(hunk.base)
    gone = {line for side in sides for line, n in side.items() if kept[line] < n}
    removed = {line for side in sides for line in base - side}
    back = {line for line in removed if any(alike(line, other) for other in kept)}
    return tuple(line.decode("utf-8", "surrogateescape") for line in sorted(gone | back))


def lines_of(text):
    return collections.Counter(line.strip() for line in text.splitlines())


def alike(line, other):
    return difflib.SequenceMatcher(None, line, other, autojunk=False).quick_ratio() > ALIKE


def cases(git):
    """Merge, first parent, second parent."""
    raw = git.text(
        "rev-list", "--all", "--merges", "--min-parents=2", "--max-parents=2", "--parents", "--reverse"
    )
    for line in raw.splitlines():
        yield tuple(line.split())


class Tips:
    """Merges of tips. What is laid out for one merge serves the next while the target's attributes are the same."""

    def __init__(self, git):
        self.git = git
        self.paths = attribute_paths(git)
        self.attributes = None
        self.merger = None
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def merge(self, target, branch):
        attributes = entries(self.git, target, self.paths)
        if self.merger is None or attributes != self.attributes:
            self.stack.close()
            self.attributes = attributes
            self.merger = self.stack.enter_context(merging(self.git, attributes_of=target))
        return self.merger.merge_tips(target, branch)


def attribute_paths(git):
    """Wherever a .gitattributes file has ever been."""
    options = ("--all", "--full-history", "-m", "--format=", "--name-only", "-z")
    raw = subprocess.run(
        ("git", "-C", git.git_dir, "log", *options, "--", ":(glob)**/.gitattributes"),
        check=True,
        stdout=subprocess.PIPE,
    )
    return sorted({path.decode("utf-8", "surrogateescape") for path in raw.stdout.split(b"\0") if path})


def human_stays_inside(git, merged, conflicts, tree):
    """Whether the people changed nothing but conflicted paths, and in those nothing but the hunks."""
    raw = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", merged.tree, tree).stdout
    changed = {path.decode("utf-8", "surrogateescape") for path in raw.split(b"\0") if path}
    if changed - {
        path for conflict in conflicts for path in (*conflict.paths, *conflict.stages, conflict.path)
    }:
        return False
    for conflict in (one for one in conflicts if one.textual):
        here = entries(git, tree, [conflict.path])[conflict.path]
        if here is None or align(conflict.between, read_blob(git, here[1], max_bytes=MAX_BYTES)) is None:
            return False
    return True


class Tally:
    def __init__(self, *, every=0):
        self.every = every
        self.count = collections.Counter()
        self.kinds = collections.Counter()
        self.resolvers = collections.Counter()
        self.unsettled = collections.Counter()
        self.spent = collections.Counter()
        self.differ = []
        self.failed = []
        self.suspicious = []

    def case(self, git, tips, merge, target, branch):
        fork = merge_base(git, target, branch)
        if fork in (None, target, branch):
            return
        merged = tips.merge(target, branch)
        if merged.clean:
            self.count["clean tips"] += 1
            if self.every and self.count["clean tips"] % self.every == 0:
                self.clean(git, merge, target, branch, goal=merged.tree)
            return
        self.count["conflicting tips"] += 1
        conflicts = conflicts_of(git, merged, fork=fork, onto=target, tip=branch)
        self.kinds.update(conflict.kind for conflict in conflicts)
        self.without_model(git, merge, target, branch, conflicts=conflicts)
        self.with_oracle(git, merge, target, branch, merged=merged, conflicts=conflicts)

    def rebased(self, what, git, merge, target, branch, *, chain=None):
        began, used = time.monotonic(), cpu_seconds()
        report = rebase(git, tip=branch, onto=target, chain=chain)
        self.spent[f"{what}: wall seconds"] += time.monotonic() - began
        self.spent[f"{what}: CPU seconds"] += cpu_seconds() - used
        self.count[f"{what}: {report.outcome}"] += 1
        if report.outcome == "suspicious":
            self.suspicious.append({"merge": merge, "rebased": what, "detail": report.detail})
        return report

    def clean(self, git, merge, target, branch, *, goal):
        report = self.rebased("clean tips", git, merge, target, branch)
        if report.outcome != "conflicted":
            same = tree_of(git, report.new_tip) == goal
            self.count[f"clean tips: the end is {'' if same else 'not '}Git's merge"] += 1

    def without_model(self, git, merge, target, branch, *, conflicts):
        report = self.rebased("no model", git, merge, target, branch, chain=default_chain())
        for fact in report.conflicts:
            self.count["conflicts"] += 1
            if fact.resolver:
                self.resolvers[fact.resolver] += 1
                self.count["conflicts settled without a model"] += 1
            else:
                self.unsettled[fact.kind] += 1
        if report.outcome in ("conflicted", "up_to_date"):
            return
        paths = {path for conflict in conflicts for path in (conflict.path, *conflict.stages)}
        ours, theirs = (entries(git, tree_of(git, oid), paths) for oid in (report.new_tip, merge))
        same = ours == theirs
        self.count[f"no model: conflicted paths {'equal' if same else 'differ from'} the people's"] += 1
        if not same:
            by = sorted({fact.resolver or "" for fact in report.conflicts})
            differing = sorted(path for path in paths if ours[path] != theirs[path])
            self.differ.append({"merge": merge, "new": report.new_tip, "paths": differing, "by": by})

    def with_oracle(self, git, merge, target, branch, *, merged, conflicts):
        tree = tree_of(git, merge)
        inside = human_stays_inside(git, merged, conflicts, tree)
        report = self.rebased("oracle", git, merge, target, branch, chain=Chain([Oracle(git, tree)]))
        if report.outcome == "clean" and not report.conflicts:
            self.count["oracle: not asked, the commits replay cleanly"] += 1
            return
        done = report.outcome != "conflicted" and tree_of(git, report.new_tip) == tree
        where = "inside the hunks" if inside else "elsewhere, too"
        self.count[f"oracle: people worked {where}"] += 1
        self.count[f"oracle: people worked {where}; tree is theirs"] += done
        if inside and not done:
            why = [f"{fact.path}: {fact.why[:300]}" for fact in report.conflicts if not fact.resolver]
            self.failed.append(
                {"merge": merge, "outcome": report.outcome, "detail": report.detail, "why": why}
            )

    def result(self):
        return {
            "count": dict(sorted(self.count.items())),
            "spent": {what: round(seconds, 1) for what, seconds in sorted(self.spent.items())},
            "kinds": dict(self.kinds.most_common()),
            "kinds unsettled without a model": dict(self.unsettled.most_common()),
            "resolvers": dict(self.resolvers.most_common()),
            "differ": self.differ,
            "suspicious": self.suspicious,
            "failed": self.failed,
        }


def cpu_seconds():
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="stop after this many conflicting merges")
    parser.add_argument("--clean", type=int, default=0, metavar="EVERY", help="rebase clean merges, too")
    parser.add_argument("--json", type=Path, help="write everything there, too")
    wish = parser.parse_args()
    tally, began = Tally(every=wish.clean), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        place = Path(folder) / "clone.git"
        subprocess.run(
            ("git", "clone", "-q", "--bare", "--shared", str(wish.path.absolute()), str(place)), check=True
        )
        with Git(place).session() as git, Tips(git) as tips:
            for merge, target, branch in cases(git):
                try:
                    tally.case(git, tips, merge, target, branch)
                except GitError as e:
                    tally.count[f"errors: {type(e).__name__}"] += 1
                    tally.failed.append({"merge": merge, "error": f"{type(e).__name__}: {e.user_message}"})
                if wish.limit and tally.count["conflicting tips"] >= wish.limit:
                    break
    result = {**tally.result(), "seconds": round(time.monotonic() - began)}
    if wish.json:
        wish.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    sys.exit(main())
