"""Reads the connected clients, a page at a time, as the gateways register them (`socket_gateway/registry.py`).

The cost of a page depends on its own gateways and clients alone: one key each.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.redis_names import client_key, clients_key, gateway_key, gateways_key


@dataclass(frozen=True, slots=True)
class ConnectionsPage:
    """A page of the connected clients.

    `gateways` {gatewayId, startedAt, clients, payments}: all that are alive, with the numbers of their clients and
    payments. `clients` {socketId, gatewayId, connectedAt, payments: [reference]}: those of the page, by gateway and
    then by socket. `cursor`: where the next page begins; empty on the last page.
    """

    gateways: Sequence[dict[str, Any]]
    clients: Sequence[dict[str, Any]]
    cursor: str


def read_connections(redis: Any, cursor: str, limit: int) -> ConnectionsPage:
    """Reads the page of at most `limit` clients that follows `cursor`; an empty cursor asks for the first page.

    A client that stays connected is on exactly one page, whatever other clients connect or leave meanwhile.
    `redis`: redis-py's client or an in-memory one.
    """
    gateways = _gateways(redis)
    found = _socket_ids(redis, [row["gatewayId"] for row in gateways], cursor, limit + 1)
    page = found[:limit]
    records = _records(redis, [client_key(socket_id) for _, socket_id in page])
    clients = [
        {"socketId": socket_id, "gatewayId": gateway_id, "connectedAt": it["connectedAt"], "payments": it["payments"]}
        for (gateway_id, socket_id), it in zip(page, records, strict=True)
        if it is not None
    ]
    return ConnectionsPage(gateways, clients, "~".join(page[-1]) if len(found) > limit else "")


def _gateways(redis: Any) -> list[dict[str, Any]]:
    """Reads the gateways that are alive: the key of a dead one expires within half a minute."""
    ids = sorted(each.decode() for each in redis.zrange(gateways_key(), 0, -1))
    records = _records(redis, [gateway_key(gateway_id) for gateway_id in ids])
    return [{"gatewayId": gateway_id} | it for gateway_id, it in zip(ids, records, strict=True) if it is not None]


def _socket_ids(redis: Any, gateway_ids: Sequence[str], cursor: str, count: int) -> list[tuple[str, str]]:
    """Lists up to `count` pairs (gateway id, socket id) after the cursor. `gateway_ids` must be sorted."""
    at_gateway, _, at_socket = cursor.partition("~")
    found: list[tuple[str, str]] = []
    for gateway_id in gateway_ids:
        if gateway_id < at_gateway or len(found) == count:
            continue
        after = f"({at_socket}" if gateway_id == at_gateway else "-"
        some = redis.zrangebylex(clients_key(gateway_id), after, "+", start=0, num=count - len(found))
        found += [(gateway_id, socket_id.decode()) for socket_id in some]
    return found


def _records(redis: Any, keys: Sequence[str]) -> list[dict[str, Any] | None]:
    """Reads records in the order of their keys; None for a key that is absent."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.get(key)
    return [json.loads(text) if text is not None else None for text in pipeline.execute()]
