"""Makes an order event happen in the running `make run`: `make trigger EVENT=payment.duplicate`.

It pays an order through the API, from a phone that no one has, and decides the prompts through the simulator. Then it
prints the order's events as they come, until the wanted one.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import requests

from local import last_run
from local.order_event_feed import NotRunning, line_of, order_events

_SECONDS = 30
_LOOK_SECONDS = 0.2
_NEVER_ANSWERS = "237670000001"
_OTHER_AMOUNT = "237670000006"
"""Customers of the simulator: docs/simulator.md."""


class NotTriggered(Exception):
    """Says in one line why the event does not come."""


class Order:
    """An order of its own, whose customer does what is wanted."""

    def __init__(self) -> None:
        self.order_id = f"trigger-{secrets.token_hex(4)}"
        self._api, self._simulator = last_run.api_url(), last_run.simulator_url()

    def pay(self, phone_number: str = "") -> Mapping[str, Any]:
        """Starts a payment. Returns the API's answer. Raises NotTriggered."""
        phone = phone_number or f"23767{secrets.randbelow(9_000_000) + 1_000_000}"
        body = {"orderId": self.order_id, "amount": 5000, "currency": "XAF", "phoneNumber": phone}
        reply = requests.post(f"{self._api}/api/payment/initiate", json=body, timeout=_SECONDS)
        return cast(Mapping[str, Any], _answered(reply))

    def give_up(self, payment: Mapping[str, Any]) -> None:
        """Ends the wait for a customer, who may approve all the same. Raises NotTriggered."""
        url = f"{self._api}/api/payment/tracking/{payment['reference']}/give-up"
        token = {"Authorization": f"Bearer {payment['trackingToken']}"}
        _answered(requests.post(url, headers=token, timeout=_SECONDS))

    def decide(self, payment: Mapping[str, Any], status: str) -> None:
        """Lets the customer approve or decline. Raises NotTriggered."""
        url = f"{self._simulator}/simulator/transactions"
        of_payment = {"externalReference": payment["reference"]}
        (transaction,) = _answered(requests.get(url, params=of_payment, timeout=_SECONDS))
        url = f"{url}/{transaction['reference']}/resolve"
        reply = requests.post(url, json={"status": status}, timeout=_SECONDS)
        if reply.status_code != requests.codes.conflict:  # the simulator's customer has decided before
            _answered(reply)


def _answered(reply: requests.Response) -> Any:
    if not reply.ok:
        raise NotTriggered(f"{reply.url} answered {reply.status_code}: {reply.text}")
    return reply.json()


def _successful(order: Order) -> None:
    order.decide(order.pay(), "SUCCESSFUL")


def _failed(order: Order) -> None:
    order.decide(order.pay(), "FAILED")


def _expired(order: Order) -> None:
    order.give_up(order.pay(_NEVER_ANSWERS))


def _conflicted(order: Order) -> None:
    order.pay(_OTHER_AMOUNT)


def _duplicate(order: Order) -> None:
    """Approves a second attempt, and then the first one too, which its customer had given up."""
    first = order.pay()
    order.give_up(first)
    order.decide(order.pay(), "SUCCESSFUL")
    order.decide(first, "SUCCESSFUL")


EVENTS: Mapping[str, Callable[[Order], None]] = {
    "payment.successful": _successful,
    "payment.failed": _failed,
    "payment.expired": _expired,
    "payment.conflicted": _conflicted,
    "payment.duplicate": _duplicate,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make trigger", description=__doc__)
    parser.add_argument("event", choices=EVENTS, metavar="EVENT", help=", ".join(EVENTS))
    wanted = parser.parse_args(arguments).event
    try:
        order_events()  # says so where nothing runs
        order = Order()
        EVENTS[wanted](order)
        _wait_for(wanted, order)
    except (NotRunning, NotTriggered, requests.RequestException) as error:
        print(f"make trigger: {error}", file=sys.stderr)
        return 1
    return 0


def _wait_for(wanted: str, order: Order) -> None:
    """Prints the order's events until the wanted one. Raises NotTriggered where it does not come, and NotRunning."""
    printed, deadline = 0, time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        of_order = [(kind, it) for kind, it in order_events() if it["orderId"] == order.order_id]
        for kind, content in of_order[printed:]:
            print(line_of(kind, content), flush=True)
            if kind == wanted:
                return
        printed = len(of_order)
        time.sleep(_LOOK_SECONDS)
    raise NotTriggered(f"{wanted} of {order.order_id} has not come within {_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
