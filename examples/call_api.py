"""Calls the API as a shop's server: `API_URL=http://localhost:8000 MERCHANT_API_KEY=… python call_api.py CALL`.

The calls: `initiate order-1 5000 237677777777`, `current order-1`, `status order-1`, `tracking REFERENCE`,
`link order-1 5000`, `cancel LINK_URL`, `events 2026-01-15T10:00:00Z`.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen


def call(method: str, path: str, body: object = None, **headers: str) -> Any:
    headers |= {"X-Api-Key": os.environ["MERCHANT_API_KEY"], "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{os.environ['API_URL']}/api/payment{path}", data, headers, method=method)
    try:
        with urlopen(request, timeout=30) as answer:
            return None if answer.status == 204 else json.load(answer)
    except HTTPError as refusal:
        sys.exit(f"{refusal.code} {json.load(refusal)['code']}")


def initiate(order_id: str, amount: str, phone_number: str) -> None:
    """Starts a payment. The key is the attempt's own: the same call again, after no answer, charges nobody twice."""
    order = {"orderId": order_id, "amount": int(amount), "currency": "XAF", "phoneNumber": phone_number}
    payment = call("POST", "/initiate", order, **{"Idempotency-Key": f"{order_id}-attempt-1"})
    print(payment["status"], payment["reference"])


def current(order_id: str) -> None:
    """Looks for the payment that an order has, paid or in progress. Its `trackingToken` opens it to the shop's page."""
    payment = call("GET", f"/current?{urlencode({'orderId': order_id})}")
    print(f"{payment['status']} {payment['reference']}" if payment else "none")


def status(order_id: str) -> None:
    print(call("GET", f"/status/{quote(order_id, safe='')}")["status"])


def tracking(reference: str) -> None:
    """Asks for one payment, which may be another attempt than the order's `status` is of."""
    print(call("GET", f"/tracking/{reference}")["status"])


def link(order_id: str, amount: str) -> None:
    print(call("POST", "/links", {"orderId": order_id, "amount": int(amount), "currency": "XAF"})["url"])


def cancel(link_url: str) -> None:
    """Cancels a payment link. What is on a phone already goes on."""
    print(call("DELETE", f"/links/{link_url.rpartition('/')[2]}")["status"])


def events(since: str) -> None:
    """Takes the order events since the last run, or since a time. A shop keeps the cursor with what the events did."""
    kept = Path("cursor.txt")
    wanted, has_more = {"after": kept.read_text()} if kept.exists() else {"since": since}, True
    while has_more:
        page = call("GET", f"/events?{urlencode(wanted)}")
        for event in page["events"]:
            print(event["id"], event["type"], event["data"]["orderId"])
        kept.write_text(page["next"])
        wanted, has_more = {"after": page["next"]}, page["hasMore"]


CALLS: dict[str, Callable[..., None]] = {
    it.__name__: it for it in (initiate, current, status, tracking, link, cancel, events)
}

if __name__ == "__main__":
    CALLS[sys.argv[1]](*sys.argv[2:])
