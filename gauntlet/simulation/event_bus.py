"""Is EventBridge in memory: keeps what the shop is told.

Its answers and refusals are those of EventBridge (tests/parts/test_simulated_event_bus.py compares them).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gauntlet.simulation.refusal import refusal

_MOST_ENTRIES = 10
_REQUIRED = ("Source", "DetailType", "Detail")


class EventBus:
    """One event bus. `told`: the type and the content of each event that it has taken."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self._taken = 0

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 boto3's
        if len(Entries) > _MOST_ENTRIES:
            raise refusal("PutEvents", "ValidationException", f"there are more than {_MOST_ENTRIES} entries")
        answers = [self._put(entry) for entry in Entries]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _put(self, entry: Mapping[str, Any]) -> dict[str, str]:
        if not all(entry.get(name) for name in _REQUIRED):
            return {"ErrorCode": "InvalidArgument"}
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            return {"ErrorCode": "MalformedDetail"}
        self.told.append((entry["DetailType"], detail))
        self._taken += 1
        return {"EventId": f"event-{self._taken}"}
