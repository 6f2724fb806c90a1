"""What is asked about one cluster: files with ids, their hunks with the texts on offer, and closed questions.

* Ids and labels are ours; no name from the repository stands outside a fence.
"""

import dataclasses
import string
from collections.abc import Mapping, Sequence

from git_ops.conflict import Conflict, Hunk, Option
from git_ops.resolve.candidates import candidates_of
from git_ops.resolve.chain import Context
from git_ops.resolve.options import options_of
from git_ops.resolve.prompt.codec import Codec, codec_of
from git_ops.resolve.prompt.fence import Fence

_MAX_CANDIDATES = 6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A text that can be chosen by its label."""

    text: bytes
    methods: tuple[str, ...] = ()
    """Which programs propose it; none for a side's own text."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One conflict on the sheet."""

    id: str
    conflict: Conflict
    codec: Codec
    offers: Mapping[str, Mapping[str, Offer]]
    """Hunk id to label to text."""
    options: tuple[Option, ...]
    """The answers to the closed question; none where hunks are asked for."""

    @property
    def asks_for_hunks(self) -> bool:
        """Its answer is a text for each hunk, not an option."""
        return by_text(self.conflict)

    @property
    def asks_nothing(self) -> bool:
        """There is no hunk that would settle it, and no option."""
        return not (self.asks_for_hunks or self.options)

    def hunk(self, name: str) -> Hunk:
        """The hunk of that id."""
        return next(hunk for hunk in self.conflict.hunks if hunk.id == name)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A cluster, ready to be written down."""

    entries: tuple[Entry, ...]
    fence: Fence

    def everything(self) -> dict[str, tuple[str, ...]]:
        """All that can be asked: entry id to hunk ids, which a closed question hasn't."""
        asked = [entry for entry in self.entries if not entry.asks_nothing]
        return {e.id: tuple(h.id for h in e.conflict.hunks) if e.asks_for_hunks else () for e in asked}

    def entry(self, name: str) -> Entry:
        """The entry of that id."""
        return next(entry for entry in self.entries if entry.id == name)


def by_text(conflict: Conflict) -> bool:
    """Whether a text for each hunk settles the whole conflict, names included."""
    return conflict.textual and set(conflict.stages) <= {conflict.path}


def sheet_of(conflicts: Sequence[Conflict], context: Context) -> Sheet:
    """Give ids and labels, and collect what is on offer."""
    entries = tuple(_entry(f"p{n}", conflict, context) for n, conflict in enumerate(conflicts, 1))
    texts = [
        entry.codec.show(text)
        for entry in entries
        for side in (entry.conflict.base, entry.conflict.target, entry.conflict.agent)
        for text in [side.content if side and side.content else b""]
    ]
    return Sheet(entries=entries, fence=Fence.around([context.onto, context.tip, context.task, *texts]))


def _entry(name: str, conflict: Conflict, context: Context) -> Entry:
    textual = by_text(conflict)
    return Entry(
        id=name,
        conflict=conflict,
        codec=codec_of(conflict),
        offers=_offers(conflict) if textual else {},
        options=() if textual else tuple(options_of(conflict, context)),
    )


def _offers(conflict: Conflict) -> dict[str, dict[str, Offer]]:
    candidates = candidates_of(conflict)
    found: dict[str, dict[str, Offer]] = {}
    for hunk in conflict.hunks:
        methods: dict[bytes, list[str]] = {}
        for candidate in candidates:
            if hunk.id in candidate.texts:
                methods.setdefault(candidate.texts[hunk.id], []).append(candidate.name)
        others = [(text, names) for text, names in methods.items() if text not in {hunk.target, hunk.agent}]
        labelled = zip(string.ascii_uppercase, others[:_MAX_CANDIDATES], strict=False)
        found[hunk.id] = {
            "TARGET": Offer(text=hunk.target, methods=tuple(methods.get(hunk.target, ()))),
            "AGENT": Offer(text=hunk.agent, methods=tuple(methods.get(hunk.agent, ()))),
            **{label: Offer(text=text, methods=tuple(names)) for label, (text, names) in labelled},
        }
    return found
