"""Lists what an earlier release wrote and needs a person: `make attention [FROM=2026-01-01 TO=2026-01-31] [STAGE=…]`.

It is for the payments from before there was such a list. Without a stage it is the `make run` that is running,
without days the 30 until today, in Cameroon's time. It can be repeated at any time.
"""

import sys
from collections.abc import Sequence
from datetime import date

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.rollup import utc_days_of
from chalicelib.flows.mark_needs import MarkNeeds
from chalicelib.runtime.clock import Clock
from infra.commands import ledger_days


def mark(ledger: Ledger, _: Clock, days: Sequence[date]) -> str:
    marked = MarkNeeds(ledger)(sorted({part for day in days for part in utc_days_of(day)}))
    return f"{days[0]} to {days[-1]}: {marked} payments more need a person."


if __name__ == "__main__":
    sys.exit(ledger_days.run("make attention", __doc__, mark))
