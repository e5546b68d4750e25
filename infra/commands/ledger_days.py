"""Runs a command over days of a ledger: that of a stage, or that of the running `make run`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.rollup import day_of
from chalicelib.runtime.clock import Clock
from infra.commands.account import NoAccount, sign_in
from infra.deployment import Deployment, NotDeployed
from infra.stages import UnknownStage, stage_of
from local import last_run

_DAYS = 30


class NotPossible(Exception):
    """Says in one line what is missing or in the way."""


def run(name: str, explanation: str | None, work: Callable[[Ledger, Clock, Sequence[date]], str]) -> int:
    """Runs the work over the days and in the ledger that the command line names, and prints what it returns.

    Returns the exit code: 1 after one line on what is wrong. The work may raise NotPossible, and what AWS raises.
    """
    parser = argparse.ArgumentParser(prog=name, description=explanation)
    parser.add_argument("first", nargs="?", default="", help="first day, such as 2026-01-01")
    parser.add_argument("last", nargs="?", default="", help="last day; without it today")
    parser.add_argument("stage", nargs="?", default="", help="dev, prod or small; without it the running `make run`")
    arguments = parser.parse_args()
    clock = Clock()
    try:
        days = days_between(arguments.first, arguments.last, day_of(clock.now()))
        print(work(ledger_of(arguments.stage, clock), clock, days))
    except (NoAccount, NotDeployed, UnknownStage, NotPossible) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except (LedgerUnavailable, BotoCoreError, ClientError):
        print(f"{name}: the ledger does not answer; begin again", file=sys.stderr)
        return 1
    return 0


def ledger_of(stage: str, clock: Clock) -> Ledger:
    """Returns the ledger of a stage, or of the running `make run` where it is empty.

    Raises NoAccount, NotDeployed, UnknownStage, NotPossible.
    """
    if stage:
        shards = stage_of(stage).day_shards
        sign_in()
        table = Deployment.of_stage(stage, boto3.client("cloudformation")).table
        return Ledger(boto3.client("dynamodb"), table, clock, shards)
    try:
        return last_run.open_ledger(clock)
    except FileNotFoundError:
        raise NotPossible("there was no `make run` here: give STAGE=… for a deployed stage") from None


def moment_of(text: str) -> int:
    """Returns a minute of UTC in milliseconds since the epoch. Raises NotPossible."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise NotPossible("FROM and TO are minutes of UTC, such as 2026-01-31T12:00") from None
    return int(moment.timestamp() * 1000)


def days_between(first: str, last: str, today: date) -> list[date]:
    """Returns all days from the first to the last; both may be empty. Raises NotPossible."""
    try:
        end = date.fromisoformat(last) if last else today
        start = date.fromisoformat(first) if first else end - timedelta(days=_DAYS - 1)
    except ValueError:
        raise NotPossible("a day is written as 2026-01-31") from None
    if not start <= end <= today:
        raise NotPossible("FROM may not be later than TO, and TO not later than today")
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]
