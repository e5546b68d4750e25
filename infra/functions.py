"""The Lambda functions that chalice makes of `app.py`, as the stacks name them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function. `resource`: its id in the template; `indexes`: those of the ledger that its role may query."""

    name: str
    resource: str
    indexes: tuple[str, ...]


API = Function("Api", "APIHandler", ())
SWEEP = Function("Sweep", "Sweep", ("due", "undelivered"))
STATEMENT = Function("Statement", "Statement", ("day",))
FUNCTIONS = (API, SWEEP, STATEMENT)
