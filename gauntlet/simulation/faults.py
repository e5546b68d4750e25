"""Makes faults at the steps of a simulation: before a call takes effect, and after."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from gauntlet.simulation.scheduler import Actor, Died, Scheduler

T = TypeVar("T")
Kind = Literal["die", "refuse", "lose", "wait"]
_SLOW_MS = 12_000


@dataclass
class Invocation:
    """One use of a process. Once it has died, all its actors end at their next step."""

    has_died: bool = False


@dataclass(frozen=True)
class Likelihood:
    """How likely each fault is at a step of one service."""

    die: float = 0.0
    refuse: float = 0.0
    lose: float = 0.0
    wait: float = 0.0


CALM = Likelihood()


@dataclass
class Faults:
    """Decides at each step what happens to it. From `until` on there are no faults.

    `left_out`: numbers of faults that are not made, so that a run is seen to fail without them.
    """

    scheduler: Scheduler
    until: int
    likely: dict[str, Likelihood] = field(default_factory=dict)
    away: dict[str, tuple[int, int]] = field(default_factory=dict)
    """From when until when a service refuses every call."""
    left_out: Collection[int] = ()
    made: list[str] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)

    def call(
        self, service: str, operation: str, effect: Callable[[], T], refused: Callable[[], T], lost: Callable[[], T]
    ) -> T:
        """Makes a call. `refused`: comes of it where it has no effect; `lost`: where it has, and no answer comes."""
        actor = self.scheduler.current()
        happens = self._step(actor, service, operation, "before")
        if happens == "refuse":
            return refused()
        result = effect()
        return lost() if self._step(actor, service, operation, "after") == "lose" else result

    def _step(self, actor: Actor, service: str, operation: str, moment: str) -> Kind | None:
        """Passes a step. Returns the fault that the caller makes. Raises Died."""
        chance = actor.chance
        self.scheduler.steps += 1
        self.steps[service] += 1
        latency = 1 + chance.random() ** 3 * 40
        dice = chance.random()
        self.scheduler.sleep(latency)
        self.breathe(actor)
        fault = self._drawn(service, moment, dice)
        if fault is None:
            return None
        number = len(self.made)
        self.made.append(f"{fault} {moment} {service} {operation} of {actor.name}")
        if number in self.left_out:
            return None
        if fault == "die" and isinstance(actor.invocation, Invocation):
            actor.invocation.has_died = True
            raise Died
        if fault == "wait":
            self.scheduler.sleep(dice / 0.05 * _SLOW_MS)
            self.breathe(actor)
        return fault

    def breathe(self, actor: Actor) -> None:
        """Raises Died where the actor's process has died meanwhile."""
        if isinstance(actor.invocation, Invocation) and actor.invocation.has_died:
            raise Died

    def _drawn(self, service: str, moment: str, dice: float) -> Kind | None:
        now = self.scheduler.now
        if now >= self.until:
            return None
        begin, end = self.away.get(service, (0, 0))
        if begin <= now < end and moment == "before":
            return "refuse"
        likely, at = self.likely.get(service, CALM), 0.0
        kinds: tuple[tuple[Kind, float], ...] = (
            ("die", likely.die),
            ("wait", likely.wait),
            ("refuse" if moment == "before" else "lose", likely.refuse if moment == "before" else likely.lose),
        )
        for kind, share in kinds:
            at += share
            if dice < at:
                return kind
        return None
