"""Publishes versions of payments as the API does, without the API: for rows that are about the gateway alone."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import replace

from redis import Redis

from chalicelib.adapters.live_store import LiveStore
from chalicelib.domain.contract import to_event
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.tokens import TrackingGrant, sign_tracking_token
from chalicelib.runtime.clock import Clock
from gauntlet.invariants import Evidence, Watched, browsers_follow
from gauntlet.system import System
from local.embedded import LOOPBACK

_LIFE_MS = 3_600_000


class Publisher:
    """Has payments that stand in Redis alone, and judges whether browsers have followed them."""

    def __init__(self, system: System) -> None:
        redis = Redis(LOOPBACK, system.ports.redis)
        self._store = LiveStore(lambda: redis, Clock(), in_memory=False)
        self._keys = [system.environment["TRACKING_TOKEN_KEY"]]
        self._payments: dict[str, Payment] = {}

    def start(self) -> tuple[str, str]:
        """Stores the first version of a new payment. Returns its reference, and the token that opens it."""
        reference, now = str(uuid.uuid4()), time.time_ns() // 1_000_000
        payment = Payment(
            reference=reference,
            order_id="order-watched",
            money=Money(5000, "XAF"),
            phone_mask="2376******77",
            phone_hash="hash",
            locale="fr",
            provider="campay",
            created_at=now,
            updated_at=now,
            expires_at=now + _LIFE_MS,
        )
        self._put(payment)
        return reference, sign_tracking_token(TrackingGrant(reference, payment.order_id), self._keys, now + _LIFE_MS)

    def next_version(self, reference: str) -> int:
        """Returns the number of the version that `publish` will publish."""
        return self._payments[reference].version + 1

    def publish(self, reference: str) -> None:
        """Publishes the next version of a payment."""
        self._put(replace(self._payments[reference], version=self.next_version(reference)))

    def is_followed(self, watched: Iterable[Watched]) -> bool:
        """Whether every browser stands at the newest version."""
        return all(it.versions[-1:] == [self._payments[it.reference].version] for it in watched)

    def wrong(self, watched: Iterable[Watched]) -> list[str]:
        """Judges by I5."""
        seen = Evidence([], self._payments, versions={}, told=[], announced=[], watched=[*watched])
        return [f"I5: {line}" for line in browsers_follow(seen)]

    def close(self) -> None:
        self._store.close()

    def _put(self, payment: Payment) -> None:
        self._payments[payment.reference] = payment
        self._store.publish_newer(to_event(payment, time.time_ns() // 1_000_000))
