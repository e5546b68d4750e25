"""Has the real code carry out payments of many days on a virtual clock, against the simulator of CamPay."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import requests

from chalicelib.bootstrap import Service
from chalicelib.domain.errors import PaymentError
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from local.campay_simulator import CampaySimulator
from tests.harness.fakes import HandClock
from tests.harness.workers import sweep_once

OTHER_AMOUNT = "237670000006"
"""The simulator charges another amount than was asked for."""
WAYS = (
    *["paid"] * 12,
    *("rechecked", "declined, then paid", "given up", "expired", "paid late", "refused", "another amount"),
)


class SetClock(HandClock):
    """A clock that is set to a time."""

    def to(self, milliseconds: int) -> None:
        with self._lock:
            self._now = milliseconds


@dataclass
class Shop:
    """Starts payments, and has customers and CamPay answer. `references`: of all that were started."""

    service: Service
    simulator: CampaySimulator
    clock: SetClock
    references: list[str] = field(default_factory=list)
    phone_numbers: dict[str, str] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(2_000))
    _late: list[Payment] = field(default_factory=list)
    _disputed_today: int = 0

    def day(self, at: int, count: int) -> None:
        """Carries out so many payments from a time on, and what is due of them in the hour after."""
        self.clock.to(at)
        self._disputed_today = 0
        until = len(self.references) + count
        while len(self.references) < until:
            is_last = len(self.references) == until - 1
            self._order("paid" if is_last else self._chance.choice(WAYS))  # one way takes two payments
            self.clock.forward(self._chance.randrange(5, 90))
        self._end()

    def one_of_each(self) -> None:
        """Carries out a payment in each way, from now on."""
        for way in dict.fromkeys(WAYS):
            self._order(way)
        self._end()

    def _end(self) -> None:
        self.clock.forward(600)
        sweep_once(self.service)
        for payment in self._late:
            self._answered(payment, "SUCCESSFUL")
        self._late.clear()

    def _order(self, way: str) -> None:
        number = len(self.references)
        if way == "another amount":
            self._disputed_today += 1
            way = way if self._disputed_today == 1 else "paid"  # all of them have one phone, which has its limits
        order_id = f"real-{number}"
        phone_number = OTHER_AMOUNT if way == "another amount" else f"2376{'79'[number % 2]}1{number:06}"
        if way == "refused":
            self._refused(order_id, phone_number)
            return
        payment = self._started(order_id, phone_number)
        self.clock.forward(self._chance.randrange(5, 40))
        match way:
            case "paid" | "another amount":
                self._answered(payment, "SUCCESSFUL")
            case "rechecked":
                self._decide(payment, "SUCCESSFUL")
                self.service.operate.recheck(payment.reference, by="paul")
            case "declined, then paid":
                self._answered(payment, "FAILED")
                self._answered(self._started(order_id, phone_number), "SUCCESSFUL")
            case "given up":
                self.service.give_up(payment.reference)
            case "paid late":
                self._late.append(payment)
        if way == "another amount" and number % 2:
            self._accept(payment.reference)

    def _accept(self, reference: str) -> None:
        stored = self.service.ledger.load(reference)
        assert stored is not None
        seen, reason = stored.payment.version, "the rest in cash"
        self.service.operate.resolve(reference, PaymentStatus.SUCCESSFUL, reason, version=seen, by="paul")

    def _started(self, order_id: str, phone_number: str) -> Payment:
        money = Money(self._chance.randrange(1_000, 50_000, 500), "XAF")
        payment = self.service.initiate(PaymentRequest(order_id, money, phone_number, "Braids", "fr")).payment
        self._note(payment.reference, phone_number)
        return payment

    def _refused(self, order_id: str, phone_number: str) -> None:
        self._fault(["rate-limit"])
        try:
            self._started(order_id, phone_number)
        except PaymentError as error:
            self._note(error.reference or "", phone_number)
        else:
            raise AssertionError("CamPay's refusal was not told")

    def _note(self, reference: str, phone_number: str) -> None:
        self.references.append(reference)
        self.phone_numbers[reference] = phone_number

    def _answered(self, payment: Payment, status: str) -> None:
        self._decide(payment, status)
        self.service.settle.handle_webhook(payment.reference, payment.provider_reference)

    def _decide(self, payment: Payment, status: str) -> None:
        url = f"{self.simulator.url}/simulator/transactions/{payment.provider_reference}/resolve"
        requests.post(url, json={"status": status, "webhook": False}, timeout=30).raise_for_status()

    def _fault(self, collect: Sequence[str]) -> None:
        url = f"{self.simulator.url}/simulator/faults"
        requests.post(url, json={"collect": collect}, timeout=30).raise_for_status()
