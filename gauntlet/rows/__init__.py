"""Lists the rows of the gauntlet."""

from collections.abc import Sequence

from gauntlet.row import Row, Simulation
from gauntlet.rows import (
    aws,
    bad_input,
    campay,
    clocks,
    crashes,
    disaster,
    forgeries,
    gateway,
    mutation,
    parsers,
    prompts,
    races,
    redis_away,
    refunds,
    rolling,
    simulation,
    soak,
    sockets,
    two_gateways,
    webhooks,
)

_KINDS = (
    *(crashes, races, webhooks, campay, forgeries, bad_input, prompts, refunds),
    *(redis_away, aws, clocks, rolling, gateway, two_gateways, sockets, soak, disaster),
)
ROWS: Sequence[Row | Simulation] = [
    *simulation.ROWS,
    *parsers.ROWS,
    *mutation.ROWS,
    *(row for kind in _KINDS for row in kind.ROWS),
]
