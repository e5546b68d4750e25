"""Says what must hold of a system that has come to rest, and finds where it does not.

The judge is the simulator's ledger: it alone knows whose money moved. Each rule has the number that docs/reliability.md
gives it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.cause import Cause
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.refund import Refund, RefundStatus
from chalicelib.domain.version import Version

_S = PaymentStatus
PROMPTS_PER_15_MINUTES = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that a customer made, and its answer. `reference`: of the payment that it was answered with, if any.

    `retryable`: whether it was told that the same call may be made again.
    """

    order_id: str
    key: str
    status: int
    reference: str | None
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """The versions that a browser was shown of a payment, in order. `stayed`: it was there to the end."""

    reference: str
    versions: Sequence[int]
    stayed: bool = True


Histories = dict[str, Sequence[Version]]
"""The versions of payments, by reference."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What can be seen of a system from outside its processes.

    `transactions`: CamPay's ledger. `payments`, `versions`: the product's, by reference. `told`: the order events that
    the shop took at its own address, in order, each with its type; `refused`: what else it got there. `announced`: the
    order events that the event bus got. `asked`, `watched`: the customers' side.
    """

    transactions: Sequence[Mapping[str, Any]]
    payments: Mapping[str, Payment]
    versions: Mapping[str, Sequence[Version]]
    told: Sequence[tuple[str, Mapping[str, Any]]]
    announced: Sequence[tuple[str, Mapping[str, Any]]]
    asked: Sequence[Asked] = ()
    watched: Sequence[Watched] = ()
    refused: Sequence[str] = ()
    prompts_per_phone: int = PROMPTS_PER_15_MINUTES
    charged: Mapping[str, list[Mapping[str, Any]]] = field(init=False)
    """The transactions that moved money, by the payment that they name."""
    refunds: Mapping[str, tuple[Payment, Refund]] = field(init=False)
    """Each refund, by its reference, with its payment."""

    def __post_init__(self) -> None:
        refunds = {
            refund.reference: (payment, refund) for payment in self.payments.values() for refund in payment.refunds
        }
        object.__setattr__(self, "refunds", refunds)
        charged = defaultdict(list)
        for it in self.transactions:
            if it["status"] == "SUCCESSFUL":
                charged[str(it["externalReference"])].append(it)
        object.__setattr__(self, "charged", charged)


def one_charge_an_order(seen: Evidence) -> Iterator[str]:
    """I1: an order is charged once, or each further charge is reported as a duplicate."""
    charges = Counter[str]()
    for reference, transactions in seen.charged.items():
        if payment := seen.payments.get(reference):
            charges[payment.order_id] += len(transactions)
    reported = Counter({event["orderId"]: 0 for _, event in seen.told})
    reported.update({(kind, event["id"]): event["orderId"] for kind, event in seen.told if event["duplicate"]}.values())
    for order_id, count in charges.items():
        if count - 1 > reported[order_id]:
            yield f"{order_id} was charged {count} times, and {reported[order_id]} duplicates were reported"


def success_was_paid(seen: Evidence) -> Iterator[str]:
    """I2: SUCCESSFUL implies that CamPay's ledger has that amount, currency and reference."""
    for payment in seen.payments.values():
        paid = [(it["amount"], it["currency"]) for it in seen.charged.get(payment.reference, [])]
        asked = (payment.money.amount, payment.money.currency)
        if payment.status is _S.SUCCESSFUL and asked not in paid:
            yield f"{payment.reference} is SUCCESSFUL over {asked}, and CamPay has {paid}"


def money_is_recorded(seen: Evidence) -> Iterator[str]:
    """I3: money that moved makes its payment SUCCESSFUL or CONFLICTED."""
    for reference in seen.charged:
        payment = seen.payments.get(reference)
        if payment and payment.status not in (_S.SUCCESSFUL, _S.CONFLICTED):
            yield f"{reference} is {payment.status.value}, and its customer has paid"


def nothing_is_stuck(seen: Evidence) -> Iterator[str]:
    """I3: what CamPay has decided, and what nobody will decide, does not wait."""
    declined = {it["externalReference"] for it in seen.transactions if it["status"] == "FAILED"}
    for payment in seen.payments.values():
        if payment.is_waiting:
            yield f"{payment.reference} is still {payment.status.value}"
        elif payment.reference in declined and payment.status is _S.EXPIRED:
            yield f"{payment.reference} is EXPIRED, and its customer has declined"


def failure_is_known(seen: Evidence) -> Iterator[str]:
    """I3: only what CamPay has refused, or what provably never reached it, is FAILED."""
    open_ones = {it["externalReference"] for it in seen.transactions if it["status"] == "PENDING"}
    for payment in seen.payments.values():
        if payment.status is _S.FAILED and payment.reference in open_ones:
            yield f"{payment.reference} is FAILED, and its prompt is on the phone"


def success_is_final(seen: Evidence) -> Iterator[str]:
    """I4: SUCCESSFUL never changes."""
    for reference, versions in seen.versions.items():
        statuses = [it.payment.status for it in versions]
        if _S.SUCCESSFUL in statuses and set(statuses[statuses.index(_S.SUCCESSFUL) :]) != {_S.SUCCESSFUL}:
            yield f"{reference} went through {[it.value for it in statuses]}"


def success_is_told_for_good(seen: Evidence) -> Iterator[str]:
    """I4: who was told of SUCCESSFUL is told nothing else of the payment by a later version."""
    newest: dict[str, tuple[int, str]] = {}
    for _, event in seen.told:
        version, status = newest.get(event["reference"], (0, ""))
        if event["version"] > version:
            newest[event["reference"]] = event["version"], event["status"]
            if status == _S.SUCCESSFUL and event["status"] != status:
                yield f"the shop was told of {event['reference']} that it is {event['status']}, after it was paid"


def browsers_follow(seen: Evidence) -> Iterator[str]:
    """I5: what a browser sees only rises, and reaches the newest version."""
    for it in seen.watched:
        if list(it.versions) != sorted(it.versions):
            yield f"a browser saw versions {it.versions} of {it.reference}"
        newest = seen.payments[it.reference].version
        if it.stayed and (not it.versions or it.versions[-1] != newest):
            yield f"a browser stands at {list(it.versions)[-1:]} of {it.reference}, which has version {newest}"


def history_replays(seen: Evidence) -> Iterator[str]:
    """I6: the versions are 1, 2, 3 and so on, but for those that a ledger has lost, and the last one is the state."""
    for reference, payment in seen.payments.items():
        versions = seen.versions[reference]
        numbers = [it.payment.version for it in versions]
        recovered = _recovered(versions)
        lost = range(sum(number < recovered for number in numbers) + 1, recovered)
        if sorted([*numbers, *lost]) != list(range(1, payment.version + 1)):
            yield f"{reference} has versions {numbers} and stands at {payment.version}"
        elif versions[-1].payment != payment:
            yield f"{reference} differs from its last version"


def key_names_one_payment(seen: Evidence) -> Iterator[str]:
    """I7: the same idempotency key gives the same payment."""
    references = defaultdict(set)
    for it in seen.asked:
        if it.reference:
            references[it.order_id, it.key].add(it.reference)
    for (order_id, _), found in references.items():
        if len(found) > 1:
            yield f"one key of {order_id} gave {sorted(found)}"


def prompts_are_claimed(seen: Evidence) -> Iterator[str]:
    """I8: no prompt or payout without a claim; CamPay is asked for it once, whether or not it would make a second."""
    prompts = Counter(str(it["externalReference"]) for it in seen.transactions)
    for reference, count in prompts.items():
        if reference not in seen.payments and reference not in seen.refunds:
            yield f"a prompt names {reference}, which the ledger does not know"
        elif count > 1:
            yield f"{reference} had {count} prompts"
    for it in seen.transactions:
        if it["asked"] > 1:
            yield f"CamPay was asked {it['asked']} times for the prompt of {it['externalReference']}"


def phones_are_spared(seen: Evidence) -> Iterator[str]:
    """I9: no phone gets more prompts than its limit. A run is shorter than the quarter of an hour it counts in."""
    prompts = (it for it in seen.transactions if it["externalReference"] not in seen.refunds)
    for phone, count in Counter(it["phoneNumber"] for it in prompts).items():
        if count > seen.prompts_per_phone:
            yield f"the phone ending in {phone[-2:]} got {count} prompts"


def shop_is_told(seen: Evidence) -> Iterator[str]:
    """I10: every settled version reaches the shop, each payment's in order; of a recovered one those since then.

    The event bus, of which the shop is told by hints, gets them in the same order.
    """
    for who, events in (("the shop", seen.told), ("the event bus", seen.announced)):
        told: dict[str, list[int]] = defaultdict(list)
        for _, event in events:
            if event["version"] not in told[event["reference"]]:
                told[event["reference"]].append(event["version"])
        for reference, versions in seen.versions.items():
            settled = [it.payment.version for it in versions if _is_told(it.payment)]
            recovered = _recovered(versions)
            since = [[it for it in each if it > recovered] for each in (told[reference], settled)]
            if since[0] != since[1]:
                yield f"{who} was told versions {since[0]} of {reference}, and {since[1]} are settled"


def events_are_genuine(seen: Evidence) -> Iterator[str]:
    """I10: what reaches the shop is signed, and what comes again is the same, but for what a lost ledger had."""
    for it in seen.refused:
        yield f"the shop got {it}"
    first: dict[str, Mapping[str, Any]] = {}
    for _, event in seen.told:
        content = {**event, "timestamp": None}  # of an event on the bus the time when it was sent
        is_lost = event["version"] <= _recovered(seen.versions.get(event["reference"], ()))
        if not is_lost and first.setdefault(event["id"], content) != content:
            yield f"the order event {event['id']} came with two contents"


def _is_told(version: Payment) -> bool:
    """Whether the shop is to be told of a version: of a refund, only once it has come about."""
    if refund := version.refund_of_version:
        return refund.status is RefundStatus.SUCCESSFUL
    return not version.is_waiting and not version.acknowledged


def refunds_are_payouts(seen: Evidence) -> Iterator[str]:
    """I11: no more goes back than was charged, and a refund is what CamPay's ledger has made of its payout."""
    back = Counter[str]()
    payouts = {str(it["externalReference"]): it for it in seen.transactions}
    for reference, (payment, refund) in seen.refunds.items():
        payout = payouts.get(reference)
        became = payout["status"] if payout else ("FAILED" if refund.status is RefundStatus.FAILED else "SENDING")
        if refund.status != became:
            yield f"the refund {reference} is {refund.status.value}, and its payout {became}"
        if payout and payout["amount"] != refund.amount:
            yield f"the refund {reference} is of {refund.amount}, and its payout of {payout['amount']}"
        if became == _S.SUCCESSFUL:
            back[refund.charge] += refund.amount
            if back[refund.charge] > payment.money.amount:
                yield f"{back[refund.charge]} of {payment.reference} went back, and {payment.money.amount} was charged"


def _recovered(versions: Sequence[Version]) -> int:
    """Returns the newest version that was made again from the log; 0 where none was."""
    return max((it.payment.version for it in versions if it.cause == Cause.RECOVERED), default=0)


INVARIANTS: Sequence[Callable[[Evidence], Iterator[str]]] = (
    *(one_charge_an_order, success_was_paid, money_is_recorded, nothing_is_stuck, failure_is_known),
    *(success_is_final, browsers_follow, history_replays, key_names_one_payment, prompts_are_claimed),
    *(phones_are_spared, shop_is_told, events_are_genuine, success_is_told_for_good, refunds_are_payouts),
)


def violations(seen: Evidence) -> list[str]:
    """Lists what does not hold, each with the number of its rule."""
    return [f"{(rule.__doc__ or '').partition(':')[0]} {line}" for rule in INVARIANTS for line in rule(seen)]
