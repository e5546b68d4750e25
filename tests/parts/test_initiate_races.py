"""Tests many calls for one order at once: one prompt, which every other call joins or is refused for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import boto3
import pytest
from botocore.config import Config

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import PaymentError
from chalicelib.domain.money import Money
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.flows.earlier_attempts import KEYS_PER_ORDER
from chalicelib.flows.initiate_payment import InitiatePayment
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.service import rebuilt

REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "en")
CALLS_PER_ANSWER = 6
"""Ledger calls per answer: two reads of the order, a refused claim, a read of the payment, a key, one spare."""


@pytest.fixture
def initiate(service: Service, aws: EmbeddedAws) -> Iterator[InitiatePayment]:
    """Builds initiate with a client that waits for the embedded ledger, which serves one call at a time."""
    config = Config(connect_timeout=120, read_timeout=120, max_pool_connections=400)
    client = boto3.client("dynamodb", endpoint_url=aws.url, config=config)
    ledger = Ledger(client, service.ledger._table.name, service.clock)
    yield rebuilt(service, ledger=ledger).initiate
    client.close()


def answers(initiate: InitiatePayment, requests: Sequence[PaymentRequest]) -> list[str]:
    """Lists the answers to calls that start at once: `new`, `joined`, or the error's code."""
    together = Barrier(len(requests))

    def call(request: PaymentRequest) -> str:
        together.wait()
        try:
            return "joined" if initiate(request).replayed else "new"
        except PaymentError as error:
            return error.code

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(call, requests))


@pytest.mark.parametrize("conflicts", [0, 60])
def test_a_hundred_different_keys_at_once_join_or_are_refused(
    initiate: InitiatePayment, aws: EmbeddedAws, shop: Shop, conflicts: int
) -> None:
    aws.faults.set({"operation": "TransactWriteItems", "kind": "conflict", "count": conflicts})
    aws.calls.clear()
    keys = [f"key-{number}" for number in range(100)]
    told = answers(initiate, [replace(REQUEST, idempotency_key=key) for key in keys])
    assert Counter(told) == {"new": 1, "joined": KEYS_PER_ORDER - 1, "payment_in_progress": 100 - KEYS_PER_ORDER}
    assert len(shop.transactions) == 1
    assert aws.calls.total() <= CALLS_PER_ANSWER * 100 + 2 * conflicts
    remembered = {key for key, answer in zip(keys, told, strict=True) if answer in ("new", "joined")}
    order = initiate.ledger.order("order-1")
    assert set(order.keys) == remembered
    assert {reference for reference, _ in order.keys.values()} == {order.active}


def test_four_hundred_equal_calls_at_once_are_one_payment(
    initiate: InitiatePayment, aws: EmbeddedAws, shop: Shop
) -> None:
    aws.calls.clear()
    told = answers(initiate, [replace(REQUEST, idempotency_key="key-1")] * 400)
    assert Counter(told) == {"new": 1, "joined": 399}
    assert len(shop.transactions) == 1
    assert aws.calls.total() <= CALLS_PER_ANSWER * 400
