"""The rules for every kind of conflict that isn't just text.

Each either gives an answer that is right by the kind's own logic, makes the conflict smaller, or says what stands in
the way. None guesses; the guesses that make sense are the `options`.
"""

from typing import Protocol

from git_ops.conflict import Abstained, Answer, Conflict
from git_ops.resolve.chain import Context, Resolver
from git_ops.resolve.clashes import ClashResolver
from git_ops.resolve.deleted import DeletedResolver
from git_ops.resolve.directories import DirectoryRenameResolver
from git_ops.resolve.generated import GeneratedResolver, Regenerate
from git_ops.resolve.links import LinkResolver
from git_ops.resolve.modes import ModeResolver
from git_ops.resolve.renamed import BetterBaseResolver, RenamedResolver
from git_ops.resolve.rest import CleanTextResolver
from git_ops.resolve.submodule import Contains, SubmoduleResolver
from git_ops.resolve.whole import WholeResolver

__all__ = ["Contains", "Regenerate", "StructuralResolver", "structural_rules"]


class Rule(Resolver, Protocol):
    """A resolver for certain kinds of conflict."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that it is about."""


class StructuralResolver:
    """Asks the rules that are about the conflict's kind. Its reasons are theirs, and theirs alone."""

    name = "structural"

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = tuple(rules)

    def resolve(self, conflict: Conflict, context: Context) -> Answer:
        """The first answer that isn't an abstention."""
        reasons = []
        for rule in self.rules:
            if conflict.kind in rule.kinds:
                answer = rule.resolve(conflict, context)
                if not isinstance(answer, Abstained):
                    return answer
                reasons.append(answer.why)
        return Abstained(why="; ".join(reasons) or f"no rule is about {conflict.kind}")


def structural_rules(
    regenerate: Regenerate | None = None, contains: Contains | None = None
) -> list[Resolver]:
    """All rules: first about names, then about what is there. `regenerate` and `contains` are two rules' ports."""
    return [
        StructuralResolver(
            [
                DirectoryRenameResolver(),
                RenamedResolver(),
                BetterBaseResolver(),
                DeletedResolver(),
                ClashResolver(),
                ModeResolver(),
                LinkResolver(),
                SubmoduleResolver(contains),
                WholeResolver(),
                GeneratedResolver(regenerate),
                CleanTextResolver(),
            ]
        )
    ]
