import pytest

from git_ops.resolve.budget import Budget, Usage, estimate

ONE = Usage(requests=1, input_tokens=900, output_tokens=90, cache_read_tokens=9, cache_write_tokens=1)


def test_tokens_are_limited_before_and_counted_after():
    budget = Budget(max_tokens=2_500)
    assert budget.refusal("m", ONE) is None
    budget.spend("m", ONE)
    budget.spend("m", ONE)
    assert budget.usage.tokens == 2_000
    assert budget.refusal("m", ONE) == "the rebase's budget of 2500 tokens is used up"
    assert budget.usd is None


def test_dollars_are_limited_by_the_price_list():
    budget = Budget(max_usd=0.5, price=lambda model, used: used.tokens / {"m": 10_000}[model])
    assert budget.refusal("m", ONE) is None
    for _ in range(4):
        budget.spend("m", ONE)
    assert budget.usd == pytest.approx(0.4)
    assert budget.refusal("m", Usage(input_tokens=1_001)) == "the rebase's budget of $0.50 is used up"


def test_dollars_need_a_price_list():
    with pytest.raises(ValueError, match="price"):
        Budget(max_usd=1)


def test_estimate_errs_upwards():
    assert estimate(3_000, max_output_tokens=50).tokens >= 1_050


def test_budget_of_a_rebase_stops_further_requests(api, situation, claude, say):
    versions = tuple(
        {"a": f"1\n{a}", "b": f"2\n{b}"} for a, b in (("", ""), ("Tick\n", "Tock\n"), ("Ping\n", "Pong\n"))
    )
    api.answers = [say.lines("Tick", "Ping"), say.lines("Tock", "Pong")]
    api.usage = {"input_tokens": 40_000, "output_tokens": 1_000}
    resolver = claude(budget=Budget(max_tokens=50_000))
    found = resolver.resolve_together(*situation(*versions))
    assert found["a"].content_at("a") == b"1\nTick\nPing\n"
    assert found["b"].why == "the rebase's budget of 50000 tokens is used up"
    assert (len(api.requests), resolver.usage.tokens) == (1, 41_000)
