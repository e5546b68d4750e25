"""Lists the rows of the gauntlet."""

from collections.abc import Sequence

from gauntlet.row import Row
from gauntlet.rows import campay, crashes, forgeries, races, webhooks

ROWS: Sequence[Row] = (*crashes.ROWS, *races.ROWS, *webhooks.ROWS, *campay.ROWS, *forgeries.ROWS)
