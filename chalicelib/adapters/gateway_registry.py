"""Reads who is connected, a page at a time, as the gateways register it (`socket_gateway/registry.py`).

A page costs what it holds: a key for each of its gateways and clients, however many more there are.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.contract import client_key, clients_key, gateway_key, gateways_key


@dataclass(frozen=True, slots=True)
class ConnectionsPage:
    """`gateways` {gatewayId, startedAt, clients, payments: how many}: all that are alive. `clients` {socketId,
    gatewayId, connectedAt, payments: [reference]}: those of the page, by gateway and then by socket. `cursor`: where
    the next page begins; empty where there is none.
    """

    gateways: Sequence[dict[str, Any]]
    clients: Sequence[dict[str, Any]]
    cursor: str


def read_connections(redis: Any, cursor: str, limit: int) -> ConnectionsPage:
    """`redis`: redis-py's client or an in-memory one. `cursor`: of the page before; empty: the first page. A client
    that stays connected is on exactly one page, whoever else comes or goes between them.
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
    """Those whose own key is there: of one that has died it is gone within half a minute."""
    ids = sorted(each.decode() for each in redis.zrange(gateways_key(), 0, -1))
    records = _records(redis, [gateway_key(gateway_id) for gateway_id in ids])
    return [{"gatewayId": gateway_id} | it for gateway_id, it in zip(ids, records, strict=True) if it is not None]


def _socket_ids(redis: Any, gateway_ids: Sequence[str], cursor: str, count: int) -> list[tuple[str, str]]:
    """Up to `count` pairs of gateway and socket, after those of the cursor. `gateway_ids` are in order."""
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
    """In the order of the keys; None where there is nothing."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.get(key)
    return [json.loads(text) if text is not None else None for text in pipeline.execute()]
