"""What one rebase may spend on a model, and what it has spent.

* Checked before each request with an estimate that is never too small by much: characters and the longest answer.
* Counted afterwards with what the API says. Where it says nothing (a time-out), the estimate counts.
"""

import dataclasses
from collections.abc import Callable

_CHARS_PER_TOKEN = 3
"""Code has between three and four characters per token; fewer make the estimate larger."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the Messages API counts them: `input_tokens` are those that no cache had."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in dataclasses.fields(Usage)}
        return Usage(**sums)

    @property
    def tokens(self) -> int:
        """All of them, cached or not."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


Price = Callable[[str, Usage], float]
"""What a model's usage costs, in US dollars."""


class Budget:
    """Limits on tokens and dollars, none where they are none. One object for one rebase."""

    def __init__(
        self, *, max_tokens: int | None = None, max_usd: float | None = None, price: Price | None = None
    ) -> None:
        """Raises ValueError for a limit in dollars without a price list."""
        if max_usd is not None and price is None:
            raise ValueError("A limit in dollars needs `price`, which says what a model's tokens cost")
        self.max_tokens = max_tokens
        self.max_usd = max_usd
        self.usage = Usage()
        self._price = price
        self._usd = 0.0

    @property
    def usd(self) -> float | None:
        """Dollars spent; none where there is no price list."""
        return self._usd if self._price else None

    def refusal(self, model: str, expected: Usage) -> str | None:
        """Why a request that may take `expected` can't be sent."""
        if self.max_tokens is not None and self.usage.tokens + expected.tokens > self.max_tokens:
            return f"the rebase's budget of {self.max_tokens} tokens is used up"
        if (
            self._price
            and self.max_usd is not None
            and self._usd + self._price(model, expected) > self.max_usd
        ):
            return f"the rebase's budget of ${self.max_usd:.2f} is used up"
        return None

    def spend(self, model: str, used: Usage) -> None:
        """Count what a request took."""
        self.usage += used
        self._usd += self._price(model, used) if self._price else 0.0


def estimate(characters: int, *, max_output_tokens: int) -> Usage:
    """The most that a request with so many characters should take."""
    return Usage(requests=1, input_tokens=characters // _CHARS_PER_TOKEN + 1, output_tokens=max_output_tokens)
