"""Lists the rows of the gauntlet in the order in which they run: long ones first, so that none is left by itself."""

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
    *(soak, redis_away, webhooks, crashes, campay, races, rolling, refunds, disaster),
    *(clocks, prompts, bad_input, forgeries, aws, gateway, two_gateways, sockets),
)
ROWS: Sequence[Row | Simulation] = [
    *(row for kind in _KINDS for row in kind.ROWS),
    *simulation.ROWS,
    *parsers.ROWS,
    *mutation.ROWS,
]
