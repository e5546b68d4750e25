"""Compares gross, fee and net of 10,000 payments with the simulator's ledger, to the franc.

The simulator renders its records as CamPay does, the adapter reads them, the domain decides what they make of each
payment, and the ledger's table keeps every version. The rollups' own function counts the table's stream in batches as
Lambda hands them over; late and second charges come days after their payments.
"""

import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.attributes import payment_key, to_attributes
from chalicelib.adapters.ledger.items import version_items, write_payment
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table
from chalicelib.domain.analytics import analytics_of
from chalicelib.domain.cause import Cause
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import ProviderRecord
from chalicelib.domain.rollup import rollup_of
from chalicelib.domain.version import Version
from chalicelib.flows.count_changes import CountChanges
from chalicelib.runtime.aws import make_client
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings
from infra.functions import CHANGES_A_BATCH
from local.embedded import EmbeddedAws
from local.simulator.records import campay_record, ledger_row
from local.simulator.settings import SimulatorSettings
from local.simulator.transactions import Prompt, Transaction, TransactionLedger
from local.worker import Shards

PAYMENTS = 10_000
FIRST = date(2026, 1, 1)
DAYS = 30
SEED = 12
TABLE = "payments"
WAYS = {
    "paid": 60,
    "late": 10,
    "twice": 5,
    "late and twice": 3,
    "paid after failure": 2,
    "declined": 12,
    "unanswered": 8,
}
"""What becomes of the payments, in per cent."""
_PREFIXES = {"MTN": "2376770", "Orange": "2376970"}
_WAIT_MS = 300_000
_DAY_MS = 86_400_000
_tell_nobody: Any = lambda _changed, counted: None  # noqa: E731, ARG005 - nobody watches
_MOTO_SECONDS = 120
"""Longest time that the emulated DynamoDB takes for a call on a busy machine."""


@dataclass(frozen=True)
class Sums:
    """Charges and their money in francs."""

    charges: int
    gross: int
    fee: int
    net: int


@dataclass(frozen=True)
class Measured:
    """What CamPay's ledger has, what the analytics show, and what the versions add up to.

    `late`, `duplicates`: payments with a late or a second charge. `is_recount`: the rollups equal a count of all
    versions, by day and operator.
    """

    payments: int
    late: int
    duplicates: int
    charged: dict[str, Sums]
    shown: dict[str, Sums]
    is_recount: bool
    seconds: float

    @property
    def is_right(self) -> bool:
        return self.charged == self.shown and self.is_recount


class Books:
    """CamPay's side: the simulator's ledger, and its records as the product's adapter reads them."""

    def __init__(self, clock: Clock) -> None:
        self.ledger = TransactionLedger()
        self._campay = Campay(CampaySettings("http://127.0.0.1:1/api", ()), clock)
        self._styles = [SimulatorSettings(), SimulatorSettings(number_style=True)]

    def open(self, payment: Payment, phone_number: str, *, again: bool = False) -> Transaction:
        """Opens a transaction of a payment. `again`: a second one, which names the payment in external_user alone."""
        echoed = {"external_user": payment.reference}
        reference = "" if again else payment.reference
        prompt = Prompt(phone_number, str(payment.operator), payment.money.amount, reference, echoed)
        return self.ledger.open(prompt)[0]

    def decided(self, transaction: Transaction, *, approved: bool) -> ProviderRecord:
        """Has the customer decide, and returns CamPay's record; every other one has numbers for its amounts."""
        settled = self.ledger.settle(transaction.reference, "SUCCESSFUL" if approved else "FAILED", None)
        assert settled is not None
        body = json.dumps(campay_record(settled, "a.b.c", self._styles[settled.number % 2]))
        return self._campay._record(json.loads(body, parse_float=str, parse_int=str))


def run(count: int = PAYMENTS) -> Measured:
    with EmbeddedAws() as aws:
        keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        os.environ.update({"AWS_ENDPOINT_URL": aws.url, "AWS_DEFAULT_REGION": "eu-west-1", **keys})
        create_table(boto3.client("dynamodb"), TABLE)
        return reckon(Ledger(make_client("dynamodb", _MOTO_SECONDS), TABLE, Clock()), TABLE, count)


def reckon(ledger: Ledger, table: str, count: int) -> Measured:
    """Charges, writes and counts payments, and compares. The table has no other payments."""
    began = time.monotonic()
    books, clock = Books(Clock()), Clock()
    histories = [_history(books, number, way) for number, way in enumerate(_ways(count))]
    _write_and_count(histories, table, CountChanges(ledger, clock, _tell_nobody))
    last = FIRST + timedelta(days=DAYS)
    rollup = ledger.rollups.between(FIRST - timedelta(days=1), last)
    shown = analytics_of(rollup, FIRST - timedelta(days=1), last)
    newest = [history[-1].payment for history in histories]
    return Measured(
        payments=len(histories),
        late=sum(payment.late for payment in newest),
        duplicates=sum(payment.duplicate for payment in newest),
        charged=dict(_charged(books)),
        shown={it["operator"]: _shown(it["figures"]["money"]["XAF"]) for it in shown["operators"]},
        is_recount=rollup == rollup_of(histories),
        seconds=round(time.monotonic() - began, 1),
    )


def _ways(count: int) -> list[str]:
    """Returns what becomes of each payment, in an order that is the same in each run."""
    dice = random.Random(SEED)
    return dice.choices(list(WAYS), list(WAYS.values()), k=count)


# --------------------------------------------------------------------------- payments


def _history(books: Books, number: int, way: str) -> list[Version]:
    """Returns the versions that a payment goes through."""
    dice = random.Random(f"{SEED} {number}")
    operator = dice.choice(list(_PREFIXES))
    at = int(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC).timestamp() * 1000)
    at += dice.randrange(DAYS * _DAY_MS)
    payment = Payment(
        reference=str(uuid.UUID(int=dice.getrandbits(128), version=4)), order_id=f"order-{number}",
        money=Money(dice.randrange(10, 100_000), "XAF"), phone_mask="2376******77", phone_hash=f"hash-{number}",
        locale="fr", provider="campay", created_at=at, updated_at=at, expires_at=at + _WAIT_MS, operator=operator,
    )  # fmt: skip
    phone_number = f"{_PREFIXES[operator]}{number:05}"
    transaction = books.open(payment, phone_number)
    history = [Version(payment, Cause.INITIATED, at)]
    _append(history, history[-1].payment.prompted(transaction.reference, "*126#", operator, at + 800), Cause.PROMPTED)
    is_late = way.startswith("late") or way == "unanswered"
    if is_late:
        _append(history, history[-1].payment.expired(at + _WAIT_MS), Cause.WAITED_LONG_ENOUGH)
    if way == "paid after failure":
        failed = replace(books.decided(books.open(payment, phone_number, again=True), approved=False),
                         provider_reference=transaction.reference)  # fmt: skip
        _observe(history, failed, at + 20_000, Cause.WEBHOOK)
    if way != "unanswered":
        paid = books.decided(transaction, approved=way != "declined")
        _observe(history, paid, at + (2 * _DAY_MS if is_late else 30_000), Cause.CHECK if is_late else Cause.WEBHOOK)
    if way.endswith("twice"):
        again = books.decided(books.open(payment, phone_number, again=True), approved=True)
        _observe(history, again, at + 3 * _DAY_MS, Cause.STATEMENT)
    return history


def _observe(history: list[Version], record: ProviderRecord, at: int, cause: Cause) -> None:
    payment = history[-1].payment
    assert record.external_reference == payment.reference
    _append(history, payment.observe(record, at), cause, record)


def _append(history: list[Version], after: Payment | None, cause: Cause, record: ProviderRecord | None = None) -> None:
    assert after is not None
    history.append(Version(after, cause, after.updated_at, record.as_evidence() if record else {}))


# --------------------------------------------------------------------------- the ledger and its stream


_ROWS_A_STEP = 2_000
"""Rows that are written before the stream is counted on. The emulated stream keeps its newest records only."""


def _write_and_count(histories: Sequence[Sequence[Version]], table: str, count: CountChanges) -> None:
    """Writes all versions in the order of their times, and counts the table's stream meanwhile.

    So a late or a second charge comes days after its payment, when the versions before it have been counted.
    """
    client, counted = boto3.client("dynamodb"), Stream(Shards(table), count)
    pairs = [pair for history in histories for pair in zip((None, *history), history, strict=False)]
    pairs.sort(key=lambda pair: pair[1].at)
    rows = [_state(history[-1].payment) for history in histories]
    rows += [row for before, version in pairs for row in _rows(before, version)]
    for step in range(0, len(rows), _ROWS_A_STEP):
        for start in range(step, min(step + _ROWS_A_STEP, len(rows)), 25):
            puts: Any = [{"PutRequest": {"Item": to_attributes(row)}} for row in rows[start : start + 25]]
            client.batch_write_item(RequestItems={table: puts})
        counted.go_on()


@dataclass
class Stream:
    """The table's stream, which is counted a batch at a time, and each tenth batch a second time."""

    shards: Shards
    count: CountChanges
    batches: int = 0

    def go_on(self) -> None:
        while events := list(self.shards.events()):
            for event in events:
                for start in range(0, len(event["Records"]), CHANGES_A_BATCH):
                    self.batches += 1
                    for _ in range(2 if self.batches % 10 == 0 else 1):
                        self.count(event["shardId"], event["Records"][start : start + CHANGES_A_BATCH])


def _rows(before: Version | None, version: Version) -> list[dict[str, Any]]:
    earlier = before.payment if before else None
    return version_items(version.payment, earlier, version.cause, version.evidence, version.at)


def _state(payment: Payment) -> dict[str, Any]:
    marks = {"deliveredVersion": 1, "announcedVersion": 1, "readNumber": 0, "readDone": 0, "readAt": 0}
    return {**payment_key(payment.reference), "payment": write_payment(payment), **marks}


# --------------------------------------------------------------------------- what is compared


def _charged(books: Books) -> Iterator[tuple[str, Sums]]:
    """Yields operator and sums of what CamPay's ledger says has moved."""
    of_operators: dict[str, Counter[str]] = {}
    for transaction in books.ledger.all():
        row = ledger_row(transaction)
        if row["moneyMoved"]:
            sums = of_operators.setdefault(transaction.prompt.operator, Counter())
            sums.update({"charges": 1, "gross": row["amount"], "fee": row["fee"]})
    for operator, sums in sorted(of_operators.items()):
        yield operator, Sums(sums["charges"], sums["gross"], sums["fee"], sums["gross"] - sums["fee"])


def _shown(money: dict[str, int]) -> Sums:
    assert money["feesUnknown"] == 0
    return Sums(money["charges"], money["gross"], money["fee"], money["net"])
