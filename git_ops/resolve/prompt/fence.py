"""Fences around data: a name that the data can't hold, because it is made from all of it."""

import dataclasses
import hashlib
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True)
class Fence:
    """One mark for all blocks of a cluster, so that the same data gives the same bytes."""

    mark: str

    @classmethod
    def around(cls, texts: Iterable[str]) -> "Fence":
        """A fence for these texts."""
        whole = hashlib.sha256()
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            whole.update(len(data).to_bytes(8, "big") + data)
        return cls(whole.hexdigest()[:16])

    def block(self, name: str, text: str) -> str:
        """The text as data. `name` is ours, never the repository's."""
        data = text.removesuffix("\n")
        return f"<{name} fence={self.mark}>\n{data}\n</{name} fence={self.mark}>"
