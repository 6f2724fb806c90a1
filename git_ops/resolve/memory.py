"""What a model or an agent answered before is answered again, without asking.

* The key is the question: repository, kind, file name, all three texts of the hunk and the three modes; for a question
  about names all three sides' modes and objects. Direction and base are part of it, other than in `git rerere`.
* Nothing is shared between repositories. The gates run again on whatever comes from here.
* Rules aren't remembered: they are computed again, and may have been improved.
* Only what this user wrote is believed: where others can write to the directory, their answers aren't ours.
* One small JSON file for each answer, replaced atomically: processes can share the directory. What can't be read, is
  too old or doesn't fit its key is removed. A lost entry costs a question, no more, so nothing is synced to disk.
"""

import base64
import contextlib
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

from git_ops.conflict import Abstained, Answer, Conflict, File, Hunk, HunkChoice, Resolution, Side
from git_ops.errors import BadName
from git_ops.objects import decode_path, encode_path
from git_ops.resolve.chain import Context, Settled
from git_ops.resolve.folding import answer

MAX_ENTRIES = 10_000
MAX_ENTRY_BYTES = 512 * 1024
_OURS = re.compile(r"[0-9a-f]{64}\.json|tmp\w+\.part")
MAX_AGE_DAYS = 90.0
"""Counted from the last use."""


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    resolver: str
    why: str
    gates: tuple[str, ...]
    commit: str
    """The commit at which the answer passed them."""


class _Text(_Stored):
    text: Base64Bytes
    dropped: tuple[Base64Bytes, ...]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Base64Bytes
    mode: str = ""
    oid: str | None = None
    """None: the path goes."""


class _Names(_Stored):
    files: tuple[_File, ...]


_Entry = TypeVar("_Entry", bound=_Stored)


class Memory:
    """Answers by key in the directory `path`, which is made when the first one comes."""

    def __init__(
        self, path: Path, *, max_entries: int = MAX_ENTRIES, max_age_days: float = MAX_AGE_DAYS
    ) -> None:
        self.path = path
        self.max_entries = max_entries
        self.max_age_days = max_age_days

    def remember(
        self, settled: Sequence[Settled], repository: str, commit: str, *, asked: Sequence[Conflict] = ()
    ) -> int:
        """Keep what a model or an agent answered, now that the whole rebase has passed; how many answers that are.

        `commit` is the rebased tip. `asked` are the smaller conflicts that were really asked about, where rules had
        settled a part. Raises nothing where the disk is full or not writable: memory is a convenience.
        """
        entries = [entry for one in settled for entry in _entries(one, asked, repository, commit)]
        kept = 0
        with contextlib.suppress(OSError):
            for entry in entries:
                kept += self._put(entry)
            if entries:
                self._prune()
        return kept

    def text(self, key: str) -> _Text | None:
        """The answer to a question about a hunk."""
        return self._get(key, _Text)

    def names(self, key: str) -> _Names | None:
        """The answer to a question about names."""
        return self._get(key, _Names)

    def _get(self, key: str, model: type[_Entry]) -> _Entry | None:
        place = self.path / f"{key}.json"
        try:
            with open(place, "rb", opener=_own) as file:
                raw = file.read(MAX_ENTRY_BYTES + 1)
                age_seconds = time.time() - os.fstat(file.fileno()).st_mtime
        except OSError:
            return None
        try:
            entry = model.model_validate_json(raw)
        except ValidationError:
            entry = None
        with contextlib.suppress(OSError):
            if entry is None or entry.key != key or age_seconds > self.max_age_days * 86_400:
                place.unlink()
                return None
            os.utime(place)
        return entry

    def _put(self, entry: _Stored) -> bool:
        raw = entry.model_dump_json().encode()
        if len(raw) > MAX_ENTRY_BYTES:
            return False
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(dir=self.path, suffix=".part")
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(raw)
            Path(temporary).replace(self.path / f"{entry.key}.json")
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
        return True

    def _prune(self) -> None:
        """Away with what is too old, the least used beyond the limit, and what a crash left behind."""
        found = []
        with os.scandir(self.path) as places:
            for place in places:
                with contextlib.suppress(OSError):  # another process may be pruning, too
                    if _OURS.fullmatch(place.name):
                        found.append((place.stat(follow_symlinks=False).st_mtime, place.path))
        found.sort(reverse=True)
        now = time.time()
        for i, (used, name) in enumerate(found):
            days = (now - used) / 86_400
            left_behind = name.endswith(".part") and days > 1
            if i >= self.max_entries or days > self.max_age_days or left_behind:
                with contextlib.suppress(OSError):
                    Path(name).unlink()


def _own(path: str, flags: int) -> int:
    """Open a file of ours: no link, no pipe that never answers, nothing that another user put there."""
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    is_what = os.fstat(fd)
    if stat.S_ISREG(is_what.st_mode) and is_what.st_uid == os.geteuid():
        return fd
    os.close(fd)
    raise PermissionError(path)


class MemoryResolver:
    """Answers from memory, all hunks or some of them."""

    name = "memory"

    def __init__(self, memory: Memory, repository: str) -> None:
        """`repository` tells this repository from all others for as long as it lives. Raises `BadName` where empty."""
        if not repository:
            raise BadName(
                "A memory of answers needs a name for the repository: none may get another's answers"
            )
        self.memory = memory
        self.repository = repository
        self._asked: dict[str, Conflict] = {}

    def remember(self, settled: Sequence[Settled], *, commit: str) -> None:
        """Keep the answers to what this resolver didn't know."""
        self.memory.remember(settled, self.repository, commit, asked=tuple(self._asked.values()))
        self._asked.clear()

    def resolve(self, conflict: Conflict, context: Context) -> Answer:  # noqa: ARG002  # the port's
        """See the module's docstring for what is known."""
        self._asked[conflict.path] = conflict
        if not conflict.textual:
            return self._names(conflict)
        choices, resolvers = [], {}
        for hunk in conflict.hunks:
            if known := self.memory.text(hunk_key(conflict, hunk, self.repository)):
                why = f"remembered from {known.resolver}: {known.why}"
                dropped = tuple(map(decode_path, known.dropped))
                choices.append(HunkChoice(id=hunk.id, text=known.text, why=why, dropped=dropped))
                resolvers[known.resolver] = known.commit
        if not choices:
            return Abstained(why="none of its hunks is known")
        return answer(conflict, choices, resolver=self.name, source="memory", why=_provenance(resolvers))

    def _names(self, conflict: Conflict) -> Answer:
        known = self.memory.names(names_key(conflict, self.repository))
        if known is None:
            return Abstained(why="the question isn't known")
        files = {
            decode_path(file.path): File(mode=file.mode, oid=file.oid) if file.oid else None
            for file in known.files
        }
        if files.keys() != conflict.stages.keys():
            return Abstained(why="what is remembered doesn't fit the question")
        return Resolution(
            resolver=self.name,
            source="memory",
            why=f"{_provenance({known.resolver: known.commit})}: {known.why}",
            files=files,
        )


def hunk_key(conflict: Conflict, hunk: Hunk, repository: str) -> str:
    """The question that a hunk is. Its directory isn't part of it: files move."""
    name = encode_path(conflict.path).rpartition(b"/")[2]
    texts = (hunk.base, hunk.target, hunk.agent)
    return _digest(b"hunk", repository.encode(), conflict.kind.encode(), name, *texts, *_modes(conflict))


def names_key(conflict: Conflict, repository: str) -> str:
    """The question that a conflict about names is: every path, stage, mode and object."""
    stages = [
        part
        for path, sides in sorted(conflict.stages.items())
        for stage, side in sorted(sides.items())
        for part in (encode_path(path), b"%d" % stage, side.mode.encode(), side.oid.encode())
    ]
    return _digest(b"names", repository.encode(), conflict.kind.encode(), *stages)


def _digest(*parts: bytes) -> str:
    """Over each part's length, too, so that no two questions run together."""
    return hashlib.sha256(b"".join(b"%d:%s" % (len(part), part) for part in parts)).hexdigest()


def _modes(conflict: Conflict) -> list[bytes]:
    sides: tuple[Side | None, ...] = (conflict.base, conflict.target, conflict.agent)
    return [side.mode.encode() if side else b"" for side in sides]


def _provenance(resolvers: dict[str, str]) -> str:
    said = ", ".join(f"{resolver} at {commit[:10]}" for resolver, commit in resolvers.items())
    return f"answered before by {said}"


def _entries(settled: Settled, asked: Sequence[Conflict], repository: str, commit: str) -> Iterator[_Stored]:
    resolution = settled.resolution
    if resolution.source not in {"model", "agent"} or resolution.elsewhere:
        return  # an answer that needs changes elsewhere is none without them
    gates = tuple(gate.name for gate in settled.gates if gate.passed)
    conflicts = (settled.conflict, *asked)
    if fitting := next((one for one in conflicts if resolution.hunks and _fits(one, resolution)), None):
        hunks = {hunk.id: hunk for hunk in fitting.hunks}
        for choice in resolution.hunks:
            yield _Text(
                key=hunk_key(fitting, hunks[choice.id], repository),
                resolver=resolution.resolver,
                why=_printable(choice.why),
                gates=gates,
                commit=commit,
                text=base64.b64encode(choice.text),
                dropped=tuple(base64.b64encode(encode_path(line)) for line in choice.dropped),
            )
    elif (
        not settled.conflict.hunks
        and not resolution.hunks
        and (files := _by_object(settled.conflict, resolution))
    ):
        yield _Names(
            key=names_key(settled.conflict, repository),
            resolver=resolution.resolver,
            why=_printable(resolution.why),
            gates=gates,
            commit=commit,
            files=files,
        )


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _fits(conflict: Conflict, resolution: Resolution) -> bool:
    """Whether the texts answer this conflict's hunks, not those of a smaller one that bear the same ids."""
    content = resolution.content_at(conflict.path)
    texts = {choice.id: choice.text for choice in resolution.hunks}
    if content is None or not conflict.hunks or not texts.keys() <= {hunk.id for hunk in conflict.hunks}:
        return False
    at = len(conflict.between[0])
    if not content.startswith(conflict.between[0]):
        return False
    for hunk, after in zip(conflict.hunks, conflict.between[1:], strict=True):
        if hunk.id in texts:
            if not content.startswith(texts[hunk.id] + after, at):
                return False
            at += len(texts[hunk.id] + after)
        elif (found := content.find(after, at)) >= 0:  # settled by somebody else: of any length
            at = found + len(after)
        else:
            return False
    return True


def _by_object(conflict: Conflict, resolution: Resolution) -> tuple[_File, ...] | None:
    """The files, if none is new text and they are just the paths that were asked about."""
    files = resolution.files
    if files.keys() != conflict.stages.keys() or any(file and file.oid is None for file in files.values()):
        return None
    return tuple(
        _File(
            path=base64.b64encode(encode_path(path)),
            mode=file.mode if file else "",
            oid=file.oid if file else None,
        )
        for path, file in files.items()
    )
