"""Settling in the workspace what needs the repository itself: the last resolver of the chain, with an agent at work.

* The agent finds TARGET's state at each conflicted path. Beside it lies one folder (`FOLDER`) with what both sides
  did and why, and with each file's three versions byte for byte; it is a file, not the prompt, so that what people
  wrote can be copied letter by letter and isn't expanded on the way.
* What is settled the agent says in one file there (`VERDICT`). Nothing of that is believed: the gates judge.
* The folder is gone before the work tree is read, and that is read by Git, as data, into the rebase's quarantine.
* What an agent does is an answer or an abstention with a sentence, never an exception; and the workspace is laid
  out anew in any case.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from git_ops import objects
from git_ops.conflict import Abstained, Conflict
from git_ops.errors import OutputTooLarge, WorkTreeRefused, os_errors
from git_ops.objects import decode_path, show_path
from git_ops.process import Git
from git_ops.resolve.agentic import AgenticAnswer, AgenticRequest, Verdict
from git_ops.workspace import Workspace
from runner.prompt import fence, neutral
from runner.scratch import remove_tree

FOLDER = ".forgehand-conflict"
ABOUT = "about.md"
VERDICT = "settled.json"
MAX_VERDICT_BYTES = 256 * 1024
MAX_FILES = 100
MAX_MIB = 16.0
"""For all changed files together."""

_REGULAR = {b"000000", b"100644", b"100755"}

Work = Callable[[str], str | None]
"""Let the agent work in the workspace on this prompt; a sentence where it didn't come to a good end."""


class Settler:
    """What `AgenticResolver` asks. `may_go_elsewhere`: a command can prove edits outside the conflicts."""

    def __init__(self, workspace: Workspace, work: Work, *, may_go_elsewhere: bool) -> None:
        self._workspace = workspace
        self._work = work
        self._may_go_elsewhere = may_go_elsewhere

    def __call__(self, request: AgenticRequest) -> AgenticAnswer | Abstained:
        """Lay out, let work, read. Raises `GitError` where the workspace fails us, and what `work` raises."""
        git, tree = request.context.git, request.tree
        if why := _not_for_an_agent(request):
            return Abstained(why=why)
        space = self._workspace.with_objects(git.object_directory)
        try:
            space.checkout(tree)
            _lay_out(space.work_tree / FOLDER, request)
            problem = self._work(prompt(request, may_go_elsewhere=self._may_go_elsewhere))
            said = _take_verdict(space.work_tree / FOLDER)
            if problem:
                return Abstained(why=problem)
            if isinstance(said, Abstained):
                return said
            return _answer(request, said, changed_files(git, tree, space.snapshot(tree)))
        except _Unusable as e:
            return Abstained(why=str(e))
        except WorkTreeRefused as e:
            return Abstained(why=e.user_message)
        finally:
            self._workspace.checkout(request.context.tip)


class _Unusable(Exception):
    """What the agent left can't be taken."""


class _Settled(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    conflict: str = Field(max_length=20)
    why: str = Field(min_length=1, max_length=4_000)
    dropped: tuple[str, ...] = Field(default=(), max_length=500)
    elsewhere: tuple[str, ...] = Field(default=(), max_length=MAX_FILES)


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    settled: tuple[_Settled, ...] = Field(max_length=500)


def prompt(request: AgenticRequest, *, may_go_elsewhere: bool) -> str:
    """The first message. The only text of other people in it are names of files, fenced."""
    named = "\n".join(
        f"{name}: {show_path(c.path)} ({c.kind})" for name, c in _by_id(request.conflicts).items()
    )
    further = (
        "If a conflict needs an edit elsewhere (a caller, a test, a second definition), make it and name the file "
        "under `elsewhere`. Such an edit counts only if the repository's own tests pass."
        if may_go_elsewhere
        else "Change no other file: this repository has no tests that could prove such an edit right."
    )
    return f"""Settle the conflicts of a rebase in the current folder.

A branch (AGENT) is rebased onto its target (TARGET). The folder holds the merge of both. Only where both changed the
same thing it has TARGET's state for now, without any marker. These are the conflicts:

{fence(neutral(named))}

Read {FOLDER}/{ABOUT} first: what each side changed and why. Each conflict's versions lie in {FOLDER}/<id>/ as BASE,
TARGET and AGENT, byte for byte; one that is missing has no such file. Take lines from there.

Bring what AGENT changed into the files, so that what both sides wanted lives on. {further}

Then write {FOLDER}/{VERDICT}, with one entry for each conflict that is settled:

{{"settled": [{{"conflict": "p1", "why": "one sentence", "dropped": [], "elsewhere": []}}]}}

`dropped` are lines that a side changed and that you gave up on purpose, letter by letter. `elsewhere` are the files
outside the conflicts that you changed for this one. Leave a conflict out if you can't tell what is right.
"""


def changed_files(git: Git, before: str, after: str) -> dict[str, bytes | None]:
    """All files in which the trees differ, with their new content; none where one is gone. Modes don't count."""
    raw = git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", before, after).stdout
    fields = raw.split(b"\0")
    found: dict[str, str | None] = {}
    for head, name in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, new_mode, old, new, _ = head.removeprefix(b":").split(b" ")
        path = decode_path(name)
        if not {old_mode, new_mode} <= _REGULAR:
            raise _Unusable(f"the agent touched {show_path(path)}, a link or a submodule")
        if old != new:
            found[path] = None if new_mode == b"000000" else new.decode()
    if len(found) > MAX_FILES:
        raise _Unusable(f"the agent changed {len(found)} files, more than the {MAX_FILES} that are taken")
    there = {path: oid for path, oid in found.items() if oid}
    try:
        contents = objects.read_blobs(git, there.values(), max_output_mib=MAX_MIB)
    except OutputTooLarge as e:
        raise _Unusable(f"the agent changed more than the {MAX_MIB:g} MiB that are taken") from e
    return dict.fromkeys(found) | dict(zip(there, contents, strict=True))


def _not_for_an_agent(request: AgenticRequest) -> str:
    """Why asking would be in vain: all must be settled, and only files can be edited."""
    for conflict in request.conflicts:
        if not all(side.is_file for stages in conflict.stages.values() for side in stages.values()):
            return f"{show_path(conflict.path)} isn't only about files, so nothing can be settled by editing"
    if objects.entry(request.context.git, request.tree, FOLDER):
        return f"the repository has {FOLDER}, where the agent's orders should lie"
    return ""


def _by_id(conflicts: tuple[Conflict, ...]) -> dict[str, Conflict]:
    """The ids that the description uses, too."""
    return {f"p{n}": conflict for n, conflict in enumerate(conflicts, 1)}


@os_errors()
def _lay_out(folder: Path, request: AgenticRequest) -> None:
    folder.mkdir()
    reasons = "\n".join(
        f"{show_path(path)}: {show_path(reason)}" for path, said in request.reasons.items() for reason in said
    )
    about = f"{request.description}\n\nWhy nobody else could settle it:\n\n{fence(reasons)}\n"
    (folder / ABOUT).write_text(about, encoding="utf-8", errors="replace")
    for name, conflict in _by_id(request.conflicts).items():
        (folder / name).mkdir()
        for role, side in (("BASE", conflict.base), ("TARGET", conflict.target), ("AGENT", conflict.agent)):
            if side and side.content is not None:
                (folder / name / role).write_bytes(side.content)


@os_errors()
def _take_verdict(folder: Path) -> _Said | Abstained:
    """What the agent says; the folder is gone afterwards, whatever it has become."""
    try:
        raw = _read_plain(folder)
    finally:
        if folder.is_dir() and not folder.is_symlink():
            remove_tree(folder)
        else:
            folder.unlink(missing_ok=True)
    if raw is None:
        return Abstained(why="the agent didn't say what it settled")
    if len(raw) > MAX_VERDICT_BYTES:
        return Abstained(why="the agent said far more than is read about what it settled")
    try:
        return _Said.model_validate_json(raw)
    except ValidationError as e:
        where = ".".join(str(part) for part in e.errors()[0]["loc"]) or "the beginning"
        return Abstained(
            why=f"what the agent says about what it settled can't be read, at {show_path(where)}"
        )


def _read_plain(folder: Path) -> bytes | None:
    """The verdict, if it is a plain file in a plain folder: no link is followed, nothing is waited for."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        inside = os.open(folder, flags | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        file = os.open(VERDICT, flags, dir_fd=inside)
    except OSError:
        return None
    finally:
        os.close(inside)
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        return opened.read(MAX_VERDICT_BYTES + 1)


def _answer(request: AgenticRequest, said: _Said, files: dict[str, bytes | None]) -> AgenticAnswer:
    conflicts = _by_id(request.conflicts)
    shown = {show_path(path): path for path in files}
    settled: dict[str, Verdict] = {}
    for one in said.settled:
        if one.conflict not in conflicts:
            raise _Unusable(
                f"the agent says that it settled {show_path(one.conflict)}, which nobody asked for"
            )
        elsewhere = frozenset(shown.get(path.removeprefix("./"), path) for path in one.elsewhere)
        settled[conflicts[one.conflict].path] = Verdict(why=one.why, dropped=one.dropped, elsewhere=elsewhere)
    return AgenticAnswer(files=files, settled=settled)
