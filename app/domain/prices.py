"""What Claude requests cost, at list prices, from the API's own usage figures.

Prices are dollars per million tokens (https://docs.claude.com/en/docs/about-claude/pricing). A model that
isn't in the table is counted at the dearest price: a budget must not be passed through an unknown name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens, plain input and output."""

    input: float
    output: float


PRICES: Mapping[str, Price] = {
    "claude-opus": Price(5.0, 25.0),
    "claude-opus-4": Price(15.0, 75.0),
    "claude-opus-4-5": Price(5.0, 25.0),
    "claude-3-opus": Price(15.0, 75.0),
    "claude-opus-5-5": Price(4.0, 20.0),
    "claude-sonnet": Price(3.0, 15.0),
    "claude-haiku": Price(1.0, 5.0),
}
"""By the longest prefix of the model's name that matches."""
DEAREST = Price(15.0, 75.0)
_CACHE_WRITE_5M, _CACHE_WRITE_1H, _CACHE_READ = 1.25, 2.0, 0.1


def price_of(model: str) -> Price:
    """The price of the longest matching prefix, `DEAREST` where none matches."""
    matching = [prefix for prefix in PRICES if model.startswith(prefix)]
    return PRICES[max(matching, key=len)] if matching else DEAREST


def cost_usd(model: str, usage: Mapping[str, Any]) -> float:
    """What one response cost; figures that are missing or no numbers count as zero."""
    price = price_of(model)
    cached = usage.get("cache_creation")
    hour = _count(cached, "ephemeral_1h_input_tokens") if isinstance(cached, Mapping) else 0
    short = max(0, _count(usage, "cache_creation_input_tokens") - hour)
    tokens_in = (
        _count(usage, "input_tokens")
        + short * _CACHE_WRITE_5M
        + hour * _CACHE_WRITE_1H
        + _count(usage, "cache_read_input_tokens") * _CACHE_READ
    )
    return (tokens_in * price.input + _count(usage, "output_tokens") * price.output) / 1e6


def _count(figures: Mapping[str, Any], name: str) -> int:
    value = figures.get(name)
    return value if isinstance(value, int) and value > 0 else 0
