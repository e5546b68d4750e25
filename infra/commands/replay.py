"""Sends the shop order events again: `make replay EVENT=<id>`, `REF=<payment>` or `FROM=2026-01-31T12:00 [TO=…]`.

Of each payment the first one that is wanted is sent and those after it, so that they arrive in order, under the ids
that the shop knows. A window names minutes of UTC in which the events came to be. With `DRY_RUN=1` it says what it
would send. Without `STAGE=…` it is the `make run` that is running.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.contract import to_iso
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.hints import ShopHint
from chalicelib.flows.replay_order_events import Replay, ReplayOrderEvents
from chalicelib.runtime.clock import Clock
from infra.commands.account import NoAccount
from infra.commands.ledger_days import NotPossible, ledger_of, moment_of
from infra.deployment import Deployment, NotDeployed
from infra.stages import UnknownStage
from local import last_run

_A_CALL = 10
"""The most messages that SQS takes in one call."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    for name, meaning in (
        ("--event", "an order event's id"),
        ("--ref", "a payment's reference"),
        ("--from", "the first minute of a window, such as 2026-01-31T12:00"),
        ("--to", "its last minute; without it now"),
        ("--dry-run", "anything: nothing is sent"),
        ("--stage", "dev, prod or small; without it the running `make run`"),
    ):
        parser.add_argument(name, default="", help=meaning)
    given = vars(parser.parse_args())
    clock = Clock()
    try:
        replay = ReplayOrderEvents(ledger_of(given["stage"], clock))
        found = list(_wanted(replay, given, clock.now()))
        for line in _told(found):
            print(line)
        if not given["dry_run"]:
            _send(replay, found, given["stage"])
    except (NoAccount, NotDeployed, UnknownStage, NotPossible) as error:
        return _refused(str(error))
    except (LedgerUnavailable, BotoCoreError, ClientError):
        return _refused("the ledger or the queue does not answer; begin again")
    events = sum(len(each.events) for each in found)
    print(f"{events} events of {len(found)} payments {'would be' if given['dry_run'] else 'are'} sent again.")
    return 0


def _wanted(replay: ReplayOrderEvents, given: dict[str, str], now: int) -> Iterator[Replay]:
    named = [name for name in ("event", "ref", "from") if given[name]]
    if len(named) != 1:
        raise NotPossible("give one of EVENT, REF and FROM")
    if given["event"]:
        return replay.of_event(given["event"])
    if given["ref"]:
        return replay.of_payment(given["ref"])
    since, until = moment_of(given["from"]), moment_of(given["to"]) if given["to"] else now
    if since > until:
        raise NotPossible("FROM may not be later than TO")
    return replay.of_window(since, until)


def _told(found: Sequence[Replay]) -> Iterator[str]:
    for each in found:
        for event in each.events:
            yield f"{to_iso(event.at)} {event.kind} {event.id}"


def _send(replay: ReplayOrderEvents, found: Sequence[Replay], stage: str) -> None:
    """Lets the shop be told again, and sends the hints. Raises NotPossible where SQS has not taken all."""
    sqs, url = _queue(stage)
    for start in range(0, len(found), _A_CALL):
        part = found[start : start + _A_CALL]
        for each in part:
            replay.again(each)
        entries = [{"Id": str(n), "MessageBody": ShopHint(it.reference).to_body()} for n, it in enumerate(part)]
        if sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed"):
            raise NotPossible("SQS did not take all; begin again")


def _queue(stage: str) -> tuple[Any, str]:
    """Returns a client of SQS, and the URL of the shop's queue. Raises NotDeployed."""
    if stage:
        return boto3.client("sqs"), Deployment.of_stage(stage, boto3.client("cloudformation")).shop_queue
    endpoint, url = last_run.shop_queue()
    keys: Any = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client("sqs", endpoint_url=endpoint, region_name="eu-west-1", **keys), url


def _refused(reason: str) -> int:
    print(f"make replay: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
