"""Runs actors in turn on a virtual clock: each runs until it sleeps, and the seed says how long that is.

An actor is a greenlet: the product's code runs in it as it is, and is left in the middle of a call.
"""

import random
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from greenlet import GreenletExit, getcurrent, greenlet

_MOST_STEPS = 200_000
"""Steps of one run. A run that makes more does not end."""


class Died(BaseException):
    """Ends an actor whose process has died. No code of the product catches it."""


class Actor(greenlet):  # type: ignore[misc]  # greenlet has no types
    """Does some work. `chance`: its random numbers, which no other actor has any part in."""

    def __init__(self, scheduler: "Scheduler", name: str, work: Callable[[], object], seed: object) -> None:
        super().__init__(self._work)
        self.name = name
        self.chance = random.Random(f"{seed} {name}")
        self.invocation: object = None
        """What dies at once: it is the same for all actors of one invocation of a process."""
        self.ticket = 0
        """Of the wake-up that counts: one that waits for two things is woken by the first."""
        self.children = count(1)
        self.is_done = False
        self.waiting: list[Actor] = []
        self._scheduler, self._to_do = scheduler, work

    def _work(self) -> None:
        try:
            self._to_do()
        except Died:
            pass
        except Exception as error:
            self._scheduler.failures.append((self.name, error))
        finally:
            self.is_done = True
            for waiter in self.waiting:
                self._scheduler.wake(waiter, self._scheduler.now)


class Scheduler:
    """Holds the time, in milliseconds since the epoch, and who is to run when."""

    def __init__(self, seed: object, now: int) -> None:
        self.now = now
        self.steps = 0
        self.failures: list[tuple[str, Exception]] = []
        self._seed = seed
        self._queue: list[tuple[int, int, int, Actor]] = []
        self._numbers = count()
        self._is_closing = False
        self._main = getcurrent()

    def current(self) -> Actor:
        """Returns the actor that runs. Raises RuntimeError outside of any."""
        actor = getcurrent()
        if not isinstance(actor, Actor):
            raise RuntimeError("no actor runs")
        return actor

    def spawn(self, name: str, work: Callable[[], object], at: int | None = None) -> Actor:
        """Lets an actor begin, at a time or now. One of another has its name before its own."""
        parent = getcurrent()
        if isinstance(parent, Actor):
            name = f"{parent.name}/{name}{next(parent.children)}"
        actor = Actor(self, name, work, self._seed)
        actor.parent = self._main
        self.wake(actor, self.now if at is None else at)
        return actor

    def wake(self, actor: Actor, at: int) -> None:
        heappush(self._queue, (max(at, self.now), next(self._numbers), actor.ticket, actor))

    def sleep(self, ms: float) -> None:
        """Lets others run, until the time has passed."""
        if self._is_closing:
            raise GreenletExit
        self.wake(self.current(), self.now + max(0, int(ms)))
        self._main.switch()

    def join(self, actor: Actor, ms: float) -> bool:
        """Waits until an actor is done, so long at most. Returns whether it is."""
        if not actor.is_done:
            actor.waiting.append(self.current())
            self.sleep(ms)
        return actor.is_done

    def run(self, until: int) -> None:
        """Runs the actors until a time, and then ends them."""
        self.advance(until)
        self.now = max(self.now, until)
        self.close()

    def advance(self, until: int) -> None:
        """Runs the actors until a time, or until nobody has anything to do."""
        while self._queue and self._queue[0][0] <= until and self.steps < _MOST_STEPS:
            at, _, ticket, actor = heappop(self._queue)
            if actor.is_done or ticket != actor.ticket:
                continue
            self.now = at
            actor.ticket += 1
            actor.switch()

    def close(self) -> None:
        """Ends the actors that still wait."""
        self._is_closing = True
        waiting, self._queue = self._queue, []
        for _, _, _, actor in waiting:
            if actor:  # it has begun, and has not ended
                actor.throw()
