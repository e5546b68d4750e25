"""Tests the list of connected clients: gateways register them, an operator reads them page by page."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import redis

from chalicelib.domain.redis_names import client_key, clients_key, gateway_key, payment_key
from local.embedded import Valkey
from socket_gateway.credentials import Credentials
from socket_gateway.redis_clients import RedisClients
from socket_gateway.registry import Registry
from tests.conftest import ORDER
from tests.harness.api_gateway import Reply, call
from tests.harness.gateway_stack import settings_for, until

PATH = "/api/payment/debug/connections"
SINCE = "2026-11-28T07:00:00.000Z"
Clients = Mapping[str, list[str]]
"""The payments that each socket tracks."""


@pytest.fixture
def store(api: object, valkey: Valkey) -> Iterator[redis.Redis]:
    assert api, "it empties Redis"
    with redis.Redis(port=valkey.port) as client:
        yield client


async def register(valkey: Valkey, store: redis.Redis, gateway_id: str, clients: Clients) -> None:
    """Registers clients as a gateway does, and ends without unregistering them."""
    settings = settings_for(valkey)
    connections = RedisClients(settings.redis, settings.timing, Credentials(settings))
    registry = Registry(connections, gateway_id, 0.01)
    registry.rewrite(list(clients))
    work = registry.run(
        lambda sid: {"connectedAt": SINCE, "payments": clients[sid]} if sid in clients else None,
        lambda: {"clients": len(clients), "payments": 0},
    )
    writing = asyncio.create_task(work)
    await until(lambda: store.zcard(clients_key(gateway_id)) == len(clients) and store.exists(gateway_key(gateway_id)))
    while (
        not writing.done()
    ):  # Python 3.11's asyncio.wait_for, in redis-py, loses a cancellation that comes with the result
        writing.cancel()
        await asyncio.wait([writing], timeout=0.2)
    await connections.close()


def sockets(prefix: str, count: int) -> dict[str, list[str]]:
    return {f"{prefix}-{number:05}": [] for number in range(count)}


def pages(operator: dict[str, str], limit: int) -> Iterator[dict[str, Any]]:
    cursor = ""
    while cursor is not None:
        page = call("GET", f"{PATH}?limit={limit}&cursor={cursor}", headers=operator).json
        yield page
        cursor = page["cursor"]


async def test_rows_say_who_is_where_and_how_each_payment_stands(
    valkey: Valkey, store: redis.Redis, operator: dict[str, str], merchant: dict[str, str]
) -> None:
    """The list once had bare values, without ids of sockets and gateways, and without statuses."""
    kept = await asyncio.to_thread(initiate, merchant, 1)
    forgotten = await asyncio.to_thread(initiate, merchant, 2)
    store.delete(payment_key(forgotten))
    unknown = str(uuid.uuid4())
    await register(valkey, store, "gateway-b", {"socket-2": []})
    await register(valkey, store, "gateway-a", {"socket-1": [kept, forgotten, unknown]})
    page = (await asyncio.to_thread(call, "GET", PATH, headers=operator)).json
    started_a, started_b = (row.pop("startedAt") for row in page["gateways"])
    assert started_a.endswith("Z")
    assert started_b.endswith("Z")
    assert page == {
        "storage": "redis",
        "webhooks": {"toldAt": None, "missingAt": None, "arrivals": None},
        "gateways": [
            {"gatewayId": "gateway-a", "clients": 1, "payments": 0},
            {"gatewayId": "gateway-b", "clients": 1, "payments": 0},
        ],
        "clients": [
            {
                "socketId": "socket-1",
                "gatewayId": "gateway-a",
                "connectedAt": SINCE,
                "payments": [
                    {"reference": kept, "status": "PENDING"},
                    {"reference": forgotten, "status": "PENDING"},
                    {"reference": unknown, "status": None},
                ],
            },
            {"socketId": "socket-2", "gatewayId": "gateway-b", "connectedAt": SINCE, "payments": []},
        ],
        "cursor": None,
    }


def initiate(merchant: dict[str, str], number: int) -> str:
    body = ORDER | {"orderId": f"order-{number}", "phoneNumber": f"23767000010{number}"}
    reply: Reply = call("POST", "/api/payment/initiate", body, headers=merchant)
    return str(reply.json["reference"])


async def test_a_client_that_stays_is_on_exactly_one_page(
    valkey: Valkey, store: redis.Redis, operator: dict[str, str]
) -> None:
    here = {name: sockets(name, 12) for name in ("a", "b", "c")}
    for name, clients in here.items():
        await register(valkey, store, name, clients)
    seen: list[str] = []

    def read() -> None:
        for number, page in enumerate(pages(operator, 5)):
            seen.extend(row["socketId"] for row in page["clients"])
            if number == 0:
                store.zrem(clients_key("a"), "a-00004")  # the one that the cursor names
                store.zadd(clients_key("a"), {"a-00000-comes-too-late": 0})
            if number == 3:
                store.delete(gateway_key("b"))  # the gateway has died in the middle of its page

    await asyncio.to_thread(read)
    assert seen == sorted({*here["a"], *list(here["b"])[:8], *here["c"]})


async def test_no_client_of_a_dead_gateway_is_listed(
    valkey: Valkey, store: redis.Redis, operator: dict[str, str]
) -> None:
    await register(valkey, store, "dead", sockets("d", 3))
    await register(valkey, store, "alive", sockets("a", 3))
    store.delete(gateway_key("dead"))
    store.delete(client_key("a-00001"))  # the key has expired before the connection ended
    (page,) = await asyncio.to_thread(lambda: list(pages(operator, 10)))
    assert [row["gatewayId"] for row in page["gateways"]] == ["alive"]
    assert [row["socketId"] for row in page["clients"]] == ["a-00000", "a-00002"]


async def test_a_page_costs_what_it_holds_among_50_000_clients(
    valkey: Valkey, store: redis.Redis, operator: dict[str, str], merchant: dict[str, str]
) -> None:
    """Each page once read and sorted the keys of all clients."""
    tracked = await asyncio.to_thread(initiate, merchant, 1)

    async def cost(clients: int) -> tuple[dict[str, int], int, int]:
        """Measures the commands, keys and bytes of the second page of ten, as Redis counts them."""
        for name in ("a", "b"):
            await register(valkey, store, name, {socket: [tracked] for socket in sockets(name, clients // 2)})
        first = await asyncio.to_thread(call, "GET", f"{PATH}?limit=10", headers=operator)
        store.config_resetstat()
        page = await asyncio.to_thread(call, "GET", f"{PATH}?limit=10&cursor={first.json['cursor']}", headers=operator)
        stats, commands = (dict(store.info(section)) for section in ("stats", "commandstats"))
        assert [row["socketId"] for row in page.json["clients"]] == [f"a-{number:05}" for number in range(10, 20)]
        assert {it["status"] for row in page.json["clients"] for it in row["payments"]} == {"PENDING"}
        calls = {name.removeprefix("cmdstat_"): row["calls"] for name, row in commands.items()}
        ours = {name: count for name, count in calls.items() if not name.startswith(("config", "info"))}
        return ours, stats["keyspace_hits"] + stats["keyspace_misses"], stats["total_net_output_bytes"]

    few, many = await cost(60), await cost(50_000)
    # the health of Redis; how webhooks come, and today's; the gateways and their two records; the ids; ten records; the
    # payment that all ten track
    assert few[0] == {"ping": 1, "zrange": 2 + 1, "zrangebylex": 1, "get": 2 + 10 + 1}
    assert many[0] == few[0]
    assert (few[1], many[1]) == (17, 17)
    assert many[2] < few[2] + 1000


def test_what_is_no_page_is_refused(operator: dict[str, str]) -> None:
    for query, wrong in (("limit=x", ["limit"]), ("cursor=%28a&limit=-1", ["cursor", "limit"])):
        reply = call("GET", f"{PATH}?{query}", headers=operator)
        assert (reply.status, sorted(reply.json["fields"])) == (400, wrong)
    assert call("GET", f"{PATH}?limit=1000000&cursor=nobody~here", headers=operator).json["clients"] == []


def test_without_redis_the_page_is_empty_and_says_so(operator: dict[str, str], valkey: Valkey) -> None:
    valkey.stop()
    try:
        page = call("GET", PATH, headers=operator).json
    finally:
        valkey.start()
    nothing: dict[str, object] = {"gateways": [], "clients": [], "cursor": None}
    assert page == {"storage": "degraded", "webhooks": {"toldAt": None, "missingAt": None, "arrivals": None}, **nothing}
