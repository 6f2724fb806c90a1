"""All metrics of the service. Labels take values from small fixed sets only, never from outside."""

from prometheus_client import Counter, Histogram

DELIVERIES = Counter(
    "forgehand_deliveries_total",
    "Webhook deliveries by endpoint and what became of them",
    ["endpoint", "result"],
)
FORGE_REQUESTS = Counter(
    "forgehand_forge_requests_total",
    "HTTP requests to forges, each attempt, by forge (as the settings name it), method and kind of answer",
    ["forge", "method", "outcome"],
)
BROKER_REQUESTS = Counter(
    "forgehand_broker_requests_total", "Requests of runners by door and outcome", ["door", "outcome"]
)
CLAUDE_SECONDS = Histogram(
    "forgehand_claude_request_seconds",
    "Duration of forwarded Claude requests",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 180),
)
CLAUDE_USD = Counter("forgehand_claude_usd_total", "What Claude has cost, in dollars, at list prices")
