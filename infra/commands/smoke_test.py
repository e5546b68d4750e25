"""One payment with a number that CamPay's demo host approves by itself, seen through the gateway."""

import uuid

import requests
import socketio
from socketio.exceptions import ConnectionError as NoConnection
from socketio.exceptions import TimeoutError as NoAnswer

from chalicelib.domain.contract import EVENTS_OF_STATUS, TRACK
from infra.deployment import Deployment

APPROVED_NUMBER = "237677777777"
AMOUNT = 5
"""XAF; the demo host takes 25 at most."""
WITHIN_SECONDS = 90
"""The sweep comes every minute."""


class SmokeTestFailed(Exception):
    """Says what happened; `mend` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def pay_and_track(deployment: Deployment, merchant_key: str, within_seconds: float = WITHIN_SECONDS) -> list[str]:
    """The events that a browser saw, to the end; `within_seconds` of each other. Raises SmokeTestFailed."""
    body = {
        "orderId": f"smoke-{uuid.uuid4().hex[:12]}",
        "amount": AMOUNT,
        "currency": "XAF",
        "phoneNumber": APPROVED_NUMBER,
    }
    url = f"{deployment.api_url}/api/payment/initiate"
    try:
        reply = requests.post(url, json=body, headers={"X-Api-Key": merchant_key}, timeout=30)
        started = reply.json()
    except (requests.RequestException, ValueError) as error:
        raise SmokeTestFailed(f"initiate: {type(error).__name__}", "see the API's log") from error
    if reply.status_code not in (201, 202):
        code = started.get("code", reply.status_code)
        raise SmokeTestFailed(f"initiate answered {code}", "the README's table of codes says what it means")
    return _track(deployment, started["reference"], started["trackingToken"], within_seconds)


def _track(deployment: Deployment, reference: str, token: str, within_seconds: float) -> list[str]:
    seen: list[str] = []
    with socketio.SimpleClient() as client:
        try:
            client.connect(deployment.gateway_url, headers={"Origin": deployment.frontend_url})
            answer = client.call(TRACK, {"reference": reference, "token": token}, timeout=15)
        except (NoConnection, NoAnswer) as error:
            raise SmokeTestFailed(f"tracking: {type(error).__name__}", "see the gateway's log") from error
        if not answer.get("ok"):
            raise SmokeTestFailed(
                f"the gateway refuses the API's tracking token ({answer.get('code')})",
                "both must have the same TRACKING_TOKEN_KEY: restart the gateway's service so that it reads the secret",
            )
        last = EVENTS_OF_STATUS["SUCCESSFUL"][-1]
        while not seen or seen[-1] != last:
            try:
                name, _ = client.receive(timeout=within_seconds)
            except NoAnswer as error:
                told = ", ".join(seen) or "nothing"
                raise SmokeTestFailed(
                    f"its browser saw {told} and then nothing more",
                    "is the sweep running, and is the webhook's address entered in CamPay's dashboard?",
                ) from error
            seen.append(name)
    return seen
