"""Is a cluster of Redis as production has it: three shards, each with a replica that takes over where its primary goes.

It has no wires: a cluster's clients learn the nodes' own ports from the nodes.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError
from redis.retry import Retry

from local.embedded import LOOPBACK, free_port

SHARDS = 3
_SLOTS = 16_384
_NODE_TIMEOUT_MS = 1_000
"""After which a node that does not answer is taken for gone. ElastiCache takes longer, up to half a minute."""
_WAIT_SECONDS = 30.0


def node_options(folder: Path, port: int) -> Sequence[str]:
    """Returns the options of one node. What it knows of the cluster it keeps in `folder`."""
    options: Mapping[str, object] = {
        "cluster-enabled": "yes",
        "cluster-port": free_port(),
        "cluster-config-file": folder / f"nodes-{port}.conf",
        "cluster-node-timeout": _NODE_TIMEOUT_MS,
        # As ElastiCache has it: what a shard holds is away with it, and all else is not.
        "cluster-require-full-coverage": "no",
        # A replica takes over however long it has heard nothing from its primary: so the last writes can be lost.
        "cluster-replica-validity-factor": 0,
        "repl-diskless-sync-delay": 0,
        # A node that starts again is empty.
        "repl-diskless-load": "swapdb",
        "dir": folder,
        "dbfilename": f"{port}.rdb",
    }
    return ["--port", str(port), *(part for name, value in options.items() for part in (f"--{name}", str(value)))]


def shard_of(key: str) -> int:
    """Returns the number of the shard, from 0, that holds a key."""
    return key_slot(key.encode()) * SHARDS // _SLOTS


class Cluster:
    """Knows a cluster's nodes by their ports, and says which of them is the primary of a shard now.

    A node's number is its place among the ports: of the shards' first primaries, and then of their first replicas.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports

    def form(self) -> None:
        """Makes one cluster of nodes that run. Raises RuntimeError where it does not come to be."""
        first = self._ports[0]
        (cluster_port,) = self._ask(0, "CONFIG", "GET", "cluster-port")[1:]
        for number in range(1, len(self._ports)):
            self._ask(number, "CLUSTER", "MEET", LOOPBACK, first, cluster_port)
        for shard in range(SHARDS):
            begin, end = (-(-_SLOTS * number // SHARDS) for number in (shard, shard + 1))
            self._ask(shard, "CLUSTER", "ADDSLOTSRANGE", begin, end - 1)
        for shard in range(SHARDS):
            primary = self._ask(shard, "CLUSTER", "MYID")
            _until(partial(self._has_done, SHARDS + shard, "CLUSTER", "REPLICATE", primary))
        self.wait()

    def pair(self, shard: int) -> tuple[int, int]:
        """Returns the numbers of a shard's primary and of its replica, as they are now."""
        pair = shard, SHARDS + shard
        return pair if self._is_primary(shard) else (pair[1], pair[0])

    def wait_for_primary(self, number: int) -> None:
        """Waits until a node has taken over its shard."""
        _until(partial(self._is_primary, number))

    def cut_off_replicas(self, number: int) -> None:
        """Ends a primary's connections to its replicas: what is written from now on is not on its way to them."""
        self._ask(number, "CLIENT", "KILL", "TYPE", "replica")

    def wait(self) -> None:
        """Waits until each shard has a primary, and a replica that follows it. Raises RuntimeError."""
        _until(self._is_whole)

    def _is_whole(self) -> bool:
        told = [self._told(number, "INFO", "replication") for number in range(len(self._ports))]
        states = [self._told(number, "CLUSTER", "INFO") for number in range(len(self._ports))]
        primaries = sum("role:master" in it for it in told)
        followed = sum("role:slave" in it and "master_link_status:up" in it for it in told)
        return (primaries, followed) == (SHARDS, SHARDS) and all("cluster_state:ok" in it for it in states)

    def _is_primary(self, number: int) -> bool:
        return "role:master" in self._told(number, "INFO", "replication")

    def _told(self, number: int, *command: object) -> str:
        """Returns a node's answer; nothing where it gives none."""
        with suppress(RedisError):
            return str(self._ask(number, *command))
        return ""

    def _has_done(self, number: int, *command: object) -> bool:
        return bool(self._told(number, *command))

    def _ask(self, number: int, *command: object) -> Any:
        # A repeated ADDSLOTSRANGE would be refused.
        once = Retry(NoBackoff(), 0)
        with Redis(
            LOOPBACK, self._ports[number], protocol=2, socket_timeout=10, retry=once, decode_responses=True
        ) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("the cluster of Redis has not come to the state that was waited for")
        time.sleep(0.05)
