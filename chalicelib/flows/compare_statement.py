"""Compares CamPay's statement of a day with our ledger: what either has and the other does not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Charge
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.cause import Cause
from chalicelib.domain.charges import RecordedCharge
from chalicelib.domain.comparison import DIFFERENCES, Comparison, Finding, Kind, shortened
from chalicelib.domain.errors import PaymentError, ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import StatementRow
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.flows.statement_rows import charges, hundreds, is_of_shard
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_LONGEST_REFERENCE = 64
"""Our references have 36 characters. A longer one is somebody else's, and is not looked for in our table."""


@dataclass(frozen=True, slots=True)
class CompareStatement:
    """Compares days, settles the charges that our ledger lacks, and raises an alarm for each other difference.

    The newest comparison of a day, or of a shard of it, is kept in the ledger.
    """

    campay: Campay
    ledger: Ledger
    settle: SettlePayment
    clock: Clock

    def days(self, days: Iterable[date], shard: int | None = None) -> list[Comparison]:
        """Compares day by day. A day that cannot be read raises an alarm and does not hold up the others.

        `shard`: compares the payments of one shard of the ledger's days, and the rows that are for them.
        Raises LedgerUnavailable and, when all others are done, ProviderUnavailable.
        """
        reports, unreadable = [], None
        for day in days:
            try:
                reports.append(self(day, shard))
            except ProviderUnavailable as error:
                log.alarm("statement-not-compared", day=day.isoformat(), reason=str(error))
                unreadable = error
        log.info("campay-balance", amount=self.campay.balance().amount)
        if unreadable is not None:
            raise unreadable
        return reports

    def __call__(self, day: date, shard: int | None = None) -> Comparison:
        """Compares one day, or a shard of it: reads the ledger's charges, then CamPay's statement row by row.

        Raises ProviderUnavailable, LedgerUnavailable.
        """
        comparison = Comparison(day, self.clock.now())
        unlisted = {charge.provider_reference: charge for charge in self.ledger.charges_of_day(day, shard)}
        listed: set[str] = set()
        unnoted: list[tuple[Payment, StatementRow]] = []
        for rows in hundreds(charges(self.campay, day)):
            unknown = (row for row in rows if not _is_listed(row, unlisted, listed, comparison))
            unnoted += self._look_up([row for row in unknown if is_of_shard(row, shard, self.ledger)], comparison)
        for payment, row in unnoted:
            self._make_good(payment, row, comparison)
        self._look_beside(day, unlisted, listed)
        missing = {charge.reference: charge for charge in unlisted.values() if charge.reference not in listed}
        for _, charge in sorted(missing.items()):
            comparison.note(Kind.MISSING_THERE, _missing(charge))
        self.ledger.comparisons.keep(comparison, shard, self.ledger.day_shards)
        _log(comparison)
        return comparison

    def _look_up(self, rows: Sequence[StatementRow], comparison: Comparison) -> Iterator[tuple[Payment, StatementRow]]:
        """Sorts rows that are no known charge of that day's payments.

        Yields those that name a payment which has not noted them, with that payment; the others are noted.
        """
        ours = (
            row.external_reference
            for row in rows
            if row.external_reference and len(row.external_reference) <= _LONGEST_REFERENCE
        )
        payments = {stored.payment.reference: stored.payment for stored in self.ledger.load_many(ours)}
        for row in rows:
            payment = payments.get(row.external_reference or "")
            if payment is None:
                comparison.note(Kind.MISSING_HERE, _finding(row))
            elif not row.may_be_of(payment.money):
                comparison.note(Kind.AMOUNT_DIFFERS, _finding(row, payment.reference, payment.money))
            elif row.provider_reference in payment.charges:
                comparison.match(_charge(row, payment.money))
            else:
                yield payment, row

    def _make_good(self, payment: Payment, row: StatementRow, comparison: Comparison) -> None:
        """Settles a payment by the record that a row points at: the row itself proves nothing."""
        try:
            payment = self.settle.recheck(payment.reference, Cause.STATEMENT, named=row.provider_reference)
        except PaymentError as error:
            log.warning("statement-not-settled", reference=payment.reference, code=error.code)
        is_noted = row.provider_reference in payment.charges
        finding = _finding(row, payment.reference, payment.money)
        comparison.note(Kind.MADE_GOOD if is_noted else Kind.MISSING_HERE, finding)
        if is_noted:
            comparison.take(_charge(row, payment.money))

    def _look_beside(self, day: date, unlisted: dict[str, Charge], listed: set[str]) -> None:
        """Looks for missing charges on the days before and after, since the statement has no time zone."""
        for other in (day + timedelta(days=1), day - timedelta(days=1)):
            if unlisted:
                for row in charges(self.campay, other):
                    if charge := unlisted.pop(row.provider_reference, None):
                        listed.add(charge.reference)


def _is_listed(row: StatementRow, unlisted: dict[str, Charge], listed: set[str], comparison: Comparison) -> bool:
    """Whether the row is a charge of that day's payments; if so, it is noted."""
    charge = unlisted.pop(row.provider_reference, None)
    if charge is None:
        return False
    listed.add(charge.reference)
    if row.may_be_of(charge.money):
        comparison.match(_charge(row, charge.money))
    else:
        comparison.note(Kind.AMOUNT_DIFFERS, _finding(row, charge.reference, charge.money))
    return True


def _charge(row: StatementRow, claimed: Money) -> RecordedCharge:
    """Returns the charge that a row lists; its amount agrees with the claim, or proves nothing."""
    return RecordedCharge(row.provider_reference, claimed, row.fee)


def _finding(row: StatementRow, reference: str | None = None, claimed: Money | None = None) -> Finding:
    return Finding(
        reference=reference,
        provider_reference=shortened(row.provider_reference),
        listed=row.money,
        claimed=claimed,
        operator=row.operator,
        operator_reference=shortened(row.operator_reference),
    )


def _missing(charge: Charge) -> Finding:
    return Finding(
        reference=charge.reference, provider_reference=shortened(charge.provider_reference), claimed=charge.money
    )


def _log(comparison: Comparison) -> None:
    day, counts = comparison.day.isoformat(), comparison.counts
    log.info("statement-compared", day=day, matched=comparison.matched, made_good=counts[Kind.MADE_GOOD])
    for kind in DIFFERENCES:
        if counts[kind]:
            first = comparison.names(kind)[:20]
            log.alarm("statement-differs", day=day, difference=kind, count=counts[kind], first=first)
