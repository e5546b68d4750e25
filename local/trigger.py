"""Makes an order event happen in the running `make run`: `make trigger EVENT=payment.duplicate`.

It pays an order through the API, from a phone that no one has, and decides the prompts through the simulator; a refund
it asks for as an operator. Then it prints the order's events as they come, until the wanted one.
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
_REASON = "make trigger"
"""Customers of the simulator: docs/simulator.md."""


class NotTriggered(Exception):
    """Says in one line why the event does not come."""


class Order:
    """An order of its own, whose customer does what is wanted."""

    def __init__(self) -> None:
        self.order_id = f"trigger-{secrets.token_hex(4)}"
        self._api, self._simulator = last_run.api_url(), last_run.simulator_url()
        self._as_operator = {"X-Api-Key": last_run.operator_key()}

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
        self._decide(payment["reference"], status)

    def pay_back(self, payment: Mapping[str, Any]) -> None:
        """Pays the whole charge back, once the payment is known to be paid. Raises NotTriggered."""
        story = self._paid(payment["reference"])
        (attempt,) = story["order"]["attempts"]
        (charge,), paid = attempt["charges"], story["payment"]
        refund = {"charge": charge, "amount": paid["amount"], "reason": _REASON, "version": paid["version"]}
        paid_back = self._operate(payment, "refund", refund)
        self._decide(paid_back["refunds"][0]["reference"], "SUCCESSFUL")
        self._operate(payment, "recheck", {})

    def _decide(self, reference: str, status: str) -> None:
        """Decides what CamPay has under a reference of ours."""
        url = f"{self._simulator}/simulator/transactions"
        (transaction,) = _answered(requests.get(url, params={"externalReference": reference}, timeout=_SECONDS))
        url = f"{url}/{transaction['reference']}/resolve"
        reply = requests.post(url, json={"status": status}, timeout=_SECONDS)
        if reply.status_code != requests.codes.conflict:  # the simulator has decided before
            _answered(reply)

    def _paid(self, reference: str) -> Mapping[str, Any]:
        """Waits until the payment is paid. Returns it as the operators see it."""
        url, deadline = f"{self._api}/api/payment/operator/{reference}", time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            story: Mapping[str, Any] = _answered(requests.get(url, headers=self._as_operator, timeout=_SECONDS))
            if story["payment"]["status"] == "SUCCESSFUL":
                return story
            time.sleep(_LOOK_SECONDS)
        raise NotTriggered(f"{self.order_id} was not paid within {_SECONDS} s")

    def _operate(self, payment: Mapping[str, Any], action: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        url = f"{self._api}/api/payment/operator/{payment['reference']}/{action}"
        reply = requests.post(url, json=body, headers=self._as_operator, timeout=_SECONDS)
        return cast(Mapping[str, Any], _answered(reply))


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


def _refunded(order: Order) -> None:
    payment = order.pay()
    order.decide(payment, "SUCCESSFUL")
    order.pay_back(payment)


EVENTS: Mapping[str, Callable[[Order], None]] = {
    "payment.successful": _successful,
    "payment.failed": _failed,
    "payment.expired": _expired,
    "payment.conflicted": _conflicted,
    "payment.duplicate": _duplicate,
    "payment.refunded": _refunded,
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
