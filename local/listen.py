"""Prints the order events of the running `make run`, and posts each to a shop's server.

    make listen                                             prints them
    make listen FORWARD=http://localhost:3000/order-events  posts them too, and prints what the shop answered

They are signed as the worker signs them: with ORDER_EVENTS_KEY where that is set, else with a key that is made up and
printed for the shop's server. Each is posted once, in order; the worker of `make run`, with ORDER_EVENTS_URL, tries
again for three days.
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from chalicelib.adapters.shop import Shop
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.event_signature import MalformedSecret, read_secret, write_secret
from chalicelib.flows.replay_order_events import ReplayOrderEvents
from chalicelib.runtime.clock import Clock
from local import last_run
from local.order_event_feed import NotRunning, line_of, order_events

_LOOK_SECONDS = 0.3


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make listen", description=__doc__)
    parser.add_argument("forward", nargs="?", default="", help="the address of the shop's server")
    url = parser.parse_args(arguments).forward
    try:
        shop = _shop(url) if url else None
        seen = len(order_events())
        print("Waiting for order events; Ctrl-C ends it.", flush=True)
        while True:
            new = order_events()[seen:]
            seen += len(new)
            for kind, content in new:
                print(f"{line_of(kind, content)}{_answer(shop, content['id']) if shop else ''}", flush=True)
            time.sleep(_LOOK_SECONDS)
    except LedgerUnavailable:
        print("make listen: the `make run` has ended", file=sys.stderr)
        return 1
    except (NotRunning, ValueError) as error:
        print(f"make listen: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _shop(url: str) -> Shop:
    """Returns the shop's server. Raises ValueError where the address or the key is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("FORWARD is an address such as http://localhost:3000/order-events")
    known = os.environ.get("ORDER_EVENTS_KEY", "").partition(",")[0]
    key = known or write_secret(secrets.token_bytes(32))
    if not known:
        print(f"The shop's server verifies them with ORDER_EVENTS_KEY={key}")
    try:
        return Shop(url, [read_secret(key)], Clock(), only_public=False)
    except MalformedSecret as error:
        raise ValueError(f"ORDER_EVENTS_KEY is no secret: {error}") from error


def _answer(shop: Shop, event_id: str) -> str:
    """Posts an order event as the worker would, and returns what came of it."""
    (replay,) = ReplayOrderEvents(last_run.open_ledger(Clock())).of_event(event_id)
    attempt = shop.send(replay.events[0])
    return f": {attempt.status or attempt.reason} after {attempt.ms} ms"


if __name__ == "__main__":
    sys.exit(main())
