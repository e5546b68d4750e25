"""Compares CamPay's statement of a day with our ledger: what either has and the other does not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Charge
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import PaymentError, ProviderUnavailable
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import StatementRow
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.flows.statement_rows import charges, hundreds, is_of_shard
from chalicelib.runtime import log

_LONGEST_REFERENCE = 64
"""Our references have 36 characters. A longer one is somebody else's, and is not looked for in our table."""


@dataclass(slots=True)
class StatementReport:
    """Says what the comparison of one day found.

    `matched` counts charges. The lists hold references: `missing_here` CamPay's; `made_good` (payments that this
    comparison settled), `missing_there` and `amount_differs` our own.
    """

    day: date
    matched: int = 0
    made_good: list[str] = field(default_factory=list)
    missing_here: list[str] = field(default_factory=list)
    missing_there: list[str] = field(default_factory=list)
    amount_differs: list[str] = field(default_factory=list)

    def differences(self) -> dict[str, list[str]]:
        """Returns the lists that hold something and that a person must look at."""
        names = ("missing_here", "missing_there", "amount_differs")
        return {name: found for name in names if (found := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class CompareStatement:
    """Compares days, settles the charges that our ledger lacks, and raises an alarm for each other difference."""

    campay: Campay
    ledger: Ledger
    settle: SettlePayment

    def days(self, days: Iterable[date], shard: int | None = None) -> list[StatementReport]:
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

    def __call__(self, day: date, shard: int | None = None) -> StatementReport:
        """Compares one day, or a shard of it: reads the ledger's charges, then CamPay's statement row by row.

        Raises ProviderUnavailable, LedgerUnavailable.
        """
        report = StatementReport(day)
        unlisted = {charge.provider_reference: charge for charge in self.ledger.charges_of_day(day, shard)}
        listed: set[str] = set()
        unnoted: list[tuple[Payment, str]] = []
        for rows in hundreds(charges(self.campay, day)):
            unknown = (row for row in rows if not _is_listed(row, unlisted, listed, report))
            unnoted += self._look_up([row for row in unknown if is_of_shard(row, shard, self.ledger)], report)
        for payment, provider_reference in unnoted:
            self._make_good(payment, provider_reference, report)
        self._look_beside(day, unlisted, listed)
        report.missing_there = sorted({charge.reference for charge in unlisted.values()} - listed)
        _log_report(report)
        return report

    def _look_up(self, rows: Sequence[StatementRow], report: StatementReport) -> Iterator[tuple[Payment, str]]:
        """Sorts rows that are no known charge of that day's payments.

        Yields those that name a payment which has not noted them, with that payment; the others go into the report.
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
                report.missing_here.append(row.provider_reference)
            elif not row.may_be_of(payment.money):
                report.amount_differs.append(payment.reference)
            elif row.provider_reference in payment.charges:
                report.matched += 1
            else:
                yield payment, row.provider_reference

    def _make_good(self, payment: Payment, provider_reference: str, report: StatementReport) -> None:
        """Settles a payment by the record that a row points at: the row itself proves nothing."""
        try:
            payment = self.settle.recheck(payment.reference, Cause.STATEMENT, named=provider_reference)
        except PaymentError as error:
            log.warning("statement-not-settled", reference=payment.reference, code=error.code)
        if provider_reference in payment.charges:
            report.made_good.append(payment.reference)
        else:
            report.missing_here.append(provider_reference)

    def _look_beside(self, day: date, unlisted: dict[str, Charge], listed: set[str]) -> None:
        """Looks for missing charges on the days before and after, since the statement has no time zone."""
        for other in (day + timedelta(days=1), day - timedelta(days=1)):
            if unlisted:
                for row in charges(self.campay, other):
                    if charge := unlisted.pop(row.provider_reference, None):
                        listed.add(charge.reference)


def _is_listed(row: StatementRow, unlisted: dict[str, Charge], listed: set[str], report: StatementReport) -> bool:
    """Whether the row is a charge of that day's payments; if so, it is noted in the report."""
    charge = unlisted.pop(row.provider_reference, None)
    if charge is None:
        return False
    listed.add(charge.reference)
    if row.may_be_of(charge.money):
        report.matched += 1
    else:
        report.amount_differs.append(charge.reference)
    return True


def _log_report(report: StatementReport) -> None:
    day = report.day.isoformat()
    log.info("statement-compared", day=day, matched=report.matched, made_good=len(report.made_good))
    for difference, references in report.differences().items():
        first = references[:20]
        log.alarm("statement-differs", day=day, difference=difference, count=len(references), first=first)
