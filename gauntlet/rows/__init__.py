"""Lists the rows of the gauntlet."""

from collections.abc import Sequence

from gauntlet.row import Row
from gauntlet.rows import campay, crashes, forgeries, prompts, races, redis_away, webhooks

_KINDS = (crashes, races, webhooks, campay, forgeries, prompts, redis_away)
ROWS: Sequence[Row] = [row for kind in _KINDS for row in kind.ROWS]
