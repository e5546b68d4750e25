"""Makes up the histories of payments of many days, by the domain's own rules, and the ledger's rows of them."""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import accumulate
from typing import Any

from chalicelib.adapters.ledger.attributes import Item, key_of
from chalicelib.adapters.ledger.items import version_items
from chalicelib.domain.cause import Cause
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.phone_number import hash_phone, mask_phone, operator_hint
from chalicelib.domain.provider import ProviderRecord, RecordStatus
from chalicelib.domain.rollup import DOUALA
from chalicelib.domain.version import Version
from tests.harness.ledger_rows import row_of

WAIT_MS = 300_000
SHOP_HOURS = (7, 21)
REFUSALS = ("ER102 Phone number operator not supported", "rate limit exceeded", "cannot be reached")
DECLINES = ("Declined by the customer", "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED", "Wrong PIN")

Step = tuple[str, int]
"""What happens, and how many seconds after what came before it."""
PATHS: Mapping[str, tuple[int, Sequence[Step]]] = {
    "paid": (600, [("prompted", 1), ("paid", 19)]),
    "paid, found by a check": (80, [("prompted", 1), ("paid, seen by a check", 44)]),
    "declined": (120, [("prompted", 1), ("declined", 25)]),
    "expired": (80, [("prompted", 1), ("expired", 300)]),
    "given up": (40, [("prompted", 1), ("given up", 70)]),
    "expired, then paid": (20, [("prompted", 1), ("expired", 300), ("paid", 240)]),
    "refused": (25, [("refused", 1)]),
    "paid twice": (10, [("prompted", 1), ("paid", 30), ("charged again", 600)]),
    "another amount, accepted": (10, [("prompted", 1), ("another amount", 20), ("accepted", 3600)]),
    "another amount": (5, [("prompted", 1), ("another amount", 20)]),
    "nobody knows": (10, [("expired", 300)]),
}
"""Name -> weight, and what happens."""
_WEIGHTS = [weight for weight, _ in PATHS.values()]
FURTHER_ATTEMPTS = 0.6
"""Of payments that are not paid, this part is followed by another attempt of the order."""


@dataclass(frozen=True)
class MadeUp:
    """A payment with its history. `phone_number`: it stands nowhere in the ledger."""

    history: Sequence[Version]
    phone_number: str

    @property
    def payment(self) -> Payment:
        return self.history[-1].payment


@dataclass(frozen=True)
class Order:
    """The attempts of an order, in their order."""

    order_id: str
    attempts: Sequence[MadeUp]

    def rows(self) -> Iterator[Item]:
        """Yields the ledger's rows. Those of phones are forgotten after two days, and are left out."""
        for attempt in self.attempts:
            yield row_of(attempt.payment)
            before: Payment | None = None
            for it in attempt.history:
                yield from version_items(it.payment, before, it.cause, it.evidence or None, it.at, it.by)
                before = it.payment
        yield self._row()

    def _row(self) -> Item:
        payments = [attempt.payment for attempt in self.attempts]
        paid = [payment.reference for payment in payments if payment.is_final]
        open_cases = {payment.reference for payment in payments if payment.is_under_review}
        row = {
            **key_of(f"order#{self.order_id}"),
            "revision": 1,
            "latest": payments[-1].reference,
            "attempts": [payment.reference for payment in payments],
            "keys": {},
        }
        row |= {"paid": paid[0]} if paid else {}
        return row | ({"underReview": open_cases, "active": max(open_cases)} if open_cases else {})


class Traffic:
    """Makes up the orders of a shop. The same numbers make the same ones."""

    def __init__(self, phone_hash_keys: Sequence[str], customers: int) -> None:
        self._chance = random.Random(90)
        self._keys = phone_hash_keys
        self._numbers = [f"2376{self._chance.choice('77779')}{number:07}" for number in range(customers)]
        # Some customers come again and again, most of them hardly ever.
        self._weights = list(accumulate(1 / (rank + 5) for rank in range(customers)))
        self._orders = 0

    def day(self, day: date, payments: int) -> list[Order]:
        """Returns the orders of a day, with so many payments in all, by the time of their first one."""
        begin = int(datetime(day.year, day.month, day.day, tzinfo=DOUALA).timestamp() * 1000)
        orders: list[Order] = []
        while payments > 0:
            hours = self._chance.triangular(*SHOP_HOURS)
            order = self._order(begin + int(hours * 3_600_000), payments)
            payments -= len(order.attempts)
            orders.append(order)
        return sorted(orders, key=lambda order: order.attempts[0].payment.created_at)

    def _order(self, at: int, most: int) -> Order:
        self._orders += 1
        order_id = f"written-{self._orders}"
        phone_number = self._chance.choices(self._numbers, cum_weights=self._weights)[0]
        money = Money(self._chance.randrange(1_000, 50_000, 500), "XAF")
        attempts: list[MadeUp] = []
        while not attempts or self._tries_again(attempts, most):
            attempts.append(self._attempt(order_id, phone_number, money, at, is_further=bool(attempts)))
            at = attempts[-1].history[-1].at + self._chance.randrange(5_000, 60_000)
        return Order(order_id, attempts)

    def _tries_again(self, attempts: Sequence[MadeUp], most: int) -> bool:
        last = attempts[-1].payment
        # After one that provably had no prompt, the order's row would forget it: it cannot be charged any more.
        may = not (last.is_active or last.is_final) and last.provider_reference is not None
        return may and len(attempts) < min(most, 3) and self._chance.random() < FURTHER_ATTEMPTS

    def _attempt(self, order_id: str, phone_number: str, money: Money, at: int, *, is_further: bool) -> MadeUp:
        claimed = Payment(
            reference=str(uuid.UUID(int=self._chance.getrandbits(128), version=4)),
            order_id=order_id,
            money=money,
            phone_mask=mask_phone(phone_number),
            phone_hash=hash_phone(phone_number, self._keys)[0],
            operator=operator_hint(phone_number),
            locale=self._chance.choice(("fr", "fr", "en")),
            provider="campay",
            created_at=at,
            updated_at=at,
            expires_at=at + WAIT_MS,
            further_attempt=is_further,
        )
        _, steps = self._chance.choices(list(PATHS.values()), _WEIGHTS)[0]
        history = [Version(claimed, Cause.INITIATED.value, at)]
        for name, seconds in steps:
            at += round(seconds * 1000 * (1 if name == "expired" else self._chance.uniform(0.5, 2)))
            history.append(self._step(name, history, at))
        return MadeUp(history, phone_number)

    def _step(self, name: str, history: Sequence[Version], now: int) -> Version:
        """Returns the next version. Raises AssertionError where the domain does not allow it."""
        payment = history[-1].payment
        provider_reference = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        record: ProviderRecord | None = None
        after: Payment | None
        match name:
            case "prompted":
                after = payment.prompted(provider_reference, "*126#", payment.operator, now)
                cause = Cause.PROMPTED
            case "refused":
                after, cause = payment.refused(self._chance.choice(REFUSALS), now), Cause.REFUSED
            case "expired":
                after, cause = payment.expired(now), Cause.WAITED_LONG_ENOUGH
            case "given up":
                after, cause = payment.given_up(now), Cause.GIVEN_UP
            case "accepted":
                after, cause = payment.resolved(PaymentStatus.SUCCESSFUL, now), Cause.OPERATOR
            case _:
                record = self._record(name, payment, provider_reference)
                after = payment.observe(record, now)
                cause = Cause.CHECK if name == "paid, seen by a check" else Cause.WEBHOOK
        if after is None:
            raise AssertionError(f"{name} changes nothing in a payment that is {payment.status}")
        by = "paul" if cause is Cause.OPERATOR else ""
        return Version(after, cause.with_note("the rest in cash" if by else ""), now, _evidence(record), by)

    def _record(self, name: str, payment: Payment, provider_reference: str) -> ProviderRecord:
        is_declined = name == "declined"
        money = payment.money
        return ProviderRecord(
            provider_reference=provider_reference if name == "charged again" else payment.provider_reference or "",
            external_reference=payment.reference,
            status=RecordStatus.FAILED if is_declined else RecordStatus.SUCCESSFUL,
            money=replace(money, amount=money.amount - 100) if name == "another amount" else money,
            is_incoming=True,
            fee=None if is_declined else -(-money.amount // 50),
            operator=payment.operator,
            operator_reference=str(self._chance.randrange(10**10, 10**11)),
            reason=self._chance.choice(DECLINES) if is_declined else None,
        )


def _evidence(record: ProviderRecord | None) -> dict[str, Any]:
    return record.as_evidence() if record else {}
