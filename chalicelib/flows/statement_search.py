"""Finds payments whose CamPay reference is not known in CamPay's statement, by our own reference."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from chalicelib.adapters.campay.client import Campay
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.payment import Payment
from chalicelib.domain.refund import Refund
from chalicelib.runtime import log


@dataclass(slots=True)
class Found:
    """Holds CamPay's references by our own. `unread`: those with a day that could not be read to its end."""

    references: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unread: set[str] = field(default_factory=set)

    def of(self, payment: Payment | Refund) -> Sequence[str]:
        """Returns CamPay's references of one. None found proves nothing: pending transactions are not listed.

        Raises ProviderUnavailable where it may be listed on a day that could not be read.
        """
        found = self.references.get(payment.reference, [])
        if not found and payment.reference in self.unread:
            raise ProviderUnavailable("CamPay's statement could not be read")
        return found


def search_statement(campay: Campay, payments: Iterable[Payment | Refund]) -> Found:
    """Searches for all payments together: each day is requested once, and read row by row."""
    wanted: dict[date, set[str]] = defaultdict(set)
    for payment in payments:
        for day in _days_of(payment):
            wanted[day].add(payment.reference)
    found = Found()
    for day, references in sorted(wanted.items()):
        try:
            for row in campay.statement(day):
                if row.external_reference in references:
                    found.references[row.external_reference].append(row.provider_reference)
        except ProviderUnavailable as error:
            log.info("statement-search-incomplete", day=day.isoformat(), reason=str(error))
            found.unread |= references
    return found


def _days_of(payment: Payment | Refund) -> list[date]:
    """Returns the day of the claim, the one before and the one after, since the statement's rows have no time zone."""
    claimed_at = payment.at if isinstance(payment, Refund) else payment.created_at
    day = datetime.fromtimestamp(claimed_at / 1000, UTC).date()
    return [day + timedelta(days=shift) for shift in (-1, 0, 1)]
