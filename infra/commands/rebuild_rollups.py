"""Counts the analytics of days anew from the ledger: `make rollups [FROM=2026-01-01 TO=2026-01-31] [STAGE=…]`.

Payments go on and are counted meanwhile. Without a stage it is the `make run` that is running, without days the 30
until today, in Cameroon's time. It can be repeated at any time.
"""

import argparse
import sys
from datetime import date, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.rollup import day_of
from chalicelib.flows.rebuild_rollups import AHEAD_MS, SETTLED_MS, RebuildOvertaken, RebuildRollups
from chalicelib.runtime.clock import Clock
from infra.commands.account import NoAccount, sign_in
from infra.deployment import Deployment, NotDeployed
from infra.stages import UnknownStage, stage_of
from local import last_run

_DAYS = 30


class NothingToCount(Exception):
    """Says in one line what is missing."""


def ledger_of(stage: str, clock: Clock) -> Ledger:
    """Returns the ledger of a stage, or of the running `make run` where it is empty.

    Raises NoAccount, NotDeployed, UnknownStage, NothingToCount.
    """
    if stage:
        shards = stage_of(stage).day_shards
        sign_in()
        table = Deployment.of_stage(stage, boto3.client("cloudformation")).table
        return Ledger(boto3.client("dynamodb"), table, clock, shards)
    try:
        endpoint, table = last_run.ledger()
    except FileNotFoundError:
        raise NothingToCount("there was no `make run` here: give STAGE=… for a deployed stage") from None
    keys: Any = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return Ledger(boto3.client("dynamodb", endpoint_url=endpoint, region_name="eu-west-1", **keys), table, clock)


def days_between(first: str, last: str, today: date) -> list[date]:
    """Returns all days from the first to the last; both may be empty. Raises NothingToCount."""
    try:
        end = date.fromisoformat(last) if last else today
        start = date.fromisoformat(first) if first else end - timedelta(days=_DAYS - 1)
    except ValueError:
        raise NothingToCount("a day is written as 2026-01-31") from None
    if not start <= end <= today:
        raise NothingToCount("FROM may not be later than TO, and TO not later than today")
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make rollups", description=__doc__)
    parser.add_argument("first", nargs="?", default="", help="first day, such as 2026-01-01")
    parser.add_argument("last", nargs="?", default="", help="last day; without it today")
    parser.add_argument("stage", nargs="?", default="", help="dev, prod or small; without it the running `make run`")
    arguments = parser.parse_args()
    clock = Clock()
    try:
        days = days_between(arguments.first, arguments.last, day_of(clock.now()))
        ledger = ledger_of(arguments.stage, clock)
        wait = (AHEAD_MS + SETTLED_MS) // 1000
        print(f"Counting {days[0]} to {days[-1]}; it waits {wait} seconds first.", flush=True)
        RebuildRollups(ledger, clock)(days)
    except (NoAccount, NotDeployed, UnknownStage, NothingToCount) as error:
        print(f"make rollups: {error}", file=sys.stderr)
        return 1
    except RebuildOvertaken as error:
        print(f"make rollups: somebody else is counting {error}", file=sys.stderr)
        return 1
    except (LedgerUnavailable, BotoCoreError, ClientError):
        print("make rollups: the ledger does not answer; begin again", file=sys.stderr)
        return 1
    print("Counted.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
