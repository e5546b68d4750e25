"""Says to the shop's people whose last payments have all failed, MTN's or Orange's, and with which words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore
from chalicelib.domain.contract import iso_or_none, to_iso
from chalicelib.domain.failure import FailureCode, failure_code_of
from chalicelib.domain.operator_trouble import LATEST, RUN_PHONES, failing_run
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.rollup import reason_of
from chalicelib.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class FailingOperators:
    """Reads from Redis how the last payments have ended and, only where they all failed, those from the ledger."""

    ledger: Ledger
    live_store: LiveStore
    clock: Clock

    def __call__(self) -> list[dict[str, Any]] | None:
        """Returns the operators whose last payments have all failed; None while Redis is away: it keeps the outcomes.

        Raises LedgerUnavailable.
        """
        latest = self.live_store.latest_outcomes()
        if latest is None:
            return None
        now = self.clock.now()
        runs = {name: failing_run(outcomes, now) for name, outcomes in latest.outcomes.items()}
        loaded = self.ledger.load_many(it.reference for run in runs.values() for it in run)
        failed = {it.payment.reference: it.payment for it in loaded if it.payment.status is PaymentStatus.FAILED}
        shown = (
            _shown(name, [failed[it.reference] for it in run if it.reference in failed], latest.paid_at.get(name))
            for name, run in runs.items()
        )
        return [it for it in shown if it]


def _shown(operator: str, run: Sequence[Payment], paid_at: int | None) -> dict[str, Any] | None:
    """Returns what a run of failed payments says; None where it says something of one customer only."""
    reasons = Counter((failure_code_of(it) or FailureCode.UNKNOWN, it.reason and reason_of(it)) for it in run)
    phones = len({it.phone_hash for it in run})
    technical = sum(count for (code, _), count in reasons.items() if code is FailureCode.OPERATOR_DOWN)
    if not run or (phones < RUN_PHONES and not technical):
        return None
    return {
        "operator": operator,
        "count": len(run),
        "isWhole": len(run) < LATEST,
        "since": to_iso(min(it.created_at for it in run)),
        "phones": phones,
        "technical": technical,
        "lastPaidAt": iso_or_none(paid_at),
        "reasons": [
            {"failureCode": code.value, "reason": reason, "count": count}
            for (code, reason), count in reasons.most_common()
        ],
    }
