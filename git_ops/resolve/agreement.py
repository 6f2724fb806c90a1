"""What two independent methods propose, byte for byte, is the answer.

* Independent are methods of different families. A text counts as many votes as families propose it.
* Two votes are needed, and more than any other text has: where methods contradict each other nobody is believed.
* Paths that match a protected pattern are left to others.
"""

from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase

from git_ops.conflict import Abstained, Answer, Conflict, HunkChoice
from git_ops.resolve.candidates import Candidate, candidates_of
from git_ops.resolve.chain import Context
from git_ops.resolve.folding import answer


class AgreementResolver:
    """Settles the hunks on which two families of methods agree."""

    name = "agreement"

    def __init__(self, *, protected: Sequence[str] = ()) -> None:
        """`protected` are shell patterns for whole paths, in which `*` matches slashes, too."""
        self.protected = tuple(protected)

    def resolve(self, conflict: Conflict, context: Context) -> Answer:  # noqa: ARG002  # the port's
        """See the module's docstring for the rule."""
        if not conflict.textual:
            return Abstained(why="it isn't settled by texts")
        if any(fnmatchcase(conflict.path, pattern) for pattern in self.protected):
            return Abstained(why="the path is protected: no rule may settle it")
        found = candidates_of(conflict)
        choices = [choice for hunk in conflict.hunks if (choice := _agreed(hunk.id, found))]
        if not choices:
            return Abstained(why="no two independent methods agree on a hunk")
        why = ", ".join(dict.fromkeys(choice.why for choice in choices))
        return answer(conflict, choices, resolver=self.name, source="rule", why=why)


def _agreed(hunk: str, candidates: Sequence[Candidate]) -> HunkChoice | None:
    votes: dict[bytes, dict[str, str]] = defaultdict(dict)
    for candidate in candidates:
        if hunk in candidate.texts:
            votes[candidate.texts[hunk]].setdefault(candidate.family, candidate.name)
    ranked = sorted(votes.items(), key=lambda item: len(item[1]), reverse=True)
    if not ranked or len(ranked[0][1]) < 2 or (ranked[1:] and len(ranked[1][1]) == len(ranked[0][1])):
        return None
    text, names = ranked[0]
    return HunkChoice(id=hunk, text=text, why=" and ".join(names.values()) + " agree")
