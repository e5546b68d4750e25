"""Tests that a refused call makes the same calls of DynamoDB and Redis, whether or not what it names exists.

A stranger who measures how long an answer takes would otherwise learn what the answer does not say.
"""

from collections import Counter
from collections.abc import Callable, Mapping

import pytest
import redis

from chalicelib.domain.operator_actions import OperatorAction
from local.embedded import EmbeddedAws, Valkey
from tests.conftest import ORDER
from tests.harness.api_gateway import Reply, call

UNKNOWN = {"reference": "00000000-0000-4000-8000-000000000000", "order": "order-3", "link": "b" * 26}

Count = Callable[[str, str, Mapping[str, str]], tuple[Reply, Counter[str]]]


@pytest.fixture
def count(aws: EmbeddedAws, valkey: Valkey) -> Count:
    """Makes a call of the API, and counts the calls that it makes of DynamoDB and the commands that Redis gets."""

    def counted(method: str, path: str, headers: Mapping[str, str]) -> tuple[Reply, Counter[str]]:
        with redis.Redis(port=valkey.port) as server:
            aws.calls.clear()
            server.config_resetstat()
            reply = call(method, path, headers=dict(headers))
            commands = server.info("commandstats")
        made = {name: stats["calls"] for name, stats in commands.items() if not name.startswith("cmdstat_config")}
        return reply, Counter(aws.calls) + Counter(made)

    return counted


@pytest.fixture
def others(merchant: dict[str, str]) -> Mapping[str, str]:
    """Names what another customer has: a payment, its order, and a payment link."""
    started = call("POST", "/api/payment/initiate", ORDER | {"orderId": "order-2"}, headers=merchant).json
    made = call(
        "POST", "/api/payment/links", {"orderId": "order-4", "amount": 700, "currency": "XAF"}, headers=merchant
    )
    return {"reference": started["reference"], "order": "order-2", "link": made.json["linkId"]}


@pytest.fixture
def holder(merchant: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Returns the payment of a customer, and the headers that open it alone."""
    order = ORDER | {"phoneNumber": "237677777770"}
    started = call("POST", "/api/payment/initiate", order, headers=merchant).json
    return started["reference"], {"Authorization": f"Bearer {started['trackingToken']}"}


def same_for(count: Count, others: Mapping[str, str], method: str, path: str, headers: Mapping[str, str]) -> Reply:
    """Makes a call for what exists and for what is unknown. Returns the answer, which is that of both."""
    count(method, path.format(**UNKNOWN), headers)  # connections are opened and the scripts are loaded
    (told, work), (told_of_unknown, work_of_unknown) = (
        count(method, path.format(**it), headers) for it in (others, UNKNOWN)
    )
    assert (told.status, told.json) == (told_of_unknown.status, told_of_unknown.json)
    assert work == work_of_unknown
    return told


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/payment/tracking/{reference}"),
        ("POST", "/api/payment/tracking/{reference}/give-up"),
        ("GET", "/api/payment/status/{order}"),
    ],
)
def test_a_tracking_token_costs_the_same_for_every_payment_that_it_does_not_cover(
    count: Count, others: Mapping[str, str], holder: tuple[str, dict[str, str]], method: str, path: str
) -> None:
    reference, headers = holder
    assert same_for(count, others, method, path, headers).status == 401
    reply, work = count(method, path.format(reference=reference, order="order-1"), headers)
    assert reply.status == 200
    assert work.total() > 0, "what the token covers is looked up"


@pytest.mark.parametrize("act", OperatorAction)
def test_an_operator_who_may_only_look_learns_nothing_by_acting(
    count: Count, others: Mapping[str, str], act: OperatorAction
) -> None:
    amina = {"X-Api-Key": "key-of-amina-with-thirty-two-bytes-or-more"}
    assert same_for(count, others, "POST", f"/api/payment/operator/{{reference}}/{act}", amina).status == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/payment/tracking/{reference}"),
        ("GET", "/api/payment/status/{order}"),
        ("GET", "/api/payment/operator/{reference}"),
        *(("POST", f"/api/payment/operator/{{reference}}/{act}") for act in OperatorAction),
        ("DELETE", "/api/payment/links/{link}"),
    ],
)
def test_a_wrong_key_costs_the_same_for_all(count: Count, others: Mapping[str, str], method: str, path: str) -> None:
    assert same_for(count, others, method, path, {"X-Api-Key": "k" * 40}).status == 401
