"""Builds DynamoDB's update expressions."""

from collections.abc import Mapping
from typing import Any

from chalicelib.adapters.ledger.attributes import Item, key_of, to_attributes
from chalicelib.adapters.ledger.table import mark_of


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

    def set(self, **fields: Any) -> "Update":
        for name, value in fields.items():
            self._name(name)
            self._sets = [clause for clause in self._sets if not clause.startswith(f"#{name} ")]
            self._sets.append(f"#{name} = :{name}")
            self.values[f":{name}"] = value
        return self

    def set_within(self, name: str, **fields: Any) -> "Update":
        """Sets fields of a map, whose others stay."""
        for field, value in fields.items():
            self._sets.append(f"{self._name(name)}.{self._name(field)} = :{field}")
            self.values[f":{field}"] = value
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
        """Adds a member to a set; an absent set counts as empty."""
        self._adds.append(f"{self._name(name)} :member")
        self.values[":member"] = {member}
        return self

    def increase(self, counts: Mapping[str, int]) -> "Update":
        """Adds to numbers of any names; an absent one counts as 0. Only one call of it in an update."""
        for number, (name, count) in enumerate(counts.items()):
            self.names[f"#count{number}"] = name
            self.values[f":count{number}"] = count
            self._adds.append(f"#count{number} :count{number}")
        return self

    def discard(self, name: str, member: int | str) -> "Update":
        """Removes a member from a set."""
        self._discards.append(f"{self._name(name)} :gone")
        self.values[":gone"] = {member}
        return self

    def only_if(self, condition: str) -> "Update":
        self._conditions.append(f"({condition})")
        return self

    def next_check(self, at: int | None, *, indexed: bool) -> "Update":
        """Sets when the payment is to be checked again; None: never.

        `indexed`: whether its entry in the index `due` moves too. See `Ledger.take_check`.
        """
        if at is None:
            return self.remove("checkAt", *(("dueMark", "dueAt") if indexed else ()))
        return self.set(checkAt=at, **({"dueMark": mark_of("due", self._key["pk"]), "dueAt": at} if indexed else {}))

    def undelivered(self) -> "Update":
        """Lists the payment as undelivered. The caller sets `undeliveredSince`."""
        return self.set(undeliveredMark=mark_of("undelivered", self._key["pk"]))

    def only_at(self, revision: int) -> "Update":
        """Requires that the row still has this revision, which every change raises; 0: that there is no such row."""
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
        """Adds one to a number; an absent one counts as 0."""
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
        """Returns the part of a transaction that checks the conditions and changes nothing."""
        return {"ConditionCheck": self.arguments(table)}

    def _name(self, name: str) -> str:
        self.names[f"#{name}"] = name
        return f"#{name}"
