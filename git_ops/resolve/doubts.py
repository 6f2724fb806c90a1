"""Which hunks are asked a second time: where the model isn't sure, or where nobody easily is.

* Both sides touched the same words of BASE and made different things of them: one of the two intentions yields, and
  which one is a judgement.
* Something is given up: a line that a side wants is named as dropped.
* The path is one that the operator protects.
"""

import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase

from git_ops.conflict import Hunk
from git_ops.resolve.answers import HunkAnswer, normal

_WORD = re.compile(rb"\w+")


def doubtful(hunk: Hunk, answer: HunkAnswer, *, protected: bool) -> bool:
    """Whether one answer isn't enough."""
    return protected or answer.confidence == "unsure" or bool(answer.dropped) or same_words_changed(hunk)


def is_protected(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path is one of those; `*` stands for any text, slashes included."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def same_words_changed(hunk: Hunk) -> bool:
    """Both sides took the same word of BASE away, and not for the same text."""
    if normal(hunk.target) == normal(hunk.agent):
        return False
    base, target, agent = (Counter(_WORD.findall(text)) for text in (hunk.base, hunk.target, hunk.agent))
    return bool((base - target) & (base - agent))
