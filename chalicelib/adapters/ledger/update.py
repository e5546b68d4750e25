"""A change of a payment as the writes it takes: its own rows, and what follows for order and phone."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.adapters.ledger.items import Item, Order, Phone, key_of, read_order, read_phone, to_attributes
from chalicelib.adapters.ledger.table import mark_of
from chalicelib.domain.payment import Payment

NEVER_SENT = "never sent"
"""The cause of a change whose sender has proof that CamPay was not asked for the prompt."""


@dataclasses.dataclass(frozen=True, slots=True)
class Committed:
    """`other_active`: another attempt of the order that is active although the order is paid now."""

    payment: Payment
    other_active: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """A version about to be written."""

    before: Payment
    after: Payment
    cause: str
    due_at: int | None
    evidence: Mapping[str, Any] | None = None

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
        """The prompt did not leave this machine, so that it does not count against the phone."""
        return self.cause == NEVER_SENT


class Update:
    """One conditional update of one item, built up clause by clause."""

    def __init__(self, partition: str, sort: str = "state") -> None:
        self._key = key_of(partition, sort)
        self._sets: list[str] = []
        self._removes: list[str] = []
        self._adds: list[str] = []
        self._discards: list[str] = []
        self._conditions: list[str] = []
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self.result: Item | None = None

    def set(self, **fields: Any) -> "Update":
        for name, value in fields.items():
            self._name(name)
            self._sets = [clause for clause in self._sets if not clause.startswith(f"#{name} ")]
            self._sets.append(f"#{name} = :{name}")
            self.values[f":{name}"] = value
        return self

    def set_once(self, **fields: Any) -> "Update":
        for name, value in fields.items():
            self._name(name)
            self._sets.append(f"#{name} = if_not_exists(#{name}, :{name})")
            self.values[f":{name}"] = value
        return self

    def put_entry(self, name: str, key: str, value: Any) -> "Update":
        """Adds one entry to a map, only if it has none under that key."""
        path = f"{self._name(name)}.#key"
        self.names["#key"] = key
        self.values[":entry"] = value
        self._sets.append(f"{path} = :entry")
        return self.only_if(f"attribute_not_exists({path})")

    def remove(self, *names: str) -> "Update":
        self._removes += [self._name(name) for name in names]
        return self

    def add(self, name: str, member: str) -> "Update":
        """Puts a member into a set, which starts empty."""
        self._adds.append(f"{self._name(name)} :member")
        self.values[":member"] = {member}
        return self

    def discard(self, name: str, member: int | str) -> "Update":
        """Takes a member out of a set."""
        self._discards.append(f"{self._name(name)} :gone")
        self.values[":gone"] = {member}
        return self

    def only_if(self, condition: str) -> "Update":
        self._conditions.append(f"({condition})")
        return self

    def due(self, due_at: int | None) -> "Update":
        if due_at is None:
            return self.remove("dueMark", "dueAt")
        return self.set(dueMark=mark_of("due", self._key["pk"]), dueAt=due_at)

    def undelivered(self) -> "Update":
        """Lists the payment as undelivered; since when is the caller's to say."""
        return self.set(undeliveredMark=mark_of("undelivered", self._key["pk"]))

    def only_at(self, revision: int) -> "Update":
        """Only as it was seen; whoever changes it raises the revision. 0: there is no such row."""
        if revision:
            self.values[":seen"] = revision
        return self.only_if("revision = :seen" if revision else "attribute_not_exists(revision)")

    def next_after(self, revision: int) -> "Update":
        return self.only_at(revision).set(revision=revision + 1)

    def next_revision(self) -> "Update":
        self._sets.append("revision = revision + :one")
        self.values[":one"] = 1
        return self

    def count(self, name: str) -> "Update":
        """Adds one to a number, which starts at 0."""
        self._sets.append(f"{self._name(name)} = if_not_exists(#{name}, :zero) + :one")
        self.values |= {":zero": 0, ":one": 1}
        return self

    def arguments(self, table: str) -> Item:
        clauses = {"SET": self._sets, "REMOVE": self._removes, "ADD": self._adds, "DELETE": self._discards}
        expression = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)
        arguments = {
            "TableName": table,
            "Key": to_attributes(self._key),
            "UpdateExpression": expression,
            "ConditionExpression": " AND ".join(self._conditions),
            "ExpressionAttributeNames": self.names,
            "ExpressionAttributeValues": to_attributes(self.values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return {name: value for name, value in arguments.items() if value}

    def item(self, table: str) -> Item:
        return {"Update": self.arguments(table)}

    def check(self, table: str) -> Item:
        """Its conditions alone, for an update that changes nothing."""
        return {"ConditionCheck": self.arguments(table)}

    def _name(self, name: str) -> str:
        self.names[f"#{name}"] = name
        return f"#{name}"


class AssumedRows:
    """What a commit takes the order and the phone to be. It starts from the usual case, without a
    read; a refused transaction brings the true items along, and it is tried again with those.
    """

    def __init__(self, change: Change) -> None:
        self.change = change
        before = change.before
        self._order = Order(before.order_id, active=before.reference if before.is_active else None)
        self._phone = Phone(before.phone_hash, active=before.reference if before.is_waiting else None)

    @property
    def other_active(self) -> str | None:
        """Another attempt that is active while this one pays."""
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
        """False: the payment itself has changed. The two first items are the payment's own."""
        if reasons[0].get("Code") == "ConditionalCheckFailed":
            return False
        writes = [name for name, update in (("order", self.order_update()), ("phone", self.phone_update())) if update]
        for name, reason in zip(writes, reasons[2:], strict=True):
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
