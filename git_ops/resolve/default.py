"""The order in which resolvers are asked, cheapest first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from git_ops.resolve.agreement import AgreementResolver
from git_ops.resolve.ancestor import AncestorResolver
from git_ops.resolve.chain import Chain, GroupResolver, Resolver
from git_ops.resolve.generated import GeneratedResolver
from git_ops.resolve.memory import Memory, MemoryResolver
from git_ops.resolve.structural import Contains, Regenerate, structural_rules
from git_ops.resolve.trivial import TrivialResolver

if TYPE_CHECKING:
    from git_ops.resolve.agentic import AgenticResolver
    from git_ops.resolve.claude import ClaudeResolver


def default_chain(
    *,
    memory: Memory | None = None,
    repository: str = "",
    regenerate: Regenerate | None = None,
    contains: Contains | None = None,
    claude: "ClaudeResolver | None" = None,
    agentic: "AgenticResolver | None" = None,
) -> Chain:
    """Rules, memory, methods that agree, and whoever can judge, as far as they are given.

    `memory` keeps answers for `repository`, a name that no other repository has. `regenerate` makes generated files
    anew, `contains` compares commits of submodules.
    """
    resolvers: list[Resolver | GroupResolver] = [TrivialResolver()]
    resolvers += structural_rules(regenerate=regenerate, contains=contains)
    resolvers.append(AncestorResolver())
    if (
        memory is not None
    ):  # it knows conflicts as those that judge saw them: after the rules have made them smaller
        resolvers.append(MemoryResolver(memory, repository))
    resolvers.append(AgreementResolver())
    judges: Sequence[GroupResolver | None] = (claude, agentic)
    resolvers += [judge for judge in judges if judge is not None]
    if regenerate is not None:  # once more, for what is made from a file that a judge has settled
        resolvers.append(GeneratedResolver(regenerate))
    return Chain(resolvers)
