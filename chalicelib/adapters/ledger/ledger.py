"""The ledger: one DynamoDB table with all that money depends on.

    payment#<reference>  state   the newest version, its marks, its read lease, whether its prompt may have been sent
    payment#<reference>  v#<n>   each version: the payment, its cause, CamPay's record as evidence
    order#<id>           state   active and paid attempt, latest attempt, open cases, idempotency keys
    phone#<hash>         state   active attempt, times of its prompts
    budget#<name>#<n>    state   uses of a budget in its n-th window of time

Two sparse indexes list what is due for a check and what is undelivered, each in 16 shards, a third one the payments
of a day; an index hit is only a hint and is read again. Every write is conditional. A write carries
an id of its own, so that a refused condition whose stored row has that id is known as our own
success whose answer was lost.

Every method raises LedgerUnavailable where DynamoDB cannot be reached or will not answer.
"""

import random
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import chain, islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.ledger import read_lease
from chalicelib.adapters.ledger.items import (
    SENDING,
    UNSENT,
    Charge,
    Item,
    Order,
    Phone,
    Stored,
    key_of,
    payment_key,
    read_order,
    read_payment,
    read_phone,
    read_stored,
    to_attributes,
    to_values,
    version_item,
    version_key,
    write_key,
    write_keys,
    write_payment,
)
from chalicelib.adapters.ledger.read_lease import ReadLease, ReadRequest
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE, SHARDS, mark_of, shard_mark
from chalicelib.adapters.ledger.update import AssumedRows, Change, Committed, Update
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

IDEMPOTENCY_KEY_LIFE_MS = 72 * 3_600_000
PHONE_MEMORY_MS = 24 * 3_600_000
_KEYS_A_PAGE = 2_000
_ATTEMPTS = 12


class VersionConflict(Exception):
    """Somebody else changed it first: load again, decide again."""


class Ledger:
    """`client` is boto3's for DynamoDB; one per process, threads may share it."""

    def __init__(self, client: Any, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    # ------------------------------------------------------------------ reading

    def order_and_phone(self, order_id: str, phone_hash: str, *other_hashes: str) -> tuple[Order, Phone]:
        """In one call. `other_hashes`: of the same phone, by the other valid keys."""
        hashes = (phone_hash, *other_hashes)
        keys = [key_of(f"order#{order_id}"), *(key_of(f"phone#{name}") for name in hashes)]
        items = {item["pk"]: item for item in self._get_many(keys)}
        phone, *others = (read_phone(name, items.get(f"phone#{name}")) for name in hashes)
        return read_order(order_id, items.get(f"order#{order_id}")), replace(phone, under_other_keys=others)

    def order(self, order_id: str) -> Order:
        return read_order(order_id, self._get(key_of(f"order#{order_id}")))

    def load(self, reference: str) -> Stored | None:
        return read_stored(self._get(payment_key(reference)))

    def versions(self, reference: str, after: int, until: int) -> list[Payment]:
        """The versions above `after` up to `until`, in order."""
        bounds = {":pk": f"payment#{reference}", ":from": version_key(after + 1), ":to": version_key(until)}
        with _unavailable():
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :from AND :to",
                ExpressionAttributeValues=to_attributes(bounds),
            )
        return [read_payment(to_values(item)["payment"]) for item in answer["Items"]]

    def load_many(self, references: Iterable[str]) -> list[Stored]:
        """The payments that there are, in any order."""
        keys = [payment_key(reference) for reference in dict.fromkeys(references)]
        found = [read_stored(item) for batch in _batches(keys) for item in self._get_many(batch)]
        return [stored for stored in found if stored is not None]

    def charges_of_day(self, day: date) -> Iterator[Charge]:
        """The charges of the payments that were claimed on that day, UTC. Of each payment only what they need is
        read: a day may have 100,000.
        """
        for batch in _batches(self._keys_of_day(day)):
            for item in self._get_many(batch, "payment.#reference, payment.#money, payment.#charges"):
                payment = item["payment"]
                for provider_reference in payment["charges"]:
                    yield Charge(provider_reference, payment["reference"], Money(**payment["money"]))

    def _keys_of_day(self, day: date) -> Iterator[Item]:
        following: Item = {}
        while True:
            with _unavailable():
                answer = self._client.query(
                    TableName=self._table,
                    IndexName="day",
                    Limit=_KEYS_A_PAGE,
                    KeyConditionExpression="#day = :day",
                    ExpressionAttributeNames={"#day": "day"},
                    ExpressionAttributeValues=to_attributes({":day": day.isoformat()}),
                    **following,
                )
            yield from (key_of(to_values(item)["pk"]) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            following = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def due(self, now: int, limit: int) -> dict[str, int]:
        """References of payments whose check is due, and since when; the longest overdue first."""
        return self._marked("due", "dueMark", "dueAt", now, limit)

    def undelivered(self, before: int, limit: int) -> dict[str, int]:
        """References of payments with a change that has waited since `before` or longer, and since when."""
        return self._marked("undelivered", "undeliveredMark", "undeliveredSince", before, limit)

    # ------------------------------------------------------------------ writing

    def claim(self, payment: Payment, order: Order, phone: Phone, key: str | None, due_at: int | None) -> Stored:
        """Takes the order and the phone for this attempt, as they were seen: raises VersionConflict
        where either has changed since, or is being changed.
        """
        now, attempt_id = payment.created_at, uuid.uuid4().hex
        keys = order.keys_since(now - IDEMPOTENCY_KEY_LIFE_MS)
        if key:
            keys[key] = (payment.reference, now)
        partition = f"payment#{payment.reference}"
        state = {
            **key_of(partition),
            "payment": write_payment(payment),
            "commitId": attempt_id,
            "prompt": UNSENT,
            "deliveredVersion": 0,
            "announcedVersion": 0,
            "readNumber": 0,
            "readDone": 0,
            "readAt": now,
            "undeliveredMark": mark_of("undelivered", partition),
            "undeliveredSince": now,
            "day": datetime.fromtimestamp(now / 1000, UTC).date().isoformat(),
            **({"dueMark": mark_of("due", partition), "dueAt": due_at} if due_at is not None else {}),
        }
        prompts = {*(at for at in phone.prompts if at > now - PHONE_MEMORY_MS), now}
        others = phone.under_other_keys
        order_update = Update(f"order#{order.order_id}").next_after(order.revision)
        attempts = [*(ref for ref in order.attempts if ref != payment.reference), payment.reference]
        order_update.set(active=payment.reference, latest=payment.reference, attempts=attempts, keys=write_keys(keys))
        phone_update = Update(f"phone#{phone.phone_hash}").next_after(phone.revision)
        forgotten_at = (now + 2 * PHONE_MEMORY_MS) // 1000
        phone_update.set(active=payment.reference, prompts=prompts, **{FORGOTTEN_BY_ATTRIBUTE: forgotten_at})
        items = [
            self._put(state, "attribute_not_exists(pk)"),
            self._put(version_item(payment, "initiated", None, now)),
            order_update.item(self._table),
            phone_update.item(self._table),
            *(Update(f"phone#{row.phone_hash}").only_at(row.revision).check(self._table) for row in others),
        ]
        if self._transact(items, attempt_id) is not None:
            raise VersionConflict
        return Stored(payment, is_unsent=True)

    def begin_prompt(self, reference: str) -> bool:
        """Makes the caller the only one that may send the payment's prompt: True for one caller, once.

        Refused when the payment is not INITIATING any more, or is expired: its order and its phone may belong to
        another attempt by then. Raises LedgerUnavailable, then the caller may not send; the mark is withdrawn if it
        can be, so that a later call may.
        """
        sender = uuid.uuid4().hex
        update = Update(f"payment#{reference}").set(prompt=SENDING, sender=sender)
        update.only_if("#prompt = :unsent AND payment.#status = :initiating AND payment.expires_at > :now")
        update.names["#status"] = "status"
        update.values |= {":unsent": UNSENT, ":initiating": PaymentStatus.INITIATING.value, ":now": self._clock.now()}
        try:
            refused = self._update(update)
        except LedgerUnavailable:
            self._withdraw_sender(reference, sender)
            raise
        return refused is None or refused.get("sender") == sender

    def _withdraw_sender(self, reference: str, sender: str) -> None:
        update = Update(f"payment#{reference}").set(prompt=UNSENT).remove("sender").only_if("#sender = :sender")
        update.values[":sender"] = sender
        try:
            self._update(update)
        except LedgerUnavailable:
            log.warning("sender-not-withdrawn", reference=reference)

    def remember_key(self, order_id: str, key: str, reference: str, most: int) -> bool:
        """Keeps a further idempotency key of the attempt that is active, where it touches no other: any number of
        calls may do so at once. False where the order has `most` keys. Raises VersionConflict.
        """
        update = Update(f"order#{order_id}").put_entry("keys", key, write_key(reference, self._clock.now()))
        update.only_if("active = :reference AND size(#keys) < :most")
        update.values |= {":reference": reference, ":most": most}
        refused = self._update(update)
        if refused is None:
            return True
        order = read_order(order_id, refused)
        if order.keys.get(key, ("",))[0] == reference:
            return True
        if order.active == reference and key not in order.keys:
            return False
        raise VersionConflict

    def commit(self, change: Change, lease: ReadLease | None = None) -> Committed:
        """Writes the next version, and with it what follows for the order and the phone. `lease`: the read that led
        to the change ends with it.

        An order that another attempt has paid makes the change a duplicate. Raises VersionConflict, also where
        another reader holds the lease by now.
        """
        commit_id = uuid.uuid4().hex
        assumed = AssumedRows(change)
        for attempt in range(_ATTEMPTS):
            reasons = self._transact(self._commit_items(assumed, commit_id, lease), commit_id, attempt)
            if reasons is None:
                return Committed(assumed.change.after, assumed.other_active)
            if "ConditionalCheckFailed" not in {reason["Code"] for reason in reasons}:
                self.pause(attempt)
            elif not assumed.correct(reasons):
                raise VersionConflict
        raise LedgerUnavailable("too many conflicts")

    def begin_read(self, reference: str, request: ReadRequest) -> ReadLease | None:
        """Asks to be the payment's one reader at CamPay. None where there is no such payment."""
        update, lease_id = read_lease.begin(reference, request, self._clock.now())
        refused = self._update(update, returns="ALL_NEW")
        item = refused if refused is not None else update.result
        stored = read_stored(item)
        if item is None or stored is None:
            return None
        return ReadLease(stored, lease_id, request, granted=refused is None or read_lease.granted(item, lease_id))

    def end_read(self, lease: ReadLease, due_at: int | None) -> None:
        """Ends a read that CamPay answered and that changed nothing. Without effect where another reader holds the
        lease by now, or the payment is settled: nothing would ever take its due mark away again.
        """
        update = read_lease.end(self._unsettled(lease), lease, self._clock.now())
        self._update(update.due(due_at) if lease.is_proven else update)

    def release_read(self, lease: ReadLease, due_at: int | None) -> None:
        """Ends a read that CamPay did not answer, so that whoever waits may try. Else as `end_read`."""
        update = read_lease.release(self._unsettled(lease), lease)
        self._update(update.due(due_at) if lease.is_proven else update)

    def spend(self, budget: str, most: int, window_ms: int) -> bool:
        """Counts one use of a budget; False where the current window of time has had `most` of them."""
        now = self._clock.now()
        forgotten_at = (now + 2 * window_ms) // 1000 + 3600
        update = (
            Update(f"budget#{budget}#{now // window_ms}").count("uses").set(**{FORGOTTEN_BY_ATTRIBUTE: forgotten_at})
        )
        update.only_if("attribute_not_exists(uses) OR uses < :most").values[":most"] = most
        return self._update(update) is None

    def delivered(self, reference: str, version: int) -> bool:
        """Raises `deliveredVersion`; the mark goes only if nothing newer came: False tells that it did."""
        update = Update(f"payment#{reference}").set(deliveredVersion=version, announcedVersion=version)
        update.only_if("payment.version = :version AND deliveredVersion < :version")
        update.remove("undeliveredMark", "undeliveredSince").values[":version"] = version
        refused = self._update(update)
        stored = read_stored(refused)
        return stored is None or stored.delivered_version >= stored.payment.version

    def announced(self, reference: str, version: int) -> None:
        """Remembers that the order events are out, where the rest of a delivery has to wait."""
        update = Update(f"payment#{reference}").set(announcedVersion=version)
        update.only_if("announcedVersion < :version").values[":version"] = version
        self._update(update)

    def mark_undelivered(self, reference: str) -> None:
        """Makes the newest version be published and announced once more."""
        stored = self.load(reference)
        if stored is None:
            return
        before = min(stored.payment.version - 1, stored.announced_version)  # what never went out must not be skipped
        update = Update(f"payment#{reference}").only_if("payment.version = :version")
        update.set(deliveredVersion=before, announcedVersion=before)
        update.undelivered().set(undeliveredSince=self._clock.now())
        update.values[":version"] = stored.payment.version
        self._update(update)

    # ------------------------------------------------------------------ mechanism

    def _unsettled(self, lease: ReadLease) -> Update:
        update = Update(f"payment#{lease.stored.payment.reference}").only_if("payment.#status <> :final")
        update.names["#status"] = "status"
        update.values[":final"] = PaymentStatus.SUCCESSFUL.value
        return update

    def _commit_items(self, assumed: "AssumedRows", commit_id: str, lease: ReadLease | None) -> list[Item]:
        change, now = assumed.change, self._clock.now()
        state = Update(f"payment#{change.after.reference}").due(change.due_at)
        state.set(payment=write_payment(change.after), commitId=commit_id).undelivered()
        state.set_once(undeliveredSince=now).only_if("payment.version = :before")
        state.values[":before"] = change.before.version
        if change.was_never_sent:
            state.set(prompt=UNSENT)
        if lease is not None:
            read_lease.end(state, lease, now)
        version = version_item(change.after, change.cause, change.evidence, now)
        updates = [update for update in (assumed.order_update(), assumed.phone_update()) if update]
        return [state.item(self._table), self._put(version), *(update.item(self._table) for update in updates)]

    def _transact(self, items: Sequence[Item], commit_id: str, attempt: int = 0) -> Sequence[Item] | None:
        """Writes all items or none: None when it is written, else why not, one reason for each item."""
        token = f"{commit_id[:32]}-{attempt}"
        try:
            with _unavailable():
                self._client.transact_write_items(TransactItems=items, ClientRequestToken=token)
        except ClientError as error:
            reasons = [dict(reason) for reason in error.response["CancellationReasons"]]
            for reason in reasons:
                reason["Item"] = to_values(reason["Item"]) if reason.get("Item") else None
            is_ours = (reasons[0]["Item"] or {}).get("commitId") == commit_id
            return None if is_ours else reasons
        return None

    def _marked(self, index: str, mark: str, moment: str, until: int, limit: int) -> dict[str, int]:
        """The `limit` references that have waited longest, over all shards, and since when."""

        def read(shard: int) -> list[Item]:
            with _unavailable():
                answer = self._client.query(
                    TableName=self._table,
                    IndexName=index,
                    Limit=limit,
                    KeyConditionExpression=f"{mark} = :mark AND {moment} <= :until",
                    ExpressionAttributeValues=to_attributes({":mark": shard_mark(index, shard), ":until": until}),
                )
            return [to_values(item) for item in answer["Items"]]

        with ThreadPoolExecutor(SHARDS) as readers:
            items = chain.from_iterable(readers.map(read, range(SHARDS)))
            longest = sorted(items, key=lambda item: item[moment])[:limit]
        return {item["pk"].removeprefix("payment#"): item[moment] for item in longest}

    def _get(self, key: Item) -> Item | None:
        with _unavailable():
            answer = self._client.get_item(TableName=self._table, Key=to_attributes(key), ConsistentRead=True)
        return to_values(answer["Item"]) if answer.get("Item") else None

    def _get_many(self, keys: Sequence[Item], projection: str = "") -> list[Item]:
        """At most 100; consistent. `projection`: parts of the payments, their names after a #."""
        request: Item = {"Keys": [to_attributes(key) for key in keys], "ConsistentRead": True}
        if projection:
            names = {f"#{name}": name for name in re.findall(r"#(\w+)", projection)}
            request |= {"ProjectionExpression": projection, "ExpressionAttributeNames": names}
        items: list[Item] = []
        for attempt in range(_ATTEMPTS):
            with _unavailable():
                answer = self._client.batch_get_item(RequestItems={self._table: request})
            items += map(to_values, answer["Responses"].get(self._table, []))
            if not answer.get("UnprocessedKeys"):
                return items
            request = answer["UnprocessedKeys"][self._table]
            self.pause(attempt)
        raise LedgerUnavailable("the ledger is throttled")

    def _put(self, item: Item, condition: str | None = None) -> Item:
        put = {"TableName": self._table, "Item": to_attributes(item)}
        if condition:
            put |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return {"Put": put}

    def _update(self, update: Update, returns: str = "NONE") -> Item | None:
        """None when it was done; the stored item (empty: there is none) when its condition refused it."""
        for attempt in range(_ATTEMPTS):
            try:
                with _unavailable():
                    answer = self._client.update_item(**update.arguments(self._table), ReturnValues=returns)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                    return to_values(error.response.get("Item") or {})
                self.pause(attempt)
            else:
                update.result = to_values(answer.get("Attributes") or {})
                return None
        raise LedgerUnavailable("too many conflicts")

    def pause(self, attempt: int) -> None:
        """Two writers met: whoever comes back at another moment gets through."""
        self._clock.sleep(random.uniform(0.5, 1) * min(0.02 * 2**attempt, 0.5))  # noqa: S311 - jitter, no secret


def _batches(keys: Iterable[Item]) -> Iterator[list[Item]]:
    """As many as DynamoDB takes in one BatchGetItem."""
    remaining = iter(keys)
    while batch := list(islice(remaining, 100)):
        yield batch


_OUR_BUSINESS = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}
)


@contextmanager
def _unavailable() -> Iterator[None]:
    """Lets refused conditions through; everything else that goes wrong is one thing to a caller."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _OUR_BUSINESS:
            raise
        log.warning("ledger-refused", code=code)
        raise LedgerUnavailable("the ledger does not answer") from error
    except BotoCoreError as error:
        log.warning("ledger-unreachable", error=type(error).__name__)
        raise LedgerUnavailable("the ledger cannot be reached") from error
