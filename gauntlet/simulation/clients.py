"""Is the clients of one process, each of whose calls is a step with a before and an after."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import redis
from botocore.exceptions import BotoCoreError, ConnectionClosedError, EndpointConnectionError

from chalicelib.adapters.campay.http import Answer, NoAnswer, NotSent, Request, Stream, TimedOut
from chalicelib.runtime.clock import Clock
from gauntlet.simulation.faults import Faults
from gauntlet.simulation.scheduler import Scheduler
from gauntlet.simulation.table import cancelled
from local.simulator import http_server
from local.simulator.api import CampayApi

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


class RedisClient:
    """Calls Redis in memory, as far as flows do on the way of a payment. Its keys are gone where it is emptied."""

    def __init__(self, store: "RedisStore", faults: Faults) -> None:
        self._store, self._faults = store, faults

    def ping(self) -> bool:
        return bool(self._step("ping", lambda: True))

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._step("get", lambda: self._store.get(key))
        return found

    def set(self, key: str, value: object, *, xx: bool = False, get: bool = False, ex: int) -> Any:
        def write() -> bytes | None:
            before = self._store.get(key)
            if before is not None or not xx:
                self._store.set(key, str(value).encode(), ex)
            return before if get else None

        return self._step("set", write)

    def delete(self, key: str) -> None:
        self._step("delete", lambda: self._store.keys.pop(key, None))

    def register_script(self, _: str) -> Callable[..., int]:
        """Returns the one script that there is: adapters/lua/publish_newer.lua."""

        def publish_newer(keys: Sequence[str], args: Sequence[Any]) -> int:
            return int(self._step("publish_newer", lambda: self._store.publish_newer(keys[0], *args)))

        return publish_newer

    def pipeline(self, **_: Any) -> "Pipeline":
        return Pipeline(self._store, self._step)

    def close(self) -> None:
        """Has nothing to close."""

    def _step(self, name: str, effect: Callable[[], Any]) -> Any:
        def refused() -> NoReturn:
            raise redis.ConnectionError

        def lost() -> NoReturn:
            raise redis.TimeoutError

        return self._faults.call("redis", name, effect, refused, lost)


class Pipeline:
    """Keeps reads, and makes them together."""

    def __init__(self, store: "RedisStore", step: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._store, self._step = store, step
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: str) -> None:
        self._keys.append(key)

    def execute(self) -> list[bytes | None]:
        found: list[bytes | None] = self._step("pipeline", lambda: [self._store.get(key) for key in self._keys])
        return found


@dataclass
class RedisStore:
    """What Redis holds. `published`: is told each payload that is published, as a gateway that subscribes is."""

    scheduler: Scheduler
    published: Callable[[Mapping[str, Any]], object]
    keys: dict[str, tuple[bytes, int]] = field(default_factory=dict)

    def get(self, key: str) -> bytes | None:
        value, until = self.keys.get(key, (None, 0))
        return value if self.scheduler.now < until else None

    def set(self, key: str, value: bytes, seconds: int) -> None:
        self.keys[key] = value, self.scheduler.now + seconds * 1000

    def publish_newer(self, key: str, version: int, payload: str, seconds: int) -> bool:
        kept = self.get(key)
        if kept is not None and json.loads(kept)["version"] >= version:
            return False
        self.set(key, payload.encode(), seconds)
        self.published(json.loads(payload))
        return True


class CampayHttp:
    """Sends requests to the simulator's API, without sockets. It takes the place of adapters/campay/http.py."""

    def __init__(self, api: CampayApi, clock: Clock, faults: Faults) -> None:
        self._api, self._clock, self._faults = api, clock, faults

    def close(self) -> None:
        """Has nothing to close."""

    def send(self, request: Request) -> Answer:
        try:
            return self.send_once(request)
        except TimedOut:
            raise
        except NoAnswer:
            return self.send_once(request)

    def send_once(self, request: Request) -> Answer:
        status, text = self._exchange(request)
        return Answer(status, json.loads(text, parse_float=str, parse_int=str))

    def stream(self, request: Request) -> Stream:
        status, text = self._exchange(request)
        chunks: Iterator[bytes] = iter([text.encode()] if status == 200 else [])
        return Stream(status, chunks)

    def _exchange(self, request: Request) -> tuple[int, str]:
        chance = self._faults.scheduler.current().chance

        def refused() -> tuple[int, str]:
            match chance.randrange(4):
                case 0:
                    return 429, json.dumps({"message": "Rate limit exceeded"})
                case 1:
                    return 502, "null"
                case 2:
                    raise NoAnswer("ConnectionResetError")
            raise NotSent("NewConnectionError")

        def lost() -> tuple[int, str]:
            if chance.random() < 0.5:
                return 502, "null"
            raise NoAnswer("ConnectionResetError")

        operation = f"{request.method} {request.path.split('/')[1]}"
        answer = self._faults.call("campay", operation, lambda: self._answer(request), refused, lost)
        if self._clock.now() > request.ends_at:
            raise TimedOut("timed out")
        return answer

    def _answer(self, request: Request) -> tuple[int, str]:
        body = json.dumps(request.body).encode() if request.body is not None else b""
        authorization = f"Token {request.token}"
        path = f"/api{request.path}"
        call = http_server.Request(request.method, path, {}, "application/json", authorization, "", "", body)
        answer = self._api.respond(call)
        return answer.status, json.dumps(answer.body)
