"""Converts between the rows of the ledger's table and typed values."""

import dataclasses
from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.adapters.ledger.attributes import Item, key_of
from chalicelib.domain.attention import Need
from chalicelib.domain.money import Money
from chalicelib.domain.order_event import Attempt
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import key_hash
from chalicelib.domain.refund import Refund, RefundStatus
from chalicelib.domain.version import Version


class SearchKind(StrEnum):
    """What a payment can be searched by, besides its own reference and its order."""

    PHONE = "phone"
    PROVIDER = "provider"
    OPERATOR = "operator"


_TOLD = "told"
VERSION, ACT = "v#", "act#"
"""What the sort keys of a payment's versions and of its operators' acts begin with."""
UNSENT, SENDING = "unsent", "sending"
"""Values of a payment's `prompt`. Without one, a prompt may have been sent."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reads:
    """The read lease as the payment's row has it; `ReadLease` (read_lease.py) explains the fields."""

    number: int = 0
    done: int = 0
    done_of: str | None = None
    lease_id: str | None = None
    lease_until: int = 0
    webhook_read_at: int = 0

    def has_seen(self, after: int, provider_reference: str | None) -> bool:
        """Whether the provider has answered a read of this reference that began after the read number `after`."""
        return self.done > after and self.done_of == provider_reference


@dataclasses.dataclass(frozen=True, slots=True)
class HandedOver:
    """When the event bus took a version's order events, in milliseconds since the epoch, and its own ids of them."""

    at: int
    bus_ids: Sequence[str]


NOTHING_HANDED: Mapping[int, HandedOver] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """The stored state of a payment. `announced_version` and `delivered_version` are at most its version.

    `is_unsent`: no process has begun to send its prompt; see `Ledger.begin_prompt`. `check_at`: when the payment is
    checked next; None: nothing more will be learnt. `undelivered_since`: None where everything is delivered. `handed`:
    by version; an earlier release has noted none.
    """

    payment: Payment
    delivered_version: int = 0
    announced_version: int = 0
    reads: Reads = Reads()
    is_unsent: bool = False
    check_at: int | None = None
    undelivered_since: int | None = None
    handed: Mapping[int, HandedOver] = dataclasses.field(default_factory=lambda: NOTHING_HANDED)

    @property
    def is_announced(self) -> bool:
        """Whether the order events of every version are published."""
        return self.announced_version >= self.payment.version

    def is_due(self, now: int) -> bool:
        """Whether a check of the payment is due."""
        return self.check_at is not None and self.check_at <= now

    @property
    def awaits_sender(self) -> bool:
        return self.is_unsent and self.payment.status is PaymentStatus.INITIATING

    @property
    def was_never_sent(self) -> bool:
        """Whether its prompt was provably never sent: a prompt may only be sent while the payment is INITIATING."""
        return self.is_unsent and not self.awaits_sender

    @property
    def is_unnamed(self) -> bool:
        """Whether its prompt may have been sent, and CamPay's reference is not known."""
        return self.payment.provider_reference is None and not self.is_unsent

    def with_payment(self, payment: Payment) -> "Stored":
        return dataclasses.replace(self, payment=payment)


@dataclasses.dataclass(frozen=True, slots=True)
class Act:
    """What an operator has asked for. `by`: the operator's name. `at`: its time in milliseconds.

    `status`, `note`: of a decision, what is decided and why.
    """

    action: str
    by: str
    at: int
    status: str = ""
    note: str = ""


class History(NamedTuple):
    """All that there is of a payment: its state; its versions, its operators' acts and the attempts to tell the shop.

    Each of these is in order.
    """

    stored: Stored
    versions: list[Version]
    acts: list[Act]
    attempts: list[Attempt]


@dataclasses.dataclass(frozen=True, slots=True)
class Charge:
    """A charge that a payment has recorded. `money` and `reference` are the payment's."""

    provider_reference: str
    reference: str
    money: Money


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """The stored state of an order. Payments are named by their references.

    `attempts`: those that a further call re-reads. `past_attempts`: earlier ones that it need not, since no prompt went
    out, or long ago. `keys`: idempotency key -> (payment, time of the claim). `under_review`: attempts with an open
    case, of any age; while there is one, no other attempt may start. `link`: the order's newest payment link, unless it
    was cancelled.
    """

    order_id: str
    active: str | None = None
    paid: str | None = None
    latest: str | None = None
    attempts: Sequence[str] = ()
    keys: Mapping[str, tuple[str, int]] = dataclasses.field(default_factory=dict)
    under_review: Set[str] = frozenset()
    revision: int = 0
    link: str | None = None
    past_attempts: Sequence[str] = ()

    @property
    def all_attempts(self) -> list[str]:
        return [*self.past_attempts, *self.attempts]

    def rereading(self, attempts: Sequence[str]) -> "Order":
        """Returns the order whose other attempts are past."""
        past = [reference for reference in self.attempts if reference not in attempts]
        return dataclasses.replace(self, attempts=attempts, past_attempts=[*self.past_attempts, *past])

    @property
    def refuses_prompts(self) -> bool:
        return bool(self.paid or self.under_review)

    def named_by(self, key: str | None) -> str | None:
        """Returns the payment that an idempotency key stands for. Of a lost ledger's keys only the hash is known."""
        found = key and (self.keys.get(key) or self.keys.get(key_hash(key)))
        return found[0] if found else None

    def keys_since(self, oldest: int) -> dict[str, tuple[str, int]]:
        return {name: (reference, at) for name, (reference, at) in self.keys.items() if at > oldest}


@dataclasses.dataclass(frozen=True, slots=True)
class Phone:
    """The stored state of a phone.

    `prompts`: times of the prompts of the last day, oldest first. `under_other_keys`: the rows of the same phone under
    the hashes of the other valid keys, while the hash key is being rotated.
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


def act_key(act: Act, act_id: str) -> str:
    """Returns the key by which a payment's acts are sorted by time; `act_id` tells two of one millisecond apart."""
    return f"{ACT}{act.at:015d}#{act_id}"


def write_act(act: Act) -> Item:
    return {name: value for name, value in dataclasses.asdict(act).items() if value}


def read_act(item: Mapping[str, Any]) -> Act:
    return Act(item["action"], item["by"], item["at"], item.get("status", ""), item.get("note", ""))


def version_key(version: int) -> str:
    return f"{VERSION}{version:06d}"


def version_items(
    payment: Payment,
    before: Payment | None,
    cause: str,
    evidence: Mapping[str, Any] | None,
    now: int,
    by: str = "",
) -> list[Item]:
    """Returns the rows of a version: the version itself, and a row for each further search term that it introduces.

    The first new search term stands in the version's own row.
    """
    partition = f"payment#{payment.reference}"
    row = {**key_of(partition, version_key(payment.version)), "payment": write_payment(payment), "cause": cause}
    row |= {"at": now, **({"evidence": evidence} if evidence else {}), **({"by": by} if by else {})}
    known = _search_terms(before) if before else set()
    terms = sorted(_search_terms(payment, evidence or {}) - known)
    further = [
        {**key_of(partition, f"search#{payment.version:06d}#{number}"), "search": term, "at": now}
        for number, term in enumerate(terms[1:], 1)
    ]
    return [row | ({"search": terms[0]} if terms else {}), *further]


def _search_terms(payment: Payment, evidence: Mapping[str, Any] = MappingProxyType({})) -> set[str]:
    """Lists the search terms of a version. A second charge's operator reference stands in the evidence alone."""
    of_provider = {payment.provider_reference, *payment.charges, *payment.disputed}
    of_operator = {payment.operator_reference, evidence.get("operatorReference")}
    found: dict[SearchKind, set[str | None]] = {
        SearchKind.PHONE: {payment.phone_hash},
        SearchKind.PROVIDER: of_provider,
        SearchKind.OPERATOR: of_operator,
    }
    return {search_term(kind, value) for kind, values in found.items() for value in values if value}


def search_term(kind: SearchKind, value: str) -> str:
    return f"{kind}#{value}"


def need_term(need: Need) -> str:
    """Returns what a payment that needs a person stands under in the index `search`, beside what it is found by."""
    return f"attention#{need}"


_PAYMENT_FIELDS = [field.name for field in dataclasses.fields(Payment)]
_REFUND_FIELDS = [field.name for field in dataclasses.fields(Refund)]


def write_payment(payment: Payment) -> Item:
    """Converts a payment, without its absent fields: a row of more than 1 KB costs twice."""
    fields = {name: getattr(payment, name) for name in _PAYMENT_FIELDS} | {
        "money": {"amount": payment.money.amount, "currency": payment.money.currency},
        "status": payment.status.value,
        "charges": list(payment.charges),
        "disputed": list(payment.disputed),
        "refunds": [_present(dataclasses.asdict(refund)) for refund in payment.refunds],
    }
    return _present(fields)


def _present(fields: Item) -> Item:
    return {name: value for name, value in fields.items() if value not in (None, False, [])}


def read_payment(fields: Item) -> Payment:
    known = {name: fields[name] for name in _PAYMENT_FIELDS if name in fields}
    return Payment(
        **{
            **known,
            "status": PaymentStatus(known["status"]),
            "money": Money(**known["money"]),
            "charges": tuple(known.get("charges", ())),
            "disputed": tuple(known.get("disputed", ())),
            "refunds": tuple(_read_refund(entry) for entry in known.get("refunds", ())),
        }
    )


def _read_refund(fields: Item) -> Refund:
    known = {name: fields[name] for name in _REFUND_FIELDS if name in fields}
    return Refund(**{**known, "status": RefundStatus(known["status"])})


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
        _read_reads(item),
        item.get("prompt") == UNSENT,
        item.get("checkAt"),
        item.get("undeliveredSince"),
        _read_handed(item),
    )


def write_handed(handed: Mapping[int, HandedOver]) -> Item:
    """Returns an attribute for each version, so that none is overwritten: `told3`."""
    return {f"{_TOLD}{version}": [it.at, *it.bus_ids] for version, it in handed.items()}


def _read_handed(item: Mapping[str, Any]) -> Mapping[int, HandedOver]:
    told = {name.removeprefix(_TOLD): value for name, value in item.items() if name.startswith(_TOLD)}
    return {int(version): HandedOver(value[0], value[1:]) for version, value in told.items()}


def read_version(item: Mapping[str, Any]) -> Version:
    return Version(
        read_payment(item["payment"]), item["cause"], item["at"], item.get("evidence", {}), item.get("by", "")
    )


def _read_reads(item: Mapping[str, Any]) -> Reads:
    return Reads(
        number=item["readNumber"],
        done=item["readDone"],
        done_of=item.get("readOf"),
        lease_id=item.get("leaseId"),
        lease_until=item.get("leaseUntil", 0),
        webhook_read_at=item.get("webhookReadAt", 0),
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
        link=item.get("link"),
        past_attempts=tuple(item.get("pastAttempts", ())),
    )


def read_phone(phone_hash: str, item: Item | None) -> Phone:
    item = item or {}
    return Phone(phone_hash, item.get("active"), tuple(sorted(item.get("prompts", ()))), item.get("revision", 0))
