"""Gates for a whole rebase: where the series ends, what became of each commit, and what the repository says to it."""

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from git_ops.errors import GitError, GitTimeout, OutputTooLarge
from git_ops.objects import RawCommit, read_commit
from git_ops.process import Git
from git_ops.quarantine import object_directory
from git_ops.refs import check_oid
from git_ops.verify.gate import END_TREE, RANGE_DIFF, REPOSITORY_COMMAND, Gate
from git_ops.verify.patches import Patch, patches_of

MAX_RANGE_DIFF_COMMITS = 100
"""`git range-diff` compares each old commit with each new one."""
_RANGE_DIFF_SECONDS = 30
_RANGE_DIFF_MIB = 1.0


def end_tree(*, oracle: str | None, result: str) -> Gate:
    """The series ends in the tree that Git's own merge of the tips has, where there is one."""
    passed = oracle is None or oracle == result
    why = f"the commits end in tree {result[:10]}, but Git merges the tips to {oracle or '':.10}"
    return Gate(name=END_TREE, passed=passed, why="" if passed else why)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What the repository's own command (build, tests) said about a commit; `summary` is untrusted."""

    passed: bool
    summary: str = ""


def repository_command(run: Callable[[str], CommandResult], *, onto: str, new_tip: str) -> Gate:
    """The command passes on the new tip, or it fails on the target's own tip, too. `run` takes a commit's id.

    The target is only asked where the new tip fails. Where `run` can't tell, the gate fails.
    """
    try:
        new = run(new_tip)
        if new.passed:
            return Gate(name=REPOSITORY_COMMAND, passed=True, why=new.summary)
        baseline = run(onto)
    except (GitError, OSError) as e:  # TimeoutError is an OSError
        why = f"the repository's command couldn't be run: {str(e) or type(e).__name__}"
        return Gate(name=REPOSITORY_COMMAND, passed=False, why=why)
    if baseline.passed:
        why = f"it passes on the target and fails on the result: {new.summary}"
        return Gate(name=REPOSITORY_COMMAND, passed=False, why=why)
    return Gate(name=REPOSITORY_COMMAND, passed=True, why=f"red on the target, too: {baseline.summary}")


def range_diff(
    git: Git, *, old: tuple[str, str], new: tuple[str, str], mapping: Mapping[str, str | None]
) -> tuple[Gate, bytes]:
    """No commit of `old` (base, tip) is lost on the way to `new` (onto, tip); with `git range-diff`'s text.

    `mapping` has each old commit's new one, or none where the report says why it was dropped. Merge commits needn't
    be in it. A commit that has one new commit to itself keeps author, date and message byte for byte, and isn't
    empty unless it was. How much of its patch is the same is told, not judged: settling a conflict changes it.
    The text is empty where it would be too long; the verdict then says so. Raises `GitError`.
    """
    olds, news = _commits(git, *old, new[0]), _commits(git, *new)
    if why := next(_losses(git, olds, news, mapping), ""):
        return Gate(name=RANGE_DIFF, passed=False, why=why), b""
    passed, told = _compare_patches(git, mapping)
    text, why = _range_diff_text(git, old, new, max(len(olds), len(news)))
    return Gate(name=RANGE_DIFF, passed=passed, why="; ".join(part for part in (told, why) if part)), text


def _commits(git: Git, base: str, tip: str, *without: str) -> Sequence[str]:
    """Those of `base..tip` that no commit of `without` has: where histories cross, the target has some of them."""
    known = [f"^{check_oid(oid)}" for oid in (base, *without)]
    return git.text("rev-list", "--no-merges", "--reverse", check_oid(tip), *known, "--").split()


def _losses(
    git: Git, olds: Sequence[str], news: Sequence[str], mapping: Mapping[str, str | None]
) -> Iterator[str]:
    there, uses = set(news), Counter(mapping.values())
    for oid in olds:
        if oid not in mapping:
            yield f"commit {oid[:10]} is lost, and nothing says why"
            continue
        new = mapping[oid]
        if new is not None and new not in there:
            yield f"commit {oid[:10]} is said to be {new[:10]}, which isn't in the new series"
        elif new is not None and uses[new] == 1:
            yield from _differences(oid, read_commit(git, oid), read_commit(git, new))


def _differences(oid: str, old: RawCommit, new: RawCommit) -> Iterator[str]:
    if old.author != new.author:
        yield f"commit {oid[:10]} has another author or date"
    if old.message != new.message or old.others != new.others:
        yield f"commit {oid[:10]} has another message or encoding"


def _compare_patches(git: Git, mapping: Mapping[str, str | None]) -> tuple[bool, str]:
    """Whether no commit lost its patch; how many kept it whole, and which is least like its old self."""
    uses = Counter(mapping.values())
    pairs = [(old, new) for old, new in mapping.items() if new is not None and uses[new] == 1]
    try:
        patches = patches_of(git, [oid for pair in pairs for oid in pair])
    except OutputTooLarge:
        return True, "the patches are too large to be compared"
    for old, new in pairs:
        if patches[old] and not patches[new]:
            return False, f"commit {old[:10]} became empty, and nothing says why"
    rated = [(_alike(patches[old], patches[new]), old) for old, new in pairs]
    least, oid = min(rated, default=(1.0, ""))
    if least == 1:
        return True, ""
    same = sum(rate == 1 for rate, _ in rated)
    return True, f"{same} of {len(rated)} commits have the same patch; {oid[:10]} has {least:.0%} of it"


def _alike(one: Patch, other: Patch) -> float:
    """From 0 to 1: changed lines that both have, of all changed lines (Dice's coefficient)."""
    total = one.total() + other.total()
    return 1.0 if total == 0 else 2 * (one & other).total() / total


def _range_diff_text(git: Git, old: tuple[str, str], new: tuple[str, str], commits: int) -> tuple[bytes, str]:
    if commits > MAX_RANGE_DIFF_COMMITS:
        return b"", f"no range-diff for more than {MAX_RANGE_DIFF_COMMITS} commits"
    ranges = ["..".join(check_oid(oid) for oid in ends) for ends in (old, new)]
    with tempfile.TemporaryDirectory(prefix="git-range-diff-") as folder:
        try:
            done = _shielded(git, Path(folder)).run(
                "range-diff",
                "--no-color",
                "--no-notes",
                *ranges,
                timeout_seconds=_RANGE_DIFF_SECONDS,
                max_output_mib=_RANGE_DIFF_MIB,
            )
        except (GitTimeout, OutputTooLarge) as e:
            return b"", f"no range-diff: {e.user_message}"
    return done.stdout, ""


def _shielded(git: Git, folder: Path) -> Git:
    """An empty repository that sees the objects of `git`, and neither its settings nor its attributes.

    `git range-diff` runs `git log -p` inside and can't hand on `--no-textconv`: a repository's own configuration
    would get to run its programs.
    """
    kind = git.text("rev-parse", "--show-object-format")
    nowhere = git.replace(git_dir=None, work_tree=None, object_directory=None)
    nowhere.run("init", "-q", "--bare", "--template=", f"--object-format={kind}", str(folder))
    return nowhere.replace(git_dir=folder, object_directory=object_directory(git))
