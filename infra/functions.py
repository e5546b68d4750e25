"""Names the Lambda functions that chalice makes of `app.py`, and what each may do with the ledger and the queues."""

from dataclasses import dataclass
from enum import StrEnum

BATCH = 10
"""Messages of a queue that a function is invoked with at most. It works them off side by side."""
CHANGES_A_BATCH, BATCH_SECONDS = 500, 1
"""Changes of the ledger that a function is invoked with at most, and how long Lambda gathers them: the rollups are
behind by this and the time that it takes to count. Who watches payments live sees a change within two seconds."""
CONSUMER_SECONDS = 60
"""Timeout of the functions that take the work, as `.chalice/config.json` sets it."""
HIDDEN_SECONDS = 6 * CONSUMER_SECONDS
"""How long a message is hidden once it was taken. Six times the function's timeout, as AWS recommends: Lambda needs it
where it has taken a batch and cannot invoke the function at once."""


class Work(StrEnum):
    """Kinds of work. Each has a queue, and one function that takes from it."""

    CHECKS = "Checks"
    DELIVERIES = "Deliveries"
    SHOP = "Shop"


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function.

    `resource`: its id in the template. `ledger_actions`: what its role allows on the ledger's table, where a
    transaction needs the actions of the writes and checks in it. `indexes`: those that it may query. `sends`: the kinds
    of work that it may send to the queues. `takes`: the kind that Lambda invokes it with. `publishes`: whether it may
    publish order events. `follows`: whether Lambda invokes it with the changes of the ledger's table. `puts_off`:
    whether it may have what it has taken come again at a time of its own.

    `tests/infra/templates/test_permissions.py` compares all but `takes` and `follows` with the calls that the code
    makes.
    """

    name: str
    resource: str
    ledger_actions: tuple[str, ...]
    indexes: tuple[str, ...] = ()
    sends: tuple[Work, ...] = ()
    takes: Work | None = None
    publishes: bool = True
    follows: bool = False
    puts_off: bool = False


_DELIVERS = ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem")
_SETTLES = (*_DELIVERS, "dynamodb:BatchGetItem", "dynamodb:PutItem")
_LISTS = ("dynamodb:BatchGetItem",)
_ALL_WORK = (Work.CHECKS, Work.DELIVERIES)
_LISTED_BY_API = ("day", "events", "search", "undelivered")
API = Function("Api", "APIHandler", (*_SETTLES, "dynamodb:ConditionCheckItem"), _LISTED_BY_API, _ALL_WORK)
SWEEP = Function("Sweep", "Sweep", _LISTS, ("due", "events", "undelivered"), _ALL_WORK, publishes=False)
CHECKS = Function("Checks", "Checks", _SETTLES, ("due",), _ALL_WORK, takes=Work.CHECKS)
DELIVERIES = Function(
    "Deliveries", "Deliveries", _DELIVERS, ("undelivered",), (Work.DELIVERIES,), takes=Work.DELIVERIES
)
SHOP = Function("Shop", "Shop", _DELIVERS, takes=Work.SHOP, publishes=False, puts_off=True)
LATE_PAYMENTS = Function("LatePayments", "LatePayments", _LISTS, ("day",), (Work.CHECKS,), publishes=False)
STATEMENT = Function("Statement", "Statement", _SETTLES, ("day",), (Work.DELIVERIES,))
_COUNTS = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem")
ROLLUPS = Function("Rollups", "Rollups", _COUNTS, publishes=False, follows=True)
FUNCTIONS = (API, SWEEP, CHECKS, DELIVERIES, SHOP, LATE_PAYMENTS, STATEMENT, ROLLUPS)
