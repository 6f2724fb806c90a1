from prometheus_client import REGISTRY

import app.telemetry.metrics  # noqa: F401 -- registers them


def test_all_have_our_prefix_and_say_what_they_count():
    ours = [metric for metric in REGISTRY.collect() if metric.name.startswith("forgehand_")]
    assert {metric.name for metric in ours} == {
        "forgehand_deliveries",
        "forgehand_forge_requests",
        "forgehand_broker_requests",
        "forgehand_claude_request_seconds",
        "forgehand_claude_usd",
    }
    assert all(metric.documentation for metric in ours)
