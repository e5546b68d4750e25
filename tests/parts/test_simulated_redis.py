"""Shows that the simulation's Redis in memory answers, fails and forgets as a real one behind the product's client.

Time passes for the real one by what its keys have left to live.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.live_store import _PUBLISH_NEWER, LiveStore, LiveStoreUnavailable
from chalicelib.adapters.redis_client import connect
from chalicelib.adapters.shared_breaker import LEASE_MS, SharedBreaker
from chalicelib.domain.contract import PaymentEvent
from chalicelib.domain.redis_names import breaker_key, payment_key
from chalicelib.runtime.settings_reader import RedisSettings
from gauntlet.simulation.faults import Likelihood
from gauntlet.simulation.redis_store import RedisClient, RedisStore
from gauntlet.wire import Cut, Step, Wire, Wires
from local.embedded import Valkey
from tests.harness.fakes import HandClock
from tests.harness.simulated import Simulated, Twins, outcome
from tests.parts.test_live_store import an_event

REFERENCES = ("ref-1", "ref-2")
BREAKER = breaker_key("campay", "reads")
KEYS = (*map(payment_key, REFERENCES), BREAKER)
SECONDS = (100, 1_000, 3_600)
"""How long keys live. What passes in a test comes near none of them."""
PASSES = 70
SLACK_MS = 10_000
"""How far the two may be apart: time passes in reality too, and at each step of the simulation."""


class Redises:
    """Is the two of them: their clients as `twins`, what they hold, and what was published."""

    def __init__(self, port: int) -> None:
        self.simulated = Simulated()
        self.published: list[Any] = []
        self.store = RedisStore(self.simulated.scheduler, self.published.append)
        self.real = cast(Any, connect(RedisSettings("127.0.0.1", port)))
        self.real.flushall()
        self.real.script_flush()
        self._heard = self.real.pubsub()
        self._heard.psubscribe("*")
        assert self._heard.get_message(timeout=10) is not None
        in_memory = RedisClient(self.store, self.simulated.faults)
        returns = ("pipeline", "register_script")
        self.twins = Twins(in_memory, self.real, _comparable, (redis.RedisError,), returns)

    def forward(self, seconds: int) -> None:
        """Lets time pass."""
        self.simulated.scheduler.now += seconds * 1000
        for key in self.real.scan_iter():
            if (ms := self.real.pttl(key)) >= 0:
                self.real.pexpire(key, ms - seconds * 1000)

    def restart(self) -> None:
        self.store.restart()
        self.real.flushall()
        self.real.script_flush()

    def agree(self) -> None:
        """Compares all keys, with their values and how long they live, and all that was published."""
        now = self.simulated.scheduler.now
        lives = {key: until - now for key, (_, until) in self.store.keys.items() if self.store.get(key) is not None}
        assert {key: self.store.get(key) for key in lives} == {
            key.decode(): self.real.get(key) for key in self.real.scan_iter()
        }
        for key, ms in lives.items():
            assert abs((-1 if key in self.store.endless() else ms) - self.real.pttl(key)) < SLACK_MS, key
        assert self.published == self._heard_so_far()

    def _heard_so_far(self) -> list[Any]:
        self.real.publish("end", "end")
        heard = []
        while (message := self._heard.get_message(timeout=10)) and message["channel"] != b"end":
            heard.append(json.loads(message["data"]))
        return heard

    def close(self) -> None:
        self._heard.close()
        self.real.close()


def _comparable(found: Any) -> Any:
    if isinstance(found, Exception):
        return type(found)
    return "a pipeline" if hasattr(found, "execute") else (type(found), found)


@pytest.fixture
def redises(valkey: Valkey) -> Iterator[Redises]:
    both = Redises(valkey.port)
    yield both
    both.close()


# --------------------------------------------------------------------------- drawn calls

_KEYS, _LIVES = st.sampled_from(KEYS), st.sampled_from((0, -1, *SECONDS))
_VERSIONS = st.integers(1, 5)
_CALLS = st.one_of(
    st.tuples(st.just("get"), _KEYS),
    st.tuples(st.just("delete"), _KEYS),
    st.tuples(st.just("set"), _KEYS, st.integers(0, 9), _LIVES, st.booleans(), st.booleans()),
    st.tuples(st.just("publish"), _KEYS, _VERSIONS, _LIVES),
    st.tuples(st.just("read together"), st.lists(_KEYS, max_size=4)),
    st.tuples(st.just("count together"), _KEYS, _KEYS, st.sampled_from((0, 100))),
    st.tuples(st.just("pass"), st.integers(1, 6)),
    st.tuples(st.just("ping")),
    st.tuples(st.just("restart")),
)


@pytest.mark.timeout(120)
def test_drawn_calls_of_the_client_get_the_same_answers(valkey: Valkey) -> None:
    calls, refused = set(), []

    @settings(max_examples=60, derandomize=True, database=None)
    @given(st.lists(_CALLS, min_size=10, max_size=40))
    def agree(drawn: list[Any]) -> None:
        redises = Redises(valkey.port)
        for kind, *arguments in drawn:
            redises.simulated.run(lambda: _make(redises, kind, *arguments))  # noqa: B023 called at once
        redises.agree()
        redises.close()
        calls.update(redises.twins.calls)
        refused.extend(redises.twins.refused)

    agree()
    assert calls >= {name for name in vars(RedisClient) if not name.startswith("_")} - {"close"}
    assert refused


def _make(redises: Redises, kind: str, *arguments: Any) -> None:
    twins: Any = redises.twins
    call: Callable[[], object]
    match kind, *arguments:
        case "set", key, value, seconds, only_if_there, returns_old:
            call = partial(twins.set, key, value, xx=only_if_there, get=returns_old, ex=seconds)
        case "publish", key, version, seconds:
            payload = json.dumps({"version": version, "reference": "é"})
            call = partial(_publish, twins, key, version, payload, seconds)
        case "read together", keys:
            call = partial(_read_together, twins, keys)
        case "count together", counted, expires, seconds:
            call = partial(_count_together, twins, counted, expires, seconds)
        case "pass", times:
            call = partial(redises.forward, times * PASSES)
        case "restart", *_:
            call = redises.restart
        case _:
            call = partial(getattr(twins, kind), *arguments)
    outcome(call, (redis.RedisError,))


def _publish(twins: Any, key: str, version: int, payload: str, seconds: int) -> None:
    twins.register_script(_PUBLISH_NEWER)(keys=[key], args=[version, payload, seconds])


def _read_together(twins: Any, keys: list[str]) -> None:
    pipeline = twins.pipeline(transaction=False)
    for _ in range(2):  # what it has sent it sends no more
        for key in keys:
            pipeline.get(key)
        assert len(pipeline) == len(keys)
        pipeline.execute()


def _count_together(twins: Any, counted: str, expires: str, seconds: int) -> None:
    pipeline = twins.pipeline(transaction=False)
    pipeline.incr(counted)
    pipeline.expire(expires, seconds)
    pipeline.incrby(counted, -1)
    pipeline.get(counted)
    pipeline.zrangebyscore("outcomes", "(1", "+inf")
    pipeline.execute()


_STEPS = st.one_of(
    st.tuples(st.sampled_from(["take_prompt", "return_prompt", "count_refusal"]), st.sampled_from("ab")),
    st.tuples(st.just("publish_newer"), st.sampled_from(REFERENCES), _VERSIONS),
    st.tuples(st.just("read"), st.sampled_from(REFERENCES)),
    st.tuples(st.just("statuses")),
    st.tuples(st.just("storage")),
    st.tuples(st.just("breaker"), st.integers(0, 1), st.sampled_from(["is_open", "take_probe", "end_probe", "close"])),
    st.tuples(st.just("open"), st.integers(0, 1), st.integers(-1, 2)),
    st.tuples(st.just("pass"), st.integers(1, 55)),
    st.tuples(st.just("restart")),
)


@pytest.mark.timeout(120)
def test_drawn_calls_of_the_live_store_get_the_same_answers(valkey: Valkey) -> None:
    """Two processes read and write payments, and share a breaker's state."""

    @settings(max_examples=60, derandomize=True, database=None)
    @given(st.lists(_STEPS, min_size=10, max_size=40))
    def agree(drawn: list[Any]) -> None:
        redises, clock = Redises(valkey.port), HandClock()
        stores = [LiveStore(lambda: redises.twins, clock, in_memory=False) for _ in range(2)]
        breakers = [store.shared_breaker("campay", "reads") for store in stores]
        for kind, *arguments in drawn:
            redises.simulated.run(partial(_step, redises, clock, stores[0], breakers, kind, *arguments))
        redises.agree()
        redises.close()

    agree()


def _step(
    redises: Redises, clock: HandClock, store: LiveStore, breakers: list[SharedBreaker], kind: str, *arguments: Any
) -> None:
    match kind, *arguments:
        case "publish_newer", reference, version:
            store.publish_newer(an_event(version, reference))
        case "read", reference:
            store.read(reference)
        case "statuses", *_:
            store.statuses(REFERENCES)
        case "storage", *_:
            assert store.storage() == "redis"
        case ("take_prompt" | "return_prompt" | "count_refusal") as method, address:
            getattr(store, method)(address)
        case "breaker", process, method:
            getattr(breakers[process], method)()
        case "open", process, leases:
            breakers[process].open_until(clock.now() + leases * LEASE_MS)
        case "pass", times:
            clock.forward(times * PASSES)
            redises.forward(times * PASSES)
        case _:
            redises.restart()


# --------------------------------------------------------------------------- what is rare

RUBBISH = ["", "{", "[]", "null", '"text"', "3", "\x00"]
VERSIONS = ['"x"', '"2"', "null", "true", "2", "2.5", "[]", "{}", "9007199254740993"]


@pytest.mark.parametrize("kept", [*RUBBISH, *(f'{{"version": {version}}}' for version in VERSIONS), "{}"])
def test_the_script_reads_whatever_is_kept_alike(redises: Redises, kept: str) -> None:
    def publish() -> None:
        redises.twins.set(KEYS[0], kept, ex=100)
        event: PaymentEvent = an_event(2)
        arguments = [event["version"], json.dumps(event), 100]
        redises.twins.register_script(_PUBLISH_NEWER)(keys=[KEYS[0]], args=arguments)

    redises.simulated.run(publish)
    redises.agree()


def test_a_script_that_is_not_the_products_is_not_run(redises: Redises) -> None:
    with pytest.raises(NotImplementedError):
        redises.twins.simulated.register_script(_PUBLISH_NEWER + " ")


def test_a_key_is_there_in_the_millisecond_in_which_it_ends(redises: Redises) -> None:
    last: list[Any] = []
    while not last:
        redises.real.set(KEYS[0], "1", px=2)
        while (seen := redises.real.pipeline().pttl(KEYS[0]).get(KEYS[0]).execute()) != [-2, None]:
            last += [value for left, value in [seen] if left == 0]
    assert last[0] == b"1"
    redises.store.set(KEYS[0], b"1", 1)
    redises.simulated.scheduler.now += 1_000
    assert redises.store.get(KEYS[0]) == b"1"
    redises.simulated.scheduler.now += 1
    assert redises.store.get(KEYS[0]) is None


# --------------------------------------------------------------------------- while Redis is away


@pytest.fixture
def wire(valkey: Valkey) -> Iterator[Wire]:
    wires = Wires()
    wire = wires.wire("redis", valkey.port)
    yield wire
    wires.call(wire.cut())
    wires.close()


def cut(wire: Wire, moment: str, operation: str, times: int) -> None:
    """Cuts the wire at the next steps of an operation."""
    left = [None] * times

    async def fault(step: Step, data: bytes) -> bytes:
        if (step.moment, step.operation) == (moment, operation) and left:
            left.pop()
            raise Cut
        return data

    wire.fault = fault


@pytest.mark.parametrize("times", [0, 1, 2])
@pytest.mark.parametrize(
    ("moment", "likely"), [("before", Likelihood(refuse=1.0)), ("after", Likelihood(lose=1.0))], ids=["before", "after"]
)
@pytest.mark.parametrize("operation", ["EVALSHA", "SET", "GET", "DEL", "PING", "INCRBY"])
def test_a_call_that_is_cut_is_made_once_more(
    redises: Redises, wire: Wire, clock: HandClock, operation: str, moment: str, likely: Likelihood, times: int
) -> None:
    through_wire: Any = connect(RedisSettings("127.0.0.1", wire.port))
    redises.twins.real = through_wire
    store = LiveStore(lambda: redises.twins, clock, in_memory=False)
    breaker = store.shared_breaker("campay", "reads")

    calls: dict[str, Callable[[], object]] = {
        "EVALSHA": lambda: store.publish_newer(an_event(2)),
        "SET": breaker.take_probe,
        "GET": lambda: store.read("ref-1"),
        "DEL": breaker.close,
        "PING": store.storage,
        "INCRBY": lambda: store.take_prompt("a"),
    }

    def begin() -> None:
        store.publish_newer(an_event(1))
        breaker.open_until(clock.now())

    redises.twins.comparable = _kind
    redises.simulated.run(begin)
    cut(wire, moment, operation, times)
    redises.simulated.fail("redis", likely, times)
    found = outcome(lambda: redises.simulated.run(calls[operation]), (LiveStoreUnavailable,))
    is_told = operation in ("EVALSHA", "GET", "INCRBY")
    assert isinstance(found, LiveStoreUnavailable) == (is_told and times == 2)
    assert len(redises.twins.refused) == (times == 2)
    assert len(redises.simulated.faults.made) >= times
    redises.agree()
    through_wire.close()


def _kind(found: Any) -> Any:
    """Returns an outcome, where all that the product takes for a Redis that is away is one."""
    is_away = isinstance(found, redis.ConnectionError | redis.TimeoutError)
    return redis.ConnectionError if is_away else _comparable(found)
