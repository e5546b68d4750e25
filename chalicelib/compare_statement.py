"""CamPay's statement of a day against our ledger: what either has and the other does not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from chalicelib import log
from chalicelib.campay import Campay, StatementRow
from chalicelib.errors import PaymentError, ProviderUnavailable
from chalicelib.ledger import Ledger
from chalicelib.payment import Payment, RecordStatus
from chalicelib.settle_payment import SettlePayment


@dataclass(slots=True)
class StatementReport:
    """`matched` counts; the others name: `made_good` our references that this comparison settled,
    `missing_here` CamPay's references, `missing_there` and `amount_differs` our references.
    """

    day: date
    matched: int = 0
    made_good: list[str] = field(default_factory=list)
    missing_here: list[str] = field(default_factory=list)
    missing_there: list[str] = field(default_factory=list)
    amount_differs: list[str] = field(default_factory=list)

    def differences(self) -> dict[str, list[str]]:
        names = ("missing_here", "missing_there", "amount_differs")
        return {name: found for name in names if (found := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class CompareStatement:
    campay: Campay
    ledger: Ledger
    settle: SettlePayment

    def days(self, days: Iterable[date]) -> list[StatementReport]:
        """Compares day by day; one that cannot be read raises an alarm and does not hold up the others.

        Raises LedgerUnavailable and, when all others are done, ProviderUnavailable.
        """
        reports, unreadable = [], None
        for day in days:
            try:
                reports.append(self(day))
            except ProviderUnavailable as error:
                log.alarm("statement-unreadable", day=day.isoformat(), reason=str(error))
                unreadable = error
        log.info("campay-balance", amount=self.campay.balance().amount)
        if unreadable is not None:
            raise unreadable
        return reports

    def __call__(self, day: date) -> StatementReport:
        """Each difference raises an alarm. Raises ProviderUnavailable, LedgerUnavailable."""
        report = StatementReport(day)
        rows = self._incoming(day)
        for row in rows:
            if row.day == day.isoformat():
                self._look_up(row, report)
        self._look_back(rows, report)
        log.info("statement-compared", day=day.isoformat(), matched=report.matched, made_good=len(report.made_good))
        for difference, references in report.differences().items():
            log.alarm(
                "statement-differs",
                day=day.isoformat(),
                difference=difference,
                count=len(references),
                first=references[:20],
            )
        return report

    def _incoming(self, day: date) -> list[StatementRow]:
        """Yesterday to tomorrow, since the statement's rows have no zone."""
        rows = self.campay.statement(day - timedelta(days=1), day + timedelta(days=1))
        return [row for row in rows if row.is_incoming and row.status is RecordStatus.SUCCESSFUL]

    def _look_up(self, row: StatementRow, report: StatementReport) -> None:
        payment = self._payment_of(row)
        if payment is None:
            report.missing_here.append(row.campay_reference)
        elif not row.simulated and row.money != payment.money:
            report.amount_differs.append(payment.reference)
        elif row.campay_reference in payment.charges:
            report.matched += 1
        elif self._is_made_good(row, payment):
            report.made_good.append(payment.reference)
        else:
            report.missing_here.append(row.campay_reference)

    def _is_made_good(self, row: StatementRow, payment: Payment) -> bool:
        """A row of the statement only points at CamPay's own record, which decides."""
        try:
            self.settle.recheck(payment.reference, "statement", named=row.campay_reference)
        except PaymentError as error:
            log.warning("statement-not-settled", reference=payment.reference, code=error.code)
        after = self._payment_of(row)
        return after is not None and row.campay_reference in after.charges

    def _look_back(self, rows: Iterable[StatementRow], report: StatementReport) -> None:
        listed = {row.campay_reference for row in rows}
        for payment in self.ledger.payments_of_day(report.day):
            if payment.charges and listed.isdisjoint(payment.charges):
                report.missing_there.append(payment.reference)

    def _payment_of(self, row: StatementRow) -> Payment | None:
        stored = self.ledger.load(row.external_user) if row.external_user else None
        return stored.payment if stored else None
