"""Lists the rows of the gauntlet."""

from collections.abc import Sequence

from gauntlet.row import Row
from gauntlet.rows import crashes, races, webhooks

ROWS: Sequence[Row] = (*crashes.ROWS, *races.ROWS, *webhooks.ROWS)
