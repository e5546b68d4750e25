"""Counts the round trips to Redis and the calls to DynamoDB of each operation of the API."""

import os
import re
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import redis
import requests

from benchmarks.scale.counted import PaymentCounts
from benchmarks.write_units import WriteUnits
from chalicelib import bootstrap
from chalicelib.adapters.ledger.table import create_table
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.bootstrap import Service
from chalicelib.domain.event_signature import write_secret
from chalicelib.domain.money import Money
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.runtime.clock import Clock
from chalicelib.settings import read_settings
from local.campay_simulator import CampaySimulator
from local.embedded import EmbeddedAws, Valkey
from local.simulator.http_server import Answer, Request
from tests.harness.fakes import Answer as ShopAnswer
from tests.harness.fakes import ScriptedServer
from tests.harness.service import rebuilt
from tests.harness.workers import HandQueues, queues_of, work_off


@dataclass(frozen=True)
class Counted:
    operation: str
    redis_round_trips: int
    dynamodb_calls: int
    aim: str

    @property
    def misses_its_aim(self) -> bool:
        if not self.aim:
            return False
        round_trips, calls = (int(number) for number in self.aim.split(" + "))
        return self.redis_round_trips > round_trips or self.dynamodb_calls > calls


class CountingConnection(redis.Connection):
    """Counts round trips: each `send_packed_command` is one, however many commands it carries."""

    sent = 0

    def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        CountingConnection.sent += 1
        super().send_packed_command(*arguments, **options)  # type: ignore[no-untyped-call]  # redis-py has no types for it


class CountingSimulator(CampaySimulator):
    """Counts the calls of CamPay's API by the first part of their path, such as `transaction`."""

    def __init__(self, **settings: Any) -> None:
        self.calls: Counter[str] = Counter()
        super().__init__(**settings)

    def _respond(self, request: Request) -> Answer:
        if call := re.match(r"/api/(\w+)/", request.path):
            self.calls[call[1]] += 1
        return super()._respond(request)


class OperationCounter:
    def __init__(self, aws: EmbeddedAws) -> None:
        self._aws = aws
        self.rows: list[Counted] = []

    def count(self, operation: str, work: Callable[[], Any], aim: str = "") -> Any:
        self._aws.calls.clear()
        CountingConnection.sent = 0
        result = work()
        dynamodb = sum(count for name, count in self._aws.calls.items() if name != "PutEvents")
        self.rows.append(Counted(operation, CountingConnection.sent, dynamodb, aim))
        return result


class ForwardClock(Clock):
    """The system's time plus what a benchmark adds to it."""

    def __init__(self) -> None:
        self.added = 0

    def now(self) -> int:
        return super().now() + self.added


def run() -> tuple[list[Counted], dict[str, PaymentCounts]]:
    simulator = CountingSimulator(approve_after=600, slow_approve_after=600)
    with Valkey() as valkey, EmbeddedAws() as aws, simulator as campay, ScriptedServer() as shop:
        shop.answer("/order-events", ShopAnswer(204, b""))
        environment = {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        os.environ.update(environment)
        settings = read_settings(
            {
                "APP_ENV": "development",
                "CAMPAY_API_URL": campay.api_url,
                "CAMPAY_PERMANENT_ACCESS_TOKEN": campay.settings.permanent_token,
                "REDIS_HOST": "127.0.0.1",
                "REDIS_PORT": str(valkey.port),
                "PAYMENTS_TABLE": "payments",
                "EVENT_BUS": "default",
                "ORDER_EVENTS_URL": f"{shop.url}/order-events",
                "ORDER_EVENTS_KEY": write_secret(secrets.token_bytes(32)),
            }
        )
        clock = ForwardClock()
        service = bootstrap.build(settings, clock)
        queues: Any = HandQueues(clock)
        service = rebuilt(service, work_queue=WorkQueue(lambda: queues, "checks", "deliveries", clock))
        service.live_store._client.connection_pool.connection_class = CountingConnection
        service.live_store._client.connection_pool.disconnect()
        service.live_store._client.connection_pool.reset()
        import boto3

        create_table(boto3.client("dynamodb"), "payments")
        counted = _count(service, clock, aws, campay)
        payments = _payments(service, clock, aws, campay)
        service.close()
        return counted, payments


def _count(service: Service, clock: ForwardClock, aws: EmbeddedAws, campay: CampaySimulator) -> list[Counted]:
    counter = OperationCounter(aws)
    request = PaymentRequest("warm-up", Money(5000, "XAF"), "237677777701", "bench", "fr", address="127.0.0.9")
    service.initiate(request)  # connections are opened and the script is loaded
    service.track.payment(service.initiate(request).payment.reference)

    request = replace(request, order_id="order-1", phone_number="237677777702")
    payment = counter.count("initiate", lambda: service.initiate(request), "2 + 5").payment
    counter.count("initiate again: the same payment", lambda: service.initiate(request))
    counter.count("tracking, just changed", lambda: service.track.payment(payment.reference), "1 + 0")
    clock.added += 6_000
    counter.count("tracking, re-read at CamPay", lambda: service.track.payment(payment.reference))
    counter.count("status, read a moment ago", lambda: service.track.order("order-1"))
    clock.added += 3_000
    _resolve(campay, payment.provider_reference, "SUCCESSFUL")
    webhook = partial(service.settle.handle_webhook, payment.reference, payment.provider_reference)
    counter.count("webhook that settles", webhook, "2 + 3")
    counter.count("webhook, a duplicate", webhook, "0 + 1")
    counter.count("tracking, settled", lambda: service.track.payment(payment.reference), "1 + 0")
    counter.count("status, settled", lambda: service.track.order("order-1"), "1 + 1")
    unknown = "00000000-0000-4000-8000-000000000000"
    counter.count("webhook, unknown payment", lambda: service.settle.handle_webhook(unknown, None), "0 + 1")
    return counter.rows


def _payments(
    service: Service, clock: ForwardClock, aws: EmbeddedAws, campay: CountingSimulator
) -> dict[str, PaymentCounts]:
    """Runs three payments with all of their checks, tells the shop of each, and counts what it costs.

    One is paid and one declined, each with its webhook; nobody answers the third.
    """
    import boto3

    _check_all(service, clock)
    service.ledger._table.client = boto3.client("dynamodb")  # it has events around each call, ours has not
    units = WriteUnits(service.ledger._table.client, boto3.client("dynamodb"), "payments")
    counted = {}
    for number, (path, outcome) in enumerate((("paid", "SUCCESSFUL"), ("declined", "FAILED"), ("unanswered", None))):
        units.reset()
        aws.calls.clear()
        campay.calls.clear()
        CountingConnection.sent = 0
        sent = queues_of(service)._sent
        request = PaymentRequest(f"path-{number}", Money(5000, "XAF"), f"23767777771{number}", "bench", "fr")
        payment = service.initiate(request).payment
        if outcome:
            clock.added += 3_000
            _resolve(campay, payment.provider_reference, outcome)
            service.settle.handle_webhook(payment.reference, payment.provider_reference)
        _check_all(service, clock)
        service.tell_shop(payment.reference)
        counted[path] = _counts(units, aws, campay, queues_of(service)._sent - sent)
    return counted


_READS = {"GetItem", "BatchGetItem", "TransactGetItems"}
_FOR_ALL_PAYMENTS = {"Query"}
_WRITES = {"UpdateItem", "PutItem", "TransactWriteItems"}


def _counts(units: WriteUnits, aws: EmbeddedAws, campay: CountingSimulator, messages: int) -> PaymentCounts:
    calls = dict(aws.calls)
    return PaymentCounts(
        write_units=units.units,
        writes=units.writes,
        index_units=dict(units.of_index),
        read_calls=sum(calls.get(name, 0) for name in _READS) - units.reads,
        aws_calls={name: count for name, count in calls.items() if name not in _READS | _WRITES | _FOR_ALL_PAYMENTS},
        campay_calls=dict(campay.calls),
        redis=CountingConnection.sent,
        messages=messages,
    )


def _check_all(service: Service, clock: ForwardClock) -> None:
    """Advances the clock from hint to hint until no check is due any more. The sweep writes nothing."""
    queues = queues_of(service)
    while following := list(service.ledger.due(0, clock.now() + 4 * 86_400_000, 1).values()):
        moments = [message.at for message in queues.waiting] or [following[0] - service.sweep.ahead_ms]
        clock.added += max(min(moments) + 1 - clock.now(), 0)
        service.sweep()
        work_off(service)


def _resolve(campay: CampaySimulator, reference: str | None, status: str) -> None:
    url = f"{campay.url}/simulator/transactions/{reference}/resolve"
    requests.post(url, json={"status": status, "webhook": False}, timeout=5).raise_for_status()
