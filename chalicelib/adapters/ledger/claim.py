"""Derives the rows of an attempt that is claimed, or made again after the ledger has lost it."""

from datetime import UTC, datetime

from chalicelib.adapters.ledger.attributes import Item, key_of
from chalicelib.adapters.ledger.items import UNSENT, Order, write_keys, write_payment
from chalicelib.adapters.ledger.table import day_mark, mark_of
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.payment import Payment


def claimed_state(payment: Payment, commit_id: str, check_at: int, day_shard: int) -> Item:
    """Returns the state of a payment whose prompt nobody has begun to send, and whose version nobody has been told."""
    now, partition = payment.updated_at, f"payment#{payment.reference}"
    return {
        **key_of(partition),
        "payment": write_payment(payment),
        "commitId": commit_id,
        "prompt": UNSENT,
        "deliveredVersion": 0,
        "announcedVersion": 0,
        "readNumber": 0,
        "readDone": 0,
        "readAt": now,
        "undeliveredMark": mark_of("undelivered", partition),
        "undeliveredSince": now,
        "day": day_mark(datetime.fromtimestamp(payment.created_at / 1000, UTC).date(), day_shard),
        "claimedAt": payment.created_at,
        "checkAt": check_at,
        "dueMark": mark_of("due", partition),
        "dueAt": check_at,
    }


def reclaimed_state(payment: Payment, commit_id: str, check_at: int, day_shard: int, *, is_told: bool) -> Item:
    """Returns the state of a payment that the ledger has lost. Its prompt may have been sent.

    `is_told`: as of `Change`. None of its earlier versions is there to be delivered.
    """
    state = claimed_state(payment, commit_id, check_at, day_shard)
    unwanted = {"prompt", *(() if is_told else ("undeliveredMark", "undeliveredSince"))}
    told = payment.version - is_told
    kept = {name: value for name, value in state.items() if name not in unwanted}
    return kept | {"deliveredVersion": told, "announcedVersion": told}


def order_with(order: Order, payment: Payment, *, is_newest: bool = True, holds_order: bool = True) -> Update:
    """Returns the change of an order that gets a further attempt. It applies to the order as it was read.

    `is_newest`: whether it is the latest attempt. `holds_order`: whether it becomes the active one.
    """
    update = Update(f"order#{order.order_id}").next_after(order.revision)
    attempts = [*(ref for ref in order.attempts if ref != payment.reference), payment.reference]
    update.set(attempts=attempts, keys=write_keys(order.keys))
    if is_newest:
        update.set(latest=payment.reference)
    if holds_order:
        update.set(active=payment.reference)
    if order.past_attempts:
        update.set(pastAttempts=order.past_attempts)
    return update
