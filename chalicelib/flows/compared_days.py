"""Shows operators what the nightly comparisons found, and takes their signatures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.analytics import money_shown
from chalicelib.domain.comparison import ComparedDay, Comparison, Finding, Kind, SignOff
from chalicelib.domain.contract import to_iso
from chalicelib.domain.errors import DifferencesChanged, NotFound
from chalicelib.domain.money import Money
from chalicelib.domain.phone_number import without_phone_numbers
from chalicelib.domain.rollup import day_of
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_NIGHT_MS = 3_600_000 * 7 // 2
"""From midnight (UTC) until the night's comparisons are over: they begin at 2:30 (app.py) and take minutes."""
LOOKED_BACK = 28
"""Days in which a difference that nobody has signed is pointed out. They have a part of two months at most."""


@dataclass(frozen=True, slots=True)
class ComparedDays:
    """Reads what the comparisons have kept: a query for each month. It asks CamPay nothing.

    Every method raises LedgerUnavailable.
    """

    ledger: Ledger
    clock: Clock

    def __call__(self, first: date, last: date) -> dict[str, Any]:
        """Returns the days that have been compared, the newest first."""
        days = self.ledger.comparisons.between(first, last)
        return {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "timestamp": to_iso(self.clock.now()),
            "days": [_day(day) for day in days],
        }

    def sign(self, day: date, fingerprint: str, reason: str, *, by: str) -> dict[str, Any]:
        """Signs the differences of a day that the operator has seen, and returns the day.

        A signature covers what it names and no more: what a later comparison finds besides is open again. Raises
        NotFound for a day that was not compared, and DifferencesChanged where `fingerprint` is that of others.
        """
        compared = self._day(day)
        if compared.fingerprint != fingerprint or not compared.whole.difference_count:
            raise DifferencesChanged
        self.ledger.comparisons.sign(day, compared.signed(by, reason, self.clock.now()))
        log.info("statement-signed", day=day.isoformat(), by=by, count=compared.whole.difference_count)
        return _day(self._day(day))

    def _day(self, day: date) -> ComparedDay:
        compared = self.ledger.comparisons.between(day, day)
        if not compared:
            raise NotFound
        return compared[0]


def days_to_look_at(ledger: Ledger, now: int) -> tuple[list[ComparedDay], list[date]]:
    """Lists the days of the last four weeks with a difference that nobody has signed, and those not compared whole.

    Days before the first one that was compared are not missing. The newest come first. It takes one query or two.
    Raises LedgerUnavailable.
    """
    today = day_of(now)
    days = ledger.comparisons.between(today - timedelta(days=LOOKED_BACK - 1), today)
    whole = {day.day for day in days if day.is_whole}
    last = datetime.fromtimestamp((now - _NIGHT_MS) / 1000, UTC).date() - timedelta(days=1)
    first = days[-1].day if days else today
    due = [last - timedelta(days=back) for back in range((last - first).days + 1)]
    return [day for day in days if day.is_open], [day for day in due if day not in whole]


def compared_by(day: date) -> int:
    """Returns when the night that compares a day first is over, in milliseconds since the epoch."""
    following = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return int(following.timestamp()) * 1000 + _NIGHT_MS


def _day(day: ComparedDay) -> dict[str, Any]:
    whole, signed = day.whole, day.signed_keys
    return {
        "day": day.day.isoformat(),
        "comparedAt": to_iso(day.compared_at),
        "matched": whole.matched,
        "money": money_shown(whole.money),
        "findings": {kind.value: _findings(whole, kind, signed) for kind in Kind},
        "fingerprint": day.fingerprint,
        "isOpen": day.is_open,
        "signOffs": [_sign_off(it, whole) for it in day.sign_offs],
    }


def _findings(whole: Comparison, kind: Kind, signed: frozenset[str]) -> dict[str, Any]:
    found = whole.found.get(kind, [])
    return {"count": whole.counts[kind], "found": [_finding(it, it.key(kind) in signed) for it in found]}


def _finding(finding: Finding, is_signed: bool) -> dict[str, Any]:
    return {
        "reference": finding.reference,
        "providerReference": finding.provider_reference,
        "listed": _money(finding.listed),
        "claimed": _money(finding.claimed),
        "operator": finding.operator,
        "operatorReference": finding.operator_reference,
        "isSigned": is_signed,
    }


def _money(money: Money | None) -> Mapping[str, Any] | None:
    return {"amount": money.amount, "currency": money.currency} if money else None


def _sign_off(sign_off: SignOff, whole: Comparison) -> dict[str, Any]:
    return {
        "by": sign_off.by,
        "at": to_iso(sign_off.at),
        "reason": without_phone_numbers(sign_off.reason),
        "counts": dict(sign_off.counts),
        "isOfNow": sign_off.digest == whole.digest,
    }
