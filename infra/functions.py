"""Names the Lambda functions that chalice makes of `app.py`, and what each may do with the ledger's table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function.

    `resource`: its id in the template. `ledger_actions`: what its role allows on the ledger's table, where a
    transaction needs the actions of the writes and checks in it. `indexes`: those that it may query.

    `tests/infra/templates/test_permissions.py` compares both with the calls that the code makes.
    """

    name: str
    resource: str
    ledger_actions: tuple[str, ...]
    indexes: tuple[str, ...] = ()


_SETTLES = (
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
API = Function("Api", "APIHandler", (*_SETTLES, "dynamodb:ConditionCheckItem"))
SWEEP = Function("Sweep", "Sweep", _SETTLES, ("due", "undelivered"))
STATEMENT = Function("Statement", "Statement", _SETTLES, ("day",))
FUNCTIONS = (API, SWEEP, STATEMENT)
