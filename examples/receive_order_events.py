"""Takes order events at a shop: `PORT=3000 ORDER_EVENTS_KEY=whsec_… EVENTS_DIR=events python receive_order_events.py`.

Files stand for the shop's database, where the order and the event's id are written in one transaction.
"""

import base64
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

KEY = base64.b64decode(os.environ["ORDER_EVENTS_KEY"].removeprefix("whsec_"))
EVENTS = Path(os.environ["EVENTS_DIR"])


def is_genuine(event_id: str, sent_at: str, signatures: str, body: bytes) -> bool:
    signed = hmac.digest(KEY, f"{event_id}.{sent_at}.".encode() + body, "sha256")
    expected = b"v1," + base64.b64encode(signed)
    is_fresh = sent_at.isascii() and sent_at.isdigit() and abs(time.time() - int(sent_at)) <= 300
    return is_fresh and any(hmac.compare_digest(expected, it.encode()) for it in signatures.split(" "))


def handle(kind: str, payment: dict[str, object]) -> None:
    notes = {
        "payment.successful": "paid",  # also after payment.expired or payment.failed
        "payment.duplicate": "paid twice, give the money back:",
        "payment.refunded": f"{payment['refundedAmount']} given back:",  # the order stays paid
    }
    if kind in notes:
        with (EVENTS / "orders.txt").open("a") as orders:
            orders.write(f"{notes[kind]} {payment['orderId']}\n")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        event_id, sent_at, signatures = (self.headers.get(name, "") for name in names)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not is_genuine(event_id, sent_at, signatures, body):
            self.answer(401)
        elif (EVENTS / event_id).exists():
            self.answer(200)  # told before: an error would have it sent again
        else:
            event = json.loads(body)
            handle(event["type"], event["data"])
            (EVENTS / event_id).touch()
            self.answer(200)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver).serve_forever()
