"""Measures a storm: 2,000 payments, 30 % declined, 15 % unanswered, every webhook lost, and CamPay slow.

Two questions. Is every payment that was paid settled soon after its next check was due? That is asked on a clock that
moves from message to message, for as many functions as a stage has. How do checks grow with the functions that run at a
time? That is asked in real time, of a CamPay that takes two seconds for a read, with one message a function: so it is
functions that are counted, and not the threads in each.
"""

import os
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from chalicelib import bootstrap
from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.bootstrap import Service
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.money import Money
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import Prompted, PromptOutcome, ProviderRecord, RecordStatus
from chalicelib.runtime.aws import make_client
from chalicelib.runtime.clock import Clock
from chalicelib.settings import read_settings
from infra.stages import PROD
from local.embedded import EmbeddedAws, Valkey
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.workers import CHECKS, HandQueues, Message, queues_of

PAYMENTS = 2_000
LATEST_SECONDS = 6.0
"""Longest time from a paid payment's next due check to its settlement."""
SLOWNESS = (0.3, 2.0)
"""Seconds that CamPay takes for a read."""
WORKERS = (1, 4, 16)
GROWTH = 12.0
"""How many times as many checks 16 functions must do as one."""
LONGEST_SWEEP_SECONDS = 10.0
"""Processor time that a sweep may take for itself."""
_FAKE_SECONDS = 120
"""Longest time that the emulated DynamoDB takes for a call on a busy machine; AWS's takes milliseconds."""
_STARTED_A_SECOND = 12
_DECLINED, _UNANSWERED = 0.30, 0.15
_SWEEP_EVERY_MS = 60_000
_BATCH = 10
_CHECKS_OF_A_WORKER = 6


class StormCampay(Campay):
    """Prompts at once and lets each customer answer at a moment of its own: without HTTP, and without webhooks.

    `outcomes`: our reference -> when the customer answers, and how. `seconds`: what a read takes, in real time.
    """

    def __init__(self, settings: Any, clock: Clock, seconds: float = 0.0) -> None:
        super().__init__(settings, clock)
        self._seconds = seconds
        self.outcomes: dict[str, tuple[int, RecordStatus]] = {}

    def collect(self, reference: str, phone_number: str, money: Money, description: str) -> PromptOutcome:  # noqa: ARG002 - the base class's
        return Prompted(provider_reference=f"c-{reference}", ussd_code="*126#", operator="MTN")

    def read(self, provider_reference: str) -> ProviderRecord | None:
        time.sleep(self._seconds)
        reference = provider_reference.removeprefix("c-")
        at, status = self.outcomes[reference]
        return ProviderRecord(
            provider_reference=provider_reference,
            external_reference=reference,
            status=status if self._clock.now() >= at else RecordStatus.PENDING,
            money=Money(5000, "XAF"),
            is_incoming=True,
        )


class MeasuredAws(EmbeddedAws):
    """Adds up the processor time that the fake itself takes, so that it is not counted as the service's."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self.cpu_seconds = 0.0

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        began_at = time.thread_time()
        try:
            return super().answer(method, path, headers, body)
        finally:
            with self._lock:
                self.cpu_seconds += time.thread_time() - began_at


@dataclass(frozen=True)
class Sweep:
    """What one sweep took while nothing else ran.

    `own_cpu_seconds`: processor time of the whole process, without the fake of AWS but with the HTTP between the two.
    `fake_cpu_seconds`: the fake's. `calls`: of AWS, by operation.
    """

    own_cpu_seconds: float
    seconds: float
    fake_cpu_seconds: float
    calls: Mapping[str, int]


@dataclass(frozen=True)
class Storm:
    """`latest_seconds`: the longest time from a paid payment's next due check to its settlement.

    `sweep`: the one that took the most processor time of its own. `longest_sweep_seconds`: of any, with the fake's.
    """

    paid: int
    settled: int
    checks: int
    latest_seconds: float
    sweep: Sweep
    longest_sweep_seconds: float


@contextmanager
def service_of(clock: Clock, seconds: float = 0.0) -> Iterator[tuple[Service, MeasuredAws]]:
    """Builds a service on moto and Valkey, with a slow CamPay and queues on the given clock."""
    with Valkey() as valkey, MeasuredAws() as aws:
        os.environ.update(
            AWS_ENDPOINT_URL=aws.url,
            AWS_DEFAULT_REGION="eu-west-1",
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            APP_ENV="development",
            CAMPAY_PERMANENT_ACCESS_TOKEN="bench",
            REDIS_HOST="127.0.0.1",
            REDIS_PORT=str(valkey.port),
            PAYMENTS_TABLE=f"payments-{time.monotonic_ns()}",
            EVENT_BUS="default",
        )
        create_table(boto3.client("dynamodb"), os.environ["PAYMENTS_TABLE"])
        built = bootstrap.build(read_settings(), clock)
        queues: Any = HandQueues(clock)
        work_queue = WorkQueue(lambda: queues, CHECKS, "deliveries", clock)
        campay = StormCampay(built.settings.campay, clock, seconds)
        ledger = Ledger(make_client("dynamodb", _FAKE_SECONDS), os.environ["PAYMENTS_TABLE"], clock)
        yield rebuilt(built, work_queue=work_queue, campay=campay, ledger=ledger), aws
        built.close()


def start(service: Service, number: int) -> str:
    request = PaymentRequest(f"order-{number}", Money(5000, "XAF"), f"2376{70_000_000 + number}", "bench", "fr")
    return service.initiate(request).payment.reference


# --------------------------------------------------------------------------- settled in time


class StormRun:
    """Moves the clock from message to message. A function is busy for as long as CamPay takes for a read."""

    def __init__(self, service: Service, aws: MeasuredAws, clock: HandClock, read_seconds: float) -> None:
        self._service = service
        self._aws = aws
        self._clock = clock
        self._busy_ms = int(read_seconds * 1000)
        self._queues = queues_of(service)
        self._campay: Any = service.campay
        self._free_at = [0] * (PROD.work.checks * _BATCH)
        """When each of the places for a check is free."""
        self._swept_at = 0
        self._started_at = clock.now()
        self._due_at: dict[str, int] = {}
        """Paid payment -> when its first check after the customer's answer was due."""
        self._late: dict[str, int] = {}
        self.checks = 0
        self._sweeps: list[Sweep] = []

    def run(self) -> Storm:
        chance = random.Random(1)
        paid: set[str] = set()
        started = 0
        while started < PAYMENTS or paid - self._late.keys():
            if started < PAYMENTS and self._clock.now() >= self._started_at + started * 1000 // _STARTED_A_SECOND:
                reference = start(self._service, started)
                started += 1
                kind, answer_ms = chance.random(), int(chance.uniform(5, 120) * 1000)
                status = RecordStatus.FAILED if kind < _DECLINED else RecordStatus.SUCCESSFUL
                if kind >= 1 - _UNANSWERED:
                    answer_ms = 10**12
                elif status is RecordStatus.SUCCESSFUL:
                    paid.add(reference)
                self._campay.outcomes[reference] = (self._clock.now() + answer_ms, status)
            self._sweep()
            self._work()
            self._clock.forward(0.02)
        latest, longest = max(self._late.values()) / 1000, max(sweep.seconds for sweep in self._sweeps)
        slowest = max(self._sweeps, key=lambda sweep: sweep.own_cpu_seconds)
        return Storm(len(paid), len(self._late), self.checks, latest, slowest, longest)

    def _sweep(self) -> None:
        if self._clock.now() < self._swept_at + _SWEEP_EVERY_MS:
            return
        self._swept_at = self._clock.now()
        self._aws.calls.clear()
        fake_before, cpu_before, began_at = self._aws.cpu_seconds, time.process_time(), time.monotonic()
        if not self._service.sweep():
            raise RuntimeError("a sweep did not get to everything: what it took says nothing")
        seconds, cpu, fake = time.monotonic() - began_at, time.process_time() - cpu_before, self._aws.cpu_seconds
        self._sweeps.append(Sweep(cpu - (fake - fake_before), seconds, fake - fake_before, dict(self._aws.calls)))

    def _work(self) -> None:
        now = self._clock.now()
        free = [place for place, at in enumerate(self._free_at) if at <= now]
        for message in self._queues.take() if free else []:
            if not free:
                self._queues.put(message.at, message.queue, message.body)
            elif message.queue == CHECKS:
                self._free_at[free.pop()] = now + self._busy_ms
                self._check(message)

    def _check(self, message: Message) -> None:
        hint, now = CheckHint.from_body(message.body), self._clock.now()
        before = self._service.ledger.load(hint.reference)
        if before is None or before.check_at is None or not before.is_due(now):
            return
        answered_at, status = self._campay.outcomes[hint.reference]
        if status is RecordStatus.SUCCESSFUL and before.check_at >= answered_at:
            self._due_at.setdefault(hint.reference, before.check_at)
        self._service.check(hint)
        self.checks += 1
        after = self._service.ledger.load(hint.reference)
        if after is not None and after.payment.status is PaymentStatus.SUCCESSFUL:
            due_at = self._due_at.get(hint.reference, before.check_at)
            self._late[hint.reference] = now + self._busy_ms - due_at


def storm(read_seconds: float) -> Storm:
    clock = HandClock()
    with service_of(clock) as (service, aws):
        return StormRun(service, aws, clock, read_seconds).run()


# --------------------------------------------------------------------------- checks grow with the functions


def checks_a_second(service: Service, workers: int, first: int) -> float:
    """Has a number of functions work off messages side by side, each one message at a time."""
    campay: Any = service.campay
    hints = []
    for number in range(first, first + workers * _CHECKS_OF_A_WORKER):
        reference = start(service, number)
        campay.outcomes[reference] = (10**15, RecordStatus.SUCCESSFUL)
        hints.append(CheckHint(reference))
    clock: Any = service.clock
    clock.forward(12)
    left = iter(hints)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                hint = next(left, None)
            if hint is None:
                return
            service.check(hint)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    began_at = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(hints) / (time.monotonic() - began_at)


def growth() -> dict[int, float]:
    """Returns checks a second by the number of functions."""
    with service_of(HandClock(), max(SLOWNESS)) as (service, _):
        return {workers: checks_a_second(service, workers, 1_000 * workers) for workers in WORKERS}
