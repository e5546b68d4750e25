"""Reads the order events of the `make run` that is running, as its event bus got them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from local import last_run

_SECONDS = 10


class NotRunning(Exception):
    """Raised where no `make run` is running here."""


def line_of(kind: str, content: Mapping[str, Any]) -> str:
    """Returns what is printed of an order event."""
    return f"{kind} {content['orderId']} version {content['version']} {content['id']}"


def order_events() -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Returns the type and the content of each order event, oldest first. Raises NotRunning."""
    try:
        endpoint, _ = last_run.ledger()
        entries = requests.get(f"{endpoint}/embedded/events", timeout=_SECONDS).json()
    except (FileNotFoundError, requests.RequestException) as error:
        raise NotRunning("start `make run` first, in another terminal") from error
    return [(entry["DetailType"], json.loads(entry["Detail"])) for entry in entries]
