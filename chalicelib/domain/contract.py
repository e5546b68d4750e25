"""Spells everything that crosses a process: keys, channels, event names and the payload. Pure.

These words stand here, in `tests/contract/` and in `frontend/src/paymentContract.ts`, nowhere else.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import UnionType
from typing import Any, TypedDict, cast, get_args, get_origin, get_type_hints

from chalicelib.domain.failure import failure_code_of
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.refund import Refund, RefundStatus, refunded_amount

PAYMENT_TTL_SECONDS = 3600
CLIENT_TTL_SECONDS = 86_400
GATEWAY_TTL_SECONDS = 30
WAITING_TTL_SECONDS = 86_400
OUTCOMES_TTL_SECONDS = 86_400
LAST_PAID_TTL_SECONDS = 7 * 86_400
WEBHOOKS_TTL_SECONDS = 7 * 86_400
WEBHOOK_COUNTS_TTL_SECONDS = 2 * 86_400

TRACK = "track-payment"
STOP_TRACKING = "stop-tracking-payment"
CONNECTED = "connected"
PAYMENT_STATUS = "payment-status"
PAYMENT_INITIATED = "payment-initiated"
PAYMENT_SUCCESS = "payment-success"
PAYMENT_FAILED = "payment-failed"
PAYMENT_COMPLETED = "payment-completed"
PAYMENT_REFUNDED = "payment-refunded"

OPERATOR_NAMESPACE = "/operator"
"""Where the shop's people connect, with a ticket."""
PAYMENTS_CHANGED = "payments-changed"

_S = PaymentStatus
EVENTS_OF_STATUS: Mapping[str, tuple[str, ...]] = {
    _S.INITIATING: (PAYMENT_STATUS,),
    _S.CONFLICTED: (PAYMENT_STATUS,),
    _S.PENDING: (PAYMENT_INITIATED, PAYMENT_STATUS),
    _S.SUCCESSFUL: (PAYMENT_STATUS, PAYMENT_SUCCESS, PAYMENT_COMPLETED),
    _S.FAILED: (PAYMENT_STATUS, PAYMENT_FAILED, PAYMENT_COMPLETED),
    _S.EXPIRED: (PAYMENT_STATUS, PAYMENT_FAILED, PAYMENT_COMPLETED),
}
"""What a browser receives for a newer version, in this order, by the version's status; `events_of` says of refunds."""

_ORDER_EVENT_OF_STATUS: Mapping[str, str] = {
    _S.SUCCESSFUL: "payment.successful",
    _S.FAILED: "payment.failed",
    _S.EXPIRED: "payment.expired",
    _S.CONFLICTED: "payment.conflicted",
}
DUPLICATE_ORDER_EVENT = "payment.duplicate"
REFUNDED_ORDER_EVENT = "payment.refunded"
FOR_A_PERSON = frozenset({DUPLICATE_ORDER_EVENT, _ORDER_EVENT_OF_STATUS[_S.CONFLICTED]})
"""The order events that a person has to act upon."""
ORDER_EVENT_SOURCE = "braidster.payments"


def payment_key(reference: str) -> str:
    """Names the Redis key of a payment's newest version, and the channel of its changes.

    The braces make every key of one payment share a cluster slot.
    """
    return f"payment:{{{reference}}}"


payment_channel = payment_key


def reference_of_channel(channel: str) -> str | None:
    """Returns the reference in a payment's channel name; None for any other channel."""
    if channel.startswith("payment:{") and channel.endswith("}"):
        return channel[len("payment:{") : -1]
    return None


def client_key(socket_id: str) -> str:
    """Names the Redis key of a connected client's registry entry."""
    return f"client:{socket_id}"


def gateway_key(gateway_id: str) -> str:
    """Names the Redis key of a gateway's registry entry."""
    return f"gateway:{gateway_id}"


def gateways_key() -> str:
    """Names the sorted set of gateways' ids, by the time of their last heartbeat in seconds."""
    return "registry:gateways"


def clients_key(gateway_id: str) -> str:
    """Names the sorted set of a gateway's socket ids. All have the same score, so Redis sorts them by id."""
    return f"registry:clients:{gateway_id}"


def probe_channel(gateway_id: str) -> str:
    """Names a gateway's own channel. It publishes to itself to learn that its subscription is alive."""
    return f"probe:{gateway_id}"


def operators_channel() -> str:
    """Names the channel that tells gateways, for the shop's people, which payments have changed."""
    return "operators:changes"


def waiting_key() -> str:
    """Names the sorted set of the references of payments that wait, by when they were claimed (milliseconds)."""
    return "payments:waiting"


def webhooks_key() -> str:
    """Names the sorted set of when a webhook was last the first to tell of a change, and when one last failed to.

    Its members are `told` and `missing`; a score is in milliseconds.
    """
    return "payments:webhooks"


def webhook_counts_key(day: str) -> str:
    """Names the sorted set of what has become of a day's webhooks (Cameroon's day, as ISO 8601 has it).

    Its members are an outcome, with how many there were; `<outcome>:last`, with the time of the last one; and `since`,
    with the time when the counting began. Times are in milliseconds.
    """
    return f"payments:webhooks:{day}"


def outcomes_key(operator: str) -> str:
    """Names the sorted set of an operator's last outcomes, by when the payments were claimed (milliseconds).

    A member is `<reference>:paid`, `<reference>:technical` or, of any other that failed, `<reference>:failed`.
    """
    return f"outcomes:{{{operator}}}"


def last_paid_key() -> str:
    """Names the sorted set of operators, by when the latest of their payments that were paid was claimed (ms)."""
    return "payments:last-paid"


def limit_key(kind: str, address: str, window: int) -> str:
    """Names the counter of one address in one window (the window's number since the epoch)."""
    return f"limit:{kind}:{{{address}}}:{window}"


def breaker_key(service: str, calls: str) -> str:
    """Names the state of the circuit breaker of one kind of calls to a service."""
    return f"breaker:{{{service}}}:{calls}"


class RefundEvent(TypedDict):
    """A refund, as a PaymentEvent shows it.

    `charge`: the provider's reference of what is paid back; `amount` is in minor units of the payment's currency; `at`:
    when it was claimed; `version`: the payment's version that changed it last.
    """

    reference: str
    charge: str
    amount: int
    status: str
    at: str
    version: int


class PaymentEvent(TypedDict):
    """The payload of each event, of `track-payment`'s ack, and of the status and tracking replies.

    `amount` is in minor units; `campayReference` repeats `providerReference` under the name that shops
    of the earlier system read; `phoneNumber` is masked; `failureCode` is a FailureCode, None unless FAILED;
    `refundedAmount` is the sum of the successful `refunds`; times are ISO 8601 in UTC with milliseconds; `timestamp` is
    when this payload was made.
    """

    version: int
    status: str
    refunds: list[RefundEvent]
    reference: str
    orderId: str
    provider: str
    providerReference: str | None
    campayReference: str | None
    amount: int
    currency: str
    phoneNumber: str
    operator: str | None
    operatorReference: str | None
    reason: str | None
    failureCode: str | None
    ussdCode: str | None
    late: bool
    duplicate: bool
    orderPaidBy: str | None
    refundedAmount: int
    message: str
    createdAt: str
    updatedAt: str
    expiresAt: str
    timestamp: str


class ChangeNotice(TypedDict):
    """What is published to `operators_channel` once changes are counted.

    `payments`: the changed ones, newest change last. `days`: whose figures have changed. `complete`: whether `payments`
    has all that have changed.
    """

    payments: list[PaymentEvent]
    days: list[str]
    complete: bool


class PaymentsChanged(ChangeNotice):
    """The payload of PAYMENTS_CHANGED, the only event of OPERATOR_NAMESPACE.

    `live`: whether changes arrive at the gateway now. `waitingSince`: when the payment was claimed that has waited
    longest; None where none waits, or that is not known. `timestamp`: the gateway's clock.
    """

    live: bool
    waitingSince: str | None
    timestamp: str


class MalformedEvent(Exception):
    """Raised for bytes on a channel or under a key that are no PaymentEvent."""


def to_event(payment: Payment, now: int) -> PaymentEvent:
    """Returns the payload of a payment's version, made at `now` (milliseconds since the epoch)."""
    return {
        "version": payment.version,
        "status": payment.status.value,
        "refunds": [_refund_event(refund) for refund in payment.refunds],
        "reference": payment.reference,
        "orderId": payment.order_id,
        "provider": payment.provider,
        "providerReference": payment.provider_reference,
        "campayReference": payment.provider_reference,
        "amount": payment.money.amount,
        "currency": payment.money.currency,
        "phoneNumber": payment.phone_mask,
        "operator": payment.operator,
        "operatorReference": payment.operator_reference,
        "reason": payment.reason,
        "failureCode": failure_code_of(payment),
        "ussdCode": payment.ussd_code,
        "late": payment.late,
        "duplicate": payment.duplicate,
        "orderPaidBy": payment.order_paid_by,
        "refundedAmount": refunded_amount(payment.refunds),
        "message": message_of(payment),
        "createdAt": to_iso(payment.created_at),
        "updatedAt": to_iso(payment.updated_at),
        "expiresAt": to_iso(payment.expires_at),
        "timestamp": to_iso(now),
    }


def _refund_event(refund: Refund) -> RefundEvent:
    return {
        "reference": refund.reference,
        "charge": refund.charge,
        "amount": refund.amount,
        "status": refund.status.value,
        "at": to_iso(refund.at),
        "version": refund.version,
    }


def events_of(event: PaymentEvent) -> tuple[str, ...]:
    """Names what a browser receives for a newer version, in order.

    One in which only a refund changed is no news of the payment: what follows a payment must not happen again.
    """
    changed = [it["status"] for it in event["refunds"] if it["version"] == event["version"]]
    if not changed:
        return EVENTS_OF_STATUS[event["status"]]
    return (PAYMENT_STATUS, PAYMENT_REFUNDED) if changed == [RefundStatus.SUCCESSFUL] else (PAYMENT_STATUS,)


def encode(event: PaymentEvent) -> str:
    """Returns the JSON that goes over a channel and into Redis."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


_HEAD = re.compile(rb'\{"version":([1-9][0-9]{0,15}),"status":"([A-Z]+)",(?!"refunds":\[\{)')


def head_of(body: bytes) -> tuple[int, str] | None:
    """Reads version and status of an encoded event without decoding the rest, which they stand before.

    None where the bytes do not begin or end as `encode` has them, the status is unknown, or there is a refund: then
    `decode` tells.
    """
    head = _HEAD.match(body)
    if head is None or not body.endswith(b"}"):
        return None
    status = head[2].decode()
    return (int(head[1]), status) if status in EVENTS_OF_STATUS else None


def _types_of(payload: type) -> Mapping[str, tuple[type, ...]]:
    hints = get_type_hints(payload).items()
    return {name: get_args(it) if isinstance(it, UnionType) else (get_origin(it) or it,) for name, it in hints}


_FIELD_TYPES, _REFUND_TYPES = _types_of(PaymentEvent), _types_of(RefundEvent)


def _wrong_field(fields: Mapping[str, Any], types: Mapping[str, tuple[type, ...]]) -> str | None:
    return next((name for name, kinds in types.items() if type(fields.get(name, ...)) not in kinds), None)


def decode(text: str | bytes) -> PaymentEvent:
    """Reads what `encode` wrote. Unknown fields are kept, since a newer writer may add some. Raises MalformedEvent."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent("not JSON") from error
    if not isinstance(event, dict):
        raise MalformedEvent("not an object")
    if name := _wrong_field(event, _FIELD_TYPES):
        raise MalformedEvent(f"{name} is missing or of a wrong type")
    if not all(isinstance(it, dict) and not _wrong_field(it, _REFUND_TYPES) for it in event["refunds"]):
        raise MalformedEvent("refunds is missing or of a wrong type")
    if event["status"] not in EVENTS_OF_STATUS:
        raise MalformedEvent("unknown status")
    return cast(PaymentEvent, event)


def order_events(payment: Payment, now: int) -> list[tuple[str, dict[str, Any]]]:
    """Returns the type and the payload of each event that the shop gets of a version; none while it waits.

    The version that pays the order is announced as `payment.successful` even where it shows a second charge too; then a
    further event, with an id of its own, says `payment.duplicate`. An event's `id` is the same however often it is
    announced. That a person has acknowledged a duplicate is no news to the shop. Of a refund's versions it gets the one
    that ends it well, as `payment.refunded` alone.
    """
    refund = payment.refund_of_version
    if payment.acknowledged and not refund:
        return []
    event = {"id": f"{payment.reference}:{payment.version}", **to_event(payment, now)}
    if refund:
        return [(REFUNDED_ORDER_EVENT, event)] if refund.status is RefundStatus.SUCCESSFUL else []
    kind = _ORDER_EVENT_OF_STATUS.get(payment.status)
    if not payment.duplicate:
        return [(kind, event)] if kind else []
    if not payment.pays_order or kind is None:
        return [(DUPLICATE_ORDER_EVENT, event)]
    return [(kind, event), (DUPLICATE_ORDER_EVENT, {**event, "id": f"{event['id']}:duplicate"})]


def to_iso(milliseconds: int) -> str:
    """Writes milliseconds since the epoch as ISO 8601 in UTC: `2026-01-31T12:00:00.000Z`."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else to_iso(milliseconds)


_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "order_paid_elsewhere": {
        "en": "This order is already paid. Please decline the prompt on your phone.",
        "fr": "Cette commande est déjà payée. Refusez la demande sur votre téléphone.",
    },
    "duplicate": {
        "en": "This order was paid twice. The shop has been told and will contact you.",
        "fr": "Cette commande a été payée deux fois. La boutique vous remboursera le second paiement.",
    },
    "reviewed": {
        "en": "The shop has checked this payment and did not accept it. It will contact you.",
        "fr": "La boutique a vérifié ce paiement et ne l’a pas accepté. Elle vous contactera.",
    },
    "late": {
        "en": "Your payment arrived late, and it has been accepted.",
        "fr": "Votre paiement est arrivé en retard, et il a bien été pris en compte.",
    },
    "given_up": {
        "en": "You ended this payment. If you approve it on your phone all the same, it still counts.",
        "fr": "Vous avez mis fin à ce paiement. Si vous le validez malgré tout, il sera pris en compte.",
    },
    _S.INITIATING: {
        "en": "We are sending the request to your phone.",
        "fr": "Nous envoyons la demande sur votre téléphone.",
    },
    _S.PENDING: {
        "en": "Check your phone and enter your PIN to pay.",
        "fr": "Regardez votre téléphone et saisissez votre code PIN pour payer.",
    },
    _S.SUCCESSFUL: {"en": "Your payment is confirmed.", "fr": "Votre paiement est confirmé."},
    _S.FAILED: {
        "en": "The payment was not made. You have not been charged.",
        "fr": "Le paiement n’a pas abouti. Votre compte n’a pas été débité.",
    },
    _S.EXPIRED: {
        "en": "We received no confirmation in time. An approval that comes later still counts.",
        "fr": "Confirmation non reçue à temps. Si vous validez plus tard, votre paiement sera pris en compte.",
    },
    _S.CONFLICTED: {
        "en": "The shop is checking this payment. Please do not pay again.",
        "fr": "La boutique vérifie ce paiement. Ne payez pas une deuxième fois.",
    },
}


def message_of(payment: Payment) -> str:
    """Returns a sentence for the customer, in the payment's language."""
    if payment.duplicate:
        case = "duplicate"
    elif payment.disputed and payment.status is PaymentStatus.FAILED:
        case = "reviewed"
    elif payment.order_paid_by and payment.is_active:
        case = "order_paid_elsewhere"
    elif payment.late and payment.is_final:
        case = "late"
    elif payment.was_given_up:
        case = "given_up"
    else:
        case = payment.status
    sentences = _MESSAGES[case]
    return sentences.get(payment.locale, sentences["fr"])
