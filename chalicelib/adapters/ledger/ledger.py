"""Writes the ledger: one DynamoDB table with everything that money depends on.

    payment#<reference>  state   the newest version, its marks, its read lease, whether its prompt may have been sent
    payment#<reference>  v#<n>   each version: the payment, its cause, by whom, the provider's record as evidence
    payment#<reference>  act#    each act of an operator, whether or not it led to a version
    payment#<reference>  search# a further search term, where one version introduces more than one
    order#<id>           state   active and paid attempt, latest attempt, open cases, idempotency keys
    phone#<hash>         state   active attempt, times of its prompts
    budget#<name>#<n>    state   uses of a budget in its n-th window of time
    payment#<reference>  shop    what the shop has been told, and each attempt; see shop_rows.py
    rollup#, counted#            counts by day and operator; see rollup_rows.py
    statement#                   comparisons with the provider's statement; see comparison_rows.py

Five sparse indexes list what is due for a check and what is undelivered, each in 16 shards, the payments of a day with
what a list shows, the payments by a phone's hash, a provider's or an operator's reference, or by what they need a
person for, and the versions of a day that have order events. Indexes are eventually consistent: a caller that acts upon
a hit reads the payment again.

Every write is conditional and carries an id. Where a condition fails and the stored row has that id, the write had
succeeded before, and only its answer was lost.

Every method raises LedgerUnavailable where DynamoDB cannot be reached or will not answer.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace

from chalicelib.adapters.ledger.attributes import Item
from chalicelib.adapters.ledger.change import AssumedRows, Change, Committed, mark_need
from chalicelib.adapters.ledger.claim import claimed_state, order_with, reclaimed_state
from chalicelib.adapters.ledger.event_pages import event_mark
from chalicelib.adapters.ledger.items import (
    NOTHING_HANDED,
    SENDING,
    UNSENT,
    Act,
    HandedOver,
    Order,
    Phone,
    Stored,
    act_key,
    read_order,
    read_stored,
    version_items,
    write_act,
    write_handed,
    write_key,
    write_payment,
)
from chalicelib.adapters.ledger.read_lease import ReadLease, ReadRequest
from chalicelib.adapters.ledger.reader import LedgerReader
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE
from chalicelib.adapters.ledger.table_client import ATTEMPTS, Cancelled, Refused, Written
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.order_event import Place
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.runtime import log

IDEMPOTENCY_KEY_LIFE_MS = 72 * 3_600_000
PHONE_MEMORY_MS = 24 * 3_600_000
_DAY_SECONDS = 86_400


class VersionConflict(Exception):
    """Raised where another writer changed the row first: the caller loads it again and decides again."""


class Ledger(LedgerReader):
    """Writes the ledger, and reads it; one per process, threads may share it. `client` is boto3's for DynamoDB."""

    def claim(self, payment: Payment, order: Order, phone: Phone, key: str | None, check_at: int) -> Stored:
        """Writes a new attempt, and makes it the active one of its order and its phone.

        Raises VersionConflict where either row has changed since it was read, or is being changed.
        """
        now, attempt_id = payment.created_at, uuid.uuid4().hex
        keys = order.keys_since(now - IDEMPOTENCY_KEY_LIFE_MS)
        if key:
            keys[key] = (payment.reference, now)
        prompts = {*(at for at in phone.prompts if at > now - PHONE_MEMORY_MS), now}
        others = phone.under_other_keys
        state = claimed_state(payment, attempt_id, check_at, self.day_shard_of(payment.reference))
        order_update = order_with(replace(order, keys=keys), payment).set(**self._end(now))
        phone_update = Update(f"phone#{phone.phone_hash}").next_after(phone.revision)
        forgotten_at = (now + 2 * PHONE_MEMORY_MS) // 1000
        phone_update.set(active=payment.reference, prompts=prompts, **{FORGOTTEN_BY_ATTRIBUTE: forgotten_at})
        items = [
            self._table.put(state | self._end(now), "attribute_not_exists(pk)"),
            *(
                self._table.put(row | self._end(now))
                for row in version_items(payment, None, Cause.INITIATED.value, None, now)
            ),
            order_update.item(self._table.name),
            phone_update.item(self._table.name),
            *(Update(f"phone#{row.phone_hash}").only_at(row.revision).check(self._table.name) for row in others),
        ]
        if isinstance(self._table.transact(items, attempt_id), Cancelled):
            raise VersionConflict
        return Stored(payment, is_unsent=True, check_at=check_at, undelivered_since=now)

    def reclaim(self, payment: Payment, order: Order, *, is_newest: bool, holds_order: bool, is_told: bool) -> None:
        """Writes an attempt again that a restored ledger has lost, due for a check at once.

        `is_newest`, `holds_order`: as of `order_with`; `is_told`: as of `Change`. It takes no phone. Raises
        VersionConflict where the order has changed since it was read, or the attempt is there.
        """
        now, commit_id = payment.updated_at, uuid.uuid4().hex
        day_shard, end = self.day_shard_of(payment.reference), self._end(payment.created_at)
        state = reclaimed_state(payment, commit_id, now, day_shard, is_told=is_told)
        order_update = order_with(order, payment, is_newest=is_newest, holds_order=holds_order).set(**end)
        items = [
            self._table.put(state | end, "attribute_not_exists(pk)"),
            *(self._table.put(row | end) for row in version_items(payment, None, Cause.RECOVERED.value, None, now)),
            order_update.item(self._table.name),
            *(() if is_told else (self.shop.keep_from(payment).item(self._table.name),)),
        ]
        if isinstance(self._table.transact(items, commit_id), Cancelled):
            raise VersionConflict

    def keep_lost_key(self, order_id: str, key: str, reference: str, at: int) -> bool:
        """Stores an idempotency key that a restored ledger has lost. Returns False where the order has it."""
        update = Update(f"order#{order_id}").put_entry("keys", key, write_key(reference, at))
        return isinstance(self._table.update(update), Written)

    def begin_prompt(self, reference: str) -> bool:
        """Grants the right to send the payment's prompt: returns True to one caller, once.

        It is refused when the payment is no longer INITIATING or is due to expire: its order and its phone may belong
        to another attempt by then. Raises LedgerUnavailable; the caller may not send then. The mark is withdrawn if
        possible, so that a later call may send.
        """
        sender = uuid.uuid4().hex
        update = Update(f"payment#{reference}").set(prompt=SENDING, sender=sender)
        update.only_if("#prompt = :unsent AND payment.#status = :initiating AND payment.expires_at > :now")
        update.names["#status"] = "status"
        update.values |= {":unsent": UNSENT, ":initiating": PaymentStatus.INITIATING.value, ":now": self._clock.now()}
        try:
            result = self._table.update(update)
        except LedgerUnavailable:
            self._withdraw_sender(reference, sender)
            raise
        return isinstance(result, Written) or result.item.get("sender") == sender

    def _withdraw_sender(self, reference: str, sender: str) -> None:
        update = Update(f"payment#{reference}").set(prompt=UNSENT).remove("sender").only_if("#sender = :sender")
        update.values[":sender"] = sender
        try:
            self._table.update(update)
        except LedgerUnavailable:
            log.warning("sender-not-withdrawn", reference=reference)

    def add_key(self, order_id: str, key: str, reference: str, most: int) -> bool:
        """Stores a further idempotency key of the active attempt; any number of calls may do so concurrently.

        Returns False where the order has `most` keys. Raises VersionConflict.
        """
        update = Update(f"order#{order_id}").put_entry("keys", key, write_key(reference, self._clock.now()))
        update.only_if("active = :reference AND size(#keys) < :most")
        update.values |= {":reference": reference, ":most": most}
        result = self._table.update(update)
        if isinstance(result, Written):
            return True
        order = read_order(order_id, result.item)
        if order.keys.get(key, ("",))[0] == reference:
            return True
        if order.active == reference and key not in order.keys:
            return False
        raise VersionConflict

    def commit(self, change: Change, lease: ReadLease | None = None) -> Committed:
        """Writes the next version of a payment, and the changes of its order and phone, in one transaction.

        Where another attempt has paid the order, the change becomes a duplicate charge. `lease`: the read that led to
        the change; it ends in the same transaction. Raises VersionConflict, also where another reader holds the lease.
        """
        commit_id = uuid.uuid4().hex
        assumed = AssumedRows(change)
        for attempt in range(ATTEMPTS):
            result = self._table.transact(self._commit_items(assumed, commit_id, lease), commit_id, attempt)
            if isinstance(result, Written):
                return Committed(assumed.change.after, assumed.other_active)
            if not result.by_condition:
                self._table.pause(attempt)
            elif not assumed.correct(result.reasons):
                raise VersionConflict
        raise LedgerUnavailable("too many conflicts")

    def begin_read(self, reference: str, request: ReadRequest) -> ReadLease | None:
        """Requests the payment's read lease. Returns None where there is no such payment."""
        lease_id = uuid.uuid4().hex
        result = self._table.update(request.update(reference, lease_id, self._clock.now()), returns_item=True)
        stored = read_stored(result.item)
        return ReadLease(stored, lease_id, request) if stored else None

    def end_read(self, lease: ReadLease) -> None:
        """Ends a read that CamPay answered and that changed nothing.

        It has no effect where another reader holds the lease.
        """
        update = Update(f"payment#{lease.stored.payment.reference}")
        self._table.update(lease.end(update, self._clock.now()))

    def release_read(self, lease: ReadLease, check_at: int | None = None) -> None:
        """Ends a read that CamPay did not answer, so that a waiting reader may try.

        `check_at`: when to check the payment, unless it is to be checked sooner. It has no effect where another reader
        holds the lease.
        """
        payment, due = lease.stored.payment, lease.stored.check_at
        update = lease.release(Update(f"payment#{payment.reference}"))
        if check_at is not None and (due is None or due > check_at):
            update.next_check(check_at, indexed=not payment.is_waiting)
        self._table.update(update)

    def take_check(self, stored: Stored, following: int | None) -> str | None:
        """Grants a check that is due to one caller: the one whose `stored.check_at` still stands.

        `following`: when the next check is due, in milliseconds since the epoch; None: never. It is set at once: every
        later hint of the check that was taken has no effect.

        A payment's entry in the index `due` stays where it is while the payment waits for its customer: to move it
        costs as much as two checks. So the sweep lists all that wait, and reads which of them are overdue.

        Returns the check's id; None where another has taken it.
        """
        check_id, payment = uuid.uuid4().hex[:16], stored.payment
        update = Update(f"payment#{payment.reference}").next_check(following, indexed=not payment.is_waiting)
        update.set(checkId=check_id, readAt=self._clock.now())
        update.only_if("checkAt = :seen").values[":seen"] = stored.check_at
        result = self._table.update(update)
        is_taken = isinstance(result, Written) or result.item.get("checkId") == check_id
        return check_id if is_taken else None

    def repeat_check(self, stored: Stored, check_id: str, following: int | None, at: int) -> None:
        """Moves a payment's next check from `following` to `at`, after the check `check_id` that CamPay did not answer.

        It has no effect where another check was taken meanwhile, the next one has moved, or the payment is SUCCESSFUL.
        One with an open refund is: there it has none where the payment has changed. `stored` says whether the payment
        still waits for its customer: if not, its entry in the index `due` moves too.
        """
        payment = stored.payment
        update = Update(f"payment#{payment.reference}").only_if("checkId = :check")
        update.values[":check"] = check_id
        if payment.open_refunds:
            update.only_if("payment.version = :version").values[":version"] = payment.version
        else:
            update.only_if("payment.#status <> :final").values[":final"] = PaymentStatus.SUCCESSFUL.value
            update.names["#status"] = "status"
        if following is None:
            update.only_if("attribute_not_exists(checkAt)")
        else:
            update.only_if("checkAt = :following").values[":following"] = following
        self._table.update(update.next_check(at, indexed=not payment.is_waiting))

    def spend(self, budget: str, most: int, window_ms: int) -> bool:
        """Counts one use of a budget; returns False where the current time window has had `most` uses."""
        now = self._clock.now()
        forgotten_at = (now + 2 * window_ms) // 1000 + 3600
        update = (
            Update(f"budget#{budget}#{now // window_ms}").count("uses").set(**{FORGOTTEN_BY_ATTRIBUTE: forgotten_at})
        )
        update.only_if("attribute_not_exists(uses) OR uses < :most").values[":most"] = most
        return isinstance(self._table.update(update), Written)

    def delivered(self, reference: str, version: int, handed: Mapping[int, HandedOver] = NOTHING_HANDED) -> bool:
        """Records a delivery and removes the undelivered mark; returns False where a newer version keeps the mark.

        `handed`: by version, when the event bus has taken its order events; the first such time stays.
        """
        update = Update(f"payment#{reference}").set(deliveredVersion=version, announcedVersion=version)
        update.set_once(**write_handed(handed))
        update.only_if("payment.version = :version AND deliveredVersion < :version")
        update.remove("undeliveredMark", "undeliveredSince").values[":version"] = version
        result = self._table.update(update)
        stored = read_stored(result.item) if isinstance(result, Refused) else None
        return stored is None or stored.delivered_version >= stored.payment.version

    def announced(self, reference: str, version: int, handed: Mapping[int, HandedOver] = NOTHING_HANDED) -> None:
        """Raises `announcedVersion`: the order events are published, the rest of the delivery is still outstanding."""
        update = Update(f"payment#{reference}").set(announcedVersion=version).set_once(**write_handed(handed))
        update.only_if("announcedVersion < :version").values[":version"] = version
        self._table.update(update)

    def mark_undelivered(self, reference: str) -> None:
        """Marks a payment undelivered, so that its newest version is published, announced and sent again."""
        stored = self.load(reference)
        if stored is None:
            return
        told = stored.payment.version - stored.payment.acknowledged  # the shop is told nothing of an acknowledgement
        before = min(told - 1, stored.announced_version)  # no unannounced version may be skipped
        self.shop.tell_again(reference, Place(before + 1))
        update = Update(f"payment#{reference}").only_if("payment.version = :version")
        update.set(deliveredVersion=before, announcedVersion=before)
        update.undelivered().set(undeliveredSince=self._clock.now())
        update.values[":version"] = stored.payment.version
        self._table.update(update)

    def mark_earlier_need(self, payment: Payment) -> bool:
        """Marks a payment that needs a person, and that a release wrote which did not mark it.

        Returns False where it is marked, or has changed since it was read.
        """
        update = Update(f"payment#{payment.reference}")
        mark_need(update, None, payment)
        update.only_if("payment.version = :version AND attribute_not_exists(#search)")
        update.values[":version"] = payment.version
        return isinstance(self._table.update(update), Written)

    def note_act(self, reference: str, act: Act) -> None:
        """Keeps an operator's act in the payment's history."""
        update = Update(f"payment#{reference}", act_key(act, uuid.uuid4().hex[:8])).set(**write_act(act))
        update.set(**self._end(act.at))
        self._table.update(update.only_if("attribute_not_exists(pk)"))

    def _end(self, since: int) -> Item:
        """Returns when DynamoDB is to delete a row of a payment or of its order, counted from a time."""
        return {FORGOTTEN_BY_ATTRIBUTE: since // 1000 + self._kept_days * _DAY_SECONDS}

    def _commit_items(self, assumed: "AssumedRows", commit_id: str, lease: ReadLease | None) -> list[Item]:
        change, now = assumed.change, self._clock.now()
        state = Update(f"payment#{change.after.reference}")
        if not change.after.is_waiting:  # while it waits, only its checks themselves move the next one
            state.next_check(change.check_at, indexed=True)
        state.set(payment=write_payment(change.after), commitId=commit_id).only_if("payment.version = :before")
        if change.is_told:
            state.undelivered().set_once(undeliveredSince=now)
        else:
            told = change.after.version
            state.set(deliveredVersion=told, announcedVersion=told).remove("undeliveredMark", "undeliveredSince")
        state.values[":before"] = change.before.version
        if change.was_never_sent:
            state.set(prompt=UNSENT)
        mark_need(state, change.before, change.after)
        if lease is not None:
            lease.end(state, now)
        cause = change.cause.with_note(change.note)
        version, *more = (
            row | self._end(change.after.created_at)
            for row in version_items(change.after, change.before, cause, change.evidence, now, change.by)
        )
        listed = event_mark(change.after, now, self.day_shard_of(change.after.reference)) if change.is_told else {}
        updates = [update for update in (assumed.order_update(), assumed.phone_update()) if update]
        return [
            state.item(self._table.name),
            self._table.put(version | listed),
            *(update.item(self._table.name) for update in updates),
            *map(self._table.put, more),
            *(() if change.is_told else (self.shop.keep_from(change.after).item(self._table.name),)),
        ]
