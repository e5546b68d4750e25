"""Makes calls of the simulation's clients, and compares what comes of them with what comes of the real ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from gauntlet.simulation.faults import Faults, Likelihood
from gauntlet.simulation.scheduler import Scheduler

T = TypeVar("T")
_BEGIN = 1_800_000_000_000
_A_YEAR_MS = 366 * 24 * 3_600_000


class Simulated:
    """Is a simulation whose only actor is the test, on a virtual clock."""

    def __init__(self, begin: int = _BEGIN) -> None:
        self.scheduler = Scheduler(0, begin)
        self.faults = Faults(self.scheduler, begin + _A_YEAR_MS)

    def run(self, work: Callable[[], T]) -> T:
        """Has an actor do some work. Returns what it returns, and raises what it raises."""
        results: list[T] = []
        self.scheduler.spawn("test", lambda: results.append(work()))
        self.scheduler.advance(self.faults.until)
        for _, error in self.scheduler.failures:
            self.scheduler.failures.clear()
            raise error
        return results[0]

    def fail(self, service: str, likely: Likelihood, times: int) -> None:
        """Has a service's next steps go wrong, as often as said."""
        made = len(self.faults.made)
        self.faults.likely = {service: likely}
        self.faults.left_out = range(made + times, made + 1_000)


def outcome(call: Callable[[], T], refusals: tuple[type[Exception], ...]) -> T | Exception:
    """Returns what a call returns, or the refusal that it raises."""
    try:
        return call()
    except refusals as refusal:
        return refusal


AWS_REFUSALS = (ClientError, BotoCoreError)


def read_of(refusal: Exception) -> object:
    """Returns what the product reads of a refusal of AWS."""
    return refusal.response["Error"]["Code"] if isinstance(refusal, ClientError) else type(refusal)


@dataclass
class Twins:
    """Makes each call on a client in memory and on the real one, compares the outcomes, and passes on the real one's.

    `comparable`: returns what the product reads of an outcome. `returns`: the methods that return an object of which
    each method is called on both as well.
    """

    simulated: Any
    real: Any
    comparable: Callable[[Any], Any]
    refusals: tuple[type[Exception], ...]
    returns: Iterable[str] = ()
    calls: set[str] = field(default_factory=set)
    refused: list[Exception] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments, **named: self._call(name, arguments, named)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._call("__call__", arguments, named)

    def __len__(self) -> int:
        length: int = self._call("__len__", (), {})
        return length

    def _call(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        outcomes = [
            outcome(lambda: getattr(client, name)(*arguments, **named), self.refusals)  # noqa: B023 called at once
            for client in (self.simulated, self.real)
        ]
        self.calls.add(name)
        of_simulation, of_service = outcomes
        if name in self.returns:
            return Twins(of_simulation, of_service, self.comparable, self.refusals, (), self.calls, self.refused)
        answers = self.comparable(of_simulation), self.comparable(of_service)
        assert answers[0] == answers[1], (name, arguments, named)
        if isinstance(of_service, Exception):
            self.refused.append(of_service)
            raise of_service
        return of_service
