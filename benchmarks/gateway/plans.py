"""Prepares what one run of the load needs: snapshots in Redis, tokens, and the messages that it publishes."""

import json
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from typing import Any

import redis

from benchmarks.gateway import servers
from benchmarks.gateway.rows import PLANS, Measured
from chalicelib.domain.contract import PaymentEvent, encode, to_event
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.redis_names import payment_key
from chalicelib.domain.tokens import TrackingGrant, sign_tracking_token

_FIRST_VERSION = 100_000
"""Of the snapshots. `load/frames.mjs` says why."""
_PLACEHOLDER = 987_654_321
_NOW = 1_790_000_000_000
_RUN_SECONDS = 300
_EVENTS = {
    "one": (PaymentStatus.INITIATING, ["payment-status"]),
    "three": (PaymentStatus.FAILED, ["payment-status", "payment-failed", "payment-completed"]),
}
"""What is published, and the events that a browser must receive for it."""
_LOAD = {
    "handshakesAtOnce": 32,
    "inFlight": 512,
    "perSecond": 2000,
    "seconds": 4,
    "idleSeconds": 2,
    "leaveSeconds": 3,
    "watchers": 500,
    "fanOutAtOnce": 8,
    "fanOutInFlight": 16,
}


def run(plan: str, steps: Sequence[str], server: servers.Running, redis_port: int, **numbers: int) -> Measured:
    """Runs the load. Returns what it measured; raises SystemExit where an event was lost or a connection ended.

    `numbers`: others than the usual ones of the load.
    """
    references = [str(uuid.UUID(int=number, version=4)) for number in range(PLANS[plan])]
    orders = {
        **_LOAD,
        **numbers,
        "steps": list(steps),
        "port": server.port,
        "serverPid": server.pid,
        "redisPort": redis_port,
        "redisPid": _write_snapshots(references, redis_port),
        "payments": [{"reference": reference, "token": _token(reference)} for reference in references],
        "changes": changes(),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(orders, file)
        file.flush()
        done = subprocess.run(
            [str(servers.BUN), str(servers.LOAD), file.name],
            capture_output=True,
            text=True,
            check=False,
            timeout=_RUN_SECONDS,
        )
    if done.returncode:
        raise SystemExit(f"{plan}: {done.stderr.strip()}")
    measured: Measured = json.loads(done.stdout)
    return measured


def changes() -> dict[str, Any]:
    """Returns the messages that can be published, each with the events that it must become."""
    return {name: {"events": events, "template": _template(status)} for name, (status, events) in _EVENTS.items()}


def _write_snapshots(references: Sequence[str], redis_port: int) -> Any:
    """Replaces all that is in Redis. Returns the process id of Redis."""
    with redis.Redis(port=redis_port) as client:
        client.flushall()
        pipeline = client.pipeline(transaction=False)
        for reference in references:
            pipeline.set(payment_key(reference), encode(_event(reference, PaymentStatus.INITIATING, _FIRST_VERSION)))
        pipeline.execute()
        return client.info("server")["process_id"]


def _event(reference: str, status: PaymentStatus, version: int) -> PaymentEvent:
    payment = Payment(
        reference=reference,
        order_id="order-104211",
        money=Money(5000, "XAF"),
        phone_mask="2376******77",
        phone_hash="",
        locale="fr",
        provider="campay",
        created_at=_NOW,
        updated_at=_NOW,
        expires_at=_NOW + 300_000,
        status=status,
        version=version,
        operator="MTN",
        provider_reference="0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11",
    )
    return to_event(payment, _NOW)


def _template(status: PaymentStatus) -> str:
    """Returns a message as the API publishes it, with placeholders for its reference and version."""
    return encode(_event("REFERENCE", status, _PLACEHOLDER)).replace(str(_PLACEHOLDER), "VERSION")


def _token(reference: str) -> str:
    return sign_tracking_token(TrackingGrant(reference, "order-104211"), [servers.KEY], 4_000_000_000_000)
