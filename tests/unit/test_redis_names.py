"""Tests that Redis' keys, channels and lifetimes are those of the golden files."""

import pytest

from chalicelib.domain import redis_names
from tests.unit.test_contract import NAMES, REFERENCE


def test_keys_and_channels() -> None:
    """The golden templates are what the functions return for a placeholder."""
    assert {
        "paymentKey": redis_names.payment_key("<reference>"),
        "paymentChannel": redis_names.payment_channel("<reference>"),
        "clientKey": redis_names.client_key("<socketId>"),
        "gatewayKey": redis_names.gateway_key("<gatewayId>"),
        "gatewaysKey": redis_names.gateways_key(),
        "clientsKey": redis_names.clients_key("<gatewayId>"),
        "probeChannel": redis_names.probe_channel("<gatewayId>"),
        "operatorsChannel": redis_names.operators_channel(),
        "waitingKey": redis_names.waiting_key(),
        "webhooksKey": redis_names.webhooks_key(),
        "webhookCountsKey": redis_names.webhook_counts_key("<day>"),
        "lastPaidKey": redis_names.last_paid_key(),
        "outcomesKey": redis_names.outcomes_key("<operator>"),
        "breakerKey": redis_names.breaker_key("<service>", "<calls>"),
        "limitKey": redis_names.limit_key("<kind>", "<address>", 7).replace("7", "<window>"),
    } == NAMES["templates"]


def test_lifetimes() -> None:
    assert NAMES["ttlSeconds"] == {
        "payment": redis_names.PAYMENT_TTL_SECONDS,
        "client": redis_names.CLIENT_TTL_SECONDS,
        "gateway": redis_names.GATEWAY_TTL_SECONDS,
        "waiting": redis_names.WAITING_TTL_SECONDS,
        "webhooks": redis_names.WEBHOOKS_TTL_SECONDS,
        "webhookCounts": redis_names.WEBHOOK_COUNTS_TTL_SECONDS,
        "lastPaid": redis_names.LAST_PAID_TTL_SECONDS,
        "outcomes": redis_names.OUTCOMES_TTL_SECONDS,
    }


def test_a_channel_leads_back_to_its_reference() -> None:
    assert redis_names.reference_of_channel(redis_names.payment_channel(REFERENCE)) == REFERENCE


@pytest.mark.parametrize("channel", ["", "payment:", f"payment:{REFERENCE}", "payment:{x", "probe:x", "client:{x}"])
def test_other_channels_have_no_reference(channel: str) -> None:
    assert redis_names.reference_of_channel(channel) is None
