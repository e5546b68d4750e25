"""Lists the rows of the gauntlet."""

from collections.abc import Sequence

from gauntlet.row import Row
from gauntlet.rows import aws, campay, crashes, forgeries, gateway, prompts, races, redis_away, soak, webhooks

_KINDS = (crashes, races, webhooks, campay, forgeries, prompts, redis_away, aws, gateway, soak)
ROWS: Sequence[Row] = [row for kind in _KINDS for row in kind.ROWS]
