"""Deterministic ways to merge a hunk. Each is right often, none always: they are proposals.

* A method is one small class in one file, with a `name`, a `family` and `propose`. It never raises, whatever the
  texts are, and its time is bounded.
* Methods of one family share their reasoning: that two of them agree is no evidence.
* The order of `METHODS` is fixed, and so is that of the candidates.
"""

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from git_ops.conflict import Conflict
from git_ops.resolve.candidates.changelog import Changelog
from git_ops.resolve.candidates.contained import Contained
from git_ops.resolve.candidates.imports import Imports
from git_ops.resolve.candidates.insertions import Insertions
from git_ops.resolve.candidates.lines import Lines
from git_ops.resolve.candidates.mergiraf import Mergiraf
from git_ops.resolve.candidates.patience import Patience
from git_ops.resolve.candidates.structured import Structured
from git_ops.resolve.candidates.tokens import Tokens
from git_ops.resolve.candidates.whitespace import Whitespace


class Method(Protocol):
    """See the module's docstring for the contract."""

    @property
    def name(self) -> str:
        """A short word for reports."""

    @property
    def family(self) -> str:
        """What it reasons from."""

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """Texts by hunk id, for as many hunks as it has one for."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one method proposes for some of a conflict's hunks."""

    name: str
    family: str
    texts: Mapping[str, bytes] = dataclasses.field(repr=False)
    """By hunk id; never empty."""


METHODS: tuple[Method, ...] = (
    Mergiraf(),
    Structured(),
    Lines(),
    Patience(),
    Tokens(),
    Whitespace(),
    Imports(),
    Contained(),
    Changelog(),
    Insertions(),
)


def candidates_of(conflict: Conflict) -> tuple[Candidate, ...]:
    """All proposals for a textual conflict, in the order of `METHODS`; kept for whoever asks next."""
    return _candidates(_Asked(conflict)) if conflict.textual else ()


class _Asked:
    """A conflict as a key: equal if its path and all of its texts are."""

    def __init__(self, conflict: Conflict) -> None:
        self.conflict = conflict
        sides = (conflict.base, conflict.target, conflict.agent)
        self.key = (conflict.path, conflict.hunks, conflict.between, sides)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.key == other.key


@lru_cache(maxsize=16)
def _candidates(asked: _Asked) -> tuple[Candidate, ...]:
    found = ((method, method.propose(asked.conflict)) for method in METHODS)
    return tuple(Candidate(name=one.name, family=one.family, texts=texts) for one, texts in found if texts)
