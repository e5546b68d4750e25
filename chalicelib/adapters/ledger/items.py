"""The rows of the ledger's table, read into what they mean and written from it."""

import dataclasses
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus

Item = dict[str, Any]

UNSENT, SENDING = "unsent", "sending"
"""Values of a payment's `prompt`. Without one, a prompt may have been sent."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reads:
    """The reads of a payment at CamPay, as `read_lease.py` explains them."""

    number: int = 0
    done: int = 0
    done_of: str | None = None
    lease_id: str | None = None
    lease_until: int = 0
    webhook_read_at: int = 0

    def has_seen(self, after: int, provider_reference: str | None) -> bool:
        """Whether CamPay has answered a read of this reference that began after the read number `after`."""
        return self.done > after and self.done_of == provider_reference


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """A payment as it stands. `announced_version` <= `version`, likewise `delivered_version`.

    `is_unsent`: no call has begun to send its prompt, see `Ledger.begin_prompt`.
    """

    payment: Payment
    delivered_version: int = 0
    announced_version: int = 0
    reads: Reads = Reads()
    is_unsent: bool = False

    @property
    def awaits_sender(self) -> bool:
        return self.is_unsent and self.payment.status is PaymentStatus.INITIATING

    @property
    def was_never_sent(self) -> bool:
        """Proven: the prompt may only be sent while the payment is INITIATING."""
        return self.is_unsent and not self.awaits_sender

    def with_payment(self, payment: Payment) -> "Stored":
        return dataclasses.replace(self, payment=payment)


@dataclasses.dataclass(frozen=True, slots=True)
class Charge:
    """A SUCCESSFUL record of CamPay that a payment has noted; `money` and `reference` are the payment's."""

    provider_reference: str
    reference: str
    money: Money


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """`keys`: idempotency key -> the payment it stands for. `under_review`: attempts whose case is open, of any age; no
    other may start. References throughout.
    """

    order_id: str
    active: str | None = None
    paid: str | None = None
    latest: str | None = None
    attempts: Sequence[str] = ()
    keys: Mapping[str, tuple[str, int]] = dataclasses.field(default_factory=dict)
    under_review: Set[str] = frozenset()
    revision: int = 0

    @property
    def refuses_prompts(self) -> bool:
        return bool(self.paid or self.under_review)

    def keys_since(self, oldest: int) -> dict[str, tuple[str, int]]:
        return {name: (reference, at) for name, (reference, at) in self.keys.items() if at > oldest}


@dataclasses.dataclass(frozen=True, slots=True)
class Phone:
    """`prompts`: times of the prompts of the last day, oldest first. `under_other_keys`: the rows of the same phone
    whose hash another valid key made, while the key is being rotated.
    """

    phone_hash: str
    active: str | None = None
    prompts: Sequence[int] = ()
    revision: int = 0
    under_other_keys: Sequence["Phone"] = ()

    @property
    def all_live(self) -> list[str]:
        return [row.active for row in (self, *self.under_other_keys) if row.active]

    @property
    def all_prompts(self) -> list[int]:
        return sorted(at for row in (self, *self.under_other_keys) for at in row.prompts)


def key_of(partition: str, sort: str = "state") -> Item:
    return {"pk": partition, "sk": sort}


def payment_key(reference: str) -> Item:
    return key_of(f"payment#{reference}")


def version_key(version: int) -> str:
    return f"v#{version:06d}"


def version_item(payment: Payment, cause: str, evidence: Mapping[str, Any] | None, now: int) -> Item:
    item = key_of(f"payment#{payment.reference}", version_key(payment.version))
    return {**item, "payment": write_payment(payment), "cause": cause, "evidence": evidence, "at": now}


def write_payment(payment: Payment) -> Item:
    fields = dataclasses.asdict(payment)
    return {
        **fields,
        "status": payment.status.value,
        "charges": list(payment.charges),
        "disputed": list(payment.disputed),
    }


def read_payment(fields: Item) -> Payment:
    known = {field.name: fields[field.name] for field in dataclasses.fields(Payment) if field.name in fields}
    return Payment(
        **{
            **known,
            "status": PaymentStatus(known["status"]),
            "money": Money(**known["money"]),
            "charges": tuple(known["charges"]),
            "disputed": tuple(known["disputed"]),
        }
    )


def write_keys(keys: Mapping[str, tuple[str, int]]) -> Item:
    return {name: write_key(*entry) for name, entry in keys.items()}


def write_key(reference: str, at: int) -> Item:
    return {"reference": reference, "at": at}


def read_stored(item: Item | None) -> Stored | None:
    if not item:
        return None
    return Stored(
        read_payment(item["payment"]),
        item["deliveredVersion"],
        item["announcedVersion"],
        Reads(
            item["readNumber"],
            item["readDone"],
            item.get("readOf"),
            item.get("leaseId"),
            item.get("leaseUntil", 0),
            item.get("webhookReadAt", 0),
        ),
        item.get("prompt") == UNSENT,
    )


def read_order(order_id: str, item: Item | None) -> Order:
    item = item or {}
    return Order(
        order_id,
        active=item.get("active"),
        paid=item.get("paid"),
        latest=item.get("latest"),
        attempts=tuple(item.get("attempts", ())),
        keys={name: (entry["reference"], entry["at"]) for name, entry in item.get("keys", {}).items()},
        under_review=item.get("underReview", frozenset()),
        revision=item.get("revision", 0),
    )


def read_phone(phone_hash: str, item: Item | None) -> Phone:
    item = item or {}
    return Phone(phone_hash, item.get("active"), tuple(sorted(item.get("prompts", ()))), item.get("revision", 0))


_serialize, _deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize


def to_attributes(item: Mapping[str, Any]) -> Item:
    return {name: _serialize(value) for name, value in item.items()}


def to_values(item: Mapping[str, Any]) -> Item:
    return {name: _whole(_deserialize(value)) for name, value in item.items()}


def _whole(value: Any) -> Any:
    """DynamoDB's numbers come as Decimal; all of ours are whole."""
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list | set):
        return type(value)(_whole(inner) for inner in value)
    return int(value) if isinstance(value, Decimal) else value
