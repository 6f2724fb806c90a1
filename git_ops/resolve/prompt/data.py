"""The part of a prompt that stays the same: what the cluster's files are, what each side did to them, and why."""

from collections.abc import Sequence

from git_ops.conflict import Conflict, Side
from git_ops.errors import GitError
from git_ops.objects import show_path
from git_ops.resolve.chain import Context
from git_ops.resolve.prompt.codec import Codec, shorten
from git_ops.resolve.prompt.history import commits, commits_touching, renames
from git_ops.resolve.prompt.sheet import Entry, Sheet
from git_ops.resolve.prompt.signatures import changed_signatures
from git_ops.resolve.prompt.symbols import enclosing

_DIFF_CHARS = 80_000
"""For one cluster; each of its files and sides gets an equal share."""
_DIFF_LINES = 400
"""With whole functions; longer diffs are shown with fewer lines around the changes."""
_TASK_CHARS = 8_000
_MESSAGE_CHARS = 1_000
_SETTLED = 20
_BESIDE = 100


def write_data(sheet: Sheet, context: Context, *, beside: Sequence[str] = ()) -> str:
    """All blocks of the cluster, each in its fence; blocks with nothing to say are left out.

    `beside` are the paths of other conflicts, which are asked about in other clusters.
    """
    share = _DIFF_CHARS // (2 * len(sheet.entries))
    blocks = [
        ("task", shorten(context.task, _TASK_CHARS)),
        ("agent-commits", commits(context, f"{context.fork}..{context.tip}")),
        ("renames", renames(context)),
        ("other-conflicts", "\n".join(show_path(path) for path in beside[:_BESIDE])),
        ("settled-before", _settled(context)),
        *(block for entry in sheet.entries for block in _entry_blocks(entry, context, share)),
        ("changed-signatures", changed_signatures([entry.conflict for entry in sheet.entries], context)),
    ]
    return "\n\n".join(sheet.fence.block(name, text) for name, text in blocks if text.strip())


def _entry_blocks(entry: Entry, context: Context, share: int) -> list[tuple[str, str]]:
    conflict, codec = entry.conflict, entry.codec
    blocks = [
        ("path", show_path(conflict.path)),
        ("conflict", _described(conflict)),
        ("target-commits", commits_touching(context, f"{context.fork}..{context.onto}", conflict)),
        ("agent-commits", commits_touching(context, f"{context.fork}..{context.tip}", conflict)),
        ("diff-BASE-to-TARGET", _diff(conflict.base, conflict.target, context, codec, share)),
        ("diff-BASE-to-AGENT", _diff(conflict.base, conflict.agent, context, codec, share)),
        *enclosing(conflict, codec),
    ]
    return [(f"{entry.id}-{name}", text) for name, text in blocks]


def _described(conflict: Conflict) -> str:
    """Kind, Git's words, and what stands where; for a plain conflict in one file the kind is enough."""
    lines = [conflict.kind]
    if set(conflict.stages) != {conflict.path} or not conflict.textual:
        lines.append(shorten(show_path(conflict.message), _MESSAGE_CHARS))
        for path, stages in sorted(conflict.stages.items()):
            for stage, role in ((1, "BASE"), (2, "TARGET"), (3, "AGENT")):
                side = stages.get(stage)
                lines.append(f"{role} at {show_path(path)}: {_side(side) if side else 'nothing'}")
    return "\n".join(lines)


def _side(side: Side) -> str:
    size = "" if side.content is None else f", {len(side.content)} bytes"
    return f"mode {side.mode}, object {side.oid[:10]}{size}"


def _diff(base: Side | None, side: Side | None, context: Context, codec: Codec, limit: int) -> str:
    """A side's whole change to the file, with whole functions where that isn't too long."""
    if base is None or side is None or base.oid == side.oid or None in (base.content, side.content):
        return ""
    shown = ""
    for more in (("-U8", "--function-context"), ("-U8",)):
        args = ("diff", "--no-color", "--no-ext-diff", "--no-textconv", *more, base.oid, side.oid)
        try:
            raw = context.git.run(*args).stdout
        except GitError:
            return ""  # helpful, not needed; a text that was made on the way is no object of Git's
        shown = codec.show(raw[raw.find(b"\n@@") + 1 :].replace(b"\r\n", b"\n"))
        if len(shown) <= limit and shown.count("\n") <= _DIFF_LINES:
            break
    return shorten(shown, limit)


def _settled(context: Context) -> str:
    """Which conflicts were settled before, and how."""
    return "\n".join(
        f"{show_path(settled.conflict.path)} ({settled.conflict.kind}), by {settled.resolution.resolver}: "
        + shorten(show_path(settled.resolution.why), _MESSAGE_CHARS)
        for settled in context.settled[-_SETTLED:]
    )
