"""Is the clients of one process, each of whose calls is a step with a before and an after."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ConnectionClosedError, EndpointConnectionError

from chalicelib.runtime.clock import Clock
from gauntlet.simulation.faults import Faults
from gauntlet.simulation.scheduler import Scheduler
from gauntlet.simulation.table import cancelled

_ATTEMPTS = 3
"""Attempts of a call of AWS: runtime/aws.py repeats what may pass."""
_CONFLICT = 0.3
"""Share of the refused writes that conflict with another writer; the others find no service."""


class ProcessClock(Clock):
    """Is the clock of one machine, `skew` milliseconds from the true time."""

    def __init__(self, scheduler: Scheduler, faults: Faults, skew: int) -> None:
        self._scheduler, self._faults, self._skew = scheduler, faults, skew

    def now(self) -> int:
        return self._scheduler.now + self._skew

    def sleep(self, seconds: float) -> None:
        self._scheduler.sleep(seconds * 1000)
        self._faults.breathe(self._scheduler.current())


class AwsClient:
    """Calls a service of AWS in memory, and raises what runtime/aws.py raises where it does not answer."""

    def __init__(self, service: str, behind: Any, faults: Faults) -> None:
        self._service, self._behind, self._faults = service, behind, faults

    def __getattr__(self, name: str) -> Callable[..., Any]:
        effect = getattr(self._behind, name)

        def call(**arguments: Any) -> Any:
            for _ in range(_ATTEMPTS - 1):
                try:
                    return self._attempt(name, effect, arguments)
                except BotoCoreError:
                    continue
            return self._attempt(name, effect, arguments)

        return call

    def _attempt(self, name: str, effect: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        if name == "query" and "IndexName" in arguments and not (empty := effect(**arguments))["Items"]:
            return empty  # no step: most of the 16 shards of an index have nothing, and are read each minute

        def refused() -> NoReturn:
            items = arguments.get("TransactItems")
            if items and self._faults.scheduler.current().chance.random() < _CONFLICT:
                raise cancelled([{"Code": "TransactionConflict"}, *({"Code": "None"} for _ in items[1:])])
            raise EndpointConnectionError(endpoint_url=self._service)

        def lost() -> NoReturn:
            raise ConnectionClosedError(endpoint_url=self._service)

        return self._faults.call(self._service, name, lambda: effect(**arguments), refused, lost)
