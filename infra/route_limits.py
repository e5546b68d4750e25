"""Sets how many calls a second API Gateway lets through to each route."""

from typing import Any

from infra.stages import Stage

NEVER_ASK_CAMPAY = frozenset(
    {
        "/api/payment/current",
        "/api/payment/events",
        "/api/payment/links",
        "/api/payment/links/{link_id}",
        "/pay/{link_id}",
        "/operator",
        "/operator/addresses.json",
        "/operator/assets/{name}",
        "/api/payment/health",
        "/api/payment/debug/connections",
        "/api/payment/history",
        "/api/payment/analytics",
        "/api/payment/attention",
        "/api/payment/statement",
        "/api/payment/operator/session",
        "/api/payment/operator/search",
        "/api/payment/operator/{reference}",
        "/api/payment/test/simulate",  # unknown in a stage
    }
)
"""Routes whose calls hold no function while CamPay hangs."""
_PAGE_RATE, _ASSETS_RATE = 2, 4
"""A browser loads the operators' page once a release: few people do, and each a handful of files at once."""


def route_limits(stage: Stage) -> list[dict[str, Any]]:
    """Returns API Gateway's method settings: a limit for each route but the webhook, which no flood may delay."""
    size = stage.api
    limits = (
        ("POST", "/api/payment/initiate", size.initiate_rate),
        ("POST", "/api/payment/tracking/{reference}/give-up", size.initiate_rate),
        ("GET", "/api/payment/current", size.initiate_rate),
        ("GET", "/api/payment/health", size.initiate_rate),
        ("GET", "/api/payment/links/{link_id}", size.initiate_rate),
        ("GET", "/pay/{link_id}", size.initiate_rate),
        ("GET", "/api/payment/events", size.operator_rate),
        ("POST", "/api/payment/links", size.operator_rate),
        ("DELETE", "/api/payment/links/{link_id}", size.operator_rate),
        ("GET", "/api/payment/status/{order_id}", size.look_rate),
        ("GET", "/api/payment/tracking/{reference}", size.look_rate),
        ("GET", "/operator", _PAGE_RATE),
        ("GET", "/operator/addresses.json", _PAGE_RATE),
        ("GET", "/operator/assets/{name}", _ASSETS_RATE),
        ("GET", "/api/payment/debug/connections", size.operator_rate),
        ("GET", "/api/payment/history", size.operator_rate),
        ("POST", "/api/payment/operator/session", size.operator_rate),
        ("GET", "/api/payment/operator/session", size.operator_rate),
        ("DELETE", "/api/payment/operator/session", size.operator_rate),
        ("POST", "/api/payment/operator/search", size.operator_rate),
        ("GET", "/api/payment/operator/{reference}", size.operator_rate),
        ("GET", "/api/payment/analytics", size.operator_rate),
        ("GET", "/api/payment/attention", size.operator_rate),
        ("GET", "/api/payment/statement", size.operator_rate),
        ("POST", "/api/payment/statement", size.operator_rate),
        ("POST", "/api/payment/operator/{reference}/{action}", size.operator_rate),
        ("POST", "/api/payment/test/simulate", size.operator_rate),
    )
    return [
        {
            "HttpMethod": method,
            "ResourcePath": "/" + path.replace("/", "~1"),
            "ThrottlingRateLimit": rate,
            "ThrottlingBurstLimit": rate,
        }
        for method, path, rate in limits
    ]
