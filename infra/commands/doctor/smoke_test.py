"""Makes one payment with a number that CamPay's demo host approves by itself, and follows it through the gateway."""

import uuid
from typing import Any

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
"""The sweep, which makes a lost webhook good, comes every minute."""


class SmokeTestFailed(Exception):
    """Says what happened; `mend` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def pay_and_track(deployment: Deployment, merchant_key: str, within_seconds: float = WITHIN_SECONDS) -> list[str]:
    """Pays, and returns the names of the events that a browser saw, to the last one of a success.

    `within_seconds`: of each other. Raises SmokeTestFailed.
    """
    started = _initiate(deployment.api_url, merchant_key)
    with socketio.SimpleClient() as browser:
        _track(browser, deployment, started)
        return _events(browser, within_seconds)


def _initiate(api_url: str, merchant_key: str) -> dict[str, Any]:
    body = {
        "orderId": f"smoke-{uuid.uuid4().hex[:12]}",
        "amount": AMOUNT,
        "currency": "XAF",
        "phoneNumber": APPROVED_NUMBER,
    }
    headers = {"X-Api-Key": merchant_key}
    try:
        reply = requests.post(f"{api_url}/api/payment/initiate", json=body, headers=headers, timeout=30)
        started: dict[str, Any] = reply.json()
    except (requests.RequestException, ValueError) as error:
        raise SmokeTestFailed(f"initiate: {type(error).__name__}", "see the API's log") from error
    if reply.status_code not in (201, 202):
        code = started.get("code", reply.status_code)
        raise SmokeTestFailed(f"initiate answered {code}", "the API's table of error codes says what it means")
    return started


def _track(browser: Any, deployment: Deployment, started: dict[str, Any]) -> None:
    request = {"reference": started["reference"], "token": started["trackingToken"]}
    try:
        browser.connect(deployment.gateway_url, headers={"Origin": deployment.frontend_url})
        answer = browser.call(TRACK, request, timeout=15)
    except (NoConnection, NoAnswer) as error:
        raise SmokeTestFailed(f"tracking: {type(error).__name__}", "see the gateway's log") from error
    if not answer.get("ok"):
        raise SmokeTestFailed(
            f"the gateway refuses the API's tracking token ({answer.get('code')})",
            "both must have the same TRACKING_TOKEN_KEY: restart the gateway's service so that it reads the secret",
        )


def _events(browser: Any, within_seconds: float) -> list[str]:
    seen: list[str] = []
    last = EVENTS_OF_STATUS["SUCCESSFUL"][-1]
    while not seen or seen[-1] != last:
        try:
            name, _ = browser.receive(timeout=within_seconds)
        except NoAnswer as error:
            raise SmokeTestFailed(
                f"its browser saw {', '.join(seen) or 'nothing'} and then nothing more",
                "is the sweep running, and is the webhook's address entered in CamPay's dashboard?",
            ) from error
        seen.append(name)
    return seen
