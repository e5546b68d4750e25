"""Is everyone who uses the service or is asked by it: customers, their phones, CamPay's webhooks, queues, operators."""

import random
from collections.abc import Callable, Sequence
from functools import partial

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import PaymentError, PaymentRefused, ProviderBusy, ProviderUnavailable
from chalicelib.domain.hints import CheckHint, DeliveryHint
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from gauntlet.invariants import Asked
from gauntlet.simulation.faults import Faults
from gauntlet.simulation.queues import Queues
from gauntlet.simulation.scheduler import Scheduler
from gauntlet.simulation.world import CHECKS, DELIVERIES, INVOCATION_MS, NoReply, World
from infra.functions import HIDDEN_SECONDS
from local.simulator.phone_numbers import DECLINED_REASON, Status
from local.simulator.transactions import Transaction

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
_MOST_RECEIVED = 5
"""How often a message of a queue is taken, as infra/work_queues.py has it."""
_WEBHOOKS = ("true", "true", "true", "lost", "doubled", "late", "invented", "early")
_LATE = (4 * MINUTE, 6 * MINUTE, 20 * MINUTE, 2 * HOUR, 30 * HOUR, 45 * HOUR)
"""When a late customer decides, give or take a half: within the 72 hours for which the service watches a payment."""
_SHARED_ADDRESS = "192.0.2.1"
"""Of all customers who call by themselves, as those of one mobile network share theirs."""
REDELIVERED = 0.1
"""Share of the payments that an operator has delivered once more, each time that he looks."""
_OTHER_AMOUNT = "237670000006"
"""CamPay's record of this phone's payments shows another amount (local/simulator/phone_numbers.py)."""


class Actors:
    """Begins the actors of one run."""

    def __init__(self, scheduler: Scheduler, faults: Faults, ledger: type[Ledger]) -> None:
        self._scheduler = scheduler
        self._faults = faults
        hidden_ms = HIDDEN_SECONDS * SECOND
        queues = Queues(
            lambda: scheduler.now, (CHECKS, DELIVERIES), hidden_ms, _MOST_RECEIVED, self._copies, self._will_show
        )
        self.world = World(scheduler, faults, self._prompted, queues, ledger)

    # ------------------------------------------------------------------ customers

    def customer(self, number: int, seed: int) -> None:
        """Lets a customer pay an order, in one tab or more, from one phone or two. The number draws all of it."""
        chance = random.Random(f"{seed} customer {number}")
        phones = [f"2376710{number:05}", f"2376910{number:05}"] if chance.random() < 0.3 else [f"2376710{number:05}"]
        if chance.random() < 0.05:
            phones = [_OTHER_AMOUNT]
        begin, apart = self._scheduler.now + chance.randrange(10 * MINUTE), chance.choice([10, SECOND, 5 * MINUTE])
        keys = [f"{chance.getrandbits(64):016x}"] if chance.random() < 0.3 else []
        address = _SHARED_ADDRESS if chance.random() < 0.7 else None
        for tab in range(chance.choice([1, 1, 2, 3])):
            pay = partial(self._pay, f"order-{number}", chance.choice(phones), address, keys)
            self._scheduler.spawn(f"customer-{number}-{tab}", pay, begin + chance.randrange(apart))

    def _pay(self, order_id: str, phone: str, address: str | None, keys: Sequence[str]) -> None:
        """Asks for a payment as a page does, under a new key each time that an attempt has ended.

        `address`: None where the shop calls for the customer. `keys`: those that all tabs use first.
        """
        chance = self._scheduler.current().chance
        fresh = [f"{chance.getrandbits(64):016x}" for _ in range(chance.choice([1, 1, 2, 3]))]
        for key in [*keys, *fresh]:
            request = PaymentRequest(order_id, Money(5000, "XAF"), phone, "Shoes", "fr", key, address)
            reference = self._ask_again_and_again(request)
            self._pause(chance.choice([10, SECOND, MINUTE, 7 * MINUTE]))
            if reference is None:
                continue
            what = chance.random()
            if what < 0.4:
                self._call("give-up", partial(_give_up, reference))
            elif what < 0.7:
                self._call("status", lambda service: service.track.current(order_id))

    def _ask_again_and_again(self, request: PaymentRequest) -> str | None:
        """Repeats a call until it is answered, or nobody waits any more. Returns the payment's reference."""
        chance = self._scheduler.current().chance
        reference = None
        for _ in range(chance.randint(1, 6)):
            status, told = self._ask(request, chance.choice([30, 200, 2 * SECOND, INVOCATION_MS]))
            reference = told or reference
            if 0 < status < 500 and chance.random() < 0.8:
                return reference
            self._pause(chance.choice([10, 2 * SECOND]))
        return reference

    def _ask(self, request: PaymentRequest, patience_ms: int) -> tuple[int, str | None]:
        """Calls initiate once. Returns the status, 0 without an answer, and the payment that the answer is about."""
        status, reference = 0, None
        try:
            answer = self.world.call("initiate", lambda service: service.initiate(request), patience_ms)
            status, reference = 201, answer.payment.reference
        except NoReply:
            return 0, None
        except (PaymentRefused, ProviderBusy, ProviderUnavailable) as error:
            status, reference = error.http_status, error.reference
        except PaymentError as error:
            status = error.http_status
        self.world.asked.append(Asked(request.order_id, request.idempotency_key or "", status, reference))
        return status, reference

    # ------------------------------------------------------------------ CamPay's side

    def _prompted(self, transaction: Transaction) -> None:
        self._scheduler.spawn("phone", lambda: self._decide(transaction))

    def _decide(self, transaction: Transaction) -> None:
        """Approves, declines or says nothing, soon or late, and has CamPay send its webhooks."""
        chance = self._scheduler.current().chance
        kind = chance.choice(_WEBHOOKS)
        if kind == "early":
            self._webhook(transaction, transaction.reference)
        late = chance.random() < 0.25
        self._pause(chance.choice(_LATE) if late else chance.choice([SECOND, 20 * SECOND, 2 * MINUTE]))
        decision: Status | None = chance.choice(["SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL", "FAILED", None])
        if decision is None:
            return
        self.world.campay.settle(transaction.reference, decision, None if decision == "SUCCESSFUL" else DECLINED_REASON)
        match kind:
            case "doubled":
                self._webhook(transaction, transaction.reference)
            case "late":
                self._pause(10 * MINUTE)
            case "invented":
                self._webhook(transaction, f"00000000-0000-4000-8000-{chance.getrandbits(40):012x}")
            case "lost":
                return
        self._webhook(transaction, transaction.reference)

    def _webhook(self, transaction: Transaction, provider_reference: str) -> None:
        reference = transaction.prompt.external_reference
        ring = partial(_ring, reference, provider_reference)
        self._scheduler.spawn("webhook", lambda: self._call("settle", ring))

    # ------------------------------------------------------------------ workers

    def _copies(self) -> list[int]:
        """Lets a message come once, twice, late or, while faults are made, never."""
        chance = self._scheduler.current().chance
        is_faulty = self._scheduler.now < self._faults.until
        fate = chance.random() if is_faulty else 1.0
        copies = range(0 if fate < 0.05 else 2 if fate < 0.1 else 1)
        return [chance.randrange(30 * SECOND) if fate < 0.2 else 0 for _ in copies]

    def _will_show(self, queue: str, at: int) -> None:
        self._scheduler.spawn(queue, lambda: self._take(queue), at)

    def _take(self, queue: str) -> None:
        """Has a worker do what a message says, and deletes it where the worker says that it is done."""
        queues = self.world.queues
        for message in queues.receive_message(QueueUrl=queue).get("Messages", ()):
            if self._call("worker", _work_of(queue, message["Body"])):
                queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def schedules(self, until: int) -> None:
        """Begins what runs by the clock: the sweep, the pass over the statement, and an operator."""
        self._scheduler.spawn("sweep", lambda: self._sweep(until))
        self._scheduler.spawn("late-payments", lambda: self._search(until))
        self._scheduler.spawn("operator", lambda: self._operate(until))

    def _sweep(self, until: int) -> None:
        """Sweeps once a minute. Once there are no faults, a sweep that would find nothing is left out."""
        while self._scheduler.now < until:
            self._call("sweeper", lambda service: service.sweep())
            following = self._scheduler.now + MINUTE
            if following > self._faults.until:
                due = self.world.next_due()
                following = max(following, min(until, due - MINUTE)) if due else until
            self._scheduler.sleep(following - self._scheduler.now)

    def _search(self, until: int) -> None:
        """Passes over CamPay's statement every hour, and on the later days every six."""
        begun = self._scheduler.now
        while self._scheduler.now < until:
            self._call("statement", lambda service: service.late_payments(), 5 * MINUTE)
            self._scheduler.sleep(HOUR if self._scheduler.now - begun < 3 * HOUR else 6 * HOUR)

    def _operate(self, until: int) -> None:
        """Resolves what CamPay's records contradict, as CamPay's page says that it went, and repays duplicates."""
        chance = self._scheduler.current().chance
        while self._scheduler.now < until:
            is_calm = self._scheduler.now >= self._faults.until
            self._scheduler.sleep(8 * HOUR if is_calm else chance.choice([20 * MINUTE, HOUR]))
            for payment in self.world.evidence().payments.values():
                if payment.status is PaymentStatus.CONFLICTED:
                    self._resolve(payment)
                elif payment.duplicate and not payment.acknowledged:
                    self._call("operator", partial(_acknowledge, payment))
                elif chance.random() < REDELIVERED:
                    self._call("operator", partial(_redeliver, payment))

    def _resolve(self, payment: Payment) -> None:
        all_of_them = self.world.campay.all()
        decided = [it.status for it in all_of_them if it.prompt.external_reference == payment.reference]
        if decided and "PENDING" not in decided:
            status = PaymentStatus.SUCCESSFUL if "SUCCESSFUL" in decided else PaymentStatus.FAILED
            self._call("operator", partial(_resolve, payment, status))

    # ------------------------------------------------------------------ all of them

    def _call(self, name: str, work: Callable[[Service], object], within_ms: int = INVOCATION_MS) -> bool:
        """Has a process do what may fail. Returns whether it has not."""
        return self._quietly(lambda: self.world.call(name, work, within_ms))

    def _quietly(self, work: Callable[[], object]) -> bool:
        """Does what may fail, as the service says by its errors. Returns whether it has not."""
        try:
            work()
        except (PaymentError, NoReply):
            return False
        return True

    def _pause(self, ms: int) -> None:
        self._scheduler.sleep(self._scheduler.current().chance.uniform(0.5, 1.5) * ms)


def _give_up(reference: str, service: Service) -> object:
    return service.give_up(reference)


def _ring(reference: str, provider_reference: str, service: Service) -> None:
    service.settle.handle_webhook(reference, provider_reference)


def _acknowledge(payment: Payment, service: Service) -> object:
    return service.operate.acknowledge(payment.reference, "repaid", version=payment.version, by="paul")


def _redeliver(payment: Payment, service: Service) -> object:
    return service.operate.redeliver(payment.reference, by="paul")


def _resolve(payment: Payment, status: PaymentStatus, service: Service) -> object:
    return service.operate.resolve(payment.reference, status, "seen", version=payment.version, by="paul")


def _work_of(queue: str, body: str) -> Callable[..., object]:
    if queue == CHECKS:
        return lambda service: service.check(CheckHint.from_body(body))
    return lambda service: service.catch_up(DeliveryHint.from_body(body))
