"""Counts the analytics of days anew from the ledger: `make rollups [FROM=2026-01-01 TO=2026-01-31] [STAGE=…]`.

Payments go on and are counted meanwhile. Without a stage it is the `make run` that is running, without days the 30
until today, in Cameroon's time. It can be repeated at any time.
"""

import sys
from collections.abc import Sequence
from datetime import date

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.flows.rebuild_rollups import AHEAD_MS, SETTLED_MS, RebuildOvertaken, RebuildRollups
from chalicelib.runtime.clock import Clock
from infra.commands import ledger_days


def rebuild(ledger: Ledger, clock: Clock, days: Sequence[date]) -> str:
    wait = (AHEAD_MS + SETTLED_MS) // 1000
    print(f"Counting {days[0]} to {days[-1]}; it waits {wait} seconds first.", flush=True)
    try:
        RebuildRollups(ledger, clock)(days)
    except RebuildOvertaken as error:
        raise ledger_days.NotPossible(f"somebody else is counting {error}") from error
    return "Counted."


if __name__ == "__main__":
    sys.exit(ledger_days.run("make rollups", __doc__, rebuild))
