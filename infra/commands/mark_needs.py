"""Lists what an earlier release wrote and needs a person: `make attention [FROM=2026-01-01 TO=2026-01-31] [STAGE=…]`.

It is for the payments from before there was such a list. Without a stage it is the `make run` that is running,
without days the 30 until today, in Cameroon's time. It can be repeated at any time.
"""

import argparse
import sys

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.rollup import day_of, utc_days_of
from chalicelib.flows.mark_needs import MarkNeeds
from chalicelib.runtime.clock import Clock
from infra.commands.account import NoAccount
from infra.commands.rebuild_rollups import NothingToCount, days_between, ledger_of
from infra.deployment import NotDeployed
from infra.stages import UnknownStage


def main() -> int:
    parser = argparse.ArgumentParser(prog="make attention", description=__doc__)
    parser.add_argument("first", nargs="?", default="", help="first day, such as 2026-01-01")
    parser.add_argument("last", nargs="?", default="", help="last day; without it today")
    parser.add_argument("stage", nargs="?", default="", help="dev, prod or small; without it the running `make run`")
    arguments = parser.parse_args()
    clock = Clock()
    try:
        days = days_between(arguments.first, arguments.last, day_of(clock.now()))
        ledger = ledger_of(arguments.stage, clock)
        marked = MarkNeeds(ledger)(sorted({part for day in days for part in utc_days_of(day)}))
    except (NoAccount, NotDeployed, UnknownStage, NothingToCount) as error:
        print(f"make attention: {error}", file=sys.stderr)
        return 1
    except (LedgerUnavailable, BotoCoreError, ClientError):
        print("make attention: the ledger does not answer; begin again", file=sys.stderr)
        return 1
    print(f"{days[0]} to {days[-1]}: {marked} payments more need a person.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
