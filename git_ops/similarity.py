"""How much of one text is in another, by lines, where boilerplate doesn't count.

* Only lines that say something are looked at: `}` and blank lines are in every file.
* `boilerplate` are lines that other files have as well (licence headers, the usual imports).
* Linear in the texts' length.
"""

from collections import Counter
from collections.abc import Collection, Iterable

_TELLING_BYTES = 4


def telling_lines(text: bytes, boilerplate: Collection[bytes] = ()) -> Counter[bytes]:
    """The lines that say something, without blanks around them, and how often each is there."""
    lines = (line.strip() for line in text.splitlines())
    return Counter(line for line in lines if len(line) >= _TELLING_BYTES and line not in boilerplate)


def similarity(one: Counter[bytes], other: Counter[bytes]) -> float:
    """0 to 1: the bytes of the lines that both have, as a share of the larger text."""
    larger = max(_weight(one), _weight(other))
    return _weight(one & other) / larger if larger else 0.0


def boilerplate_of(texts: Iterable[bytes]) -> frozenset[bytes]:
    """The lines that at least two of these texts have."""
    seen: Counter[bytes] = Counter()
    for text in texts:
        seen.update(set(telling_lines(text)))
    return frozenset(line for line, count in seen.items() if count > 1)


def _weight(lines: Counter[bytes]) -> int:
    return sum(len(line) * count for line, count in lines.items())
