"""Writes payments straight into the ledger at an even pace, so that a day has more of them than a laptop can carry out.

Each payment goes from its claim over its prompt to paid, by the domain's own rules; each version is one row more, as a
commit leaves it, and comes through the ledger's stream like any other. What is left out is the work before the commit:
the API, CamPay, the transaction's conditions, the order's row and the phone's.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from chalicelib.adapters.ledger.attributes import to_attributes
from chalicelib.adapters.ledger.items import version_items
from chalicelib.domain.cause import Cause
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import ProviderRecord, RecordStatus
from tests.harness.ledger_rows import row_of

_PROMPTED_AFTER, _PAID_AFTER = 0.2, 0.7
"""Seconds since a payment's claim."""
_WAIT_MS = 300_000
_OPERATORS = ("mtn", "orange")


class WrittenStream:
    """Counts what it has written. `paid`: of payments that have come to their end."""

    def __init__(self, dynamodb: Any, table: str, rate: float) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._rate = rate
        self._open: dict[int, Payment] = {}
        self.paid = 0

    def tick(self, number: int) -> None:
        """Begins the payment of that number, and takes each one before it a step further whose time has come."""
        prompted, paid = max(1, round(_PROMPTED_AFTER * self._rate)), max(2, round(_PAID_AFTER * self._rate))
        self._write([*self._claimed(number), *self._prompted(number - prompted), *self._paid(number - paid)])

    def finish(self, begun: int) -> None:
        """Takes every payment to its end; so many were begun."""
        for number in range(begun):
            self._write([*self._prompted(number)])
            self._write([*self._paid(number)])

    def _claimed(self, number: int) -> Iterator[dict[str, Any]]:
        now = _now()
        payment = Payment(
            reference=str(uuid.uuid4()),
            order_id=f"written-{number}",
            money=Money(5_000, "XAF"),
            phone_mask="2376••••••00",
            phone_hash=f"written-{number}",
            operator=_OPERATORS[number % 2],
            locale="fr",
            provider="campay",
            created_at=now,
            updated_at=now,
            expires_at=now + _WAIT_MS,
        )
        self._open[number] = payment
        yield row_of(payment)
        yield from version_items(payment, None, Cause.INITIATED.value, None, now)

    def _prompted(self, number: int) -> Iterator[dict[str, Any]]:
        before = self._open.get(number)
        if before is not None and before.version == 1:
            yield from self._next(number, before.prompted(str(uuid.uuid4()), "*126#", None, _now()), Cause.PROMPTED)

    def _paid(self, number: int) -> Iterator[dict[str, Any]]:
        before = self._open.get(number)
        if before is None:
            return
        record = ProviderRecord(
            provider_reference=before.provider_reference or "",
            external_reference=before.reference,
            status=RecordStatus.SUCCESSFUL,
            money=before.money,
            is_incoming=True,
            fee=100,
            operator=before.operator,
            operator_reference=str(10**10 + number),
            reason=None,
        )
        yield from self._next(number, before.observe(record, _now()), Cause.WEBHOOK, record)
        del self._open[number]
        self.paid += 1

    def _next(
        self, number: int, after: Payment | None, cause: Cause, record: ProviderRecord | None = None
    ) -> Iterator[dict[str, Any]]:
        assert after is not None, f"{cause} changes nothing"
        evidence = record.as_evidence() if record else None
        yield row_of(after)
        yield from version_items(after, self._open[number], cause.value, evidence, after.updated_at)
        self._open[number] = after

    def _write(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            puts = [{"PutRequest": {"Item": to_attributes(row)}} for row in rows]
            answer = self._dynamodb.batch_write_item(RequestItems={self._table: puts})
            assert not answer["UnprocessedItems"]


@contextmanager
def writing(dynamodb: Any, table: str, rate: float) -> Iterator[WrittenStream]:
    """Writes payments, `rate` a second, for as long as the block runs; each of them is paid when it ends."""
    stream, over, begun = WrittenStream(dynamodb, table, rate), threading.Event(), time.monotonic()

    def run() -> None:
        for number in count():
            if over.wait(max(0.0, begun + number / rate - time.monotonic())):
                break
            stream.tick(number)
        stream.finish(number)

    pacing = threading.Thread(target=run, daemon=True)
    pacing.start()
    try:
        yield stream
    finally:
        over.set()
        pacing.join()


def _now() -> int:
    return time.time_ns() // 1_000_000
