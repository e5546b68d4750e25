"""Stores the newest version of each payment in Redis for the screens, and counts prompts and refusals per address.

No money depends on it: every key expires, and everything lost is restored from the ledger. While Redis is away a
circuit breaker refuses all calls but an occasional probe.
"""

import math
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from importlib import resources
from typing import Any, TypeVar

import redis
from redis.exceptions import RedisClusterException

from chalicelib.adapters.breaker import Breaker, BreakerOpen
from chalicelib.adapters.gateway_registry import ConnectionsPage, read_connections
from chalicelib.adapters.operator_outcomes import Latest, OperatorOutcomes
from chalicelib.adapters.shared_breaker import SharedBreaker
from chalicelib.adapters.webhook_counts import WebhookCounts
from chalicelib.domain.contract import MalformedEvent, PaymentEvent, decode, encode, head_of
from chalicelib.domain.operator_trouble import Outcome
from chalicelib.domain.redis_names import (
    PAYMENT_TTL_SECONDS,
    WAITING_TTL_SECONDS,
    breaker_key,
    limit_key,
    operators_channel,
    payment_key,
    waiting_key,
)
from chalicelib.domain.webhooks import WebhookNews
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

WINDOW_MS = 60_000
_LIMIT_TTL_SECONDS = 2 * WINDOW_MS // 1000
_PUBLISH_NEWER = resources.files(__package__).joinpath("lua/publish_newer.lua").read_text("utf-8")
_FAILURES = (redis.RedisError, RedisClusterException, OSError, ValueError)
NO_NEWS = WebhookNews()
T = TypeVar("T")


class LiveStoreUnavailable(Exception):
    """Raised where Redis cannot be used. No data is lost; the caller goes on without it."""


class LiveStore:
    """Reads and writes the live store. One per process; threads may share it.

    `connect`: makes redis-py's client, or an in-memory one with the same interface. `credentials_refused`: called
    when Redis refuses the password. `webhooks`: how CamPay's webhooks come.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        clock: Clock,
        *,
        in_memory: bool,
        credentials_refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._connected: Any = None
        self._credentials_refused = credentials_refused
        self._clock = clock
        self._in_memory = in_memory
        self._lock = threading.Lock()
        self._breaker = Breaker("redis", clock, _FAILURES)
        self._shared_breakers: list[SharedBreaker] = []
        self._outcomes = OperatorOutcomes(self._try, clock)
        self.webhooks = WebhookCounts(self._try, clock)

    def close(self) -> None:
        if self._connected is not None:
            self._connected.close()

    def shared_breaker(self, service: str, calls: str) -> SharedBreaker:
        """Returns the state of a circuit breaker that all processes share. `read` and `take_prompt` read it along."""
        shared = SharedBreaker(breaker_key(service, calls), self._try, self._clock)
        self._shared_breakers.append(shared)
        return shared

    def storage(self) -> str:
        """Returns `memory`, `redis` or `degraded`. It asks Redis each time, so that health is current."""
        try:
            self._call(lambda: self._client.ping())
        except LiveStoreUnavailable:
            return "degraded"
        return "memory" if self._in_memory else "redis"

    def publish_newer(self, event: PaymentEvent) -> bool:
        """Stores and publishes a version; returns False where the same or a newer one is stored already.

        Raises LiveStoreUnavailable.
        """
        keys, arguments = [payment_key(event["reference"])], [event["version"], encode(event), PAYMENT_TTL_SECONDS]
        return bool(self._call(lambda: self._client.register_script(_PUBLISH_NEWER)(keys=keys, args=arguments)))

    def tell_operators(
        self,
        waiting: Mapping[str, int],
        ended: Collection[str],
        notice: str,
        outcomes: Iterable[Outcome] = (),
        webhooks: WebhookNews = NO_NEWS,
        told: int = 0,
    ) -> None:
        """Notes which payments wait, and since when, and which no longer do; then publishes a notice for operators.

        `outcomes`: how payments have ended, for `operators_in_trouble`. `webhooks`, `told`: how webhooks came, and how
        many more of them have told of a change. None of it takes a round trip of its own.

        Raises LiveStoreUnavailable.
        """

        def tell() -> None:
            key, now = waiting_key(), self._clock.now()
            pipeline = self._client.pipeline(transaction=False)
            if waiting:
                pipeline.zadd(key, dict(waiting))
            if ended:
                pipeline.zrem(key, *ended)
            pipeline.zremrangebyscore(key, "-inf", now - WAITING_TTL_SECONDS * 1000)
            pipeline.expire(key, WAITING_TTL_SECONDS)
            self._outcomes.note(outcomes, pipeline)
            self.webhooks.note_changes(webhooks, told, pipeline)
            pipeline.execute()
            self._client.publish(operators_channel(), notice)

        self._call(tell)

    def noted_as_waiting(self, before: int, limit: int) -> list[str]:
        """Lists the payments that `tell_operators` has noted as waiting and that were claimed before a time.

        Those that were claimed first come first. Raises LiveStoreUnavailable.
        """
        names = self._call(lambda: self._client.zrangebyscore(waiting_key(), "-inf", f"({before}", 0, limit))
        return [name.decode(errors="replace") for name in names]

    def note_ended(self, references: Collection[str]) -> None:
        """Notes that payments wait no longer, and tells nobody. Raises LiveStoreUnavailable."""
        self._call(lambda: self._client.zrem(waiting_key(), *references))

    def read(self, reference: str) -> PaymentEvent | None:
        """Returns the stored version, or None. Raises LiveStoreUnavailable."""
        (text,) = self._with_breakers(lambda pipeline: pipeline.get(payment_key(reference)))
        return _decoded(reference, text)

    def statuses(self, references: Iterable[str]) -> dict[str, str]:
        """Returns reference -> status for the payments that are stored. Raises LiveStoreUnavailable."""
        events = [_decoded(*each) for each in self._texts(references)]
        return {event["reference"]: event["status"] for event in events if event is not None}

    def versions(self, references: Iterable[str]) -> dict[str, int]:
        """Returns reference -> version for the payments that are stored, as far as it stands at their beginning.

        Raises LiveStoreUnavailable.
        """
        heads = ((reference, head_of(text)) for reference, text in self._texts(references) if text is not None)
        return {reference: head[0] for reference, head in heads if head is not None}

    def take_prompt(self, address: str) -> tuple[int, int]:
        """Counts a prompt of an address; returns its numbers of prompts and of refused calls in this minute.

        Reads the operators' outcomes along, which initiate's answer needs. Raises LiveStoreUnavailable.
        """
        prompts, refusals = self._limit_keys(address)

        def count(pipeline: Any) -> None:
            pipeline.incr(prompts)
            pipeline.expire(prompts, _LIMIT_TTL_SECONDS)
            pipeline.get(refusals)
            self._outcomes.ask(pipeline)

        taken, _, refused, *outcomes = self._with_breakers(count)
        self._outcomes.heard(outcomes)
        return taken, int(refused or 0)

    def return_prompt(self, address: str) -> None:
        """Uncounts a prompt that was not sent. Raises LiveStoreUnavailable.

        The key may be new: a minute may have begun, or Redis have lost what it had.
        """
        prompts, _ = self._limit_keys(address)
        self._call(lambda: self._counted(prompts, -1))

    def count_refusal(self, address: str) -> int:
        """Counts a refused call of an address; returns their number in this minute. Raises LiveStoreUnavailable."""
        _, refusals = self._limit_keys(address)
        return self._call(lambda: self._counted(refusals, 1))

    def operators_in_trouble(self) -> Sequence[str]:
        """Returns the operators, MTN or Orange, whose payments fail for technical reasons; none where Redis is away.

        What has been read within the last seconds is not read again.
        """
        return self._outcomes.in_trouble()

    def latest_outcomes(self) -> Latest | None:
        """Returns how each operator's last payments have ended; None while Redis is away."""
        return self._outcomes.latest()

    def seconds_to_next_window(self) -> int:
        return math.ceil((WINDOW_MS - self._clock.now() % WINDOW_MS) / 1000)

    def connections(self, cursor: str, limit: int) -> ConnectionsPage:
        """Returns a page of the connected clients. Raises LiveStoreUnavailable."""
        return self._call(lambda: read_connections(self._client, cursor, limit))

    @property
    def _client(self) -> Any:
        """Returns the client, connecting first. Use it only inside `_call`: connecting to a cluster can fail."""
        with self._lock:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def _texts(self, references: Iterable[str]) -> list[tuple[str, bytes | None]]:
        """Returns each reference with what is stored of its payment."""
        asked = list(references)
        if not asked:
            return []

        def read() -> list[bytes | None]:
            pipeline = self._client.pipeline(transaction=False)
            for reference in asked:
                pipeline.get(payment_key(reference))
            texts: list[bytes | None] = pipeline.execute()
            return texts

        return list(zip(asked, self._call(read), strict=True))

    def _limit_keys(self, address: str) -> tuple[str, str]:
        window = self._clock.now() // WINDOW_MS
        return limit_key("prompts", address, window), limit_key("refusals", address, window)

    def _counted(self, key: str, number: int) -> int:
        """Adds to a limit's count; returns it. Use it only inside `_call`."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.incrby(key, number)
        pipeline.expire(key, _LIMIT_TTL_SECONDS)
        count: int = pipeline.execute()[0]
        return count

    def _with_breakers(self, queue: Callable[[Any], object]) -> list[Any]:
        """Sends commands together with the reads of the shared breakers; returns the replies to the former.

        It is for calls that come before one of the service that a breaker guards, which then needs no round trip of
        its own. Raises LiveStoreUnavailable.
        """

        def run() -> tuple[list[Any], list[bytes | None]]:
            pipeline = self._client.pipeline(transaction=False)
            queue(pipeline)
            asked = len(pipeline)
            for shared in self._shared_breakers:
                pipeline.get(shared.key)
            replies = pipeline.execute()
            return replies[:asked], replies[asked:]

        replies, states = self._call(run)
        for shared, state in zip(self._shared_breakers, states, strict=True):
            shared.heard(state)
        return replies

    def _try(self, command: Callable[[Any], Any]) -> Any:
        """Runs a command that nothing depends on. Returns None where Redis is away."""
        try:
            return self._call(lambda: command(self._client))
        except LiveStoreUnavailable:
            return None

    def _call(self, command: Callable[[], T]) -> T:
        """Runs a command through the circuit breaker. Raises LiveStoreUnavailable for every failure of Redis."""
        try:
            with self._breaker.call():
                return command()
        except (BreakerOpen, *_FAILURES) as error:
            if isinstance(error, redis.AuthenticationError):
                self._credentials_refused()
            raise LiveStoreUnavailable("Redis is away") from error


def _decoded(reference: str, text: bytes | None) -> PaymentEvent | None:
    try:
        return decode(text) if text is not None else None
    except MalformedEvent as error:
        log.warning("live-copy-malformed", reference=reference, reason=str(error))
        return None
