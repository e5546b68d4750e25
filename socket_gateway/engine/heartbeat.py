"""Pings the browsers of the engine, and finds those that have gone without a word."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

S = TypeVar("S")
_AT_ONCE = 200
"""Sessions that are pinged before other work of the loop gets its turn."""


class Heartbeat(Generic[S]):
    """Sends each session a ping `interval` seconds after its last answer, and waits `timeout` seconds for the next.

    All sessions have the same times, so that two queues in order of time are enough, and one timer.
    """

    def __init__(
        self, interval: float, timeout: float, ping: Callable[[S], None], give_up: Callable[[S], None]
    ) -> None:
        """`ping(session)` asks whether a browser is there; `give_up(session)` ends the session of one that is not."""
        self.interval = interval
        self.timeout = timeout
        self._ping = ping
        self._give_up = give_up
        self._resting: dict[S, float] = {}
        self._asked: dict[S, float] = {}

    def answered(self, session: S) -> None:
        """Notes that a session is alive now: it has just connected, or answered a ping."""
        self.forget(session)
        self._resting[session] = asyncio.get_running_loop().time() + self.interval

    def forget(self, session: S) -> None:
        """Pings a session no more."""
        self._resting.pop(session, None)
        self._asked.pop(session, None)

    async def run(self) -> None:
        """Pings until it is cancelled."""
        pause = min(1.0, self.interval / 4, self.timeout / 4)
        while True:
            await asyncio.sleep(0 if self._beat(asyncio.get_running_loop().time()) else pause)

    def _beat(self, now: float) -> bool:
        """Pings and gives up the sessions whose time has come. Returns whether there may be more of them."""
        late = _until(self._asked, now)
        for session in late:
            if self._asked.pop(session, None) is not None:  # another one's end may have ended it too
                self._give_up(session)
        due = _until(self._resting, now)
        for session in due:
            if self._resting.pop(session, None) is not None:
                self._asked[session] = now + self.timeout
                self._ping(session)
        return len(late) == _AT_ONCE or len(due) == _AT_ONCE


def _until(times: dict[S, float], now: float) -> list[S]:
    """Lists the first sessions whose time has come."""
    found: list[S] = []
    for session, time in times.items():
        if time > now or len(found) == _AT_ONCE:
            break
        found.append(session)
    return found
