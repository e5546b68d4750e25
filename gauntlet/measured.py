"""Measures from outside what the processes of a system hold."""

import os
import resource
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from local.embedded import LOOPBACK

_PAGE = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class Held:
    """What a process has at a moment: bytes of memory; files, sockets and threads together."""

    memory: int
    handles: int


def held_by(pid: int) -> Held:
    """Measures a process."""
    memory = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return Held(memory, sum(len(os.listdir(f"/proc/{pid}/{kind}")) for kind in ("fd", "task")))


def figures_of(port: int) -> Mapping[str, float]:
    """Reads the metrics of the gateway at a port."""
    text = requests.get(f"http://{LOOPBACK}:{port}/metrics", timeout=10).text
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return defaultdict(float, {name: float(value) for name, _, value in lines})
