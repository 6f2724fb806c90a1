"""Facts about conflicts for a report: what each side wanted, the texts, and what became of them."""

import dataclasses
from collections.abc import Mapping, Sequence

from git_ops import objects
from git_ops.conflict import Conflict, Side
from git_ops.errors import GitError
from git_ops.hunks import MAX_TEXT_BYTES
from git_ops.objects import decode_path
from git_ops.process import Git
from git_ops.report import ConflictFact, HunkFact, Texts, shorten
from git_ops.resolve.chain import Context, Settled, Unsettled
from git_ops.resolve.options import options_of

_MAX_COMMITS = 200
_SUBJECTS = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Intents:
    """By path, the subjects of the commits that touch it, newest first."""

    target: Mapping[str, tuple[str, ...]]
    agent: Mapping[str, tuple[str, ...]]


def intents_of(git: Git, context: Context, conflicts: Sequence[Conflict]) -> Intents:
    """Why each side changed the conflicted paths, in its authors' words."""
    paths = sorted({path for conflict in conflicts for path in (conflict.path, *conflict.paths)})
    return Intents(
        target=_subjects(git, f"{context.fork}..{context.onto}", paths),
        agent=_subjects(git, f"{context.fork}..{context.tip}", paths),
    )


def _subjects(git: Git, commits: str, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    args = ("log", "-z", "--no-color", "--no-show-signature", "--no-merges", "--no-renames", "--name-only")
    limit = f"--max-count={_MAX_COMMITS}"
    try:
        raw = git.run(*args, limit, "--format=%x01%s", commits, "--", *paths[:_MAX_COMMITS]).stdout
    except GitError:
        return {}  # helpful, not needed
    found: dict[str, list[str]] = {}
    subject = ""
    for field in raw.split(b"\0"):
        if field.startswith(b"\x01"):
            subject, _, first = field[1:].decode("utf-8", "replace").partition("\n")
            names = [first] if first else []
        else:
            names = [decode_path(field.lstrip(b"\n"))]
        for name in filter(None, names):
            found.setdefault(name, []).append(subject)
    return {path: tuple(subjects[:_SUBJECTS]) for path, subjects in found.items()}


def conflict_fact(outcome: Settled | Unsettled, context: Context, intents: Intents) -> ConflictFact:
    """What the report says of one conflict."""
    conflict = outcome.conflict
    fact = ConflictFact(
        path=conflict.path,
        kind=conflict.kind,
        paths=conflict.paths,
        target_intent=_first(intents.target, conflict),
        agent_intent=_first(intents.agent, conflict),
        hunks=tuple(_hunk(outcome, i) for i in range(len(conflict.hunks))),
        texts=_texts(outcome, context.git),
    )
    if isinstance(outcome, Unsettled):
        options = tuple(f"{option.name}: {option.meaning}" for option in options_of(conflict, context))
        return dataclasses.replace(fact, why=outcome.why, options=options)
    answer = outcome.resolution
    gates = tuple(gate.name for gate in outcome.gates)
    return dataclasses.replace(
        fact,
        resolver=answer.resolver,
        source=answer.source,
        why=answer.why,
        gates=gates,
        elsewhere=tuple(sorted(answer.elsewhere)),
    )


def _first(intents: Mapping[str, tuple[str, ...]], conflict: Conflict) -> tuple[str, ...]:
    return next((intents[path] for path in (conflict.path, *conflict.paths) if path in intents), ())


def _hunk(outcome: Settled | Unsettled, i: int) -> HunkFact:
    hunk = outcome.conflict.hunks[i]
    fact = HunkFact(
        id=hunk.id,
        base=shorten(hunk.base) or "",
        target=shorten(hunk.target) or "",
        agent=shorten(hunk.agent) or "",
    )
    choices = outcome.resolution.hunks if isinstance(outcome, Settled) else ()
    choice = next((choice for choice in choices if choice.id == hunk.id), None)
    if choice is None:
        return fact
    return dataclasses.replace(fact, result=shorten(choice.text), why=choice.why, dropped=choice.dropped)


def _texts(outcome: Settled | Unsettled, git: Git) -> Texts:
    conflict = outcome.conflict
    return Texts(
        base=_text(conflict.base),
        target=_text(conflict.target),
        agent=_text(conflict.agent),
        result=_result(outcome, git),
    )


def _text(side: Side | None) -> str | None:
    return shorten(side.content) if side else None


def _result(outcome: Settled | Unsettled, git: Git) -> str | None:
    if isinstance(outcome, Unsettled):
        return None
    files = outcome.resolution.files
    file = files.get(outcome.conflict.path) or next(filter(None, files.values()), None)
    if file is None or file.mode == "160000":
        return None
    if file.oid is None:
        return shorten(file.content)
    try:
        return shorten(objects.read_blob(git, file.oid, max_bytes=MAX_TEXT_BYTES))
    except GitError:
        return None  # too large to show
