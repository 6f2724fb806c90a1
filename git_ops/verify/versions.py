"""The three versions that a file of an answer comes from."""

import dataclasses
from collections.abc import Iterator

from git_ops.conflict import LINK, SUBMODULE, Conflict, Resolution


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """A text that an answer puts at a path, and what the sides had there; none where it is unknown or wasn't read."""

    path: str
    result: bytes
    base: bytes | None
    target: bytes | None
    agent: bytes | None

    @property
    def sides(self) -> tuple[bytes, ...]:
        """Those of target and agent that are known."""
        return tuple(text for text in (self.target, self.agent) if text is not None)


def written(conflict: Conflict, resolution: Resolution) -> Iterator[Versions]:
    """Each file whose bytes the answer gives itself. A side's own object needs no proof."""
    for path, file in resolution.files.items():
        if file is None or file.content is None or file.mode in {LINK, SUBMODULE}:
            continue
        staged = conflict.stages.get(path, {})
        sides = (conflict.base, conflict.target, conflict.agent)
        if path != conflict.path:
            sides = (staged.get(1), staged.get(2), staged.get(3))
        base, target, agent = (side.content if side else None for side in sides)
        yield Versions(path=path, result=file.content, base=base, target=target, agent=agent)
