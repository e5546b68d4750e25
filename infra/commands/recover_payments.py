"""Makes a restored ledger whole again from the log: `make recover FROM=2026-01-31T12:00 [TO=…] [STAGE=…]`.

FROM is the moment to which the ledger was restored, TO the one after which nothing was lost, both in UTC; without TO it
is now. Without a stage it is the `make run` that is running. It can be repeated at any time.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.recovery import EVENTS
from chalicelib.flows.recover_payments import RecoverPayments, Recovery
from chalicelib.runtime.clock import Clock
from infra.commands.account import NoAccount
from infra.commands.ledger_days import NotPossible, ledger_of, moment_of
from infra.commands.payment_story.sources import lines_of_stage, parsed
from infra.commands.payment_story.timeline import Line
from infra.deployment import NotDeployed
from infra.stages import UnknownStage
from local import last_run

_MARGIN_MS = 300_000
"""Before FROM: nobody knows the moment of a restored ledger to the second. What it has is found to be there."""
_PATTERN = "{ " + " || ".join(f'($.event = "{event}")' for event in EVENTS) + " }"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make recover", description=__doc__)
    parser.add_argument("first", help="the moment that the ledger was restored to, such as 2026-01-31T12:00")
    parser.add_argument("last", nargs="?", default="", help="the end of what was lost; without it now")
    parser.add_argument("stage", nargs="?", default="", help="dev, prod or small; without it the running `make run`")
    given = parser.parse_args()
    clock = Clock()
    try:
        since, until = moment_of(given.first) - _MARGIN_MS, moment_of(given.last) if given.last else clock.now()
        if since >= until:
            raise NotPossible("FROM may not be later than TO")
        ledger = ledger_of(given.stage, clock)
        recovery = RecoverPayments(ledger, clock)(line.fields for line in _lines(given.stage, since, until))
    except (NoAccount, NotDeployed, UnknownStage, NotPossible) as error:
        return _refused(str(error))
    except (LedgerUnavailable, BotoCoreError, ClientError):
        return _refused("the ledger or the log does not answer; begin again")
    print("\n".join(_told(recovery)))
    return 1 if recovery.unclaimed else 0


def _lines(stage: str, since: int, until: int) -> Iterator[Line]:
    """Yields the lines of a time, of a stage or of the last `make run`. Raises FileNotFoundError."""
    if stage:
        yield from lines_of_stage(stage, _PATTERN, startTime=since, endTime=until)
    else:
        yield from (line for line in parsed(last_run.lines()) if since <= line.at <= until)


def _told(recovery: Recovery) -> Iterator[str]:
    written, raised = len(recovery.written), len(recovery.raised)
    yield f"{written} payments are there again, {raised} have a new version, {recovery.known} lacked nothing."
    yield f"{recovery.keys} idempotency keys are there again."
    for logged, it in recovery.decisions:
        moment = datetime.fromtimestamp(it.at / 1000, UTC)
        decided = " ".join(filter(None, (it.action, it.status)))
        yield f"Decide again: payment {logged.reference}: {it.by}, {moment:%Y-%m-%d %H:%M} UTC: {decided}"
    for logged in recovery.unclaimed:
        yield f"Not in the log: how payment {logged.reference} of order {logged.order_id or '?'} began"


def _refused(reason: str) -> int:
    print(f"make recover: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
