"""Tests order events as a queue behind the event bus receives them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from chalicelib.adapters.order_events import OrderEvents
from chalicelib.bootstrap import Service
from chalicelib.domain.contract import ORDER_EVENT_SOURCE
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from local.embedded import EmbeddedAws
from tests.conftest import Shop, aws_client
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.workers import run_for, sweep_once

REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")
TEN_MINUTES = 600


class Queue:
    """The shop's queue, in the order of arrival. A consumer drops repeated and older events."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url
        self.received: list[dict[str, Any]] = []

    def drain(self) -> list[tuple[str, str, int]]:
        """Lists type, order and version of all events so far."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.received.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        details = [(event["detail-type"], event["detail"]) for event in self.received]
        return [(kind, detail["orderId"], detail["version"]) for kind, detail in details]

    def unseen(self) -> list[tuple[str, str, int]]:
        """Lists the events without those whose id came before."""
        first: dict[str, tuple[str, str, int]] = {}
        for row, event in zip(self.drain(), self.received, strict=True):
            first.setdefault(event["detail"]["id"], row)
        return list(first.values())


@pytest.fixture
def queue(service: Service, aws: EmbeddedAws) -> Iterator[Queue]:
    assert service
    sqs, events = aws_client("sqs", aws), aws_client("events", aws)
    url = sqs.create_queue(QueueName="shop")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": [ORDER_EVENT_SOURCE]})
    events.put_rule(Name="to-shop", EventPattern=pattern, State="ENABLED")
    events.put_targets(Rule="to-shop", Targets=[{"Id": "shop", "Arn": arn}])
    yield Queue(sqs, url)
    events.remove_targets(Rule="to-shop", Ids=["shop"])
    events.delete_rule(Name="to-shop")
    sqs.delete_queue(QueueUrl=url)


def start(service: Service, number: int) -> Payment:
    request = replace(REQUEST, order_id=f"order-{number}", phone_number=f"2376700010{number:02}")
    return service.initiate(request).payment


def test_every_settled_version_arrives_after_ten_minutes_without_the_bus(
    service: Service, shop: Shop, aws: EmbeddedAws, clock: HandClock, queue: Queue
) -> None:
    aws.faults.set({"operation": "PutEvents", "kind": "unavailable", "count": 100_000})
    payments = [start(service, number) for number in range(4)]
    shop.customer(payments[0].provider_reference, "SUCCESSFUL")
    shop.customer(payments[1].provider_reference, "FAILED")
    run_for(service, clock, TEN_MINUTES)
    assert queue.drain() == []
    shop.customer(payments[2].provider_reference, "SUCCESSFUL")  # the payment has expired before
    service.settle.handle_webhook(payments[2].reference, payments[2].provider_reference)
    aws.faults.set()
    run_for(service, clock, 61)
    arrived = queue.drain()
    assert sorted(arrived) == [
        ("payment.expired", "order-2", 3),
        ("payment.expired", "order-3", 3),
        ("payment.failed", "order-1", 3),
        ("payment.successful", "order-0", 3),
        ("payment.successful", "order-2", 4),
    ]
    assert arrived.index(("payment.expired", "order-2", 3)) < arrived.index(("payment.successful", "order-2", 4))
    assert queue.unseen() == arrived, "each once"


def test_a_repetition_is_known_by_its_id(service: Service, shop: Shop, queue: Queue) -> None:
    payment = start(service, 0)
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    service.operate.redeliver(payment.reference, by="paul")
    told = ("payment.successful", "order-0", 3)
    assert queue.drain() == [told, told]
    assert queue.unseen() == [told]
    assert {event["detail"]["id"] for event in queue.received} == {f"{payment.reference}:3"}


def test_the_version_that_pays_an_order_says_so_even_if_it_was_charged_twice(
    service: Service, shop: Shop, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator accepts a payment that got a second charge during the review: the shop gets an event of both."""
    payment = service.initiate(replace(REQUEST, phone_number="237670000006")).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    service.settle.handle_webhook(payment.reference, shop.charge_again(payment.reference))
    caplog.clear()
    decision = PaymentStatus.SUCCESSFUL, "the rest was paid in cash"
    paid = service.operate.resolve(payment.reference, *decision, version=4, by="paul")
    assert (service.ledger.order("order-1").paid, paid.duplicate) == (payment.reference, True)
    told = [("payment.successful", "order-1", paid.version), ("payment.duplicate", "order-1", paid.version)]
    assert queue.drain()[-2:] == told
    assert [record.message for record in caplog.records].count("payment.duplicate") == 1, "its alarm"
    service.operate.redeliver(payment.reference, by="paul")
    assert queue.drain()[-2:] == told
    assert queue.unseen()[-2:] == told, "known by their ids"


def test_a_second_charge_of_a_paid_order_is_no_second_success(
    service: Service, shop: Shop, clock: HandClock, queue: Queue
) -> None:
    """The second charge is of the same payment, or of another attempt."""
    first = start(service, 0)
    clock.forward(601)
    second = start(service, 0)
    for payment in (second, first):
        shop.customer(payment.provider_reference, "SUCCESSFUL")
        service.settle.handle_webhook(payment.reference, payment.provider_reference)
    service.settle.handle_webhook(second.reference, shop.charge_again(second.reference))
    kinds = [kind for kind, _, _ in queue.drain()]
    assert kinds == ["payment.expired", "payment.successful", "payment.duplicate", "payment.duplicate"]


def test_an_entry_that_the_bus_does_not_take_is_announced_again(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws, queue: Queue
) -> None:
    """PutEvents answers 200 to the call, and says for each entry whether it was accepted."""

    class PartlyRefusing:
        def __init__(self) -> None:
            self._client = aws_client("events", aws)
            self.refusals = 2

        def put_events(self, **entries: Any) -> dict[str, Any]:
            if not self.refusals:
                taken: dict[str, Any] = self._client.put_events(**entries)
                return taken
            self.refusals -= 1
            refused = [{"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}]
            return {"FailedEntryCount": 1, "Entries": refused}

    refused = rebuilt(service, order_events=OrderEvents(lambda: cast(Any, PartlyRefusing()), "default"))
    payment = start(service, 0)
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    refused.settle.handle_webhook(payment.reference, payment.provider_reference)
    assert queue.drain() == []
    for _ in range(3):
        clock.forward(15)
        sweep_once(refused)
    assert queue.drain() == [("payment.successful", "order-0", 3)]
