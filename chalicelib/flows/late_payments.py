"""Finds in CamPay's statement, once an hour, the charges that no check has told: late ones, and those of lost answers.

After its first hour nobody asks CamPay about a payment alone, but for the last check. One pass over the statement of
each day that is still open does it for all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.provider import StatementRow
from chalicelib.flows.statement_rows import charges, hundreds, is_of_shard
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_WATCHED = timedelta(hours=72)
_REFERENCE_LENGTH = 36
"""A row may carry any text where ours have a UUID."""
_ZONES = timedelta(hours=14)
"""The statement's days are those of a calendar that CamPay does not name: it is up to 14 h ahead of UTC or behind."""


@dataclass(frozen=True, slots=True)
class LatePayments:
    """Compares the statements with the charges that the ledger has noted, and sends the payments of all others."""

    campay: Campay
    ledger: Ledger
    queue: WorkQueue
    clock: Clock

    def __call__(self, only: date | None = None, shard: int | None = None) -> int:
        """Returns how many checks were sent. A day that cannot be read does not hold up the others.

        `only`: reads that day, if it is open. `shard`: for the payments of one shard of the ledger's days.
        Raises LedgerUnavailable and, when all others are done, ProviderUnavailable.
        """
        sent, unreadable = 0, None
        for day in (it for it in open_days(self.clock.now()) if only in (None, it)):
            try:
                sent += self._of_day(day, shard)
            except ProviderUnavailable as error:
                log.warning("statement-not-read", day=day.isoformat(), reason=str(error))
                unreadable = error
        if unreadable is not None:
            raise unreadable
        return sent

    def _of_day(self, day: date, shard: int | None) -> int:
        """Sends what one day's statement tells. Keeps that day's charges in memory, and no other's."""
        known = {charge.provider_reference for charge in self.ledger.charges_of_day(day, shard)}
        unknown = (
            row
            for row in charges(self.campay, day)
            if row.provider_reference not in known and is_of_shard(row, shard, self.ledger)
        )
        sent = sum(map(self._send_unnoted, hundreds(unknown)))
        log.info("late-payments", day=day.isoformat(), shard=shard, known=len(known), sent=sent)
        return sent

    def _send_unnoted(self, rows: Sequence[StatementRow]) -> int:
        """Sends the payments that have not noted a row that names them. A row of no payment is the nightly report's."""
        named = [row for row in rows if len(row.external_reference or "") == _REFERENCE_LENGTH]
        found = self.ledger.load_many(row.external_reference or "" for row in named)
        payments = {it.payment.reference: it.payment for it in found}
        unnoted = [
            CheckHint(payment.reference, row.provider_reference)
            for row in named
            if (payment := payments.get(row.external_reference or ""))
            and row.provider_reference not in (*payment.charges, *payment.disputed)
        ]
        self.queue.check_all((hint, 0) for hint in unnoted)
        return len(unnoted)


def open_days(now: int) -> Iterator[date]:
    """Yields each day on which a payment that is still watched may be listed, in any time zone, the oldest first."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    day = (moment - _WATCHED - _ZONES).date()
    while day <= (moment + _ZONES).date():
        yield day
        day += timedelta(days=1)
