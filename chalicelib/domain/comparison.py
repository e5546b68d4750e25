"""Says what a comparison of the provider's statement with our ledger found, and what people have signed. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import sha256

from chalicelib.domain.charges import RecordedCharge
from chalicelib.domain.money import Money
from chalicelib.domain.rollup import Figures, charge_figures

KEPT = 100
"""Findings of a kind that are kept one by one, of a day or a shard of it; beyond, they are counted."""
_LONGEST = 64
"""Bytes of a text that the provider has sent and that is kept."""


class Kind(StrEnum):
    """What can be found of a charge besides that both sides have it."""

    MADE_GOOD = "madeGood"
    """The ledger lacked it, and the comparison itself settled the payment."""
    MISSING_HERE = "missingHere"
    """The statement lists it, the ledger has no such charge."""
    MISSING_THERE = "missingThere"
    """The ledger has it, the statement of the day and of the days beside it does not."""
    AMOUNT_DIFFERS = "amountDiffers"


DIFFERENCES = (Kind.MISSING_HERE, Kind.MISSING_THERE, Kind.AMOUNT_DIFFERS)
"""What a person must look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One charge that was found. `reference`: our payment's; None where none is named. `listed`: by the statement.

    `claimed`: what our payment asked for. `operator`, `operator_reference`: by the statement.
    """

    reference: str | None = None
    provider_reference: str | None = None
    listed: Money | None = None
    claimed: Money | None = None
    operator: str | None = None
    operator_reference: str | None = None

    def key(self, kind: Kind) -> str:
        """Returns what tells this difference from any other of its day."""
        return f"{kind}/{self.reference or ''}/{self.provider_reference or ''}"


def shortened(text: str | None) -> str | None:
    """Cuts a text of the provider's, so that a row keeps within its limit whatever the provider sends."""
    return text.encode()[:_LONGEST].decode(errors="ignore") if text else None


@dataclass(slots=True)
class Comparison:
    """What the comparison of a day, or of a shard of it, found. `compared_at`: when, in milliseconds.

    `matched`: charges that both have. `money`: figures of these and of those made good. `digest`: differs where other
    differences are found, in whatever order.
    """

    day: date
    compared_at: int = 0
    matched: int = 0
    money: Figures = field(default_factory=Figures)
    counts: Counter[Kind] = field(default_factory=Counter)
    found: dict[Kind, list[Finding]] = field(default_factory=dict)
    digest: int = 0

    def match(self, charge: RecordedCharge) -> None:
        """Notes a charge that both have."""
        self.matched += 1
        self.take(charge)

    def take(self, charge: RecordedCharge) -> None:
        self.money.update(charge_figures(charge))

    def note(self, kind: Kind, finding: Finding) -> None:
        """Notes a finding."""
        self.counts[kind] += 1
        kept = self.found.setdefault(kind, [])
        if len(kept) < KEPT:
            kept.append(finding)
        if kind in DIFFERENCES:
            number = int.from_bytes(sha256(finding.key(kind).encode()).digest()[:16])
            self.digest = (self.digest + number) % 2**128

    def names(self, kind: Kind) -> list[str]:
        """Returns by what the kept findings of a kind are looked up: the statement's reference where we have none."""
        found = self.found.get(kind, [])
        return [str(it.provider_reference if kind is Kind.MISSING_HERE else it.reference) for it in found]

    @property
    def difference_count(self) -> int:
        return sum(self.counts[kind] for kind in DIFFERENCES)


@dataclass(frozen=True, slots=True)
class SignOff:
    """Says who has looked at a day's differences, and which. `at`: in milliseconds.

    `digest`, `counts`: of the differences that were signed. `keys`: of those that were kept.
    """

    by: str
    at: int
    reason: str
    digest: int
    counts: Mapping[str, int]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """A day with its newest comparisons, one for each shard, and all that people have signed, the oldest first.

    `is_whole`: no shard is missing.
    """

    day: date
    shards: Sequence[Comparison]
    sign_offs: Sequence[SignOff]
    is_whole: bool = True

    @property
    def compared_at(self) -> int:
        """Returns since when all that is shown holds: the oldest of the shards' comparisons."""
        return min(shard.compared_at for shard in self.shards)

    @property
    def whole(self) -> Comparison:
        """Returns the shards together. What is kept of a kind is no more than of one of them."""
        whole = Comparison(self.day, self.compared_at)
        for shard in self.shards:
            whole.matched += shard.matched
            whole.money.update(shard.money)
            whole.counts.update(shard.counts)
            whole.digest = (whole.digest + shard.digest) % 2**128
            for kind, found in shard.found.items():
                kept = whole.found.setdefault(kind, [])
                kept += found[: KEPT - len(kept)]
        return whole

    @property
    def fingerprint(self) -> str:
        """Returns the text that a sign-off names, so that nobody signs what was not seen."""
        return f"{self.whole.digest:032x}"

    @property
    def is_open(self) -> bool:
        """Whether there is a difference that nobody has signed. One that is found again needs no second signature."""
        whole = self.whole
        if not whole.difference_count or any(it.digest == whole.digest for it in self.sign_offs):
            return False
        keys = keys_of(whole)
        return len(keys) < whole.difference_count or not keys <= self.signed_keys

    @property
    def signed_keys(self) -> frozenset[str]:
        return frozenset().union(*(it.keys for it in self.sign_offs))

    def signed(self, by: str, reason: str, at: int) -> SignOff:
        """Returns the signature under the differences that are found now."""
        whole = self.whole
        counts = {kind.value: whole.counts[kind] for kind in DIFFERENCES if whole.counts[kind]}
        return SignOff(by, at, reason, whole.digest, counts, frozenset(keys_of(whole)))


def keys_of(comparison: Comparison) -> set[str]:
    """Returns the keys of the differences that are kept one by one."""
    return {it.key(kind) for kind in DIFFERENCES for it in comparison.found.get(kind, [])}
