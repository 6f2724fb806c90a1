"""Three-way merge by tokens: words, numbers, blanks and single signs.

Settles edits of different words of one line. Edits of neighbouring tokens are a conflict here, too.
"""

import re
from collections.abc import Mapping

from git_ops.conflict import Conflict, Hunk
from git_ops.resolve.candidates.hunkwise import by_hunk
from git_ops.resolve.candidates.sequences import merge_surely

_TOKEN = re.compile(rb"[\w\x80-\xff]+|[ \t]+|\r?\n|.", re.DOTALL)
"""Bytes beyond ASCII belong to words, in whatever encoding."""


class Tokens:
    """See the module's docstring."""

    name = "tokens"
    family = "tokens"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """The merge by tokens of each hunk that has one."""
        return by_hunk(conflict, merge_tokens)


def merge_tokens(hunk: Hunk) -> bytes | None:
    """The merge by tokens of one hunk."""
    base, target, agent = (_TOKEN.findall(text) for text in (hunk.base, hunk.target, hunk.agent))
    merged = merge_surely(base, target, agent)
    return None if merged is None else b"".join(merged)
