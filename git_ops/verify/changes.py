"""The gate `changes-preserved`: what either side added or removed is in the text, or is named as given up.

Judged hunk by hunk where the answer has a text for each, else by the whole file (but not for a rule that gives one,
see `answer.py`). For each side and its change from the base:

* A line that it added is there, as often. If not, the text must have a line that is on no side (two edits of one
  line became a third) with the words the side brought in; or a line of the other side that holds all of it.
* A line that it removed isn't back, and neither is a word that it took away altogether.
* Indentation, blanks and lines without a letter or digit don't count, and neither does the order of lines.
* The line ends are those that a side has.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from git_ops.conflict import Conflict, Resolution
from git_ops.verify.gate import CHANGES_PRESERVED, Gate, show
from git_ops.verify.versions import written

_WORD = re.compile(rb"\w+")
_TOKEN = re.compile(rb"\w+|[^\w\s]")
_BLANKS = re.compile(rb"\s+")
_EOL = re.compile(rb"\r?\n")
_MAX_PAIRS = 200_000
"""Lines of one side times lines of the other that are compared word by word."""
_COMMON = 5
"""Lines of whose words less than one in so many is in both aren't versions of one line."""

Lines = Counter[bytes]


def changes_preserved(conflict: Conflict, resolution: Resolution) -> Gate:
    """Both sides' changes are in the answer, or are named as given up."""
    why = next(_faults(conflict, resolution), "")
    return Gate(name=CHANGES_PRESERVED, passed=not why, why=why)


def _faults(conflict: Conflict, resolution: Resolution) -> Iterator[str]:
    if _told_by_hunks(conflict, resolution):
        by_id = {choice.id: choice for choice in resolution.hunks}
        for hunk in conflict.hunks:
            choice = by_id[hunk.id]
            for fault in faults(hunk.base, hunk.target, hunk.agent, choice.text, choice.dropped):
                yield f"{hunk.id}: {fault}"
        return
    if resolution.source == "rule":
        return
    dropped = [line for choice in resolution.hunks for line in choice.dropped]
    for one in written(conflict, resolution):
        if one.target is not None and one.agent is not None:
            yield from faults(one.base or b"", one.target, one.agent, one.result, dropped)


def _told_by_hunks(conflict: Conflict, resolution: Resolution) -> bool:
    """The answer has a text for each hunk, and the file that it gives is made of them."""
    texts = {choice.id: choice.text for choice in resolution.hunks}
    return (
        conflict.textual
        and texts.keys() == {hunk.id for hunk in conflict.hunks}
        and conflict.splice(texts) == resolution.content_at(conflict.path)
    )


def faults(
    base: bytes, target: bytes, agent: bytes, result: bytes, dropped: Iterable[str] = ()
) -> Iterator[str]:
    """Each change of a side that the result lacks, as a sentence."""
    given_up = {_normal(line.encode("utf-8", "surrogateescape")) for line in dropped}
    texts = _lines(base), _lines(target), _lines(agent), _lines(result)
    for role, side, other in (("target", texts[1], texts[2]), ("agent", texts[2], texts[1])):
        if lost := _Change(texts[0], side, other, texts[3], given_up).lost():
            yield f"the {role}'s change to {show(lost)} isn't in the text and isn't named as dropped"
    known = set(_EOL.findall(base + target + agent))
    if known and (foreign := set(_EOL.findall(result)) - known):
        yield f"line ends {min(foreign)!r} are on neither side"


class _Change:
    """What one side did to the base, held against the result."""

    def __init__(self, base: Lines, side: Lines, other: Lines, result: Lines, given_up: set[bytes]) -> None:
        self.base, self.side, self.other, self.result = base, side, other, result
        self.added = _without(side - base, given_up)
        self.removed = _without(base - side, given_up)
        self.given_up = given_up

    def lost(self) -> bytes | None:
        """A line that stands for what is lost, or none."""
        if not self.added and not self.removed:
            return None
        return self._returned_line() or self._missing_line() or self._returned_word()

    def _returned_line(self) -> bytes | None:
        for line in self.removed:
            if self.result[line] > self.side[line] + max(0, self.other[line] - self.base[line]):
                return line
        return None

    def _missing_line(self) -> bytes | None:
        gone = self.base - self.other  # what the other side removed, it may have removed of ours
        missing = [
            line
            for line, n in self.added.items()
            if self.result[line] < self.side[line] - gone[line] or not self.result[line]
        ]
        if not missing:
            return None
        third = self.result - self.side - self.other - self.base
        carriers = [*third, *(line for line in self.other - self.base if line in self.result)]
        if len(missing) * (len(carriers) + len(self.removed)) > _MAX_PAIRS:
            return missing[0]
        cut = _tokens(gone) - _tokens(self.other - self.base)
        fresh_in_third, known = _tokens(third), _tokens(self.base)
        for line in missing:
            fresh = Counter(_TOKEN.findall(line)).keys() - known.keys()
            if fresh and all(fresh_in_third[token] for token in fresh):
                continue
            # What the other side took out of the line needn't be there.
            kept = [token for token in _TOKEN.findall(line) if token not in cut]
            taken = _taken(line, self.removed)
            if not any(_holds(carrier, kept, taken, ordered=carrier not in third) for carrier in carriers):
                return line
        return None

    def _returned_word(self) -> bytes | None:
        base, side, other, result = map(_tokens, (self.base, self.side, self.other, self.result))
        brought = _tokens(self.other - self.base)
        excused = _tokens(Counter(self.given_up))
        for line in self.removed:
            if self._counterpart(line) in self.given_up:
                continue  # what was to stand in its place was given up, and so was that it goes
            gone = self._gone_from_both(line)
            for word in _WORD.findall(line):
                back = result[word] > max(0, brought[word] if gone else other[word] - base[word])
                if not side[word] and back and word not in excused:
                    return line
        return None

    def _gone_from_both(self, removed: bytes) -> bool:
        """The other side removed the line, too, and what it added isn't that line edited: it has words of its own."""
        added = self.other - self.base
        if self.other[removed] or len(added) * len(self.removed) > _MAX_PAIRS:
            return False
        words = Counter(_WORD.findall(removed))
        others = (Counter(_WORD.findall(line)) for line in added)
        return all(_COMMON * (words & one).total() < (words | one).total() for one in others)

    def _counterpart(self, removed: bytes) -> bytes | None:
        """The line that the side has in place of one it removed: the added one that shares most words."""
        added = self.side - self.base
        if not self.given_up or len(added) * len(self.removed) > _MAX_PAIRS:
            return None
        words = Counter(_TOKEN.findall(removed))
        return max(added, key=lambda line: (words & Counter(_TOKEN.findall(line))).total(), default=None)


def _holds(carrier: bytes, kept: list[bytes], taken: Counter[bytes], *, ordered: bool) -> bool:
    """A line says what another said: it has its tokens (in order), or at least its words, and not much beside them.

    `taken` are words that the other line had given up; they may not be in this one.
    """
    tokens = _TOKEN.findall(carrier)
    if not ordered:
        kept, tokens = _words(kept), _words(tokens)
    found, rest = Counter(tokens), iter(tokens)
    if not kept or len(tokens) > 2 * len(kept) or any(found[word] >= count for word, count in taken.items()):
        return False
    return all(token in rest for token in kept) if ordered else found.keys() >= set(kept)


def _taken(line: bytes, removed: Iterable[bytes]) -> Counter[bytes]:
    """The words that this line has no longer, with the count that would bring them back."""
    now = Counter(_words(_TOKEN.findall(line)))
    before = (Counter(_words(_TOKEN.findall(old))) for old in removed)
    origin = max(before, key=lambda words: (words & now).total(), default=now)
    return Counter({word: count for word, count in origin.items() if (origin & now) and count > now[word]})


def _words(tokens: Iterable[bytes]) -> list[bytes]:
    return [token for token in tokens if _WORD.match(token)]


def _without(lines: Lines, given_up: set[bytes]) -> Lines:
    return Counter({line: n for line, n in lines.items() if line not in given_up})


def _tokens(lines: Lines) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for line, count in lines.items():
        for token in _TOKEN.findall(line):
            found[token] += count
    return found


def _normal(line: bytes) -> bytes:
    return _BLANKS.sub(b" ", line.strip())


def _lines(text: bytes) -> Lines:
    """Lines that say something, without indentation."""
    return Counter(_normal(line) for line in text.split(b"\n") if _WORD.search(line))
