"""Checks what the customer's browser sees: the gateway, and a whole payment."""

from collections.abc import Iterator

from infra.commands.doctor.finding import Finding, ill, well
from infra.commands.doctor.outside import get, status_of
from infra.commands.doctor.smoke_test import SmokeTestFailed, pay_and_track
from infra.deployment import Deployment


def check_gateway(deployment: Deployment) -> Iterator[Finding]:
    """Begins a session as a browser on the shop's page does."""
    url = f"{deployment.gateway_url}/socket.io/?EIO=4&transport=polling"
    handshake = get(url, Origin=deployment.frontend_url)
    if handshake is None or handshake.status_code >= 500:
        yield ill(
            f"the gateway takes no browsers: it answers {status_of(handshake)}", "look at its log and at its health"
        )
    elif handshake.status_code != 200:
        yield ill(
            f"the gateway refuses browsers on {deployment.frontend_url}",
            "set FRONTEND_URL to the shop's exact origin in infra/stages.py",
        )
    else:
        yield well("the gateway takes browsers of the shop")


def check_payment(deployment: Deployment, merchant_key: str, within_seconds: float) -> Iterator[Finding]:
    """Makes a payment; only for stages where no money moves."""
    try:
        seen = pay_and_track(deployment, merchant_key, within_seconds)
    except SmokeTestFailed as error:
        yield ill(f"a test payment did not go through: {error}", error.mend)
    else:
        yield well(f"a test payment went through, and its browser saw {', '.join(seen)}")
