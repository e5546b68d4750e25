"""Is Redis in memory, and redis-py's client on it, as far as flows use them on the way of a payment.

Answers, errors and expiries are those of a Redis behind `chalicelib.adapters.redis_client.connect`
(tests/parts/test_simulated_redis.py compares them).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, NoReturn, Self

import redis
from redis.exceptions import NoScriptError

from gauntlet.simulation.faults import Faults
from gauntlet.simulation.scheduler import Scheduler

_PUBLISH_NEWER = resources.files("chalicelib.adapters").joinpath("lua/publish_newer.lua").read_text("utf-8")
_FAILED = (redis.ConnectionError, redis.TimeoutError)
NEVER = 1 << 62
"""When a key ends that has no end."""


@dataclass
class RedisStore:
    """What Redis holds. `published`: is told each payload that is published, as a gateway that subscribes is."""

    scheduler: Scheduler
    published: Callable[[Mapping[str, Any]], object]
    keys: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    knows_script: bool = False

    def restart(self) -> None:
        """Loses everything: nothing is persisted."""
        self.keys.clear()
        self.knows_script = False

    def get(self, key: str) -> bytes | None:
        value, until = self.keys.get(key, (None, 0))
        return value if self.scheduler.now <= until else None

    def set(self, key: str, value: bytes, seconds: int, *, only_if_there: bool = False) -> bool:
        """Returns whether it was set."""
        if seconds <= 0:
            raise redis.ResponseError("invalid expire time in 'set' command")
        if only_if_there and self.get(key) is None:
            return False
        self.keys[key] = value, self.scheduler.now + seconds * 1000
        return True

    def delete(self, key: str) -> int:
        is_there = self.get(key) is not None
        self.keys.pop(key, None)
        return int(is_there)

    def expire(self, key: str, seconds: int) -> bool:
        value = self.get(key)
        if value is None:
            return False
        if seconds > 0:
            self.keys[key] = value, self.scheduler.now + seconds * 1000
        else:
            del self.keys[key]
        return True

    def add(self, key: str, number: int) -> int:
        value, until = (b"0", NEVER) if self.get(key) is None else self.keys[key]
        if not value.removeprefix(b"-").isdigit():
            raise redis.ResponseError("value is not an integer or out of range")
        self.keys[key] = str(int(value) + number).encode(), until
        return int(value) + number

    def endless(self) -> list[str]:
        """Lists the keys that have no end."""
        return [key for key, (_, until) in self.keys.items() if until == NEVER]

    def load_script(self) -> None:
        self.knows_script = True

    def publish_newer(self, key: str, version: int, payload: str, seconds: int) -> int:
        """Does what adapters/lua/publish_newer.lua does."""
        if not self.knows_script:
            raise NoScriptError("No matching script.")
        kept = self.get(key)
        if kept is not None and _version_in(kept) >= version:
            return 0
        self.set(key, payload.encode(), seconds)
        self.published(json.loads(payload))
        return 1


def _version_in(kept: bytes) -> float:
    """Returns the version of what is kept, as Lua reads it; 0 where it has none, or is no payment."""
    try:
        version = json.loads(kept)["version"]
        return 0 if isinstance(version, bool) else float(version)
    except (ValueError, TypeError, LookupError):
        return 0


class RedisClient:
    """Calls Redis in memory. A call that fails is made once more, as that of `redis_client.connect` is."""

    def __init__(self, store: RedisStore, faults: Faults) -> None:
        self._store, self._faults = store, faults

    def ping(self) -> bool:
        return bool(self._step("ping", lambda: True))

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._step("get", lambda: self._store.get(key))
        return found

    def set(self, key: str, value: object, *, xx: bool = False, get: bool = False, ex: int) -> Any:
        def write() -> bytes | bool | None:
            before = self._store.get(key)
            is_set = self._store.set(key, str(value).encode(), ex, only_if_there=xx)
            return before if get else is_set or None

        return self._step("set", write)

    def delete(self, key: str) -> int:
        return int(self._step("delete", lambda: self._store.delete(key)))

    def register_script(self, text: str) -> Callable[..., int]:
        """Returns the one script that there is: adapters/lua/publish_newer.lua."""
        if text != _PUBLISH_NEWER:
            raise NotImplementedError("the simulation does not know this script")

        def publish_newer(keys: Sequence[str], args: Sequence[Any]) -> int:
            def run() -> int:
                return int(self._step("evalsha", lambda: self._store.publish_newer(keys[0], *args)))

            try:
                return run()
            except NoScriptError:
                self._step("script load", self._store.load_script)
                return run()

        return publish_newer

    def zrangebyscore(self, *_: object) -> list[bytes]:
        """Finds nothing: the simulation has no operators, whom payments that wait are noted for."""
        return list(self._step("zrangebyscore", list))

    def pipeline(self, **_: Any) -> "Pipeline":
        return Pipeline(self._store, self._step)

    def close(self) -> None:
        """Has nothing to close."""

    def _step(self, name: str, effect: Callable[[], Any]) -> Any:
        try:
            return self._attempt(name, effect)
        except _FAILED:
            return self._attempt(name, effect)

    def _attempt(self, name: str, effect: Callable[[], Any]) -> Any:
        def refused() -> NoReturn:
            raise redis.ConnectionError

        def lost() -> NoReturn:
            raise redis.TimeoutError

        return self._faults.call("redis", name, effect, refused, lost)


class Pipeline:
    """Keeps commands, and sends them together."""

    def __init__(self, store: RedisStore, step: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._store, self._step = store, step
        self._commands: list[Callable[[], Any]] = []

    def __len__(self) -> int:
        return len(self._commands)

    def get(self, key: str) -> Self:
        return self._keep(lambda: self._store.get(key))

    def incr(self, key: str) -> Self:
        return self._keep(lambda: self._store.add(key, 1))

    def incrby(self, key: str, number: int) -> Self:
        return self._keep(lambda: self._store.add(key, number))

    def expire(self, key: str, seconds: int) -> Self:
        return self._keep(lambda: self._store.expire(key, seconds))

    def zrangebyscore(self, *_: str) -> Self:
        """Finds nothing: no flow on the way of a payment notes an outcome for the operators."""
        return self._keep(list)

    def execute(self) -> list[Any]:
        commands, self._commands = self._commands, []
        replies: list[Any] = self._step("pipeline", lambda: [_reply(it) for it in commands]) if commands else []
        for error in (it for it in replies if isinstance(it, Exception)):
            raise error
        return replies

    def _keep(self, command: Callable[[], Any]) -> Self:
        self._commands.append(command)
        return self


def _reply(command: Callable[[], Any]) -> Any:
    """Returns the reply to a command, or its refusal: those after it are run all the same."""
    try:
        return command()
    except redis.ResponseError as refusal:
        return refusal
