"""Spells what crosses a process: event names and the payload. Pure.

These words stand here, in `tests/contract/` and in `frontend/src/paymentContract.ts`, nowhere else.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import UnionType
from typing import Any, TypedDict, cast, get_args, get_origin, get_type_hints

from chalicelib.domain.customer_message import message_of
from chalicelib.domain.failure import failure_code_of
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.refund import Refund, RefundStatus, refunded_amount

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
