import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.prices import DEAREST, PRICES, cost_usd, price_of


def test_the_longest_prefix_counts():
    assert price_of("claude-opus-5-5-20260101") == PRICES["claude-opus-5-5"]
    assert price_of("claude-opus-4-1") == PRICES["claude-opus-4"]


@pytest.mark.parametrize("model", ["", "gpt-x", "opus", "Claude-opus"])
def test_an_unknown_model_is_counted_at_the_dearest_price(model):
    assert price_of(model) == DEAREST
    assert DEAREST.output >= max(price.output for price in PRICES.values())


def test_a_plain_request():
    usage = {"input_tokens": 1_000_000, "output_tokens": 100_000}
    assert cost_usd("claude-sonnet-4", usage) == pytest.approx(3.0 + 1.5)


def test_caches_have_prices_of_their_own():
    usage = {
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_creation_input_tokens": 3_000_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 2_000_000, "ephemeral_1h_input_tokens": 1_000_000},
        "cache_read_input_tokens": 1_000_000,
    }
    assert cost_usd("claude-haiku-4", usage) == pytest.approx(2 * 1.25 + 1 * 2.0 + 0.1)


@given(
    st.dictionaries(
        st.sampled_from(["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_creation"]),
        st.one_of(
            st.none(),
            st.integers(),
            st.text(),
            st.lists(st.integers()),
            st.dictionaries(st.text(), st.text()),
        ),
    )
)
def test_odd_figures_never_raise_and_never_give_money_back(usage):
    assert cost_usd("claude-opus", usage) >= 0
