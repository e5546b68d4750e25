"""Derives the writes of a payment's change: to its own rows, its order's and its phone's."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.adapters.ledger.attributes import Item
from chalicelib.adapters.ledger.items import Order, Phone, need_term, read_order, read_phone
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.attention import need_of, needed_from
from chalicelib.domain.cause import Cause
from chalicelib.domain.payment import Payment


@dataclasses.dataclass(frozen=True, slots=True)
class Committed:
    """The result of a commit. `other_active`: another attempt of the order, still active although the order is paid."""

    payment: Payment
    other_active: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """A new version of a payment, about to be written. `by`: the name of the operator who caused it.

    `is_told`: whether the version is to be delivered; one that is not counts as delivered.
    """

    before: Payment
    after: Payment
    cause: Cause
    check_at: int | None
    evidence: Mapping[str, Any] | None = None
    note: str = ""
    by: str = ""
    is_told: bool = True

    @property
    def leaves_active(self) -> bool:
        return self.before.is_active and not self.after.is_active

    @property
    def ends_prompt(self) -> bool:
        return self.before.is_waiting and not self.after.is_waiting

    @property
    def opens_case(self) -> bool:
        return self.after.is_under_review and not self.before.is_under_review

    @property
    def closes_case(self) -> bool:
        return self.before.is_under_review and not self.after.is_under_review

    @property
    def pays(self) -> bool:
        return self.after.is_final and not self.before.is_final

    @property
    def was_never_sent(self) -> bool:
        """Whether the prompt was never sent: then it does not count against the phone's limits."""
        return self.cause is Cause.NEVER_SENT


def mark_need(state: Update, before: Payment | None, after: Payment) -> None:
    """Has the index `search` list the payment as long as its state needs a person."""
    need = need_of(after)
    if need is None:
        state.remove("search", "at")
        return
    state.set(search=need_term(need))
    since = needed_from(need, after)
    if before is not None and need is need_of(before):
        state.set_once(at=since)
    else:
        state.set(at=since)


class AssumedRows:
    """The order and phone rows that a commit assumes.

    It assumes the common case without reading them. If a condition fails, DynamoDB returns the actual rows, and the
    commit is tried again with those.
    """

    def __init__(self, change: Change) -> None:
        self.change = change
        before = change.before
        self._order = Order(before.order_id, active=before.reference if before.is_active else None)
        self._phone = Phone(before.phone_hash, active=before.reference if before.is_waiting else None)

    @property
    def other_active(self) -> str | None:
        """Returns another attempt of the order that is active while this one pays it."""
        active = self._order.active
        return active if self.change.pays and active != self.change.after.reference else None

    def order_update(self) -> Update | None:
        change, order = self.change, self._order
        reference = change.after.reference
        takes = change.pays and order.paid is None
        frees = change.leaves_active and order.active == reference
        if not (takes or frees or change.opens_case or change.closes_case):
            return None
        update = Update(f"order#{order.order_id}").next_revision()
        if takes or frees:
            self._only_as_assumed(update)
        if takes:
            update.set(paid=reference)
        if frees:
            update.remove("active")
        if change.opens_case:
            update.add("underReview", reference)
        if change.closes_case:
            update.discard("underReview", reference)
        return update

    def _only_as_assumed(self, update: Update) -> None:
        if self._order.active is None:
            update.only_if("attribute_not_exists(active)")
        else:
            update.only_if("active = :active").values[":active"] = self._order.active
        if self._order.paid is None:
            update.only_if("attribute_not_exists(paid)")

    def phone_update(self) -> Update | None:
        change = self.change
        if not change.ends_prompt or self._phone.active != change.after.reference:
            return None
        update = Update(f"phone#{self._phone.phone_hash}").next_revision().remove("active")
        update.only_if("active = :active").values[":active"] = change.after.reference
        if change.was_never_sent:
            update.discard("prompts", change.before.created_at)
        return update

    def correct(self, reasons: Sequence[Item]) -> bool:
        """Takes over the actual rows from a cancelled transaction; returns False where the payment itself has changed.

        `reasons`: one for each item of the transaction. The first two items are the payment's own rows.
        """
        if reasons[0].get("Code") == "ConditionalCheckFailed":
            return False
        writes = [name for name, update in (("order", self.order_update()), ("phone", self.phone_update())) if update]
        for name, reason in zip(writes, reasons[2:], strict=False):  # the items that follow have no condition
            if reason.get("Code") != "ConditionalCheckFailed":
                continue
            item = reason["Item"] or {}
            if name == "phone":
                self._phone = read_phone(self._phone.phone_hash, item)
            else:
                self._order = read_order(self._order.order_id, item)
        if self.change.pays and self._order.paid not in (None, self.change.after.reference):
            self.change = dataclasses.replace(self.change, after=self.change.after.as_duplicate())
        return True
